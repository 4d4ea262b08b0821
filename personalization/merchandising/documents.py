"""What a document may say: whether it is one, what is wrong with it, what it names, and how an older one is read."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from jsonschema import Draft202012Validator

from personalization.merchandising import block_documents, experiments, segments
from personalization.merchandising.addresses import is_shop_address
from personalization.merchandising.schemas import COMPANIONS, MAX_TERMS, SCHEMAS, TARGET_KEYS
from personalization.merchandising.search_words import WordList, WordMatch, fold_words

MAX_BYTES = 64 * 1024
SEGMENT = "segment"
"""The kind of document whose schema is kept by `merchandising.segments`, with the fields."""
TITLE_PLACEHOLDERS = ("product", "category", "name")
"""What the title of a row may hold in braces, where the row has it."""
CODE_PLACEHOLDERS = ("code", "code_until", "code_benefit", "code_least")
"""In the words of a campaign's blocks and messages: the reader's own voucher code, its last day, what it takes off, and
from which value on."""
MESSAGE_PLACEHOLDERS = ("product", "shop")
"""What the wording of a message may hold in braces, where its kind has it."""
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
UPGRADES: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""By kind and number of a schema: makes a document of the next number of one of this number."""

_validators = {
    (kind, number): Draft202012Validator(schema)
    for kind, numbers in SCHEMAS.items()
    for number, schema in numbers.items()
}


def newest_schema(kind: str) -> int:
    """The number of the schema in which documents of this kind are stored."""
    return 1 if kind == SEGMENT else max(SCHEMAS[kind])


class DocumentError(NamedTuple):
    """What is wrong at one place of a document."""

    path: str
    """As in "what.0.target"; "" for the whole."""
    message: str


class NewerSchemaError(Exception):
    """A newer release wrote it: this one does not know what it means."""


def parse_document(kind: str, text: str | bytes) -> tuple[dict[str, Any], list[DocumentError]]:
    """The document that a text holds, and what is wrong with it. Whatever the text is, nothing is raised."""
    if len(text) > MAX_BYTES:
        return {}, [too_large(len(text))]
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}, [DocumentError("", _("This is not JSON."))]
    if not isinstance(document, dict):
        return {}, [DocumentError("", _("Expected a JSON object."))]
    return document, document_errors(kind, document)


def too_large(size: int) -> DocumentError:
    """What is said of a document that is too large."""
    return DocumentError("", _("It has %(size)d bytes; at most %(most)d fit.") % {"size": size, "most": MAX_BYTES})


def document_errors(kind: str, document: dict[str, Any]) -> list[DocumentError]:
    """What is wrong with a document of the newest schema: none when it may be stored."""
    try:
        size = len(json.dumps(document, allow_nan=False))
    except (ValueError, TypeError, RecursionError):
        return [DocumentError("", _("This is not JSON."))]
    if size > MAX_BYTES:
        return [too_large(size)]
    if kind == SEGMENT:
        return [DocumentError(error.path, error.message) for error in segments.parse_segment(document)[1]]
    found = [
        DocumentError(".".join(map(str, error.absolute_path)), error.message[:300])
        for error in _validators[kind, newest_schema(kind)].iter_errors(document)
    ]
    return found[:20] if found else list(_rule_errors(kind, document))[:20]


def upgrade(kind: str, schema: int, document: dict[str, Any]) -> dict[str, Any]:
    """The document in the newest schema. NewerSchemaError where a newer release wrote it."""
    if schema > newest_schema(kind):
        raise NewerSchemaError(f"schema {schema} of a {kind}; this release knows {newest_schema(kind)}")
    for number in range(schema, newest_schema(kind)):
        document = UPGRADES[kind, number](document)
    return document


def references(kind: str, document: dict[str, Any]) -> set[tuple[str, str]]:
    """What the document names: (kind of object, its key) of each."""
    if kind == SEGMENT:
        segment = segments.parse_segment(document, segments.Sensitive())[0]
        return {(named, str(key)) for named, key in segments.referenced(segment)} if segment else set()
    found = {("segment", str(key)) for side in ("in", "out") for key in document.get("who", {}).get(side, ())}
    for place in document.get("where", ()):
        found.add(("surface", place["surface"]))
        found |= {("category", str(key)) for key in place.get("categories", ())}
        found |= {("row", code) for code in place.get("rows", ()) if place.get("rows") != "all"}
        found |= _target_references(place.get("seen") or {})
    for action in document.get("what", ()):
        found |= _target_references(action["target"])
    for side in ("source", "voucher"):
        if key := document.get(side, {}).get("range"):
            found.add(("range", str(key)))
    found |= {("row", code) for code in document.get("fallback", ())}
    found |= block_documents.named_objects(document)
    found |= {(kind, str(key)) for kind, key in document.get("to", {}).items() if kind != "path"}
    found |= {("definition", str(key)) for key in experiments.named_definitions(document)}
    return found


def searched_by(address: str) -> list[tuple[str, ...]]:
    """The folded words that an address of this shop searches for, if it is the address of a search."""
    return [fold_words(text) for text in parse_qs(urlsplit(address).query).get("q", ())]


