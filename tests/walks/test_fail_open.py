"""Whatever of ours is broken, the home page is a plain working shop page."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.template import Context, Template
from oscar.apps.analytics.models import ProductRecord

from personalization import plugins
from personalization.decide import active_snapshot
from personalization.decide.visit import Visit
from personalization.models import Snapshot
from personalization.rows import bestsellers
from personalization.serve import serve_slate
from tests.shops import factories as shop

pytestmark = pytest.mark.django_db


def codes(response):
    assert response.status_code == 200
    return [row.type for row in response.context["slate"].rows]


def files() -> Path:
    return Path(settings.PERSONALIZATION["SNAPSHOT_DIR"]) / Snapshot.objects.get(is_active=True).name


def rename(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO gone")


def test_before_any_training_there_are_the_latest_products(client):
    shop.even_and_odd()
    assert codes(client.get("/")) == ["latest"]


def test_before_any_training_there_are_the_bestsellers_that_oscar_counted(client):
    _, products = shop.even_and_odd()
    for number, purchases in ((7, 9), (8, 8), (9, 5), (10, 4)):
        ProductRecord.objects.create(product=products[number], num_purchases=purchases)
    response = client.get("/")
    assert codes(response) == ["bestsellers", "latest"]
    assert response.context["slate"].rows[0].items[0].explanation == "Bought 9 times so far"
    assert len(response.context["slate"].rows[0].items) == 3


def test_an_empty_shop_has_a_page(client):
    assert codes(client.get("/")) == []


def test_a_shop_of_one_product_trains_and_shows_it(client):
    only = shop.create_shop_product("Only")
    call_command("personalization_train", verbosity=0)
    response = client.get("/")
    assert codes(response) == ["latest"]
    assert [item.product_id for item in response.context["slate"].rows[0].items] == [only.pk]


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "folder", "manifest", "pickle"])
def test_a_broken_snapshot_is_not_served(client, trained, damage, caplog):
    folder = files()
    victim = folder / "popular.score.npy"
    if damage == "flip":
        content = bytearray(victim.read_bytes())
        content[-1] ^= 1
        victim.write_bytes(content)
    elif damage == "truncate":
        victim.write_bytes(victim.read_bytes()[:-8])
    elif damage == "remove":
        victim.unlink()
    elif damage == "folder":
        shutil.rmtree(folder)
    elif damage == "manifest":
        manifest = folder / "manifest.json"
        manifest.write_bytes(manifest.read_bytes().replace(b'"format": 2', b'"format": 3'))
    else:
        victim.write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    assert codes(client.get("/")) == ["latest"]
    assert ("is broken" if damage in ("flip", "manifest") else "cannot be read") in caplog.text


def test_the_last_good_snapshot_serves_on_when_a_newer_one_is_broken(client, trained):
    users, _ = trained
    client.force_login(users[1])
    before = codes(client.get("/"))
    call_command("personalization_train", verbosity=0)
    (files() / "popular.score.npy").unlink()
    active_snapshot._process_cache.checked = -1e9  # the time to look again has come
    assert codes(client.get("/")) == before


def test_a_snapshot_that_could_not_be_read_once_is_read_the_next_time(client, trained, monkeypatch):
    def unreachable(*anything):
        raise TimeoutError("the storage does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(active_snapshot.snapshot_files, "read_snapshot", unreachable)
        assert codes(client.get("/")) == ["latest"]
    active_snapshot._process_cache.checked = -1e9  # the time to look again has come
    assert codes(client.get("/"))[0] == "bestsellers"


@pytest.mark.parametrize("table", ["personalization_genome", "personalization_snapshot"])
def test_the_page_stands_when_a_table_of_ours_is_gone(client, trained, table):
    users, _ = trained
    client.force_login(users[1])
    rename(table)
    assert (
        codes(client.get("/"))
        == {
            "personalization_genome": ["bestsellers", "trending", *["bestsellers_in_category"] * 2],
            "personalization_snapshot": ["latest"],
        }[table]
    )


def raise_bug(*anything):
    raise RuntimeError("a bug")


def read_missing_table(*anything):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")


def add_to_home(monkeypatch, **broken):
    """A row type of another app stands on the home page, with this part broken."""
    best = bestsellers.BESTSELLERS
    row_type = replace(best, code="of_another_app", surfaces=("home",), fallback=None, **broken)
    monkeypatch.setattr(plugins, "_registered", [("row_type", plugins.AddedPlugin("a test", row_type))])


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("part", ["propose", "title", "explanation"])
def test_a_row_type_that_raises_costs_its_own_row_only(client, monkeypatch, caplog, part):
    rows = codes(client.get("/"))
    add_to_home(monkeypatch)
    assert codes(client.get("/")) != rows
    add_to_home(monkeypatch, **{part: raise_bug})
    assert codes(client.get("/")) == rows
    assert "of_another_app" in caplog.text


@pytest.mark.parametrize("part", ["propose", "title", "explanation"])
def test_a_row_type_that_spoils_the_transaction_costs_the_personal_rows_not_the_page(
    client, trained, monkeypatch, part
):
    client.force_login(trained[0][1])
    add_to_home(monkeypatch, **{part: read_missing_table})
    response = client.get("/")
    assert codes(response) == ["latest"]
    assert "Browse store" in response.content.decode()


def test_when_nothing_of_ours_works_the_shop_page_is_plain(client, trained, monkeypatch):
    def broken(*anything):
        raise RuntimeError("a bug")

    monkeypatch.setattr("personalization.serve.compose_slate", broken)
    response = client.get("/")
    assert codes(response) == []
    assert "Browse store" in response.content.decode()


def test_a_failing_genome_never_harms_an_order(trained, monkeypatch, django_capture_on_commit_callbacks):
    from oscar.apps.order.signals import order_placed

    users, products = trained
    rename("personalization_genome")
    placed = shop.create_past_order(users[1], [products[2]])
    with django_capture_on_commit_callbacks(execute=True):
        order_placed.send(sender=None, order=placed, user=users[1])
    assert type(placed).objects.filter(pk=placed.pk).exists()


def test_a_template_without_a_request_gets_no_rows():
    page = Template("{% load personalization %}before{% personalized 'home' %}after")
    assert page.render(Context()).split() == ["before", "after"]


def test_a_surface_that_does_not_exist_is_named_to_the_developer():
    visit = Visit(timestamp=0.0, strategy=None)
    with pytest.raises(ValueError, match="no surface 'hom'; there are: basket, category, home, message, navigation"):
        serve_slate("hom", visit)
