"""Everything that the app holds of one visitor, complete, for them to take away."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.models import Visitor
from personalization.privacy import identity
from personalization.privacy.requester import Requester
from personalization.shop import account_records

NamedRecords = dict[str, dict[int, str]]
TableRows = Mapping[type[Model], Iterable[Model]]

ID_TYPES = {
    "product_id": "products",
    "items": "products",
    "products": "products",
    "neighbour_products": "products",
    "categories": "categories",
}
"""By field: what the keys in it, or at the start of each of its rows, are keys of."""
PREFERENCE_WORDS = {"product": "products", "category": "categories", "interest": "categories"}


def export_visitor_data(requester: Requester, now: datetime, part: TableRows | None = None) -> dict[str, Any]:
    """All that we hold of whoever asks, and what is read of them from the shop's own tables. Of the tables in `part`
    these rows stand for all."""
    user_id = requester.user_id
    records = account_records.account_records(user_id) if user_id is not None else account_records.AccountRecords()
    return {
        "exported_at": now,
        "tables": visitor_tables(user_id, identity.get_visitor(requester), part),
        "cookies": dict(requester.cookies),
        "shop": _oscar_records(records),
    }


def _oscar_records(records: account_records.AccountRecords) -> list[dict[str, Any]]:
    """How much there is, and where it can be seen."""
    orders, here = reverse("customer:order-list"), pgettext("personalization", "ask the shop")
    return [
        {
            "name": pgettext("personalization", "orders"),
            "count": records.orders,
            "first_at": records.first_order,
            "see": orders,
        },
        {"name": _("product views while signed in"), "count": records.views, "see": here},
        {"name": pgettext("personalization", "searches while signed in"), "count": records.searches, "see": here},
    ]


def visitor_tables(
    user_id: Any, visitor: Visitor | None, part: TableRows | None = None
) -> dict[str, list[dict[str, Any]]]:
    """{model: its rows} of every table of ours with a row that can be one visitor's; names stand beside keys.

    Found by following the tables' own references, so that a new table cannot be missed.
    """
    part = part or {}
    return tables_as_data({**_rows(user_id, visitor, part), **part})


def tables_as_data(of: TableRows) -> dict[str, list[dict[str, Any]]]:
    """{model: its rows}, with names beside keys."""
    rows = {model._meta.label: [_fields(row) for row in found] for model, found in of.items()}
    named = _with_names(row for table in rows.values() for row in table)
    return {label: [_row_as_data(row, named) for row in table] for label, table in rows.items()}


def relations_to_person(model: type[Model]) -> dict[str, type[Model]]:
    """{lookup: Visitor or the shop's model of users} for each way from a table of ours to whom a row is about."""
    return dict(_walk_relations(model, (model,)))


def _walk_relations(model: type[Model], passed: tuple[type[Model], ...]) -> Iterator[tuple[str, type[Model]]]:
    people: tuple[type[Model], ...] = (Visitor, get_user_model())
    if model is Visitor:
        yield "pk", Visitor
    for field in [*model._meta.concrete_fields, *model._meta.many_to_many]:
        target: Any = field.related_model
        if target in people:
            yield field.name, target
        elif target is not None and target not in passed and target._meta.app_label == Visitor._meta.app_label:
            yield from ((f"{field.name}__{rest}", who) for rest, who in _walk_relations(target, (*passed, target)))


def _rows(user_id: Any, visitor: Visitor | None, part: TableRows) -> dict[type[Model], Iterable[Model]]:
    """The rows of every such table that is not in `part`."""
    keys = {Visitor: visitor.pk if visitor else None, get_user_model(): user_id}
    found: dict[type[Model], Iterable[Model]] = {}
    for model in apps.get_app_config(Visitor._meta.app_label).get_models():
        ways = {} if model in part else relations_to_person(model)
        known = [Q(**{way: keys[who]}) for way, who in ways.items() if keys[who] is not None]
        if ways:
            rows = model._base_manager.filter(_any(known)).order_by("pk") if known else ()
            found[model] = {row.pk: row for row in rows}.values()
    return found


def _any(conditions: list[Q]) -> Q:
    together = Q()
    for condition in conditions:
        together |= condition
    return together


def _fields(row: Model) -> dict[str, Any]:
    own = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}
    several = {field.name: [each.pk for each in field.value_from_object(row)] for field in row._meta.many_to_many}
    return own | several


def _with_names(rows: Iterable[dict[str, Any]]) -> NamedRecords:
    """What all products and categories in these rows are called, in two queries."""
    keys: dict[str, set[int]] = {"products": set(), "categories": set()}
    for row in rows:
        for kind, found in _keys(row):
            keys[kind].add(found)
    return {
        "products": account_records.product_titles(keys["products"]),
        "categories": account_records.category_titles(keys["categories"]),
    }


def _id_types(row: dict[str, Any]) -> dict[str, str]:
    """{field: what its keys are keys of}; the items of a menu are categories."""
    return {**ID_TYPES, "items": "categories"} if row.get("item_kind") == "category" else ID_TYPES


def _keys(row: dict[str, Any]) -> Iterator[tuple[str, int]]:
    id_types = _id_types(row)
    for name, value in row.items():
        if name in id_types and isinstance(value, int):
            yield id_types[name], value
        elif name in id_types and isinstance(value, list):
            yield from ((id_types[name], entry[0]) for entry in value)
        elif name == "preferences":
            yield from ((PREFERENCE_WORDS[entry[0]], entry[1]) for entry in value if entry[0] in PREFERENCE_WORDS)


def _row_as_data(row: dict[str, Any], named: NamedRecords) -> dict[str, Any]:
    """The row with names beside keys: after a key in a list, under a key of its own else; None for what is not in the
    shop any more."""
    told: dict[str, Any] = {}
    id_types = _id_types(row)
    for name, value in row.items():
        told[name] = value
        if name in id_types and isinstance(value, int):
            told[f"{name.removesuffix('_id')}_name"] = named[id_types[name]].get(value)
        elif name in id_types and isinstance(value, list):
            told[name] = [[entry[0], named[id_types[name]].get(entry[0]), *entry[1:]] for entry in value]
        elif name == "preferences":
            told[name] = [_preference_as_data(entry, named) for entry in value]
    return told


def _preference_as_data(entry: list, named: NamedRecords) -> list:
    kind, key, *rest = entry
    return [kind, key, named[PREFERENCE_WORDS[kind]].get(key) if kind in PREFERENCE_WORDS else None, *rest]
