"""The names of what a definition refers to, and what a merchant may choose from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import CharField, Count, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Value
from oscar.core.loading import get_model

from personalization.models import SensitiveCategory
from personalization.shop.card_columns import sensitive_column

Category = get_model("catalogue", "Category")
ConditionalOffer = get_model("offer", "ConditionalOffer")
Partner = get_model("partner", "Partner")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductClass = get_model("catalogue", "ProductClass")
Range = get_model("offer", "Range")

NAMED_MODELS = {
    "product": (Product, "title"),
    "category": (Category, "name"),
    "range": (Range, "name"),
    "offer": (ConditionalOffer, "name"),
    "class": (ProductClass, "name"),
    "partner": (Partner, "name"),
}
"""The tables that a definition may refer to by primary key, each with the column that holds the name."""
MAX_FOUND = 20


def names_of(references: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """{(kind, key): name} of those that exist, in one query; none where nothing is referred to."""
    wanted: dict[str, set[str]] = {}
    for kind, key in references:
        if kind in NAMED_MODELS:
            wanted.setdefault(kind, set()).add(key)
    parts = [_names_of_kind(kind, keys) for kind, keys in wanted.items()]
    rows = parts[0].union(*parts[1:], all=True) if parts else ()
    return {(kind, str(key)): name for kind, key, name in rows}


def _names_of_kind(kind: str, keys: set[str]) -> QuerySet[Any, Any]:
    model, column = NAMED_MODELS[kind]
    rows: QuerySet[Any] = model._default_manager.filter(pk__in=keys).order_by()
    named: QuerySet[Any, Any] = rows.annotate(of=Value(kind), called=F(column)).values_list("of", "pk", "called")
    return named


@dataclass
class CheckedNames:
    """The names of products and categories of a customer, and which of those may not be shown."""

    names: dict[tuple[str, int], str] = field(default_factory=dict)
    """By (kind, key), of those that exist and are not sensitive."""
    sensitive: set[tuple[str, int]] = field(default_factory=set)
    """(kind, key) of those that are in a category that is flagged as sensitive now, or below one."""


def checked_names(product_ids: Iterable[int], category_ids: Iterable[int]) -> CheckedNames:
    """The names of these: one query for products, one for categories."""
    products, categories, checked = set(product_ids), set(category_ids), CheckedNames()
    if products:
        rows = Product.objects.filter(pk__in=products).annotate(**sensitive_column())
        _sort_out(checked, "product", rows.values_list("pk", "title", "exclusion"))
    if categories:
        path = ExpressionWrapper(OuterRef("path"), output_field=CharField())
        above = SensitiveCategory.objects.annotate(path=path).filter(path__startswith=F("category__path"))
        rows = Category._default_manager.filter(pk__in=categories).annotate(flagged=Exists(above))
        _sort_out(checked, "category", rows.values_list("pk", "name", "flagged"))
    return checked


def _sort_out(checked: CheckedNames, kind: str, rows: Iterable[tuple[int, str, Any]]) -> None:
    for key, name, is_sensitive in rows:
        if is_sensitive:
            checked.sensitive.add((kind, key))
        else:
            checked.names[kind, key] = name


def named_choices(kind: str) -> list[tuple[int, str]]:
    """(key, name) of all ranges, classes or partners, by name."""
    model, column = NAMED_MODELS[kind]
    return list(model._default_manager.order_by(column).values_list("pk", column))


def category_choices() -> list[tuple[int, str]]:
    """(key, name) of all categories in tree order, those below others indented."""
    rows = Category._default_manager.order_by("path").values_list("pk", "name", "depth")
    return [(key, "\N{EM DASH} " * (depth - 1) + name) for key, name, depth in rows]


def category_trails() -> dict[int, str]:
    """{key: the names from the top down to it} of all categories in tree order, in one query."""
    found: dict[int, str] = {}
    above: list[str] = []
    for key, name, depth in Category._default_manager.order_by("path").values_list("pk", "name", "depth"):
        above[depth - 1 :] = [name]
        found[key] = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(above)
    return found


def attribute_choices() -> list[tuple[str, str]]:
    """(code, name) of all attributes that products can be compared by, by name."""
    rows = ProductAttribute._default_manager.order_by("name").values_list("code", "name")
    return list(dict(rows).items())


def search_products(text: str) -> list[tuple[int, str, str]]:
    """(key, title, UPC) of the public products whose title holds the text, or whose UPC begins with it; not more than
    a list shows."""
    if not text.strip():
        return []
    match = Q(title__icontains=text.strip()) | Q(upc__istartswith=text.strip())
    rows = Product.objects.browsable().filter(match).order_by("title")
    return [(key, title, upc or "") for key, title, upc in rows.values_list("pk", "title", "upc")[:MAX_FOUND]]


def products_by_code(codes: Iterable[str]) -> dict[str, int]:
    """{code: product} for each of these UPCs and partners' SKUs that exists."""
    wanted = list(codes)
    found: dict[str, Any] = dict(
        Product.objects.filter(stockrecords__partner_sku__in=wanted).values_list("stockrecords__partner_sku", "pk")
    )
    found.update(Product.objects.filter(upc__in=wanted).values_list("upc", "pk"))
    return found


def sample_product(key: int | None = None) -> Any | None:
    """The product of this key, if it has a page; without a key the first one that has. None where there is none."""
    public = Product.objects.browsable()
    return (public.order_by("pk") if key is None else Product.objects.filter(pk=key)).first()


def sample_category(key: int | None = None) -> Any | None:
    """The category of this key; without a key the first one below which products are. None where there is none."""
    if key is not None:
        return Category._default_manager.filter(pk=key).first()
    filled = Category.objects.browsable().filter(product__is_public=True)
    return filled.order_by("path").first() or Category.objects.browsable().order_by("path").first()


def count_pages() -> dict[str, int]:
    """How many pages that shoppers find the shop has of a "category" and of a "product"; in one query."""
    counts = [
        found.order_by().annotate(of=Value(kind)).values("of").annotate(count=Count("pk")).values_list("of", "count")
        for kind, found in (("category", Category.objects.browsable()), ("product", Product.objects.browsable()))
    ]
    return {"category": 0, "product": 0, **dict(counts[0].union(counts[1], all=True))}
