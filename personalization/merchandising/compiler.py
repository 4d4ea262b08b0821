"""From what is published to what a decision reads: targets become keys of products, times become seconds.

Each kind of target costs a query or two, however many campaigns name it; the same target is looked up once.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from personalization.batching import batched
from personalization.merchandising import documents
from personalization.merchandising.campaign_parts import as_part, campaign_audience
from personalization.merchandising.compile_audience import compile_audience, compile_schedule
from personalization.merchandising.compile_blocks import compile_block
from personalization.merchandising.compile_rows import sorted_numbers
from personalization.merchandising.compiled import (
    Action,
    AllOf,
    Campaign,
    Do,
    FixedTarget,
    LargeTarget,
    Place,
    RelativeTarget,
    Target,
)
from personalization.merchandising.compiled_blocks import Block
from personalization.merchandising.compiled_numbers import ProductGroups
from personalization.merchandising.search_rules import SearchRedirect, SearchRules, SynonymGroup
from personalization.models import Band, BlockImage, Definition
from personalization.shop import product_targets, search_targets

Message = str | Promise
"""Put into a language when somebody reads them: rules are compiled once for all staff."""
LARGE = 20_000
"""More products than this are kept as a sorted array."""
PRODUCTS_PER_QUERY = 1_000
NOTHING = FixedTarget(frozenset())


@dataclass
class Compiler:
    """Compiles documents, and remembers what it looked up; one for one moment."""

    problems: dict[int, list[Message]] = field(default_factory=dict)
    """By the key of the definition: what it names and the shop has no more, in words."""
    images: Mapping[int, BlockImage] = field(default_factory=dict)
    """The pictures that the documents name, looked up for all of them at once."""
    owners: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """What each live campaign says, by its key: its parts are for whom and when it is."""
    _targets: dict[str, Target] = field(default_factory=dict)
    _missing: dict[str, list[Message]] = field(default_factory=dict)
    _groups: dict[str, ProductGroups] = field(default_factory=dict)
    _numbers: dict[str, ProductGroups] = field(default_factory=dict)
    _parents: dict[int, int | None] = field(default_factory=dict)
    """By product that was looked up: the public one that stands for it; None for none."""
    _paths: dict[int, str] | None = None
    """The place of each category in the tree."""

    def look_up_products(self, found: Iterable[Mapping[str, Any]]) -> None:
        """Looks up all products that these documents name, a thousand a query: else each action takes one."""
        self._public_parents({key for document in found for key in _named_products(document)})

    def campaign(self, definition: Definition, document: Mapping[str, Any], version: int) -> Campaign:
        """A campaign as it acts. What it names and is gone makes its action silent, and is noted in `problems`."""
        problems: list[Message] = []
        self.problems[definition.pk] = problems
        return Campaign(
            id=definition.pk,
            version=version,
            name=definition.name,
            where=tuple(self._place(place, problems) for place in document["where"]),
            actions=tuple(self._action(action, problems) for action in document["what"]),
            audience=compile_audience(campaign_audience(definition.pk, document)),
            schedule=compile_schedule(document.get("when", {})),
            band=Band(definition.band),
        )

    def block(self, definition: Definition, document: Mapping[str, Any]) -> Block:
        """A content block as it acts; one that belongs to a campaign is for whom and when that one is."""
        if definition.campaign_id is not None:
            document = as_part(document, definition.campaign_id, self.owners[definition.campaign_id])
        problems = self.problems[definition.pk] = list[Message]()
        image = self.images.get(document.get("image", {}).get("key", 0))
        return compile_block(definition, document, image, problems)

    def search_rules(self, documents_by_key: Mapping[int, tuple[str, Mapping[str, Any]]]) -> SearchRules:
        """Synonyms and redirects as searches obey them. A redirect that leads nowhere is silent, and is noted.

        Parameters: `documents_by_key`, by the key of each definition its kind and its document.
        """
        synonyms = [
            SynonymGroup.from_document(key, one) for key, (kind, one) in documents_by_key.items() if kind == "synonym"
        ]
        redirects = {
            key: SearchRedirect.from_document(key, one)
            for key, (kind, one) in documents_by_key.items()
            if kind == "redirect"
        }
        missing = search_targets.missing_targets({one.target for one in redirects.values()})
        for key, one in redirects.items():
            if one.target in missing:
                self.problems[key] = [_("The page that it names was deleted, or is not public.")]
            elif any(other.matches(searched) for other in redirects.values() for searched in one.searched_there):
                self.problems[key] = [_("It leads to a search that is redirected itself.")]
        serving = tuple(one for key, one in redirects.items() if key not in self.problems)
        return SearchRules(tuple(synonyms), serving)

    def target(self, document: Mapping[str, Any], problems: list[Message]) -> Target:
        """What a target means now. Where it is gone, that is added to the problems, and it means nothing."""
        key = json.dumps(document, sort_keys=True)
        if key not in self._targets:
            self._missing[key] = []
            self._targets[key] = self._find(document, self._missing[key])
        problems.extend(line for line in self._missing[key] if line not in problems)
        return self._targets[key]

    def numbers(self, name: str, read: Callable[[], Iterable[tuple[int, float]]]) -> ProductGroups:
        """A number of each product, read once."""
        if name not in self._numbers:
            self._numbers[name] = sorted_numbers(read())
        return self._numbers[name]

    def _place(self, place: Mapping[str, Any], problems: list[Message]) -> Place:
        categories, rows = place.get("categories"), place.get("rows", "all")
        return Place(
            surface=place["surface"],
            row_codes=None if rows == "all" or not rows else frozenset(rows),
            categories=self._categories(categories, place.get("below", True), problems) if categories else None,
            searches=documents.word_lists(place.get("words", [])),
            seen=self.target(place["seen"], problems) if place.get("seen") else None,
        )

    def _categories(self, keys: Iterable[int], below: bool, problems: list[Message]) -> frozenset[int]:
        if self._paths is None:
            self._paths = product_targets.category_paths()
        found = product_targets.categories_below(keys, self._paths)
        if set(keys) - found.keys():
            problems.append(_("A category page that it names was deleted."))
        return frozenset(set().union(*found.values()) if below else found)

    def _action(self, action: Mapping[str, Any], problems: list[Message]) -> Action:
        place, target = action.get("place"), action["target"]
        first, last = (place, place) if isinstance(place, int) else (place or (0, 0))
        pinned: tuple[int, ...] = ()
        if action["do"] == Do.PIN:
            parents = self._public_parents(target["products"])
            pinned = tuple(dict.fromkeys(parents[key] for key in target["products"] if key in parents))
        return Action(
            do=Do(action["do"]),
            target=self.target(target, problems),
            product_ids=pinned,
            place=first,
            last_place=last,
            strength=action.get("strength", 2),
            soft=action.get("soft", False),
            sold_out=action.get("sold_out", False),
            sponsored=action.get("sponsored", False),
        )

    def _public_parents(self, keys: Iterable[int]) -> dict[int, int]:
        wanted = set(keys)
        for batch in batched(sorted(wanted - self._parents.keys()), PRODUCTS_PER_QUERY):
            found = product_targets.public_parents(batch)
            self._parents.update({key: found.get(key) for key in batch})
        return {key: parent for key in wanted if (parent := self._parents[key]) is not None}

    def _find(self, target: Mapping[str, Any], problems: list[Message]) -> Target:
        kind = documents.target_kind(target)
        if kind == "all":
            return AllOf(tuple(self.target(part, problems) for part in target["all"]))
        if kind == "like_viewed":
            return self._relative(target)
        if kind == "products":
            parents = self._public_parents(target["products"])
            if len(parents) < len(set(target["products"])):
                problems.append(_("A product that it names is no longer public, or was deleted."))
            return FixedTarget(frozenset(parents.values()))
        product_ids = _look_up[kind](target)
        if product_ids is None:
            problems.append(_deleted_messages()[kind])
            return NOTHING
        if not len(product_ids):
            problems.append(_("A target matches no product now."))
        return _target_of(product_ids)

    def _relative(self, target: Mapping[str, Any]) -> Target:
        name = target["like_viewed"]
        key = f"{name}:{target.get('like_attribute', '')}"
        if key not in self._groups:
            self._groups[key] = _product_groups(name, target.get("like_attribute", ""))
        band = target.get("like_price")
        if name == "price" and band:
            return RelativeTarget(self._groups[key], (band[0] / 100, band[1] / 100))
        like = RelativeTarget(self._groups[key])
        if not band:
            return like
        return AllOf((like, self._relative({"like_viewed": "price", "like_price": band})))


def _named_products(part: Any) -> Iterator[int]:
    """The keys in all lists of products within a document, however it is built: it may not be valid."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            if name == "products" and isinstance(value, list):
                yield from (key for key in value if isinstance(key, int) and 0 < key < 2**63)
            else:
                yield from _named_products(value)
    elif isinstance(part, list):
        for one in part:
            yield from _named_products(one)


