"""A run that goes on from what an earlier one knew of texts finds what comparing all of them would find."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from personalization.recommenders import (
    CatalogueArrays,
    KeptLinks,
    KeptTexts,
    LearningLimits,
    _tfidf,
    content_similarity,
)
from personalization.recommenders._tfidf import weigh_texts
from personalization.recommenders.content_similarity import ContentSimilarity
from personalization.testing import make_history
from personalization.train.engines.local import plan_fingerprint
from personalization.train.engines.plan_files import read_plan, write_plan
from personalization.train.kept_texts import KEPT_TEXTS_FORMAT, restore_kept_texts

PRODUCTS = 240
LIMITS = LearningLimits(neighbours_per_product=6)


def texts_of(seed: int, count: int = PRODUCTS) -> list[str]:
    draw = np.random.default_rng(seed)
    return [" ".join(f"word{number}" for number in row) for row in draw.integers(0, 150, (count, 6)).tolist()]


def shop(texts, categories):
    """A catalogue of these texts, in these categories."""
    blank = CatalogueArrays.empty(len(texts))
    number = np.unique(categories, return_inverse=True)[1].astype(np.int32)
    return replace(blank, text=texts, leaf_category=number, category_key=np.array(categories, np.int64))


def learned(catalogue, blocks=1_000_000):
    history = replace(make_history([], len(catalogue.text)), catalogue=catalogue)
    return ContentSimilarity(blocks).fit(history, LIMITS)


def keep(catalogue, near, numbers=None):
    """What a run with this catalogue leaves to the next one, in which its products have these numbers."""
    weighed = weigh_texts(catalogue)
    number = np.arange(len(catalogue.text)) if numbers is None else numbers
    return KeptTexts(weighed.word_weights, KeptLinks(number.astype(np.int32), weighed.digest, near.index, near.weight))


def forgetful(kept):
    """The same weights, and nothing known of any product."""
    links = kept.links
    return replace(kept, links=replace(links, digest=links.digest + 1))


def compared(counted, monkeypatch):
    """Counts the products that are compared with all others."""
    similar_pairs = _tfidf.TfidfTexts.similar_pairs

    def counting(self, anchors, *more):
        counted.append(len(anchors))
        return similar_pairs(self, anchors, *more)

    monkeypatch.setattr(_tfidf.TfidfTexts, "similar_pairs", counting)


def assert_same(one, other):
    assert np.array_equal(one.index, other.index) and np.array_equal(one.weight, other.weight)


@pytest.fixture
def day_before():
    """Products in twelve categories, and what is known of them."""
    before = shop(texts_of(1), np.arange(PRODUCTS) % 12)
    return before, learned(before)


def changed_shop(before, seed=2):
    """The next day: one product is gone, two are new, one has another text and one another category."""
    new = texts_of(seed, 3)
    texts = [*before.text[:7], *before.text[8:], *new[:2]]
    categories = [*before.category_key[:7], *before.category_key[8:], 3, 99]
    texts[100], categories[200] = new[2] + " word5", 4
    number = np.r_[np.arange(7), [-1], np.arange(7, len(before.text) - 1)]
    return shop(texts, categories), number


@pytest.mark.parametrize("blocks", [1, 500, 1_000_000])
def test_what_changed_is_found_as_comparing_all_finds_it_in_blocks_of_any_size(day_before, monkeypatch, blocks):
    after, number = changed_shop(day_before[0])
    kept = keep(*day_before, number)
    counted = []
    compared(counted, monkeypatch)
    some = learned(replace(after, kept_texts=kept), blocks)
    few = sum(counted)
    monkeypatch.setattr(_tfidf, "MAX_CHANGED_SHARE", 9.0)
    every = learned(replace(after, kept_texts=forgetful(kept)), blocks)
    assert_same(some, every)
    assert few < PRODUCTS / 3 and sum(counted) - few == len(after.text)


def test_many_days_of_changes_are_found_as_well(day_before, monkeypatch):
    monkeypatch.setattr(_tfidf, "MAX_CHANGED_SHARE", 9.0)
    catalogue, near = day_before
    for day in range(6):
        after, number = changed_shop(catalogue, seed=10 + day)
        kept = keep(catalogue, near, number)
        catalogue = replace(after, kept_texts=kept)
        near = learned(catalogue)
        assert_same(near, learned(replace(after, kept_texts=forgetful(kept))))


def test_nothing_is_compared_again_where_nothing_changed(day_before, monkeypatch):
    before, near = day_before
    counted = []
    compared(counted, monkeypatch)
    assert_same(learned(replace(before, kept_texts=keep(before, near))), near)
    assert sum(counted) == 0


def test_other_numbers_of_categories_change_nothing(day_before):
    before, near = day_before
    renumbered = replace(before, leaf_category=11 - before.leaf_category, kept_texts=keep(before, near))
    assert not weigh_texts(renumbered).changed.any()


def test_words_are_weighed_anew_once_a_twentieth_of_the_products_changed(day_before):
    before, near = day_before
    kept = keep(before, near)
    for count, anew in ((12, False), (13, True)):
        texts = [*texts_of(5, count), *before.text[count:]]
        after = shop(texts, before.category_key)
        weighed = weigh_texts(replace(after, kept_texts=kept))
        assert (weighed.changed is None) == anew
        assert weighed.word_weights.changed == (0 if anew else count)
        if anew:
            assert_same(learned(replace(after, kept_texts=kept)), learned(after))
    few = replace(kept, word_weights=replace(kept.word_weights, changed=12))
    one = shop([texts_of(5, 1)[0], *before.text[1:]], before.category_key)
    assert weigh_texts(replace(one, kept_texts=few)).changed is None, "what changed on earlier days counts, too"


def test_a_word_that_is_new_in_the_catalogue_tells_something_at_once(day_before):
    before, near = day_before
    texts = ["acme", "acme", *before.text[2:]]
    after = shop(texts, before.category_key)
    found = learned(replace(after, kept_texts=keep(before, near)))
    assert found.index[0, 0] == 1 and found.index[1, 0] == 0


def test_a_plan_of_some_products_is_the_same_from_a_file(day_before):
    after, number = changed_shop(day_before[0])
    history = replace(make_history([], len(after.text)), catalogue=replace(after, kept_texts=keep(*day_before, number)))
    plan = ContentSimilarity(500).plan(history, LIMITS)
    file = io.BytesIO()
    write_plan(file, plan)
    file.seek(0)
    read = read_plan(file, ContentSimilarity(), plan_fingerprint(plan))
    assert len(plan.blocks) > 3
    assert_same(plan.assemble(map(read.links, read.blocks)), learned(history.catalogue))


def test_the_numbers_of_words_and_products_are_those_of_format_1():
    """What a release wrote, the next one has to read: with other numbers KEPT_TEXTS_FORMAT would have to be another."""
    frozen = json.loads((Path(__file__).parents[1] / "formats" / "kept_texts_1.json").read_text())
    weighed = weigh_texts(shop(frozen["texts"], frozen["categories"]))
    assert frozen["format"] == KEPT_TEXTS_FORMAT
    assert weighed.word_weights.word_hash.tolist() == frozen["word"] and weighed.digest.tolist() == frozen["digest"]
    assert weighed.word_weights.weight.tolist() == pytest.approx(frozen["weight"])
    arrays = {"product.id": np.array(frozen["product"]), "texts.format": np.array([frozen["format"]])}
    arrays |= {"texts.changed": np.array([0]), "texts.word": np.array(frozen["word"], np.int64)}
    arrays |= {"texts.weight": np.array(frozen["weight"]), "texts.digest": np.array(frozen["digest"], np.int64)}
    arrays |= {"content_similarity.index": np.array(frozen["index"], np.int32)}
    arrays |= {"content_similarity.weight": np.array(frozen["weights"], np.float32)}
    kept = restore_kept_texts(arrays, arrays["product.id"])
    gone_on = replace(shop(frozen["texts"], frozen["categories"]), kept_texts=kept)
    assert not weigh_texts(gone_on).changed.any()
    assert learned(gone_on).index.tolist() == frozen["index"]


def test_another_number_of_neighbours_is_worked_out_from_the_start(day_before):
    before, near = day_before
    history = replace(make_history([], PRODUCTS), catalogue=replace(before, kept_texts=keep(before, near)))
    wide = content_similarity.recommender.fit(history, LearningLimits(neighbours_per_product=9))
    assert wide.index.shape == (PRODUCTS, 9) and (wide.index[:, 8] >= 0).any()
