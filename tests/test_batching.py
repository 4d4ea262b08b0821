"""Long sequences are split."""

from itertools import count, islice

from personalization.batching import batched


def test_all_items_are_in_batches_of_one_size_but_the_last():
    assert list(batched(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batched([], 2)) == []


def test_an_endless_iterable_is_read_as_far_as_it_is_used():
    assert list(islice(batched(count(), 2), 2)) == [[0, 1], [2, 3]]
