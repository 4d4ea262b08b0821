"""Training whose connections are cut, and training behind PgBouncer, which lends a connection for one transaction."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, connection, transaction

from personalization.models import Genome, Snapshot, Visitor
from personalization.models.fail_open import fail_open
from tests.faults.conftest import ROOT
from tests.faults.servers import pgbouncer
from tests.shops import factories as shop

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="its connections cannot be cut"),
]

TRAIN = """
import json, os, sys
import django; django.setup()
from django.conf import settings
settings.PERSONALIZATION["SNAPSHOT_DIR"] = os.environ["SNAPSHOTS"]
from personalization.profile import batch
from personalization.train import dataset, publish, run
from personalization.models import Genome, Snapshot
{fault}
from django.core.management import call_command
call_command("personalization_train", verbosity=0)
print(json.dumps(cut))
"""
NO_FAULT = "cut = []"
CUT_AT_EACH_STEP = """
import psycopg
cut = []
def cut_all_connections():
    with psycopg.connect(os.environ["ADMIN"], autocommit=True) as admin:
        mine = "datname = current_database() AND pid <> pg_backend_pid()"
        admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
def cut_before(home, name):
    plain = getattr(home, name)
    def cut_once(*arguments, **named):
        if name not in cut:
            cut.append(name)
            cut_all_connections()
        return plain(*arguments, **named)
    setattr(home, name, cut_once)
cut_before(run, "read_dataset")
cut_before(dataset.product_content, "product_prices")  # in the midst of reading
cut_before(run, "evaluate_and_fit")
cut_before(run, "fit_arrays")
cut_before(run, "publish_snapshot")
cut_before(publish.Snapshot.objects, "publish")  # in the midst of the switch
cut_before(run, "remove_outdated_snapshots")
cut_before(batch, "refresh_own_genomes")
cut_before(batch.Genome.objects, "of_customers")
"""
STEPS = 9


@pytest.fixture(params=["directly", "behind PgBouncer"])
def database_url(request):
    """The address of the test's database, for another process."""
    database = connection.settings_dict
    address = "postgres://{USER}@{HOST}:{port}/{NAME}"
    if request.param == "directly":
        yield address.format(**database, port=database["PORT"] or 5432)
    elif not shutil.which("pgbouncer"):
        pytest.skip("PgBouncer is not installed")
    else:
        with pgbouncer(database) as port:
            yield address.format(**database, port=port)
    connection.close()


def train_elsewhere(database_url: str, fault: str) -> list[str]:
    """Trains in another process, with a fault; what the fault says it did."""
    database = connection.settings_dict
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_URL": database_url,
        "ADMIN": "host={HOST} port={port} user={USER} dbname={NAME}".format(**database, port=database["PORT"] or 5432),
        "SNAPSHOTS": settings.PERSONALIZATION["SNAPSHOT_DIR"],
    }
    connection.close()
    command = [sys.executable, "-c", TRAIN.format(fault=fault)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def agreed_shop():
    """The even-and-odd shop, whose customers all agreed."""
    users, _ = shop.even_and_odd()
    Visitor.objects.grant_all([user.pk for user in users], version="1", source="test", now=users[0].date_joined)
    return users


@pytest.mark.parametrize("database_url", ["behind PgBouncer"], indirect=True)
def test_training_needs_no_session_of_the_database(agreed_shop, database_url):
    train_elsewhere(database_url, NO_FAULT)
    assert (Snapshot.objects.active().count(), Genome.objects.count()) == (1, len(agreed_shop))


def test_a_run_whose_connections_are_cut_at_each_step_is_not_lost(agreed_shop, database_url):
    assert len(train_elsewhere(database_url, CUT_AT_EACH_STEP)) == STEPS
    assert (Snapshot.objects.active().count(), Genome.objects.count()) == (1, len(agreed_shop))


@pytest.mark.parametrize("asks", [True, False])
def test_a_connection_that_is_gone_before_our_part_of_a_page_costs_our_part_only(asks):
    reached = []
    with contextlib.suppress(Error), transaction.atomic():  # the shop's own next query fails, with us or without
        import psycopg  # where there is PostgreSQL

        with psycopg.connect(**connection.get_connection_params()) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        with fail_open("Showing rows"):
            reached.append("block")
            if asks:
                Genome.objects.count()
                reached.append("answer")
        reached.append("page")
        User.objects.count()
        reached.append("answer to the shop")
    connection.close()
    assert reached == ["block", "page"]
    assert User.objects.count() == 0
