"""The options of the training command that say who works. Needs the packages that learning needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from personalization.extras import MissingExtra
from personalization.management.options import parse_moment
from personalization.train.engines import open_block_store
from personalization.train.engines.history_files import UnusableHistory, read_history_manifest
from personalization.train.engines.local import BlockStore
from personalization.train.engines.optional_packages import MissingPackage
from personalization.train.engines.spark_engine import spark_blocks
from personalization.train.run import training_cutoff

ENGINE_ERRORS = (MissingExtra, MissingPackage, UnusableHistory)
"""The errors of engines that a message tells enough of."""


def end_of_history(as_of: str | None, engine: str, history: Path | None, **others: Any) -> float:
    """The moment until which is learned; for Spark, that of the export, or an earlier one."""
    if engine != "spark":
        return training_cutoff(parse_moment(as_of))
    if history is None:
        raise CommandError("--engine spark needs --history DIR, which `personalization_export_history DIR` writes.")
    until, wanted = read_history_manifest(history).until, parse_moment(as_of)
    return until if wanted is None else training_cutoff(min(wanted, until))


@contextmanager
def chosen_engine(engine: str, master: str, history: Path | None, **others: Any) -> Iterator[BlockStore]:
    """Those who do the blocks of a run, while it lasts."""
    if engine == "spark" and history:
        with spark_blocks(master, history) as blocks:
            yield blocks
    else:
        yield open_block_store(engine)
