"""What an export is asked for: a question for each customer, or for each basket, category page or list in a file."""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from personalization.exchange import tabular
from personalization.oscar import visits
from personalization.shop import catalogue

ROWS_AT_ONCE = 2_000
"""So many rows of a file are looked up together."""
MOST_SAID = 20
"""So many faults of a file are named; the others are counted."""
WHOLE = re.compile(r"(-?\d{1,18})(\.0*)?", re.ASCII)
PLAIN = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """One list that is asked for."""

    about: tuple[Any, ...]
    """What the first columns of its answer say."""
    customer: Any = None
    """None for somebody unknown."""
    given: tuple[int, ...] = ()
    """The products of a basket, or of a list that is to be put in order, as the file names them."""
    products: tuple[int, ...] = ()
    """The same, by the products that stand for them in the shop's lists: parents for children."""
    category: int | None = None
    query: str = ""


@dataclass(frozen=True)
class Questions:
    """All lists that one export is asked for."""

    surface: str
    columns: Mapping[str, type]
    """What the questions are about: the first columns of the answers."""
    size: int
    each: Iterable[Question]
    what: str
    """What there are so many of, in a word."""
    skipped: int = 0
    """How many rows of the file, or customers, could not be understood."""


class Faults:
    """Says what is wrong with a source, and counts."""

    def __init__(self, source: object, say: Callable[[str], Any]) -> None:
        self.source, self.say, self.count = source, say, 0

    def add(self, place: str, fault: str) -> None:
        """Names a place and what is wrong there."""
        self.count += 1
        if self.count <= MOST_SAID:
            self.say(f"{self.source}, {place}: {fault}; skipped.")

    def total(self) -> int:
        """How many there were in all; says so when not all of them were named."""
        if self.count > MOST_SAID:
            self.say(f"{self.source}: {self.count} were skipped in all; the first {MOST_SAID} are named above.")
        return self.count


@dataclass(frozen=True)
class Column:
    """A column of a file, by its usual name first."""

    names: tuple[str, ...]
    read: Callable[[str], Any]
    """What a cell holds; ValueError says what is wrong with it."""
    known: Callable[[Iterable[Any]], Mapping[Any, Any]] | None = None
    """Those of many cells that the shop knows, with what each stands for."""
    may_be_empty: bool = False
    may_be_absent: bool = False


def whole(cell: str) -> int:
    """The whole number in a cell; some programs write 7 as 7.0."""
    match = WHOLE.fullmatch(cell)
    if match is None:
        raise ValueError(f"{cell[:40]!r} is not a number")
    return int(match[1])


def customer_key(cell: str) -> Any:
    """The customer's key in a cell."""
    return whole(cell) if visits.customers_are_numbered() else visits.customer_key(cell)


def label(cell: str) -> int | str:
    """The name of a basket or list; a number only when it is written as numbers are."""
    return int(cell) if PLAIN.fullmatch(cell) else cell


def _products(keys: Iterable[int]) -> dict[int, tuple[int, int]]:
    """(the product as it is named, the product that stands for it in lists) of those that the shop knows."""
    return {key: (key, listed) for key, listed in visits.parent_of(keys).items()}


def _any_products(keys: Iterable[int]) -> dict[int, tuple[int, int]]:
    keys = list(keys)
    return {key: (key, key) for key in keys} | _products(keys)


def _categories(keys: Iterable[int]) -> dict[int, int]:
    return {key: key for key in catalogue.categories_by_id(keys)}


CUSTOMER = Column(("customer_id", "customer"), customer_key, visits.existing_customers, may_be_empty=True)
PRODUCT = Column(("product_id", "product"), whole, _products)
CATEGORY = Column(("category_id", "category"), whole, _categories)
QUERY = Column(("query",), str)
SEARCHED = Column(("q", "search_term", "search", "query"), str)
QUERY_ID = Column(("query_id", "qid"), label, may_be_absent=True)
BASKET = Column(("basket_id", "basket"), label)
LIST = Column(("list_id", "list"), label)


def of_everyone(surface: str, until: float) -> Questions:
    """One for each customer who ordered by this moment."""
    return _of_customers(surface, list(visits.customers_who_ordered(until)))


def of_customers(surface: str, keys: str, say: Callable[[str], Any]) -> Questions:
    """One for each of these customers; ValueError when they are not keys with commas between."""
    faults = Faults("--customers", say)
    asked = list(dict.fromkeys(customer_key(key.strip()) for key in keys.split(",")))
    known = {key for some in in_batches(asked, ROWS_AT_ONCE) for key in visits.existing_customers(some)}
    for key in asked:
        if key not in known:
            faults.add(str(key), "there is no such customer")
    return _of_customers(surface, [key for key in asked if key in known], faults.total())


