"""The people whose view of the shop the demo offers: chosen once, when it is set up, and stored in a file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Person:
    """A person whose view of the shop can be chosen."""

    email: str
    """The email of the account; empty for the visitor who is not signed in."""
    name: str
    description: str
    """What this person buys, in a few words."""


VISITOR = Person(email="", name="Anonymous visitor", description="not signed in, without history")


def list_people() -> list[Person]:
    """The people that can be chosen: none outside of DEBUG, or before the demo has chosen them."""
    if not settings.DEBUG:
        return []
    try:
        stored = json.loads(_file().read_text())
    except (OSError, ValueError):
        return []
    return [Person(**person) for person in stored["people"]]


def people_chosen_for() -> str:
    """The name of the shop that the people were chosen from; empty where there are none."""
    try:
        return json.loads(_file().read_text())["shop"]
    except (OSError, ValueError, KeyError):
        return ""


def save_people(people: list[Person], shop: str) -> None:
    """Replaces the file at once, so that a reader finds either all new people or all earlier ones."""
    unfinished = _file().with_suffix(".new")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    content = {"shop": shop, "people": [asdict(person) for person in people]}
    unfinished.write_text(json.dumps(content, indent=1))
    unfinished.replace(_file())


def delete_people() -> None:
    """Deletes the file."""
    _file().unlink(missing_ok=True)


def _file() -> Path:
    return settings.DATA_DIR / "people.json"
