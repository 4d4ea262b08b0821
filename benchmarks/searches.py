"""How well searches are ranked: by the choices of other shoppers, beside simpler methods.

    python benchmarks/searches.py [--visits 300000] [--products 5000] [--seed 1]
    python benchmarks/searches.py --log FILE.csv [--least 5]

Without `--log`, the log is made here, and its truth is known: products have titles of four words; some products are
wanted more than others (Zipf), and what is wanted drifts, as new ones come and old ones go; who wants a product types
one to three words of its title, one in seven with a slip of the finger, one in three in another order; and everybody
prefers one brand a little. Titles are not used for learning: only what was typed and chosen is.

A log of one's own is a CSV file with the columns query, product, time (seconds since 1970) and, where known, visitor.

The first four fifths of the time are learned from. Of the rest, up to 20,000 searches are asked, and MAP@5 is one over
the place of what was chosen then, if that is among the first five. Queries that nobody typed before are counted by
themselves, too. CPU is that of this process, with one thread.
"""

import argparse
import csv
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import django

django.setup()

import numpy as np
from numpy.typing import NDArray

from personalization.decide import scoring
from personalization.decide.visit import Visit
from personalization.models import Genome
from personalization.rank import search_queries
from personalization.rank.snapshot_arrays import SnapshotArrays
from personalization.recommenders import DAY, HistoryArrays
from personalization.shop.catalogue import CategoryMemberships
from personalization.testing import make_history
from personalization.train import search_choices
from personalization.train.dataset import TrainingDataset
from personalization.train.fit import fit_arrays
from personalization.train.run import no_progress
from personalization.train.voices import Standing

FIRST = 5
ASKED = 20_000
DAYS = 60
LEARNED = 0.8
BOUGHT = 0.2
"""One in this number of choices is bought."""
ENGINES_WINDOW = 200

Way = Callable[["Log", int], list[int]]


@dataclass(frozen=True)
class Log:
    """Searches that a choice followed, one entry each, by time."""

    query: list[str]
    product: NDArray[np.int64]
    at: NDArray[np.float64]
    visitor: NDArray[np.int64]
    products: int
    titles: list[str]
    """Empty where they are not known."""

    def of(self, rows: slice) -> "Log":
        """The searches of these rows."""
        return replace(
            self, query=self.query[rows], product=self.product[rows], at=self.at[rows], visitor=self.visitor[rows]
        )


