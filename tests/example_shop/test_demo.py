"""`manage.py demo`: what it refuses, and that a stopped run goes on."""

import errno
import io
import os
import socket
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from oscar.apps.catalogue.models import Product
from oscar.apps.order.models import Line

from example_shop import view_as
from example_shop.journey import gallery, search_index, source
from example_shop.journey.load import load_journey
from example_shop.management.commands import demo
from personalization.models import Genome, Snapshot
from tests.shops import factories as shop


def run(**options):
    said = io.StringIO()
    call_command("demo", no_server=True, stdout=said, **options)
    return said.getvalue()


@pytest.fixture
def slice_of_it(journey, monkeypatch):
    """The real journey, less of it: the first sixty products."""
    few = journey.lines[journey.lines["product"] < 60].reset_index(drop=True)
    less = type(journey)(journey.products.head(60), few, journey.households)
    monkeypatch.setattr(source, "read_journey", lambda size: less)
    return less


def test_an_occupied_port_is_told_before_any_work_with_one_that_is_free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"^Port {port} is in use, .* Port (\d+) is free: ") as told:
            call_command("demo", port=port)
    assert demo.can_listen(int(str(told.value).rsplit(" ", 1)[1]))


def test_a_missing_package_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(demo, "EXTRA", ("pandas", "no_such_package"))
    with pytest.raises(CommandError) as told:
        run()
    assert str(told.value) == (
        'The demo needs packages that are not installed: no_such_package. This installs them: pip install -e ".[demo]"'
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OperationalError("database or disk is full"),
        OperationalError('could not extend file "base/1": No space left on device'),
    ],
)
def test_a_full_disk_is_told_in_a_sentence(error):
    assert "The disk is full" in str(demo.translate_error(error))


def test_an_error_that_nobody_foresaw_is_not_hidden():
    error = PermissionError("no")
    assert demo.translate_error(error) is error


@pytest.mark.django_db
def test_a_stopped_run_goes_on_and_a_finished_one_starts_at_once(own_files, slice_of_it, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped, pytest.raises(SystemExit):
        stopped.setattr(search_index, "build_index", stop)
        run()
    assert Line.objects.count() == len(slice_of_it.lines)
    assert not view_as.people_chosen_for()

    said = run()
    assert "3/10 Fill the shop and its order book: done before" in said
    assert "4/10 Draw the products: done before" in said
    assert gallery.is_complete(60)
    assert search_index.is_complete()
    assert Line.objects.count() == len(slice_of_it.lines)
    assert (Snapshot.objects.active().count(), Genome.objects.count()) == (1, 30)
    assert len(list((own_files / "media/images/products").iterdir())) == 60

    assert run().startswith("The small shop is set up already.\n\n  Shop       http://127.0.0.1:8000/\n")


@pytest.mark.django_db
def test_another_size_is_refused_and_nothing_is_lost(own_files, journey):
    load_journey(journey, "small")
    with pytest.raises(CommandError, match="was set up with --size small; it was left as it is"):
        run(size="full")
    assert Line.objects.count() == len(journey.lines)


@pytest.mark.django_db
@pytest.mark.parametrize("reset", [False, True])
def test_a_shop_that_the_demo_did_not_make_is_left_alone(own_files, reset):
    milk = shop.create_shop_product("Milk")
    with pytest.raises(CommandError, match=r"a shop that the demo did not make .* Name another database"):
        run(reset=reset)
    assert list(Product.objects.all()) == [milk]
    assert not User.objects.exists()


def test_a_reset_deletes_what_the_demo_made_and_nothing_else(tmp_path):
    made = ["shop.sqlite3", "shop.sqlite3-wal", "people.json", "search/x.toc", "snapshots/1/x.npy"]
    made += ["media/images/products/CJ-00001.png", "media/cache/ab/x.jpg", "media/image_not_found.jpg"]
    kept = ["notes.txt", "media/categories/own.png"]
    for name in [*made, *kept]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    code = "import django; django.setup(); from example_shop.journey.reset import reset_demo as f; f()"
    own = {"SHOP_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "example_shop.settings", "DATABASE_URL": ""}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **own}, check=True)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == sorted(kept)
