"""`manage.py personalization_export`: the pages as a file."""

import csv
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def trained():
    users, products = shop.even_and_odd()
    call_command("personalization_train", verbosity=0)
    return users, products


def exported(file: Path, **options) -> list[dict[str, str]]:
    call_command("personalization_export", str(file), verbosity=0, **options)
    with open(file, newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_list_is_what_the_page_shows_in_the_order_of_reading(client, trained, tmp_path):
    users, _ = trained
    client.force_login(users[3])
    page = client.get("/").context["slate"].rows
    lists = exported(tmp_path / "lists.csv", customers=str(users[3].pk))
    assert [int(line["rank"]) for line in lists] == list(range(len(lists)))
    assert [(line["row"], int(line["product"]), line["reason"]) for line in lists] == [
        (row.code, item.product_id, item.words) for row in page for item in row.items
    ]
    assert {line["customer"] for line in lists} == {str(users[3].pk)}


def test_everyone_who_ever_ordered_has_a_list(trained, tmp_path):
    users, _ = trained
    lists = exported(tmp_path / "lists.csv", top=5)
    assert {int(line["customer"]) for line in lists} == {user.pk for user in users}
    assert len(lists) == 5 * len(users)


def test_the_size_of_a_batch_changes_nothing(trained, tmp_path, monkeypatch):
    from personalization.management.commands import personalization_export

    whole = exported(tmp_path / "whole.csv")
    monkeypatch.setattr(personalization_export, "CUSTOMERS_AT_ONCE", 5)
    assert exported(tmp_path / "batches.csv") == whole


def test_new_only_leaves_out_what_the_customer_bought(trained, tmp_path):
    users, _ = trained
    lists = exported(tmp_path / "lists.csv", customers=str(users[0].pk), new_only=True)
    bought = {str(line.product_id) for order in users[0].orders.all() for line in order.lines.all()}
    assert lists
    assert bought.isdisjoint(line["product"] for line in lists)
    assert [int(line["rank"]) for line in lists] == list(range(len(lists)))


@pytest.mark.parametrize(
    ("file", "options", "sentence"),
    [
        ("lists.txt", {}, "does not end in .csv"),
        ("lists.csv", {"top": 0}, "--top is 0; it takes a whole number from 1"),
        ("lists.csv", {"customers": "7,x"}, "--customers is '7,x'; it takes primary keys with commas between, or all"),
        ("no/such/folder/lists.csv", {}, "could not be written"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_no_file(trained, tmp_path, file, options, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("personalization_export", str(tmp_path / file), verbosity=0, **options)
    assert list(tmp_path.rglob("lists*")) == []