_look_up: dict[str, Callable[[Mapping[str, Any]], NDArray[np.int64] | None]] = {
    "range": lambda target: product_targets.products_of_range(target["range"]),
    "category": lambda target: product_targets.products_of_category(
        target["category"], below=target.get("below", True)
    ),
    "class": lambda target: product_targets.products_of_class(target["class"]),
    "attribute": lambda target: product_targets.products_with_attribute(
        target["attribute"], target["op"], target["value"]
    ),
    "partner": lambda target: product_targets.products_of_partner(target["partner"]),
    "on_offer": lambda target: product_targets.products_on_offer(),
    "price": lambda target: product_targets.products_in_price(target["price"]),
    "stock": lambda target: product_targets.products_in_stock(target["stock"]),
    "newer": lambda target: product_targets.products_newer_than(target["newer"]),
    "rating": lambda target: product_targets.products_rated(target["rating"]),
}


def _deleted_messages() -> dict[str, Message]:
    return {
        "range": _("The Range that it names was deleted."),
        "category": _("The category that it names was deleted."),
        "class": _("The product type that it names was deleted."),
        "attribute": _("The attribute that it names was deleted."),
        "partner": _("The partner that it names was deleted."),
    }


def _target_of(product_ids: NDArray[np.int64]) -> Target:
    if len(product_ids) > LARGE:
        return LargeTarget(product_ids)
    return FixedTarget(frozenset(product_ids.tolist()))


def _product_groups(name: str, attribute: str) -> ProductGroups:
    """The groups by which products are compared with the one in view."""
    if name == "price":
        rows: Iterable[tuple[int, Any]] = product_targets.all_prices().items()
    elif name == "category":
        rows = product_targets.product_categories()
    elif name == "class":
        rows = product_targets.product_classes()
    else:
        texts = product_targets.attribute_values(attribute)
        numbers = {text: number for number, text in enumerate(sorted({text for _key, text in texts}))}
        rows = [(key, numbers[text]) for key, text in texts]
    table = np.array(sorted((key, float(value)) for key, value in rows), np.float64).reshape(-1, 2)
    return ProductGroups(table[:, 0].astype(np.int64), table[:, 1])
