"""docs/reference.md says of ranking tasks, features and plug-ins what the code says."""

from pathlib import Path

import pytest

from personalization import plugins, signals
from personalization.rank.features import FEATURES, NEIGHBOUR_FEATURES
from personalization.rank.query_features import QUERY_FEATURES
from personalization.rank.tasks import RANKING_TASKS

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference.md").read_text()
STABILITY = (DOCS / "stability.md").read_text()


@pytest.mark.parametrize("task", RANKING_TASKS.values(), ids=RANKING_TASKS)
def test_every_ranking_task_is_documented_with_its_question_and_default_weights(task):
    weights = ", ".join(f"`{name}` {weight:g}" for name, weight in task.default_weights.items())
    assert f"\n| `{task.name}` | {task.question} | {weights} |\n" in REFERENCE


def test_every_feature_is_documented_by_its_docstring_in_the_sequence_of_the_rows():
    own = "".join(f"| `{feature.name}` | {feature.group} | {feature.description} |\n" for feature in FEATURES)
    linked = "".join(f"| `<recommender>.{name}` | {says} |\n" for name, (says, _) in NEIGHBOUR_FEATURES.items())
    of_search = "".join(
        f"| `{feature.name}` | {feature.group} | {feature.description} |\n" for feature in QUERY_FEATURES
    )
    assert own in REFERENCE and linked in REFERENCE and of_search in REFERENCE


@pytest.mark.parametrize(("kind", "setting"), plugins.SETTINGS.items())
def test_every_kind_of_plug_in_is_documented(kind, setting):
    assert f"\n| {kind.replace('_', ' ')} | `{setting}` |" in REFERENCE


def test_every_signal_is_documented_and_stable():
    names = [name for name, value in vars(signals).items() if isinstance(value, signals.Signal)]
    assert len(names) == 6
    assert [name for name in names if f"`{name}`" not in REFERENCE or f"`{name}`" not in STABILITY] == []
