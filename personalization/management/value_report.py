"""What `personalization_evaluate --value` prints: sentences for the owner, and numbers for a data scientist."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from personalization.measure.value_words import back_test_sentences, season_warning
from personalization.recommenders import DAY
from personalization.train.customer_value.back_test import WAY_LABELS
from personalization.train.customer_value.scores import SCORE_LABELS
from personalization.train.customer_values import FEWEST_ACTIVE, FEWEST_DAYS, PaidHistory

METHODS = {
    "bgnbd": "BG/NBD: too little history, or too few who return, to learn from",
    "decayed": "decayed rate, not corrected: few customers",
    "corrected": "decayed rate, corrected by regressions",
}


def value_lines(history: PaidHistory, back_test: Mapping[str, Any] | None) -> Iterator[str]:
    """The back-test in words."""
    yield from back_test_sentences(back_test)
    if back_test is not None:
        yield season_warning()
    if not history.is_enough:
        yield (
            f"Nothing is said of single customers yet: that takes {FEWEST_DAYS} days of orders (there are "
            f"{history.length}) and {FEWEST_ACTIVE} customers who ordered within the last 90."
        )


def value_table(back_test: Mapping[str, Any]) -> Iterator[str]:
    """The back-test in numbers, beside simpler ways."""
    day = datetime.fromtimestamp(back_test["cut"] * DAY, UTC).date()
    ways = back_test["ways"]
    yield f"Window of 90 days from {day}, {ways['forecast']['customers']:,} customers, {METHODS[back_test['method']]}."
    yield f"  {'':30}" + "".join(f"{name:>22}" for name in WAY_LABELS.values())
    for metric, label in SCORE_LABELS.items():
        cells = (f"{ways[way][metric]:.4f}" if metric in ways[way] else "-" for way in WAY_LABELS)
        yield f"  {label:30}" + "".join(f"{cell:>22}" for cell in cells)
    yield "  Mean spend by tenths of the forecast, expected / real: " + ", ".join(
        f"{expected:.2f} / {real:.2f}" for expected, real in back_test["tenths"]
    )
