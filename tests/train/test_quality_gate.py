"""A snapshot that is clearly worse does not replace the one that serves."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from oscar.apps.order.models import Order

from personalization.decide import active_snapshot
from personalization.models import Snapshot
from personalization.train import run
from personalization.train.quality_gate import QualityRegression, check_quality
from tests.shops import factories as shop


def summary(lines=100, questions=50, bestsellers=0.1, **served):
    """A summary by the NDCG@10 and half its interval of what serves and of bestsellers, by kind of question."""

    def verdict(mean, half):
        return {"examples": questions, "mean": {"NDCG@10": mean}, "interval": {"NDCG@10": half}}

    verdicts = {
        kind: {"ranker": verdict(mean, half), "bestsellers": verdict(bestsellers, half)}
        for kind, (mean, half) in served.items()
    }
    return {"lines": lines, "evaluation": verdicts}


def refused(new, old) -> str:
    """Why the new one is refused; "" when it is not."""
    try:
        check_quality(new, Snapshot(metrics=old))
    except QualityRegression as worse:
        return str(worse)
    return ""


def test_what_lies_below_the_interval_of_what_serves_is_refused_and_says_in_what():
    assert refused(summary(home=(0.2, 0.01), new=(0.5, 0.1)), summary(home=(0.25, 0.02), new=(0.5, 0.1))) == (
        "home: NDCG@10 0.200 ± 0.010, that of the active snapshot 0.250 ± 0.020"
    )


def test_what_may_be_as_good_is_not_refused():
    assert refused(summary(home=(0.22, 0.02)), summary(home=(0.25, 0.02))) == ""
    assert refused(summary(home=(0.9, 0.02)), summary(home=(0.25, 0.02))) == ""


def test_a_season_that_is_harder_to_guess_for_bestsellers_too_is_no_fault():
    good = summary(home=(0.25, 0.02), bestsellers=0.1)
    assert refused(summary(home=(0.2, 0.01), bestsellers=0.08), good) == ""
    assert refused(summary(home=(0.2, 0.01), bestsellers=0.09), good) != ""


def test_less_than_half_of_the_order_lines_are_refused():
    assert refused(summary(lines=50), summary(lines=100)) == ""
    assert refused(summary(lines=49), summary(lines=100)) == (
        "it learned from 49 order lines, the active snapshot from 100"
    )


def test_a_few_judges_make_nothing_clearly_worse():
    worse, good = (0.5, 0.0), (1.0, 0.0)  # where all agree, as one always does, the interval is none
    assert refused(summary(home=worse, questions=29), summary(home=good)) == ""
    assert refused(summary(home=worse), summary(home=good, questions=29)) == ""
    assert refused(summary(home=worse, questions=30), summary(home=good, questions=30)) != ""


def test_all_reasons_are_given():
    found = refused(summary(1, home=(0.1, 0), new=(0.1, 0)), summary(9, home=(0.2, 0), new=(0.2, 0)))
    assert [reason.split(":")[0].split()[0] for reason in found.split("; ")] == ["it", "home", "new"]


@pytest.mark.parametrize("old", [{}, summary(home=(0.5, 0.01)), {"lines": 3, "evaluation": {"home": {}}}])
def test_what_cannot_be_compared_is_not_refused(old):
    assert refused(summary(new=(0.1, 0)), old) == ""
    assert refused(summary(), old) == ""
    check_quality(summary(home=(0.0, 0.0)), None)


def train(**options) -> str:
    said = StringIO()
    call_command("personalization_train", stdout=said, **options)
    return said.getvalue()


def serving() -> str:
    active_snapshot.reset_active_snapshot()
    return active_snapshot.get_active_snapshot().name


@pytest.mark.django_db
def test_a_snapshot_of_a_shop_that_lost_its_orders_is_refused_unless_forced():
    shop.even_and_odd()
    train()
    before = serving()
    Order.objects.filter(pk__in=Order.objects.order_by("pk").values("pk")[70:]).delete()
    with pytest.raises(
        CommandError,
        match=r"gate failed .it learned from 560 order lines, the active snapshot from 1152.; the .* stays\. .*--force",
    ):
        train()
    assert serving() == before and Snapshot.objects.count() == 1
    assert "Learned from 70 orders of " in train(force=True)
    assert serving() != before


@pytest.mark.django_db
def test_a_snapshot_that_judges_find_worse_is_refused(settings):
    settings.PERSONALIZATION = {**settings.PERSONALIZATION, "EVALUATION_DAYS": 42}
    shop.even_and_odd(weeks=13)
    row = run.run_training()
    served = row.metrics["evaluation"]["basket"]["ranker"]
    assert served["examples"] == 36  # six orders of each of six judges
    served["mean"]["NDCG@10"] += 1
    row.save()
    with pytest.raises(
        QualityRegression, match=r"^basket: NDCG@10 0\.\d+ ± 0\.\d+, that of the active snapshot 1\.\d+ ± 0\.\d+$"
    ):
        run.run_training(refit_ranker=True)
    assert serving() == row.name and Snapshot.objects.count() == 1