def _of_customers(surface: str, keys: Sequence[Any], skipped: int = 0) -> Questions:
    each = (Question((key,), key) for key in keys)
    return Questions(surface, {"customer": _type_of_customers()}, len(keys), each, "customers", skipped)


def baskets(file: Path, say: Callable[[str], Any]) -> Questions:
    """One for each basket of a file with a row a product."""
    return _grouped(file, say, "basket", (BASKET, PRODUCT, replace(CUSTOMER, may_be_absent=True)))


def lists(file: Path, say: Callable[[str], Any]) -> Questions:
    """One for each list of a file with a row a product, whether the shop knows the product or not."""
    return _grouped(file, say, "list", (LIST, replace(PRODUCT, known=_any_products), CUSTOMER))


def _grouped(file: Path, say: Callable[[str], Any], what: str, columns: Sequence[Column]) -> Questions:
    faults = Faults(file, say)
    groups = _Groups(what)
    with tabular.open_table(file) as table:
        for place, (name, (given, listed), customer) in values(table, columns, faults):
            if fault := groups.add(name, given, listed, customer):
                faults.add(place, fault)
    surface = "basket" if what == "basket" else "category"
    return Questions(
        surface, {what: groups.label_type}, len(groups.places), groups.questions(), f"{what}s", faults.total()
    )


class _Groups:
    """Baskets or lists, in the order in which they first appear: three numbers for each product, wherever it stood."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.places: dict[int | str, int] = {}
        self.customers: list[Any] = []
        self.group, self.given, self.listed = array("q"), array("q"), array("q")

    def add(self, name: int | str, given: int, listed: int, customer: Any) -> str:
        """Adds a product to a group, or says what is wrong. Any of its rows may name its customer, or none."""
        place = self.places.setdefault(name, len(self.places))
        if place == len(self.customers):
            self.customers.append(customer)
        elif self.customers[place] is None:
            self.customers[place] = customer
        elif customer not in (None, self.customers[place]):
            return f"{self.what} {name} is customer {self.customers[place]}'s already, not {customer}'s"
        self.group.append(place)
        self.given.append(given)
        self.listed.append(listed)
        return ""

    @property
    def label_type(self) -> type:
        """Of the groups' names: text when any of them is not a whole number."""
        return int if all(isinstance(name, int) for name in self.places) else str

    def questions(self) -> Iterator[Question]:
        """One for each group."""
        group = np.frombuffer(self.group, np.int64)
        order = np.argsort(group, kind="stable")
        bounds = np.searchsorted(group[order], np.arange(len(self.places) + 1)).tolist()
        given, listed = np.frombuffer(self.given, np.int64)[order], np.frombuffer(self.listed, np.int64)[order]
        written = self.label_type
        for name, place in self.places.items():
            rows = slice(bounds[place], bounds[place + 1])
            products = tuple(given[rows].tolist()), tuple(listed[rows].tolist())
            yield Question((written(name),), self.customers[place], *products)


def listings(file: Path, say: Callable[[str], Any]) -> Questions:
    """One for each customer and category page, or each customer and search, of a file; each once."""
    faults = Faults(file, say)
    people, things = _Numbered(), _Numbered()
    asked = array("q")
    with tabular.open_table(file) as table:
        thing = _category_or_query(table)
        for _, (customer, key) in values(table, (CUSTOMER, thing), faults):
            asked.extend((people.number(customer), things.number(key)))
    pairs = np.frombuffer(asked, np.int64).reshape(-1, 2)
    _, first = np.unique(pairs, axis=0, return_index=True)
    pairs = pairs[np.sort(first)]
    columns = {"customer": _type_of_customers(), thing.names[-1]: str if thing is QUERY else int}
    each = (_listing(people.things[person], things.things[place], thing) for person, place in pairs.tolist())
    return Questions("category", columns, len(pairs), each, "listings", faults.total())


def searches(file: Path, say: Callable[[str], Any]) -> Questions:
    """One for each row of a file of searches, by its own id where it has one; else one for each search, or each search
    and customer."""
    faults = Faults(file, say)
    further = {"qid": QUERY_ID, "customer": replace(CUSTOMER, may_be_absent=True)}
    with tabular.open_table(file) as table:
        there = [name for name, column in further.items() if table.column(column.names) is not None]
        names = [*there, *(name for name in further if name not in there)]
        found = _Searches("qid" in there, "customer" in there)
        for place, (query, *more) in values(table, [SEARCHED, *(further[name] for name in names)], faults):
            if fault := found.add(query, **dict(zip(names, more, strict=True))):
                faults.add(place, fault)
    return Questions("search", found.columns(), len(found.each), found.each.values(), "searches", faults.total())


