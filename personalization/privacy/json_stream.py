"""Writes JSON piece by piece: what is long is an iterator, and is never held as a whole."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

CHUNK_LENGTH = 64 * 1024
"""A chunk is sent from this many characters on."""


def json_chunks(value: Any) -> Iterator[str]:
    """The JSON text of a value in which iterators stand for lists, in chunks. Each entry of an iterator is one line."""
    waiting: list[str] = []
    length = 0
    for piece in _pieces(value, 0):
        waiting.append(piece)
        length += len(piece)
        if length >= CHUNK_LENGTH:
            yield "".join(waiting)
            waiting, length = [], 0
    yield "".join(waiting)


def _pieces(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, Iterator):
        yield from _block("[", ([_on_one_line(entry)] for entry in value), "]", depth)
    elif _holds_iterators(value):
        fields = (chain([f"{_on_one_line(name)}: "], _pieces(entry, depth + 1)) for name, entry in value.items())
        yield from _block("{", fields, "}", depth)
    else:
        text = json.dumps(value, ensure_ascii=False, indent=1, cls=DjangoJSONEncoder)
        yield text.replace("\n", "\n" + " " * depth)


def _holds_iterators(value: Any) -> bool:
    return isinstance(value, dict) and any(
        isinstance(entry, Iterator) or _holds_iterators(entry) for entry in value.values()
    )


def _block(opening: str, entries: Iterable[Iterable[str]], closing: str, depth: int) -> Iterator[str]:
    before = opening
    for entry in entries:
        yield before + "\n" + " " * (depth + 1)
        yield from entry
        before = ","
    yield opening + closing if before == opening else "\n" + " " * depth + closing


def _on_one_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