def made(visits: int, products: int, seed: int) -> Log:
    """A simulated log with known intents."""
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list("abcdefghijklmnoprstuvw"), rng.integers(4, 9))) for _ in range(1_500)]
    brands, kinds, rest = words[:60], words[60:260], words[260:]
    brand = rng.integers(0, 60, products)
    kind = (rng.random(products) ** 2 * 200).astype(int)
    titles = [
        f"{brands[brand[n]]} {kinds[kind[n]]} {rest[rng.integers(0, 300)]} {rest[rng.integers(0, len(rest))]}"
        for n in range(products)
    ]
    wanted = 1 / (1 + rng.permutation(products)) ** 0.9
    comes, lasts = rng.uniform(-60, DAYS, products), rng.uniform(5, 40, products)
    at = np.sort(rng.uniform(0, DAYS, visits))
    visitor = rng.integers(0, visits // 4, visits)
    taste = rng.integers(0, 60, visits // 4)
    product = np.empty(visits, np.int64)
    for day in range(DAYS):
        rows = np.flatnonzero(at // 1 == day)
        age = day - comes
        chance = wanted * (0.2 + (age >= 0) * np.exp(-np.maximum(age, 0) / lasts))
        product[rows] = rng.choice(products, len(rows), p=chance / chance.sum())
        theirs = rng.random(len(rows)) < 0.15  # who has a taste takes the product of their brand
        for row in rows[theirs].tolist():
            alike = np.flatnonzero((kind == kind[product[row]]) & (brand == taste[visitor[row]]))
            if len(alike):
                product[row] = alike[np.argmax(chance[alike])]
    query = [typed(titles[chosen], rng) for chosen in product.tolist()]
    return Log(query, product, at * DAY, visitor, products, titles)


def typed(title: str, rng: np.random.Generator) -> str:
    """A query for the product with this title."""
    words = title.split()
    number = int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
    kept = sorted(rng.choice(4, number, replace=False, p=[0.3, 0.4, 0.2, 0.1]).tolist())
    if rng.random() < 1 / 3:
        rng.shuffle(kept)
    query = " ".join(words[n] for n in kept)
    return slipped(query, rng) if rng.random() < 1 / 7 else query


def slipped(query: str, rng: np.random.Generator) -> str:
    """The query with one letter omitted, doubled, replaced or transposed."""
    at = int(rng.integers(1, len(query)))
    head, letter, tail = query[:at], query[at], query[at + 1 :]
    wrong = str(rng.choice(list("aeiournst")))
    return str(
        rng.choice([head + tail, head + letter * 2 + tail, head + wrong + tail, head[:-1] + letter + head[-1] + tail])
    )


def read(file: Path) -> Log:
    """Reads a log from a file."""
    with file.open(newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: float(row["time"]))
    number: dict[str, int] = {}
    who: dict[str, int] = {}
    return Log(
        [row["query"] for row in rows],
        np.array([number.setdefault(row["product"], len(number)) for row in rows]),
        np.array([float(row["time"]) for row in rows]),
        np.array([who.setdefault(row.get("visitor") or f"row {n}", len(who)) for n, row in enumerate(rows)]),
        len(number),
        [],
    )


def cut(log: Log) -> tuple[Log, Log]:
    """(training searches, test searches)"""
    moment = log.at[0] + LEARNED * (log.at[-1] - log.at[0])
    place = int(np.searchsorted(log.at, moment))
    step = (len(log.at) - place) // ASKED + 1
    return log.of(slice(0, place)), log.of(slice(place, None, step))


def shop_of(log: Log) -> tuple[TrainingDataset, HistoryArrays]:
    """A shop whose customers bought some of what they chose."""
    rng = np.random.default_rng(2)
    bought = np.flatnonzero(rng.random(len(log.at)) < BOUGHT)
    rows = [
        (int(log.visitor[row]), place, int(log.product[row]), float(log.at[row])) for place, row in enumerate(bought)
    ]
    history = replace(make_history(rows, log.products), now=float(log.at[-1]))
    none = np.empty(0, np.int64)
    return TrainingDataset(
        history, np.arange(log.products), np.zeros(log.products), CategoryMemberships(none, none, {})
    ), history


def acts(log: Log) -> search_choices.SearchLog:
    """The log as training reads it: searches of buyers with their choices."""
    folded = [search_queries.normalize_query(query) for query in log.query]
    texts = sorted(set(folded))
    number = {text: place for place, text in enumerate(texts)}
    found = np.array([number[text] for text in folded], np.int32)
    nothing = np.full(len(found), -1, np.int32)
    return search_choices.SearchLog(
        visitor=np.tile(log.visitor, 2),
        at=np.concatenate([log.at, log.at + 1]),
        query=np.concatenate([found, nothing]),
        product=np.concatenate([nothing, log.product.astype(np.int32)]),
        weight=np.repeat(np.array([search_choices.SEARCH, search_choices.VIEW_WEIGHT], np.float32), len(found)),
        standing=np.full(2 * len(found), Standing.BUYER, np.int8),
        texts=texts,
    )


def ways(past: Log, least: int) -> dict[str, Way]:
    """The ranking methods, from the simplest to ours."""
    shop, history = shop_of(past)
    found = acts(past)
    begun = time.process_time()
    fading = search_choices.search_arrays(found, history, least)
    spent = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"Learned from {len(found.at):,} events of {len(found.texts):,} queries: {spent:.1f} s CPU, {peak} MiB peak;")
    print(f"{len(fading['query.text_start']) - 1:,} queries and {len(fading['query.product']):,} pairs are known.")
    usual, search_choices.HALF_LIFE_SECONDS = search_choices.HALF_LIFE_SECONDS, 1e6 * DAY
    lasting = search_choices.search_arrays(found, history, least)
    search_choices.HALF_LIFE_SECONDS = usual
    everything = SnapshotArrays(
        {**fit_arrays(shop, history, no_progress).arrays, **fading, "training.cutoff": np.array([history.now])}
    )
    genomes = genomes_of(history)
    engine = engine_of(past)
    return {
        "popularity": lambda log, row: best(np.arange(past.products), -everything.arrays["search.choices"]),
        "exact counts": by_arrays(without(without(lasting, "trigram.query"), "trigram.product")),
        "+ neighbours": by_arrays(without(lasting, "trigram.product")),
        "+ pieces": by_arrays(lasting),
        "+ recency": by_arrays(fading),
        "the list of this shop": lambda log, row: asked(everything, log, row),
        "... for this person": lambda log, row: asked(everything, log, row, genome=genomes.get(int(log.visitor[row]))),
        "an engine alone": lambda log, row: list(engine(log.query[row])[:FIRST]),
        "... in our order": lambda log, row: asked(everything, log, row, candidate_products=engine(log.query[row])),
    }


def without(arrays: dict[str, NDArray], name: str) -> dict[str, NDArray]:
    """The ranking without this part."""
    start = {"trigram.query": "trigram.query_start", "trigram.product": "trigram.product_start"}[name]
    return {**arrays, start: np.zeros_like(arrays[start])}


def by_arrays(arrays: dict[str, NDArray]) -> Way:
    learned = SnapshotArrays(arrays)

    def way(log: Log, row: int) -> list[int]:
        places, weight = search_queries.products_chosen_after(log.query[row], learned)
        return best(places, -weight)

    return way


def best(places: NDArray, worse: NDArray) -> list[int]:
    return places[np.argsort(worse, kind="stable")[:FIRST]].tolist()


def asked(
    learned: SnapshotArrays,
    log: Log,
    row: int,
    *,
    genome: Genome | None = None,
    candidate_products: tuple[int, ...] = (),
) -> list[int]:
    visit = Visit(
        float(log.at[row]),
        None,
        query=log.query[row],
        genome=genome or Genome(),
        candidate_products=candidate_products,
    )
    return scoring.score_search(visit, learned).product_indices[:FIRST].tolist()


def genomes_of(history: HistoryArrays) -> dict[int, Genome]:
    """Each customer's purchases as stored in the genome."""
    rows: dict[int, dict[int, list]] = {}
    for who, product, at in zip(history.customer, history.product, history.ordered_at, strict=True):
        theirs = rows.setdefault(int(who), {})
        theirs[int(product)] = [int(product), 1.0, 1, float(at), float(at)]
    return {who: Genome(products=list(theirs.values())) for who, theirs in rows.items()}


def engine_of(log: Log) -> Callable[[str], tuple[int, ...]]:
    """A search engine that finds the titles that hold most words of a query; nothing where there are no titles."""
    holds: dict[str, list[int]] = {}
    for product, title in enumerate(log.titles):
        for word in title.split():
            holds.setdefault(word, []).append(product)

    def found(query: str) -> tuple[int, ...]:
        hits = np.bincount([n for word in query.split() for n in holds.get(word, ())], minlength=1)
        order = np.argsort(-hits, kind="stable")[:ENGINES_WINDOW]
        return tuple(order[hits[order] > 0].tolist())

    return found


def score(way: Way, log: Log) -> tuple[NDArray[np.float64], float]:
    """(one over the place of what was chosen, or 0, for each search; milliseconds a search)"""
    begun = time.process_time()
    places = [way(log, row) for row in range(len(log.query))]
    spent = (time.process_time() - begun) / max(len(places), 1) * 1e3
    wanted = log.product.tolist()
    hits = [
        1 / (1 + found.index(product)) if product in found else 0.0
        for found, product in zip(places, wanted, strict=True)
    ]
    return np.array(hits), spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=300_000)
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--least", type=int, default=5, help="visitors behind all that is learned (MIN_CUSTOMERS)")
    options = parser.parse_args()
    log = read(options.log) if options.log else made(options.visits, options.products, options.seed)
    past, ahead = cut(log)
    typed_before = set(map(search_queries.normalize_query, past.query))
    cold = np.array([search_queries.normalize_query(query) not in typed_before for query in ahead.query])
    found = ways(past, options.least)
    print(f"{len(ahead.query):,} searches asked, {cold.mean():.0%} of them never typed before.\n")
    print(f"{'MAP@5':24}{'all':>16}{'typed before':>14}{'new':>8}{'ms':>8}")
    for name, way in found.items():
        hits, spent = score(way, ahead)
        margin = 1.96 * hits.std() / np.sqrt(len(hits))
        rest = "".join(
            f"{hits[rows].mean() if rows.any() else 0:>{width}.3f}" for rows, width in ((~cold, 14), (cold, 8))
        )
        print(f"{name:24}{f'{hits.mean():.3f} ± {margin:.3f}':>16}{rest}{spent:>8.2f}")


if __name__ == "__main__":
    main()
