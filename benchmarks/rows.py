"""Whether the rows of the pages are surprising and true, measured on the pages that the shop serves.

    python benchmarks/rows.py [--products 250] [--homes 130] [--seed 1] [--days 28]

Needs the demo's data (`python manage.py demo --no-server`). Looks at the pages of some products and at the home pages
of some customers: how many slots of rows that say "goes with" hold one of the ten bestsellers, how many different
products they show, how often a row holds three that differ in size only, whether a number under the cards is the one
that sorts them, whether an upgrade offers less for more, what stands in "Buy again", and how long a home page is. Then
learns what the shop would have learned so many days before its last sale, and ranks the rest of each later order by one
product of it.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

# This sets the shop up.
# isort: off
from benchmarks.pages import customer  # noqa: F401
# isort: on

import re

import numpy as np
from django.contrib.auth import get_user_model
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse
from oscar.core.loading import get_model

from personalization.decide.active_snapshot import get_active_snapshot
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.recommenders import DAY, distinct_pairs
from personalization.rows.related_products import related_to
from personalization.train import dataset, run

Product = get_model("catalogue", "Product")

CLAIMS = ("bought_together", "because_you_bought", "because_you_viewed")
"""The types of the rows that say that one product goes with another."""
SIZE = re.compile(
    r"[\d.,/]+(\s*x\s*[\d.,]+)?\s*-?(fl oz|sq ft|pieces?|packs?|gal|oz|ml|kg|lb|ct|pk|qt|pint|cl|g|l)\b", re.I
)
"""Written here once more, and more simply than where it is used: a benchmark does not ask what it measures."""
COUNTED = ("popular", "bestseller_count", "trending")
"""The reasons whose text names a number of others."""
ANCHORS_PER_ORDER = 3
LIST_LENGTH = 40


def served_rows(client: Client, address: str) -> list[Any]:
    """The rows of all slates of a page."""
    response = client.get(address)
    assert response.status_code == 200, response
    layers = [layer for context in response.context for layer in context if "slate" in layer]
    slates = {id(layer["slate"]): layer["slate"] for layer in layers if layer["slate"]}
    return [row for slate in slates.values() for row in slate.rows]


def product_pages(count: int, seed: int) -> Iterator[tuple[Any, list[Any]]]:
    """Some products with the rows of their pages, for a stranger."""
    keys = np.array(Product.objects.browsable().order_by("pk").values_list("pk", flat=True))
    chosen = np.random.default_rng(seed).permutation(keys)[:count].tolist()
    products, client = Product.objects.in_bulk(chosen), Client()
    for key in chosen:
        yield products[key], served_rows(client, products[key].get_absolute_url())


def home_pages(count: int, seed: int) -> Iterator[tuple[Genome, list[Any]]]:
    """Some customers' genomes with the rows of their home pages."""
    genomes = list(Genome.objects.filter(purchases__gt=0).order_by("user_id"))
    for number in np.random.default_rng(seed).permutation(len(genomes))[:count].tolist():
        client = Client()
        client.force_login(get_user_model().objects.get(pk=genomes[number].user_id))
        yield genomes[number], served_rows(client, reverse("personalization:home"))


def best_selling(count: int = 10) -> set[int]:
    """The keys of the products that sold best within the popularity window."""
    snapshot = get_active_snapshot()
    assert snapshot is not None
    score = snapshot.scores("popular").score
    return set(snapshot.ids[np.argsort(-score, kind="stable")[:count]].tolist())


def keys_of(rows: Iterable[Any]) -> list[int]:
    return [item.product_id for row in rows for item in row.items]


def print_claims(title: str, pages: list[list[Any]], top: set[int]) -> None:
    """Slots of rows that claim that products go together."""
    rows = [row for page in pages for row in page if row.type in CLAIMS]
    keys = keys_of(rows)
    held = Counter(key for row in rows for key in {item.product_id for item in row.items})
    share = sum(key in top for key in keys) / max(len(keys), 1)
    most = max(held.values(), default=0) / max(len(rows), 1)
    print(
        f"  {title:34}{len(rows):5} rows{len(keys):6} slots, {share:5.1%} bestsellers; "
        f"most frequent in {most:5.1%} of rows; {len(set(keys))} different"
    )


def same_but_size(row: Any) -> int:
    """How many products of a row differ in size only, at most."""
    stems = Counter(" ".join(SIZE.sub(" ", item.product.get_title().lower()).split()) for item in row.items)
    return max(stems.values(), default=0)


def is_out_of_order(row: Any) -> bool:
    """Whether a number stands under each card, and does not fall along the row."""
    if not row.items or not all(item.reason.code in COUNTED for item in row.items):
        return False
    numbers = [item.reason.params.get("customers", item.reason.params.get("times", 0)) for item in row.items]
    return numbers != sorted(numbers, reverse=True)