def word_lists(terms: list[dict[str, str]]) -> tuple[WordList, ...]:
    """Words of searches, as a campaign or a redirect names them, ready to be compared."""
    return tuple(WordList(fold_words(one["text"]), WordMatch(one["match"])) for one in terms)


def moment(text: str | None) -> datetime | None:
    """The moment that a text stands for, with its offset from UTC; None for none. ValueError for anything else."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC")
    return found


def target_kind(target: Mapping[str, Any]) -> str:
    """Which kind of target it is: one of `TARGET_KEYS`."""
    return next(key for key in TARGET_KEYS if key in target)


def _target_references(target: dict[str, Any]) -> set[tuple[str, str]]:
    found = {("product", str(key)) for key in target.get("products", ())}
    found |= {(kind, str(target[kind])) for kind in ("range", "category", "class", "partner") if kind in target}
    found |= {("attribute", target[key]) for key in ("attribute", "like_attribute") if key in target}
    for part in target.get("all", ()):
        found |= _target_references(part)
    return found


def _rule_errors(kind: str, document: dict[str, Any]) -> Iterator[DocumentError]:
    """What the schema cannot say."""
    if kind == "synonym":
        yield from _synonym_errors(document)
        return
    if kind == "redirect":
        yield from _redirect_errors(document)
        return
    if kind == "objectives":
        return
    if kind == "experiment":
        yield from (DocumentError(*error) for error in experiments.experiment_errors(document))
        return
    yield from _schedule_errors(document.get("when", {}))
    if kind == "message":
        yield from wording_errors(document, MESSAGE_PLACEHOLDERS, CODE_PLACEHOLDERS)
    elif kind == "block":
        yield from (DocumentError(*error) for error in block_documents.block_errors(document))
    elif kind == "campaign":
        voucher = document.get("voucher")
        if voucher is not None and ("percent" in voucher) == ("amount" in voucher):
            yield DocumentError("voucher", _("A voucher takes off either a share or an amount."))
        for index, place in enumerate(document["where"]):
            yield from _place_errors(f"where.{index}", place)
        for index, action in enumerate(document["what"]):
            yield from _action_errors(f"what.{index}", action)
    else:
        yield from _row_errors(document)


def wording_errors(
    document: Mapping[str, Any], placeholders: Iterable[str], unnamed: Iterable[str] = ()
) -> Iterator[DocumentError]:
    """What the wording of a message holds in braces besides these placeholders, and braces that hold nothing.
    Parameters: `unnamed`, placeholders that may be there, too, as in a campaign, and are not proposed."""
    for language, texts in document.get("wording", {}).items():
        for part, text in texts.items():
            path, unknown = f"wording.{language}.{part}", set(PLACEHOLDER.findall(text)) - {*placeholders, *unnamed}
            if unknown:
                words = _("There is no such placeholder: %(names)s. Possible here: %(possible)s")
                possible = " ".join(f"{{{name}}}" for name in placeholders)
                named = ", ".join(f"{{{name}}}" for name in sorted(unknown))
                yield DocumentError(path, words % {"names": named, "possible": possible})
            elif set("{}") & set(PLACEHOLDER.sub("", text)):
                yield DocumentError(path, _("A brace is open, or closed, that belongs to no placeholder."))


def _schedule_errors(when: dict[str, Any]) -> Iterator[DocumentError]:
    found: dict[str, datetime | None] = {}
    for key in ("from", "to"):
        try:
            found[key] = moment(when.get(key))
        except ValueError:
            yield DocumentError(f"when.{key}", _("Expected a date and time with its offset from UTC."))
    start, end = found.get("from"), found.get("to")
    if start and end and end <= start:
        yield DocumentError("when.to", _("The end has to be after the start."))
    if not is_zone(when.get("zone", "UTC")):
        yield DocumentError("when.zone", _("There is no such time zone."))
    if when.get("hours") and when["hours"][0] == when["hours"][1]:
        yield DocumentError("when.hours", _("The hours are empty; leave them out for the whole day."))


def is_zone(name: str) -> bool:
    """Whether a time zone has this name."""
    try:
        return name in _zone_names() and bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError):
        return False


@cache
def _zone_names() -> set[str]:
    """Read once in a process: Python opens six hundred files for them at every question."""
    return available_timezones()


def zone(name: str) -> ZoneInfo:
    """The time zone of this name; UTC where there is none."""
    return ZoneInfo(name if is_zone(name) else "UTC")


def _place_errors(path: str, place: dict[str, Any]) -> Iterator[DocumentError]:
    if place.get("words") and place["surface"] not in ("search", "zero_results"):
        yield DocumentError(f"{path}.words", _("Only a search has words."))
    if place.get("categories") and place["surface"] != "category":
        yield DocumentError(f"{path}.categories", _("Only the page of a category has a category."))
    if place.get("seen"):
        yield from _target_errors(f"{path}.seen", place["seen"])


def _action_errors(path: str, action: dict[str, Any]) -> Iterator[DocumentError]:
    do, place = action["do"], action.get("place")
    if do == "pin" and not isinstance(place, int):
        yield DocumentError(f"{path}.place", _("A pin needs a place."))
    if do == "pin" and "products" not in action["target"]:
        yield DocumentError(f"{path}.target", _("A pin needs products."))
    if do == "slot" and not (isinstance(place, list) and place[0] <= place[1] < place[0] + 10):
        yield DocumentError(f"{path}.place", _("Expected the first and the last place, at most ten places."))
    if do not in ("pin", "slot") and place is not None:
        yield DocumentError(f"{path}.place", _("Only a pin and a slot have a place."))
    yield from _target_errors(f"{path}.target", action["target"])


def _target_errors(path: str, target: dict[str, Any]) -> Iterator[DocumentError]:
    kinds = [key for key in TARGET_KEYS if key in target]
    if len(kinds) != 1:
        yield DocumentError(path, _("Expected one kind of target."))
        return
    others = set(target) - {kinds[0]} - COMPANIONS.get(kinds[0], set())
    if others:
        yield DocumentError(path, _("This does not belong to the target: %(names)s") % {"names": ", ".join(others)})
    for key in ("price", "stock", "like_price"):
        low, high = target.get(key, (None, None))
        if low is not None and high is not None and high < low:
            yield DocumentError(f"{path}.{key}", pgettext("personalization", "From must be below To."))
    if target.get("attribute") and not {"op", "value"} <= set(target):
        yield DocumentError(path, _("An attribute needs a comparison and a value."))
    if target.get("like_viewed") == "attribute" and "like_attribute" not in target:
        yield DocumentError(path, _("Name the attribute that is compared."))
    if target.get("like_viewed") == "price" and "like_price" not in target:
        yield DocumentError(path, _("Say which share of the price is meant."))
    for index, part in enumerate(target.get("all", ())):
        yield from _target_errors(f"{path}.all.{index}", part)


def _row_errors(document: dict[str, Any]) -> Iterator[DocumentError]:
    fewest, most = document.get("fewest", 1), document.get("most", 20)
    if fewest > most:
        yield DocumentError(
            "fewest",
            _("'Fewest' (%(fewest)d) is more than 'How many' (%(most)d).") % {"fewest": fewest, "most": most},
        )
    for language, text in document.get("titles", {}).items():
        if unknown := set(PLACEHOLDER.findall(text)) - set(TITLE_PLACEHOLDERS):
            words = _("There is no such placeholder: %(names)s")
            yield DocumentError(f"titles.{language}", words % {"names": ", ".join(sorted(unknown))})
    if len(document.get("source", {})) > 1:
        yield DocumentError("source", _("Expected one source."))
    low, high = (document.get("leave_out", {}).get(key) for key in ("below_price", "above_price"))
    if low is not None and high is not None and high < low:
        yield DocumentError("leave_out.above_price", pgettext("personalization", "From must be below To."))
    weights = document.get("weights", {})
    if weights and sum(weights.values()) != 100:
        yield DocumentError("weights", _("The four weights have to add up to 100."))


def _synonym_errors(document: dict[str, Any]) -> Iterator[DocumentError]:
    terms, finds = document["terms"], document.get("finds", [])
    seen: set[tuple[str, ...]] = set()
    for path, texts in (("terms", terms), ("finds", finds)):
        for index, text in enumerate(texts):
            yield from _term_errors(f"{path}.{index}", text)
            folded = fold_words(text)
            if folded and folded in seen:
                yield DocumentError(f"{path}.{index}", _("“%(words)s” is there twice.") % {"words": text})
            seen.add(folded)
    if len(terms) + len(finds) > MAX_TERMS:
        yield DocumentError("terms", _("At most %(most)d words or phrases are one group.") % {"most": MAX_TERMS})
    if len(terms) == 1 and not finds:
        yield DocumentError("terms", _("Synonyms need at least two words or phrases."))


def _redirect_errors(document: dict[str, Any]) -> Iterator[DocumentError]:
    for index, one in enumerate(document["words"]):
        yield from _term_errors(f"words.{index}.text", one["text"])
    if len(document["to"]) != 1:
        yield DocumentError("to", _("Expected one page."))
        return
    path = document["to"].get("path")
    if path is None:
        return
    if not is_shop_address(path):
        yield DocumentError("to.path", _("Expected an address of this shop, which begins with one slash."))
    elif any(one.matches(searched) for one in word_lists(document["words"]) for searched in searched_by(path)):
        yield DocumentError("to.path", _("It leads back to a search for the same words."))


def _term_errors(path: str, text: str) -> Iterator[DocumentError]:
    """What is wrong with words that a search is compared with, or that an engine is asked for."""
    if not text.isprintable() or not fold_words(text):
        yield DocumentError(path, _("Expected words."))
    elif '"' in text or any(token.startswith("-") for token in text.split()):
        yield DocumentError(path, _("Search engines read quotation marks, and a minus before a word, as commands."))
