"""Synonyms and redirects that tests publish."""

from personalization.decide import active_snapshot
from personalization.merchandising import publishing
from personalization.models import Definition


def publish(kind: str, document: dict, name: str = "") -> Definition:
    """Makes a definition live, and this process obey it."""
    name = name or f"{kind} {Definition.objects.count()}"
    definition = publishing.publish(publishing.create(kind, name, document, None), None)
    active_snapshot.look_for_newer()
    return definition


def synonyms(*terms: str, finds: tuple[str, ...] = ()) -> Definition:
    """A live group of synonyms."""
    return publish("synonym", {"terms": list(terms), **({"finds": list(finds)} if finds else {})})


def redirect(text: str, to: dict, match: str = "is") -> Definition:
    """A live redirect of searches for these words."""
    return publish("redirect", {"words": [{"text": text, "match": match}], "to": to})
