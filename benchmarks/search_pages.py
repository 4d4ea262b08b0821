"""Does a search page lead to what the customer then bought? Measured through the shop's own pages.

    python benchmarks/search_pages.py [--days 14] [--customers 60] [--seed 1] [--keep FOLDER]

Needs the demo's data (`python manage.py demo --no-server`; `SHOP_DATA` names another folder). The orders of the last
days are hidden and the shop learns anew (`hidden_orders.py`). Then each hidden purchase is searched for, as that
customer: by the name of its leaf category, and by the last word of that name. MRR and success@4 count the position of
the product on page one of Oscar's search page; a purchase counts where the engine finds its product at all. Purchases
that are new to the customer are counted by themselves, too, and the same searches are made by a stranger.

Beside the page: the engine's own order, the same hits with what most customers bought first, and with the customer's
own purchases before that. ± is half a 95 % interval. At the end, the share of searches with a hit that the customer had
bought in which the page's first five differ from the engine's; how many of 500 misspelt words, with one or two slips in
one of the 200 commonest words of products, lead to a page whose first row holds the category that was meant; and how
many words of titles and categories, spelt right, are changed: there must be none.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks import hidden_orders
from benchmarks.hidden_orders import PAGE_SIZE, Browser, HiddenOrders, Purchase

COMMON_WORDS, MIN_TYPO_LENGTH, FIRST_ROW = 200, 4, 4
KINDS = {"category words": lambda name: name, "last word": lambda name: name.split()[-1]}
WAYS = ("the page", "the engine's own", "most bought first", "own purchases, then most bought")


def reciprocal(keys: Sequence[int], product: int) -> float:
    """One over the product's position on the first page, or 0."""
    shown = list(keys)[:PAGE_SIZE]
    return 1 / (1 + shown.index(product)) if product in shown else 0.0


def measure(hidden: HiddenOrders, purchases: list[Purchase], kind: str, *, signed_in: bool) -> None:
    """Prints the table of one kind of query."""
    browsers: dict[int | None, Browser] = {}
    pages: dict[tuple[int | None, str], list[int]] = {}
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    new, changed = [], {}
    for purchase in purchases:
        query = KINDS[kind](hidden_orders.leaf_category(purchase.product) or "?")
        hits = hidden_orders.engine_order(query)
        if purchase.product not in hits:
            continue
        who = purchase.customer if signed_in else None
        if (who, query) not in pages:
            browser = browsers.setdefault(who, Browser(who))
            pages[who, query] = browser.search(query)[0]
        page = pages[who, query]
        orders = (page, hits, hidden_orders.most_bought(hidden, hits), hidden_orders.most_bought(hidden, hits, who))
        for way, keys in zip(WAYS, orders, strict=True):
            found[way].append(reciprocal(keys, purchase.product))
        new.append(purchase.is_new)
        if signed_in and set(hits) & hidden.own[purchase.customer].keys():
            changed[who, query] = page[:5] != hits[:5]
    fresh = np.array(new, bool)
    print(
        f"\n{kind}: {len(fresh)} purchases, {int(fresh.sum())} new; {'as the customer' if signed_in else 'a stranger'}"
    )
    print(f"{'':34}{'MRR':>14}{'success@4':>11}{'new: MRR':>16}")
    for way in WAYS if signed_in else WAYS[:3]:
        values = np.array(found[way])
        print(f"{way:34}{mean(values):>14}{(values >= 0.25).mean():>11.2f}{mean(values[fresh]):>16}")
    if signed_in:
        print(
            f"first five changed: {np.mean(list(changed.values())):.0%} of {len(changed)} searches with a hit of theirs"
        )


