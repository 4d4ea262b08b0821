"""An export speaks of a customer only as far as they allow it."""

import csv
import time

import pytest
from django.core.management import call_command

from personalization.models import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture
def exported(tmp_path, capsys):
    """Runs the command for some customers; (the codes in the list of each, what the command said)."""

    def run(*users, **options):
        file = tmp_path / "lists.csv"
        call_command("personalization_export", str(file), customers=",".join(str(user.pk) for user in users), **options)
        codes = {user.pk: {} for user in users}
        with file.open(newline="") as lines:
            for row in csv.DictReader(lines):
                codes[int(row["customer"])][int(row["product"])] = row["code"]
        return codes, capsys.readouterr().out

    return run


def test_who_withdrew_gets_everybodys_list_and_is_counted(trained, exported):
    (first, second, *_), _ = trained
    codes, said = exported(first, second)
    assert "no consent" not in said
    assert "bought_before" in codes[first.pk].values()
    Visitor.objects.filter(user=first).update(consent="withdrawn")
    codes, said = exported(first, second)
    assert "1 of the customers have given no consent: their lists are not personal." in said
    assert "bought_before" not in codes[first.pk].values()
    assert "bought_before" in codes[second.pk].values()


def test_what_they_bought_is_not_even_used_to_leave_it_out(trained, exported):
    (first, *_), _ = trained
    bought = {key for key, code in exported(first)[0][first.pk].items() if code == "bought_before"}
    assert bought.isdisjoint(exported(first, new_only=True)[0][first.pk])
    Visitor.objects.filter(user=first).update(consent="withdrawn")
    assert not bought.isdisjoint(exported(first, new_only=True)[0][first.pk])


def test_what_they_do_not_want_is_in_no_list(trained, exported):
    (first, *_), products = trained
    Visitor.objects.get(user=first).set_preference("product", products[0].pk, -1, time.time())
    assert products[0].pk not in exported(first)[0][first.pk]


def test_a_training_run_says_how_many_have_not_agreed(trained, capsys):
    call_command("personalization_train")
    assert "no consent" not in capsys.readouterr().out
    Visitor.objects.filter(user__in=trained[0][:5]).delete()
    call_command("personalization_train")
    said = capsys.readouterr().out
    assert "19 of them have agreed to personalisation.\n" in said
    assert "The other 5 have not agreed: nothing is chosen for them personally.\n" in said
