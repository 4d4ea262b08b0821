"""Splits long sequences, so that no query and no transaction grows with the shop."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last one shorter. Lazy: an endless iterable is read as far as it is used."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
