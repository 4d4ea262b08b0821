"""The people that the demo shows the shop as: picked once, when it is set up, and kept in a file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Person:
    """Someone to look at the shop as."""

    email: str
    """Of their account; empty for the visitor who is not signed in."""
    name: str
    description: str
    """What they buy, in a few plain words."""


VISITOR = Person(email="", name="Anonymous visitor", description="not signed in, without history")


def people() -> list[Person]:
    """Whom one may look at the shop as: nobody outside of DEBUG, or before the demo has picked them."""
    if not settings.DEBUG:
        return []
    try:
        picked = json.loads(_file().read_text())
    except (OSError, ValueError):
        return []
    return [Person(**person) for person in picked["people"]]


def picked_for() -> str:
    """The loaded shop that the people were picked from; empty where nobody was picked."""
    try:
        return json.loads(_file().read_text())["shop"]
    except (OSError, ValueError, KeyError):
        return ""


def keep(people: list[Person], shop: str) -> None:
    """Writes them down at one stroke, so that a reader finds all of them or those before."""
    unfinished = _file().with_suffix(".new")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    picked = {"shop": shop, "people": [asdict(person) for person in people]}
    unfinished.write_text(json.dumps(picked, indent=1))
    unfinished.replace(_file())


def forget() -> None:
    """Nobody is picked any more."""
    _file().unlink(missing_ok=True)


def _file() -> Path:
    return settings.DATA_DIR / "people.json"
