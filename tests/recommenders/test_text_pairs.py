"""Which pairs of texts are worked out: no more than what is asked for."""

from dataclasses import replace

import numpy as np

from personalization.recommenders import CatalogueArrays, LearningLimits, _tfidf, content_similarity, substitutes
from personalization.recommenders._cooccurrence import strongest_links
from personalization.testing import make_history

PRODUCTS = 300


def wordy() -> CatalogueArrays:
    """Three hundred products in ten categories, whose texts share words across them."""
    draw = np.random.default_rng(3)
    texts = [" ".join(f"word{number}" for number in row) for row in draw.integers(0, 200, (PRODUCTS, 8)).tolist()]
    kinds, prices = np.arange(PRODUCTS) % 10, np.full(PRODUCTS, 2, np.float32)
    return replace(CatalogueArrays.empty(PRODUCTS), text=texts, leaf_category=kinds.astype(np.int32), price=prices)


def test_substitutes_are_looked_for_within_a_category_and_read_as_alike_as_ever():
    texts = _tfidf.vectorize_texts(wordy())
    anchor, other, cosine = texts.within_categories().similar_pairs(range(PRODUCTS))
    assert (anchor % 10 == other % 10).all()
    whole = texts.similar_pairs(range(PRODUCTS))
    same = whole[0] % 10 == whole[1] % 10
    assert all(np.array_equal(one, every[same]) for one, every in zip((anchor, other, cosine), whole, strict=True))
    assert same.sum() < len(same) / 3


def test_few_pairs_are_sorted_and_the_closest_are_among_them():
    texts = _tfidf.vectorize_texts(wordy())
    few, every = texts.similar_pairs(range(PRODUCTS), 5, 0.25), texts.similar_pairs(range(PRODUCTS))
    assert len(few[0]) < len(every[0]) / 5

    def closest(anchor, other, cosine):
        closeness = np.round(0.8 * cosine + 0.2 * (anchor % 10 == other % 10), 6)
        links = strongest_links(anchor, other, closeness, 5)
        return links.anchor.tolist(), links.other.tolist(), links.weight.tolist()

    assert closest(*few) == closest(*every)


def test_texts_are_read_once_for_both_recommenders_and_all_cuts_of_a_history(monkeypatch):
    counted = []
    weigh = _tfidf._weigh
    monkeypatch.setattr(_tfidf, "_weigh", lambda catalogue: counted.append(1) or weigh(catalogue))
    history = replace(make_history([], PRODUCTS), catalogue=wordy())
    for one in (history, history.until(history.now - 1)):
        content_similarity.recommender.fit(one, LearningLimits())
        substitutes.recommender.fit(one, LearningLimits())
    assert counted == [1]
    assert replace(history.catalogue, text=[""] * PRODUCTS).derived == {}
