"""Finished blocks as files: they change nothing in what is learned, and what cannot be read is done again."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from personalization.plugins import registered_recommenders
from personalization.recommenders import BlockRecommender, CatalogueArrays, LearningLimits
from personalization.recommenders.bought_together import BoughtTogether
from personalization.testing import views_and_texts
from personalization.train.engines import local
from personalization.train.engines.local import MAX_AGE_SECONDS, BlockStore, plan_fingerprint

LIMITS = LearningLimits(neighbours_per_product=8)
IN_BLOCKS = [
    recommender for recommender in registered_recommenders().values() if isinstance(recommender, BlockRecommender)
]


def sized(recommender, size):
    """One of the same kind with blocks of this size."""
    return type(recommender)(size)


def same(one, other):
    return np.array_equal(one.index, other.index) and np.array_equal(one.weight, other.weight)


def files(kept):
    return sorted(kept.folder.glob("*/*"))


@pytest.fixture
def kept(tmp_path):
    return BlockStore(tmp_path / "blocks")


@pytest.fixture
def done(kept):
    """Fits in blocks of this size; which of them were worked out and not found."""

    def fit(recommender, history, limits=LIMITS):
        plan, worked = recommender.plan(history, limits), []

        def work(block, *given):
            worked.append(block)
            return plan.function(block, *given)

        work.__module__ = plan.function.__module__
        recommender.plan = lambda *_: replace(plan, function=work)
        found = kept.fit(recommender, history, limits)
        del recommender.plan
        return found, worked

    return fit


def test_all_that_counts_pairs_works_in_blocks():
    assert [recommender.name for recommender in IN_BLOCKS] == [
        "bought_together",
        "co_purchased_by_customer",
        "complements",
        "content_similarity",
        "substitutes",
        "upsell",
        "view_to_purchase",
        "viewed_together",
    ]


@pytest.mark.parametrize("size", [1, 7, 100, 10**9])
@pytest.mark.parametrize("recommender", IN_BLOCKS, ids=lambda recommender: recommender.name)
def test_files_change_nothing_in_what_is_learned(recommender, size, kept, done):
    history = views_and_texts()
    if recommender.name == "complements":  # which links no products of one category
        history = replace(history, catalogue=CatalogueArrays.empty(history.products))
    whole, cut = recommender.fit(history, LIMITS), sized(recommender, size)
    assert (whole.index >= 0).any()
    first, worked = done(cut, history)
    again, not_found = done(cut, history)
    assert same(first, whole) and same(again, whole)
    assert len(worked) == len(files(kept)) and not_found == []


@pytest.mark.parametrize("recommender", IN_BLOCKS, ids=lambda recommender: recommender.name)
def test_blocks_in_any_sequence_give_the_same(recommender):
    plan = sized(recommender, 1).plan(views_and_texts(), LIMITS)
    assert len(plan.blocks) > 1
    whole = recommender.fit(views_and_texts(), LIMITS)
    assert same(plan.assemble([plan.links(block) for block in reversed(plan.blocks)]), whole)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(path.read_bytes().replace(path.read_bytes()[170:174], b"\7\7\7\7")),
        lambda path: np.savez(path, anchor=np.array([0], np.int32)),
        lambda path: np.savez(path, **dict.fromkeys(("anchor", "other", "weight"), np.array(0, np.int32))),
        lambda path: np.savez(path, anchor=np.array([0]), other=np.array([1]), weight=np.array([1.0])),
        lambda path: np.savez(
            path, anchor=np.array([19], np.int32), other=np.array([1], np.int32), weight=np.ones(1, np.float32)
        ),
        lambda path: np.savez(
            path, anchor=np.array([0], np.int32), other=np.array([99], np.int32), weight=np.ones(1, np.float32)
        ),
    ],
    ids=["gone", "empty", "cut short", "overwritten", "too few", "no rows", "wide numbers", "not its own", "unknown"],
)
def test_a_damaged_file_is_done_again_and_only_that(damage, kept, done):
    recommender, history = BoughtTogether(100), views_and_texts()
    whole, worked = done(recommender, history)
    first = next(path for path in files(kept) if path.name.startswith("0-"))
    others = {path: path.stat().st_mtime_ns for path in files(kept) if path != first}
    damage(first)
    again, repeated = done(recommender, history)
    assert same(again, whole) and repeated == worked[:1]
    assert {path: path.stat().st_mtime_ns for path in others} == others
    assert done(recommender, history)[1] == []


def test_no_file_is_a_pickle(kept, done):
    done(BoughtTogether(), views_and_texts())
    (path,) = files(kept)
    np.savez(path, anchor=np.array([print], object), other=np.array([1], np.int32), weight=np.ones(1, np.float32))
    assert len(done(BoughtTogether(), views_and_texts())[1]) == 1


def test_a_plan_is_told_by_all_that_its_blocks_depend_on():
    history, later = views_and_texts(), replace(views_and_texts(), now=views_and_texts().now + 60)
    told = [plan_fingerprint(recommender.plan(history, LIMITS)) for recommender in IN_BLOCKS]
    assert len(set(told)) == len(IN_BLOCKS)
    assert told == [plan_fingerprint(recommender.plan(views_and_texts(), LIMITS)) for recommender in IN_BLOCKS]
    assert told == [plan_fingerprint(recommender.plan(later, LIMITS)) for recommender in IN_BLOCKS]  # nothing faded
    assert not set(told) & {
        plan_fingerprint(recommender.plan(history, LearningLimits(neighbours_per_product=9)))
        for recommender in IN_BLOCKS
    }


def test_one_line_more_is_another_plan():
    history = views_and_texts()
    more = replace(
        history,
        **{name: np.append(getattr(history, name), getattr(history, name)[:1]) for name in ("customer", "ordered_at")},
    )
    more = replace(more, order=np.append(history.order, 0).astype(np.int32), product=np.append(history.product, 1))
    one, other = (plan_fingerprint(BoughtTogether().plan(each, LIMITS)) for each in (history, more))
    assert one != other


def test_other_code_is_another_plan(monkeypatch):
    plan = BoughtTogether().plan(views_and_texts(), LIMITS)
    before = plan_fingerprint(plan)
    monkeypatch.setattr(local, "_code_digest", lambda module: b"other")
    assert plan_fingerprint(plan) != before


def test_a_folder_that_cannot_be_written_hinders_nobody(tmp_path, caplog):
    (tmp_path / "blocks").write_text("a file where the folder should be")
    recommender, history = BoughtTogether(), views_and_texts()
    assert same(BlockStore(tmp_path / "blocks").fit(recommender, history, LIMITS), recommender.fit(history, LIMITS))
    assert "cannot be kept" in caplog.text


def test_what_was_left_behind_yesterday_is_removed(kept, done):
    done(BoughtTogether(), views_and_texts())
    (old,) = kept.folder.iterdir()
    done(BoughtTogether(), views_and_texts(), LearningLimits(neighbours_per_product=9))
    os.utime(old, (time.time() - MAX_AGE_SECONDS - 1,) * 2)
    kept.remove_outdated()
    assert len(list(kept.folder.iterdir())) == 1 and not old.exists()
    kept.remove()
    assert not kept.folder.exists()
