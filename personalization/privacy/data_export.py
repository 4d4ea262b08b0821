"""Everything that the app stores about one visitor, complete, for them to download."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.models import AuditEntry, Event, GenomeMonth, Version, Visitor
from personalization.models.paging import pages_by_key
from personalization.models.sizes_stated import size_statement
from personalization.privacy import identity
from personalization.privacy.households import household_state
from personalization.privacy.message_addresses import stored_suppressions
from personalization.privacy.requester import Requester
from personalization.shop import account_records, sizes

NamedRecords = dict[str, dict[Any, str]]
TableRows = Mapping[type[Model], Iterable[Model]]

ID_TYPES = {
    "product_id": "products",
    "items": "products",
    "products": "products",
    "neighbour_products": "products",
    "categories": "categories",
}
"""By field: whose primary keys it contains, itself or at the start of each of its rows."""
TASTE_ID_TYPES = {
    "product": "products",
    "wish": "products",
    "alert": "products",
    "category": "categories",
    "new": "categories",
}
PAGE_SIZE = 200
"""The rows that a download holds at a time: an event may name 200 products, all of whose names are looked up."""
PAGE_KEYS: dict[type[Model], tuple[str, ...]] = {Event: ("occurred_at", "pk")}
"""By which unique fields a table is read in pages, where not by its primary key: a visitor's events have an index by
time."""
STAFF_FIELDS: dict[type[Model], frozenset[str]] = {
    AuditEntry: frozenset({"by", "by_id", "by_name"}),
    Version: frozenset({"by", "by_id", "by_name"}),
}
"""By table: the fields that say which member of staff did something. A customer is told that and why their data was
looked at, not by whom."""
PREFERENCE_ID_TYPES = {"product": "products", "category": "categories", "interest": "categories", "size": "sizes"}
TYPED_LISTS = {"preferences": PREFERENCE_ID_TYPES, "tastes": TASTE_ID_TYPES}
"""By field, whose rows begin with a type and a key: by type whose primary key it is."""


def export_visitor_data(requester: Requester, now: datetime, part: TableRows | None = None) -> dict[str, Any]:
    """Everything that is stored about the requester, whether their address is not written to, and a summary of their
    records in the shop's own tables.

    Parameters
    ----------
    part
        {model: rows} to export instead of all rows of these tables.
    """
    return _with_summary(requester, now, visitor_tables(requester.user_id, identity.read_visitor(requester), part))


def streamed_visitor_data(requester: Requester, now: datetime) -> dict[str, Any]:
    """What `export_visitor_data` returns, with an iterator in the place of each table's list: it reads a page of rows
    when it gets there."""
    queries = _queries(requester.user_id, identity.read_visitor(requester))
    return _with_summary(requester, now, {model._meta.label: _streamed_rows(rows) for model, rows in queries.items()})


def _with_summary(requester: Requester, now: datetime, tables: dict[str, Any]) -> dict[str, Any]:
    user_id = requester.user_id
    records = account_records.account_records(user_id) if user_id is not None else account_records.AccountRecords()
    return {
        "exported_at": now,
        "tables": tables,
        "cookies": dict(requester.cookies),
        "shop": _oscar_records(records),
        "suppressed": stored_suppressions(user_id) if user_id is not None else [],
        **_household_summary(requester, now),
    }


def _household_summary(requester: Requester, now: datetime) -> dict[str, Any]:
    """That they are in a household, since when, and how many are: nothing of the others."""
    state = household_state(identity.read_visitor(requester), now)
    if state is None or not state.members:
        return {}
    return {"household": {"since": state.since, "members": state.members}}


def _oscar_records(records: account_records.AccountRecords) -> list[dict[str, Any]]:
    """How many records there are, and where to see them."""
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
    """{model: its rows} of every table of the app that can refer to a visitor, with names beside keys.

    The tables are found by their foreign keys, so that a new one cannot be missed.
    """
    part = part or {}
    queries = _queries(user_id, visitor)
    rows = {model: {row.pk: row for row in query}.values() for model, query in queries.items() if model not in part}
    return tables_as_data({**rows, **part})


def tables_as_data(tables: TableRows) -> dict[str, list[dict[str, Any]]]:
    """{model: its rows}, with names beside keys."""
    rows = {model._meta.label: [_fields(row) for row in found] for model, found in tables.items()}
    named = _names_in(row for table in rows.values() for row in table)
    return {label: [_row_as_data(row, named) for row in table] for label, table in rows.items()}


def relations_to_person(model: type[Model]) -> dict[str, type[Model]]:
    """{lookup: Visitor or the shop's user model} for each path of foreign keys from a table to whom a row is about."""
    return dict(_walk_relations(model, (model,)))


def _walk_relations(model: type[Model], passed: tuple[type[Model], ...]) -> Iterator[tuple[str, type[Model]]]:
    people: tuple[type[Model], ...] = (Visitor, get_user_model())
    if model is Visitor:
        yield "pk", Visitor
    for field in [*model._meta.concrete_fields, *model._meta.many_to_many]:
        if field.name in STAFF_FIELDS.get(model, ()):
            continue
        target: Any = field.related_model
        if target in people:
            yield field.name, target
        elif target is not None and target not in passed and target._meta.app_label == Visitor._meta.app_label:
            yield from ((f"{field.name}__{rest}", who) for rest, who in _walk_relations(target, (*passed, target)))


def _queries(user_id: Any, visitor: Visitor | None) -> dict[type[Model], QuerySet[Any]]:
    """The visitor's rows of every such table, not read yet."""
    keys = {Visitor: visitor.pk if visitor else None, get_user_model(): user_id}
    found: dict[type[Model], QuerySet[Any]] = {}
    for model in apps.get_app_config(Visitor._meta.app_label).get_models():
        relations = relations_to_person(model)
        conditions = [Q(**{path: keys[who]}) for path, who in relations.items() if keys[who] is not None]
        if relations:
            rows = model._base_manager.filter(_any(conditions)) if conditions else model._base_manager.none()
            found[model] = rows.order_by("pk")
    return found


def _streamed_rows(query: QuerySet[Any]) -> Iterator[dict[str, Any]]:
    for page in pages_by_key(query, PAGE_KEYS.get(query.model, ("pk",)), PAGE_SIZE):
        rows = [_fields(row) for row in {row.pk: row for row in page}.values()]
        named = _names_in(rows)
        yield from (_row_as_data(row, named) for row in rows)


def _any(conditions: list[Q]) -> Q:
    combined = Q()
    for condition in conditions:
        combined |= condition
    return combined


def _fields(row: Model) -> dict[str, Any]:
    own = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}
    related = {field.name: [each.pk for each in field.value_from_object(row)] for field in row._meta.many_to_many}
    if isinstance(row, GenomeMonth):  # the tastes of the facts stand in a table of their own, too, with their names
        own["tastes"] = [[taste.kind, taste.key, taste.share] for taste in row.read_tastes()]
    withheld = STAFF_FIELDS.get(type(row), frozenset())
    return {name: value for name, value in (own | related).items() if name not in withheld}