def amount(title: str) -> tuple[str, float] | None:
    """(unit, number) of the size in a title."""
    found = re.search(r"([\d.]+)\s*(oz|ct|lb|gal|ml|g|kg|l)\b", title, re.I)
    return (found[2].lower(), float(found[1])) if found else None


def upgrade_faults(product: Any, row: Any, price: dict[int, float]) -> tuple[int, int]:
    """(upgrades whose size can be compared, those that are smaller, or cheaper by the unit)."""
    own, compared, faults = amount(product.get_title()), 0, 0
    for item in row.items:
        other = amount(item.product.get_title())
        if own and other and own[0] == other[0]:
            compared += 1
            per_unit = price[item.product_id] / other[1] < price[product.pk] / own[1]
            faults += other[1] < 0.9 * own[1] or per_unit
    return compared, faults


def prices() -> dict[int, float]:
    rows = get_model("partner", "StockRecord").objects.values_list("product_id", "price")
    return {key: float(price) for key, price in rows if price}


def reciprocal_ranks(days: int, seed: int) -> np.ndarray:
    """For one product of each later order (several in turn), 1 / rank of the first other product of the order among
    what is said to go with it; 0 where there is none."""
    whole = dataset.read_dataset(run.training_cutoff(), run.no_progress).history
    cut = whole.now - days * DAY
    learned = run.start_of_day(cut)
    later = whole.ordered_at > cut
    order, product = distinct_pairs(whole.order[later], whole.product[later])
    chance, found, lists = np.random.default_rng(seed), [], {}
    for number in np.unique(order):
        items = product[order == number]
        for anchor in chance.permutation(items)[:ANCHORS_PER_ORDER] if len(items) > 1 else ():
            if anchor not in lists:
                visit = Visit(timestamp=cut, strategy=None, product=int(learned.ids[anchor]))
                complements = related_to(visit, learned).complements[:LIST_LENGTH]
                lists[anchor] = learned.product_indices(candidate.item.id for candidate in complements)
            hits = np.flatnonzero(np.isin(lists[anchor], items[items != anchor]))
            found.append(1 / (hits[0] + 1) if len(hits) else 0.0)
    return np.array(found)


def print_home(homes: list[tuple[Genome, list[Any]]]) -> None:
    rows, cards = (np.array([measure(page) for _, page in homes]) for measure in (len, lambda page: len(keys_of(page))))
    print(f"  home pages: {rows.mean():.1f} rows ({rows.min()} to {rows.max()}), {cards.mean():.1f} cards")
    again = [
        (row, {key: (days, last) for key, _weight, days, last, *_ in genome.products})
        for genome, page in homes
        for row in page
        if row.type == "buy_again"
    ]
    now = get_active_snapshot().trained_at
    fresh = [[now - own.get(item.product_id, (0, 0))[1] < 2 * DAY for item in row.items] for row, own in again]
    early = sum(any(one and not all(some[place:]) for place, one in enumerate(some)) for some in fresh)
    print(
        f"  buy again: {len(again)} rows, in {early} what was bought in the last two days stands before other products"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=250)
    parser.add_argument("--homes", type=int, default=130)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=28, help="held back for the rank of the rest of an order; 0: not")
    options = parser.parse_args()
    setup_test_environment()  # responses keep the context of their templates
    products, homes = (
        list(product_pages(options.products, options.seed)),
        list(home_pages(options.homes, options.seed)),
    )
    pages, top, price = [page for _, page in products], best_selling(), prices()
    home_rows = [page for _, page in homes]
    print(f"\n{len(products)} product pages, {len(homes)} home pages")
    print_claims("product pages", pages, top)
    print_claims("home pages", home_rows, top)
    print_claims("both", [*pages, *home_rows], top)
    rows = [row for page in (*pages, *home_rows) for row in page]
    print(f"  {len(set(keys_of(rows)))} different products in all {len(rows)} rows")
    print(f"  rows with three or more that differ in size only: {sum(same_but_size(row) > 2 for row in rows)}")
    counted = [row for row in rows if row.items and all(item.reason.code in COUNTED for item in row.items)]
    print(f"  rows with a number under each card: {len(counted)}, out of order {sum(map(is_out_of_order, counted))}")
    print(f"  rows with fewer than three cards: {sum(len(row.items) < 3 for row in rows)}")
    upgrades = [upgrade_faults(one, row, price) for one, page in products for row in page if row.type == "upsell"]
    compared, faults = (sum(column) for column in zip(*upgrades, strict=True)) if upgrades else (0, 0)
    print(f"  upgrades: {len(upgrades)} rows, {compared} of comparable size, {faults} smaller or cheaper by the unit")
    print_home(homes)
    if options.days:
        ranks = reciprocal_ranks(options.days, options.seed)
        print(f"  rest of an order by one product of it: MRR {ranks.mean():.4f}, {len(ranks):,} anchors")


if __name__ == "__main__":
    main()
