"""Progress bars of the commands."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def progress_bars(output: Any, verbosity: int) -> Callable[[Any, str, int | None], Any]:
    """A function that passes an iterable through and shows a bar for it on a terminal: (iterable, label, length).
    Without the extra `train`, which brings them, there are no bars."""
    try:
        tqdm = import_module("tqdm").tqdm
    except ImportError:
        return lambda items, label, length: items
    disable = True if verbosity == 0 else None  # None: tqdm shows nothing unless `output` is a terminal
    return lambda items, label, length: tqdm(items, desc=label, total=length, disable=disable, file=output, leave=False)
