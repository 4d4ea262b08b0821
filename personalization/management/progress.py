"""How commands show how far they are."""

from collections.abc import Callable, Iterable
from typing import Any

from tqdm import tqdm


def progress_bars(output: Any, verbosity: int) -> Callable[[Iterable[Any], str, int], Iterable[Any]]:
    """A Progress that shows bars there, to somebody who looks at a terminal."""
    hidden = True if verbosity == 0 else None  # None: hidden unless someone looks
    return lambda stream, what, length: tqdm(stream, desc=what, total=length, disable=hidden, file=output, leave=False)
