"""Segments: a document becomes conditions, and these a question to the database, a test of a visit, and a sentence.

Nobody is stored as a member of a segment: dates are compared at the moment of asking.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import pgettext

from personalization.merchandising import segment_values as values
from personalization.merchandising import segment_words as words
from personalization.merchandising.segment_catalogue import all_fields
from personalization.merchandising.segment_fields import EVERYBODY, NOBODY, Field, Names, Subject
from personalization.merchandising.segment_values import Chosen, FieldError, ValueFault, quote, unknown_keys
from personalization.shop import catalogue, customers, product_values

MAX_GROUPS, MAX_CONDITIONS = 5, 20
MAX_BYTES = 64 * 1024
MAX_ERRORS = 20
IN_SEGMENT = "in_segment"
IN_SEGMENT_OPERATORS = ("is", "is_not")
SegmentTest = Callable[[Subject, float], bool]


@dataclass(frozen=True)
class Condition:
    """One condition, with a valid value."""

    field: str
    op: str
    value: Any


@dataclass(frozen=True)
class Group:
    """Conditions of which all or any have to hold."""

    is_any: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Segment:
    """Groups of which all or any have to hold."""

    is_any: bool = False
    groups: tuple[Group, ...] = ()

    def conditions(self) -> Iterator[Condition]:
        """All conditions."""
        return (condition for group in self.groups for condition in group.conditions)


@dataclass(frozen=True)
class Sensitive:
    """What may not be a condition."""

    categories: Collection[int] = frozenset()
    products: Collection[int] = frozenset()

    def of_kind(self, kind: str) -> Collection[int]:
        """The keys of this kind."""
        return {"category": self.categories, "product": self.products}.get(kind, ())


def parse_segment(document: Any, sensitive: Sensitive | None = None) -> tuple[Segment | None, list[FieldError]]:
    """The segment that a document (JSON, or what was read of it) says, or None and what is wrong with it.

    Never raises, whatever the document is. `sensitive` is read from the shop when it is not given.
    """
    errors: list[FieldError] = []
    segment = _read_document(document, errors)
    if segment is not None and not errors:
        errors.extend(_sensitive_errors(segment, sensitive or read_sensitive([segment])))
    return (None, errors[:MAX_ERRORS]) if errors else (segment, [])


def read_sensitive(segments: Sequence[Segment]) -> Sensitive:
    """What of all that these segments name is sensitive."""
    named = {reference for segment in segments for reference in referenced(segment)}
    products = catalogue.sensitive_products([key for kind, key in named if kind == "product"])
    return Sensitive(catalogue.sensitive_categories() if any(kind == "category" for kind, _ in named) else (), products)


def _read_document(document: Any, errors: list[FieldError]) -> Segment | None:
    if isinstance(document, str | bytes):
        document = _parse_json(document, errors)
    if not isinstance(document, dict):
        errors.append(FieldError("", pgettext("personalization", "A segment is an object with “match” and “groups”.")))
        return None
    _check_keys(document, ("match", "groups"), "", errors)
    groups = document.get("groups")
    if not isinstance(groups, list) or not 1 <= len(groups) <= MAX_GROUPS:
        errors.append(
            FieldError("groups", pgettext("personalization", "Give 1 to %(most)s groups.") % {"most": MAX_GROUPS})
        )
        return None
    is_any = _read_match(document, "match", errors)
    read = tuple(_read_group(group, f"groups.{index}", errors) for index, group in enumerate(groups))
    segment = Segment(is_any, read)
    if sum(1 for _each in segment.conditions()) > MAX_CONDITIONS:
        errors.append(
            FieldError("groups", pgettext("personalization", "At most %(most)s conditions.") % {"most": MAX_CONDITIONS})
        )
    return segment


def _parse_json(text: str | bytes, errors: list[FieldError]) -> Any:
    try:
        if len(text) > MAX_BYTES:
            raise ValueError
        return json.loads(text)
    except (ValueError, RecursionError):
        errors.append(
            FieldError(
                "", pgettext("personalization", "This is not JSON of at most %(most)s bytes.") % {"most": MAX_BYTES}
            )
        )
        return None


def _check_keys(document: dict[Any, Any], allowed: tuple[str, ...], path: str, errors: list[FieldError]) -> None:
    for name in unknown_keys(document, set(allowed)):
        if len(errors) < MAX_ERRORS:
            errors.append(
                FieldError(path, pgettext("personalization", "“%(key)s” is not known here.") % {"key": quote(name)})
            )
    for name in allowed:
        if name not in document:
            errors.append(
                FieldError(_join(path, name), pgettext("personalization", "“%(key)s” is missing.") % {"key": name})
            )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _read_match(document: dict[str, Any], path: str, errors: list[FieldError]) -> bool:
    match = document.get("match")
    if match not in ("all", "any") if isinstance(match, str) else "match" in document:
        errors.append(
            FieldError(path, pgettext("personalization", "Choose one of: %(choices)s.") % {"choices": "all, any"})
        )
    return match == "any"


def _read_group(group: Any, path: str, errors: list[FieldError]) -> Group:
    if not isinstance(group, dict):
        errors.append(
            FieldError(path, pgettext("personalization", "A group is an object with “match” and “conditions”."))
        )
        return Group(False, ())
    _check_keys(group, ("match", "conditions"), path, errors)
    is_any = _read_match(group, f"{path}.match", errors)
    conditions = group.get("conditions")
    if not isinstance(conditions, list) or not 1 <= len(conditions) <= MAX_CONDITIONS:
        errors.append(
            FieldError(
                f"{path}.conditions",
                pgettext("personalization", "Give 1 to %(most)s conditions.") % {"most": MAX_CONDITIONS},
            )
        )
        return Group(is_any, ())
    read = (_read_condition(each, f"{path}.conditions.{index}", errors) for index, each in enumerate(conditions))
    return Group(is_any, tuple(condition for condition in read if condition is not None))


def _read_condition(condition: Any, path: str, errors: list[FieldError]) -> Condition | None:
    if not isinstance(condition, dict):
        errors.append(
            FieldError(path, pgettext("personalization", "A condition is an object with “field”, “op” and “value”."))
        )
        return None
    before = len(errors)
    _check_keys(condition, ("field", "op", "value"), path, errors)
    if len(errors) > before:
        return None
    code, op = condition["field"], condition["op"]
    known = all_fields().get(code) if isinstance(code, str) else None
    if known is None and code != IN_SEGMENT:
        errors.append(
            FieldError(
                f"{path}.field", pgettext("personalization", "“%(field)s” is no field.") % {"field": quote(code)}
            )
        )
        return None
    operators = known.operators if known else IN_SEGMENT_OPERATORS
    if not isinstance(op, str) or op not in operators:
        choices = {"choices": ", ".join(operators)}
        errors.append(FieldError(f"{path}.op", pgettext("personalization", "Choose one of: %(choices)s.") % choices))
        return None
    try:
        return Condition(code, op, (known.form if known else values.key)(op, condition["value"]))
    except ValueFault as fault:
        errors.append(FieldError(_join(f"{path}.value", fault.path), fault.message))
        return None


def _sensitive_errors(segment: Segment, sensitive: Sensitive) -> Iterator[FieldError]:
    for number, group in enumerate(segment.groups):
        for index, condition in enumerate(group.conditions):
            known = all_fields().get(condition.field)
            kind = known.kind if known else ""
            if known and not set(known.keys(condition.value)).isdisjoint(sensitive.of_kind(kind)):
                path = f"groups.{number}.conditions.{index}.value"
                if kind == "category":
                    yield FieldError(
                        path, pgettext("personalization", "This category is marked as sensitive and cannot be used.")
                    )
                else:
                    yield FieldError(
                        path, pgettext("personalization", "This product is in a sensitive category and cannot be used.")
                    )


def referenced(segment: Segment) -> set[tuple[str, int]]:
    """(kind, key) of each thing that a segment names: categories, products, brands, values of attributes, vouchers,
    offers, groups, segments."""
    found = set()
    for condition in segment.conditions():
        if condition.field == IN_SEGMENT:
            found.add(("segment", condition.value))
        else:
            known = all_fields()[condition.field]
            found |= {(known.kind, key) for key in known.keys(condition.value)}
    return found


def describe(segment: Segment, names: Names) -> str:
    """The segment as a sentence. `names` has those of what it names by (kind, key); others are shown by their key."""
    if not segment.groups:
        return words.everybody()
    clauses = []
    for group in segment.groups:
        text = words.joined([describe_condition(each, names) for each in group.conditions], group.is_any)
        needs_brackets = len(segment.groups) > 1 and len(group.conditions) > 1 and group.is_any != segment.is_any
        clauses.append(f"({text})" if needs_brackets else text)
    return words.sentence(words.joined(clauses, segment.is_any))


def describe_condition(condition: Condition, names: Names) -> str:
    """One condition in words, after "customers who"."""
    if condition.field == IN_SEGMENT:
        name = names.get(("segment", condition.value), f"#{condition.value}")
        return words.in_segment(name, condition.op)
    return words.clause(all_fields()[condition.field], condition.op, condition.value, names)


@dataclass(frozen=True)
class _FieldTest:
    """A condition that is ready to be asked."""

    field: Field
    op: str
    value: Any

    def holds(self, subject: Subject, now: float) -> bool:
        return self.field.holds(self.op, self.value, subject, now)

    def q(self, now: float, unknown: bool) -> Q:
        """Its condition over users; where the database does not know, everybody or nobody."""
        if not self.field.countable:
            return EVERYBODY if unknown else NOBODY
        return self.field.q(self.op, self.value, now)


@dataclass(frozen=True)
class _SegmentTest:
    """The condition that one is in another segment, or is not."""

    segment: "CompiledSegment"
    is_in: bool

    def holds(self, subject: Subject, now: float) -> bool:
        return self.segment.holds(subject, now) == self.is_in

    def q(self, now: float, unknown: bool) -> Q:
        if self.is_in:
            return self.segment.q(now, unknown)
        inside = get_user_model()._default_manager.filter(self.segment.q(now, not unknown), pk=OuterRef("pk"))
        return ~Q(Exists(inside))


@dataclass(frozen=True)
class CompiledSegment:
    """A segment that is ready to be asked: it holds everything that it needs."""

    is_any: bool
    groups: tuple[tuple[bool, tuple[_FieldTest | _SegmentTest, ...]], ...]
    is_countable: bool = True
    """Whether the database knows all of it; if not, a count is of those who may be in it while they shop."""

    def holds(self, subject: Subject, now: float) -> bool:
        """Whether this visitor is in it."""
        for is_any, tests in self.groups:
            held = is_any
            for test in tests:
                if test.holds(subject, now) is is_any:
                    break
            else:
                held = not is_any
            if held is self.is_any:
                return held
        return not self.is_any

    def q(self, now: float, unknown: bool = True) -> Q:
        """Its condition over the user model; `unknown` is what counts for what the database does not know."""
        groups = [
            reduce(or_ if is_any else and_, [test.q(now, unknown) for test in tests]) for is_any, tests in self.groups
        ]
        return reduce(or_ if self.is_any else and_, groups) if groups else NOBODY if self.is_any else EVERYBODY

    def customers(self, now: float) -> QuerySet[Any]:
        """The accounts that are in it or, if it is not countable, may be."""
        return customers.active_customers().filter(self.q(now))


NOBODYS = CompiledSegment(True, ())


def compile_segment(
    segment: Segment, segments: Mapping[int, Segment] | None = None, sensitive: Sensitive | None = None
) -> CompiledSegment:
    """The segment ready to be asked. What became sensitive since is left out of its conditions.

    `segments` are those that it may name; one that names others in turn, or is not there, has no members. The products
    of its categories are read here, where a condition is about products.
    """
    segments = segments or {}
    named = [segments[key] for kind, key in referenced(segment) if kind == "segment" and key in segments]
    return _compile(segment, segments, sensitive or read_sensitive([segment, *named]))


def compile_segments(segments: Mapping[int, Segment]) -> dict[int, CompiledSegment]:
    """All of these, ready to be asked; each may name others of them."""
    sensitive = read_sensitive(list(segments.values()))
    return {key: compile_segment(segment, segments, sensitive) for key, segment in segments.items()}


def _compile(segment: Segment, segments: Mapping[int, Segment], sensitive: Sensitive) -> CompiledSegment:
    groups = []
    for group in segment.groups:
        tests = [_compile_condition(condition, segments, sensitive) for condition in group.conditions]
        groups.append((group.is_any, tuple(sorted(tests, key=_cost))))
    is_countable = all(_is_countable(test) for _, tests in groups for test in tests)
    return CompiledSegment(segment.is_any, tuple(groups), is_countable)


def _compile_condition(
    condition: Condition, segments: Mapping[int, Segment], sensitive: Sensitive
) -> _FieldTest | _SegmentTest:
    if condition.field == IN_SEGMENT:
        other = segments.get(condition.value)
        inside = NOBODYS if other is None else _compile(other, {}, sensitive)
        return _SegmentTest(inside, condition.op == "is")
    known, value = all_fields()[condition.field], condition.value
    if isinstance(value, Chosen):
        banned = sensitive.of_kind(known.kind)
        value = replace(value, keys=tuple(key for key in value.keys if key not in banned))
        if known.kind == "category" and known.about_products:
            value = replace(value, products=product_values.products_below(value.keys))
    return _FieldTest(known, condition.op, value)


def _cost(test: _FieldTest | _SegmentTest) -> int:
    """What is asked first: what needs no query of the visitor's events."""
    return 1 if isinstance(test, _SegmentTest) else 2 if test.field.reads_events else 0


def _is_countable(test: _FieldTest | _SegmentTest) -> bool:
    return test.segment.is_countable if isinstance(test, _SegmentTest) else test.field.countable
