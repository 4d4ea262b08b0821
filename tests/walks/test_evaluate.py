"""`manage.py personalization_evaluate`: how good the lists are, on the shop's own past."""

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from personalization.models import Genome, Snapshot, snapshot_files
from personalization.train.evaluate import FITTED, TOO_LITTLE, TOO_SHORT
from personalization.train.metrics import METRICS
from tests.shops import factories as shop
from tests.shops import habits_in_tables

pytestmark = pytest.mark.django_db


def evaluate(**options) -> str:
    said = StringIO()
    call_command("personalization_evaluate", stdout=said, **options)
    return said.getvalue()


def test_it_prints_a_table_for_each_kind_of_question_and_writes_all_numbers_as_json(tmp_path):
    shop.even_and_odd(weeks=9)
    said = evaluate(json=tmp_path / "numbers.json")
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    kinds = ["home", "discovery", "basket", "guest_basket", "category", "search"]
    assert [kind for kind in kinds if f"\n{kind}: " in said] == kinds
    assert list(numbers) == ["evaluation_days", "weights", *kinds]
    alone = {"basket": "sorted by bought together, which did better on the shop's own past"}
    assert (numbers["evaluation_days"], numbers["weights"]) == (28, dict.fromkeys(kinds, TOO_LITTLE) | alone)
    # Everyone had bought all that they ever buy, and there is no search index.
    assert [kind for kind in kinds if not numbers[kind]] == ["discovery", "search"]
    for kind in {*kinds} - {"discovery", "search"}:
        assert list(numbers[kind]["ranker"]["mean"]) == list(METRICS)
    assert said.endswith(" s of them CPU.\n") and "1728 order lines, 28 days held out" in said


def test_the_first_rows_are_what_serves_and_its_two_rivals():
    habits_in_tables.habits_shop()
    table = evaluate(task=["home"]).splitlines()
    assert re.fullmatch(r"Home page: \d+% better than bestsellers \(\d+ cases\)\.", table.pop(0))
    assert table[1:3] == ["home: Which products will the customer buy in the evaluation weeks?", f"  {FITTED}"]
    assert table[3].split() == ["NDCG@10", "recall@10", "MRR", "hit", "rate", "novelty", "coverage", "n"]
    assert [row[2:36].strip() for row in table[4:7]] == ["ranker", "default weights", "bestsellers"]
    assert table[4][36:].split()[:3] == ["1.0000", "±", "0.0000"]
    assert not any(line.startswith("discovery:") for line in table)


def test_it_changes_nothing_that_serves():
    shop.even_and_odd()
    call_command("personalization_train", verbosity=0)
    before = Snapshot.objects.values().get(), list(Genome.objects.values()), snapshot_files.stored_snapshots()
    assert "1152 order lines, 7 days held out" in evaluate(weeks=1, task=["home"])
    assert (Snapshot.objects.values().get(), list(Genome.objects.values()), snapshot_files.stored_snapshots()) == before


def test_it_can_hold_back_other_weeks():
    shop.even_and_odd()
    said = evaluate(weeks=1, task=["home"])
    assert "7 days held out" in said and TOO_LITTLE not in said  # five weeks have enough examples
    assert "too few customers have come back yet" in said
    assert "±" not in said  # of a few who can judge no interval is told
    assert "own purchases" not in said and "own purchases" in evaluate(weeks=1, task=["home"], verbosity=2)


@pytest.mark.parametrize("shop_of", [lambda: None, lambda: shop.create_shop_product("Tea"), shop.even_and_odd])
def test_a_short_history_is_told_in_words(shop_of):
    shop_of()
    said = evaluate(task=["home"])
    assert TOO_SHORT in said
    assert "No evaluation customers: the history is too short, or too few customers return." in said
    assert "±" not in said


@pytest.mark.parametrize("weeks", [0, -1])
def test_no_weeks_are_refused(weeks):
    with pytest.raises(CommandError, match=f"^--weeks is {weeks}; expected an integer >= 1.$"):
        evaluate(weeks=weeks)


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(CommandError, match=f"{tmp_path} could not be written"):
        evaluate(json=tmp_path, task=["home"])