def _names_in(rows: Iterable[dict[str, Any]]) -> NamedRecords:
    """The names of all products and categories in these rows, in two queries, and those of sizes where there are
    some."""
    keys: dict[str, set[Any]] = {"products": set(), "categories": set(), "sizes": set()}
    for row in rows:
        for kind, key in _referenced_keys(row):
            keys[kind].add(key)
    return {
        "products": account_records.product_titles(keys["products"]),
        "categories": account_records.category_titles(keys["categories"]),
        "sizes": sizes.size_titles(keys["sizes"]),
    }


def _id_types(row: dict[str, Any]) -> dict[str, str]:
    """{field: what its keys are keys of}; the items of a menu are categories, and a taste says itself what it is of."""
    if row.get("kind") in TASTE_ID_TYPES:
        return {**ID_TYPES, "key": TASTE_ID_TYPES[row["kind"]]}
    return {**ID_TYPES, "items": "categories"} if row.get("item_kind") == "category" else ID_TYPES


def _referenced_keys(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    id_types = _id_types(row)
    for name, value in row.items():
        if name in id_types and isinstance(value, int):
            yield id_types[name], value
        elif name in id_types and isinstance(value, list):
            yield from ((id_types[name], entry[0]) for entry in value)
        elif name in TYPED_LISTS and isinstance(value, list):
            types = TYPED_LISTS[name]
            yield from ((types[entry[0]], entry[1]) for entry in value if entry[0] in types)
        elif name == "sizes":
            yield from (("sizes", size_statement(*entry[:2])) for entry in value)


def _row_as_data(row: dict[str, Any], named: NamedRecords) -> dict[str, Any]:
    """The row with names beside keys: after the key in a list, else in a field of its own; None for what is not in the
    shop any more."""
    data: dict[str, Any] = {}
    id_types = _id_types(row)
    for name, value in row.items():
        data[name] = value
        if name in id_types and isinstance(value, int):
            data[f"{name.removesuffix('_id')}_name"] = named[id_types[name]].get(value)
        elif name in id_types and isinstance(value, list):
            data[name] = [[entry[0], named[id_types[name]].get(entry[0]), *entry[1:]] for entry in value]
        elif name in TYPED_LISTS and isinstance(value, list):
            data[name] = [_typed_entry(entry, TYPED_LISTS[name], named) for entry in value]
        elif name == "sizes":
            data[name] = [[*entry[:2], named["sizes"].get(size_statement(*entry[:2])), *entry[2:]] for entry in value]
    return data


def _typed_entry(entry: list, types: Mapping[str, str], named: NamedRecords) -> list:
    kind, key, *rest = entry
    return [kind, key, named[types[kind]].get(key) if kind in types else None, *rest]