@dataclass
class _Searches:
    """Searches, by what their answers are about."""

    identified: bool
    """They have ids of their own."""
    of_customers: bool
    each: dict[tuple, Question] = field(default_factory=dict)

    def add(self, query: str, qid: int | str | None, customer: Any) -> str:
        """Adds a search, or says what is wrong. Without an id, the same search of the same customer is asked once."""
        about = (qid,) if self.identified else (query, customer) if self.of_customers else (query,)
        if self.identified and about in self.each:
            return f"there is a qid {qid} already"
        self.each.setdefault(about, Question(about, customer, query=query))
        return ""

    def columns(self) -> dict[str, type]:
        """The first columns of the answers."""
        if self.identified:
            return {"qid": int if all(isinstance(qid, int) for (qid,) in self.each) else str}
        return {"query": str, **({"customer": _type_of_customers()} if self.of_customers else {})}


class _Numbered:
    """Things by the order in which they first appeared."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.things: list[Any] = []

    def number(self, thing: Any) -> int:
        """The thing's place in `things`."""
        place = self.numbers.setdefault(thing, len(self.things))
        if place == len(self.things):
            self.things.append(thing)
        return place


def _category_or_query(table: tabular.Table) -> Column:
    there = [column for column in (CATEGORY, QUERY) if table.column(column.names) is not None]
    if len(there) == 1:
        return there[0]
    raise tabular.TableError(_needs(table, f"{_named(CUSTOMER)}, and either {_named(CATEGORY)} or query"))


def _listing(customer: Any, key: Any, thing: Column) -> Question:
    if thing is QUERY:
        return Question((customer, key), customer, query=key)
    return Question((customer, key), customer, category=key)


def values(table: tabular.Table, columns: Sequence[Column], faults: Faults) -> Iterator[tuple[str, list[Any]]]:
    """(place, what the cells of these columns stand for) of each row that can be understood.

    None stands for an empty cell, where one may be, and for all cells of a column that may be absent and is.
    """
    places = [table.column(column.names) for column in columns]
    if any(place is None and not column.may_be_absent for place, column in zip(places, columns, strict=True)):
        raise tabular.TableError(_needs(table, ", ".join(map(_named, columns))))
    there = [column for place, column in zip(places, columns, strict=True) if place is not None]
    absent = [None] * (len(columns) - len(there))  # they stand at the end
    for rows in in_batches(table.rows([place for place in places if place is not None]), ROWS_AT_ONCE):
        for place, fault, held in _looked_up([_read(row, there) for row in rows], there):
            if fault:
                faults.add(place, fault)
            else:
                yield place, held + absent


def _needs(table: tabular.Table, needed: str) -> str:
    found = ", ".join(table.header) or "nothing"
    return f"{table.file} needs a first line that names its columns: {needed}. Found was: {found}."


def _named(column: Column) -> str:
    names = " or ".join(column.names)
    return f"{names} (may be left out)" if column.may_be_absent else names


def _read(row: tabular.TableRow, columns: Sequence[Column]) -> tuple[str, str, list[Any]]:
    """(place, what is wrong, values)."""
    try:
        held = [_value(cell, column) for cell, column in zip(row.cells, columns, strict=not row.fault)]
    except ValueError as error:
        return row.place, str(error), []
    return row.place, row.fault, held


def _value(cell: str, column: Column) -> Any:
    if cell:
        return column.read(cell)
    if column.may_be_empty:
        return None
    raise ValueError(f"{column.names[-1]} is empty")


def _looked_up(rows: list[tuple[str, str, list[Any]]], columns: Sequence[Column]) -> Iterator[tuple[str, str, list]]:
    """The same rows with what their values stand for; what the shop does not know is wrong."""
    known: list[Mapping[Any, Any] | None] = []
    for at, column in enumerate(columns):
        wanted = {held[at] for _, fault, held in rows if not fault} - {None}
        known.append(column.known(wanted) if column.known else None)
    for place, fault, held in rows:
        try:
            cells = zip(held, columns, known, strict=not fault)
            yield place, fault, [_stands_for(value, column, shop) for value, column, shop in cells]
        except LookupError as unknown:
            yield place, str(unknown.args[0]), []


def _stands_for(value: Any, column: Column, known: Mapping[Any, Any] | None) -> Any:
    if value is None or known is None:
        return value
    if value not in known:
        raise LookupError(f"there is no {column.names[-1]} {value}")
    return known[value]


def in_batches(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The things, so many at a time."""
    things = iter(things)
    while batch := list(islice(things, size)):
        yield batch


def _type_of_customers() -> type:
    return int if visits.customers_are_numbered() else str
