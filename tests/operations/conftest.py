"""What takes minutes: a shop that is operated, and what goes wrong there. `pytest tests/operations --operations`.

It takes a PostgreSQL server, that of TEST_DATABASE_URL or else the one at 127.0.0.1:5432, and the program redis-server.
Each test has a database, two Redis and processes of its own, on free ports, and ends them.
"""

import os
import shutil

import psycopg
import pytest

from example_shop.settings import database
from tests.operations.layout import open_layout
from tests.operations.operated_shop import operated_shop as open_operated_shop

SERVER = "postgres://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(scope="session")
def database_server():
    """The server that the databases are made on."""
    server = {"PASSWORD": "", **database(os.environ.get("TEST_DATABASE_URL") or SERVER)}
    try:
        psycopg.connect(
            host=server["HOST"], port=server["PORT"] or 5432, user=server["USER"], dbname="postgres"
        ).close()
    except psycopg.OperationalError as error:
        pytest.fail(f"there is no PostgreSQL: {error}")
    assert shutil.which("redis-server"), "there is no redis-server"
    return server


@pytest.fixture
def operated_shop(tmp_path, database_server):
    """A shop of which no process runs yet."""
    with open_operated_shop(tmp_path, database_server) as shop:
        yield shop


@pytest.fixture(scope="session")
def layout(tmp_path_factory, database_server):
    """The documented layout, which runs as long as the tests do."""
    with open_layout(tmp_path_factory.mktemp("layout"), database_server) as layout:
        yield layout