def measure_typos(count: int, seed: int) -> None:
    """Prints how many misspelt words lead to a page whose first row holds the category of what was meant."""
    from oscar.core.loading import get_model

    from personalization.rank.search_queries import normalize_query

    products = get_model("catalogue", "Product").objects.filter(is_public=True, stats__isnull=False)
    sold: dict[str, int] = {}
    best: dict[str, tuple[int, int]] = {}
    for key, title, purchases in products.values_list("pk", "title", "stats__num_purchases"):
        for word in set(normalize_query(title).split()):
            if word.isalpha() and len(word) >= MIN_TYPO_LENGTH:
                sold[word] = sold.get(word, 0) + purchases
                best[word] = max(best.get(word, (-1, 0)), (purchases, key))
    words = sorted(sold, key=lambda word: (-sold[word], word))[:COMMON_WORDS]
    browser, chance = Browser(), Random(seed)
    hits: dict[int, list[bool]] = {1: [], 2: []}
    lost = []
    while sum(map(len, hits.values())) < count:
        word, edits = chance.choice(words), chance.choice((1, 2))
        typo = misspelt(word, edits, chance)
        if typo in sold or hidden_orders.engine_order(typo):
            continue  # another word
        wanted = hidden_orders.leaf_category(best[word][1])
        row = browser.search(typo)[0][:FIRST_ROW]
        hits[edits].append(wanted in {hidden_orders.leaf_category(key) for key in row})
        if not hits[edits][-1]:
            lost.append(f"{word}: {typo}")
    every = [hit for some in hits.values() for hit in some]
    parts = ", ".join(f"{edits} slips {np.mean(some):.1%} of {len(some)}" for edits, some in hits.items())
    print(f"\n{np.mean(every):.1%} of {len(every)} misspelt words lead to the category ({parts})")
    print(f"lost, for instance: {'; '.join(lost[:20])}")


def measure_clean_queries() -> None:
    """Prints how many titles, names of categories and words of them are taken for misspelt."""
    from oscar.core.loading import get_model

    from personalization.oscar.search_engine import correct_spelling

    products = get_model("catalogue", "Product").objects.browsable()
    names = [*products.values_list("title", flat=True), *products.values_list("categories__name", flat=True)]
    names = [name for name in names if name]
    queries = sorted({*names, *(word for name in names for word in re.findall(r"[\w&'%.-]+", name))})
    changed = {query: corrected for query in queries if (corrected := correct_spelling(query))}
    print(
        f"{len(changed)} of {len(queries)} titles, categories and words of them are changed {list(changed.items())[:9]}"
    )


def misspelt(word: str, edits: int, chance: Random) -> str:
    """The word with so many letters omitted, doubled, replaced, inserted or transposed."""
    for _ in range(edits):
        at = chance.randrange(len(word))
        head, letter, tail = word[:at], word[at], word[at + 1 :]
        other = chance.choice("abcdefghijklmnopqrstuvwxyz")
        slips = [head + tail, head + letter * 2 + tail, head + other + tail, head + other + letter + tail]
        word = chance.choice([*slips, head[:-1] + letter + head[-1] + tail] if head else slips)
    return word


def mean(values: np.ndarray) -> str:
    """The mean and half its 95 % interval."""
    if not len(values):
        return "-"
    return f"{values.mean():.3f} ± {1.96 * values.std() / np.sqrt(len(values)):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    hidden_orders.add_options(parser)
    parser.add_argument("--typos", type=int, default=500, help="so many misspelt words are searched for")
    options = parser.parse_args()
    with hidden_orders.shop_without_last_days(options.days, options.keep) as hidden:
        customers = set(hidden_orders.drawn_customers(hidden, options.customers, options.seed))
        purchases = [purchase for purchase in hidden.purchases if purchase.customer in customers]
        print(f"{len(customers)} customers, {len(purchases)} hidden purchases")
        for signed_in in (True, False):
            for kind in KINDS:
                measure(hidden, purchases, kind, signed_in=signed_in)
        measure_typos(options.typos, options.seed)
        measure_clean_queries()


if __name__ == "__main__":
    main()
