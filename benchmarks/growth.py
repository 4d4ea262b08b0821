"""What grows faster than the shop? Nightly jobs and pages in generated shops of several sizes, on PostgreSQL.

    python -m benchmarks.growth --server postgres://postgres@127.0.0.1:5432 --shops S,M --jobs texts,train,pages

A shop that is not there yet is made first, as the database `growth_<shop>`: S 1,500 products and 300 customers, M
20,000 and 25,000, L 100,000 and 200,000; some 0.1, 1.6 and 8 million order lines, and half as many events. Each job is
done in a process of its own, in the order in which they are named; `pages` and `export` need a `train` before them.

Prints for each job and shop the seconds of CPU, here and (where the connection lasts) in the database's own process,
the queries, the peak of memory, and how much there was to do; then, beside the next larger shop, the ratio of the CPU
and the slope: the exponent with which it grows with what there was to do. 1 is in proportion.
Seconds of CPU, as other work slows the clock; the jobs change what they store as they do in any shop.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from typing import Any

SIZES = {
    "S": (1_500, 300, 121_000, 60_000),
    "M": (20_000, 25_000, 1_800_000, 900_000),
    "L": (100_000, 200_000, 9_000_000, 4_500_000),
}
"""Products, customers, order lines and events."""
EXPORTED = 500
SOME_GENOMES = 2_000
SENSITIVE_SHARE = 0.4
"""This part of the events is about sensitive products."""
REPORT = "measured: "

Job = Callable[[], int]
"""Does the work; how much there was to do."""


@dataclass
class Cost:
    """What a job cost."""

    amount: int
    cpu: float
    database: float
    """Seconds of CPU of the database's process; 0 where the connection did not last."""
    queries: int
    peak_mib: int


JOBS: dict[str, Job] = {}


def job(function: Job) -> Job:
    """Registers a job under its name."""
    JOBS[function.__name__] = function
    return function


@job
def texts() -> int:
    """Similar texts and substitutes of the whole catalogue."""
    from personalization.recommenders import content_similarity, substitutes
    from personalization.train.fit import learning_limits

    history = _catalogue_alone()
    for recommender in (content_similarity.recommender, substitutes.recommender):
        recommender.fit(history, learning_limits())
    return history.products


def _catalogue_alone() -> Any:
    """The shop's catalogue, and nothing bought."""
    import numpy as np

    from personalization.recommenders import HistoryArrays, ViewArrays
    from personalization.shop import catalogue
    from personalization.train import dataset

    product_id, created = catalogue.browsable_products()
    arrays = dataset._catalogue_arrays(product_id, created, catalogue.category_memberships())
    none, never = np.empty(0, np.int32), np.empty(0)
    return HistoryArrays(
        none, none, none, never, len(product_id), time.time(), arrays, ViewArrays.empty(), none, countries=[]
    )


@job
def changed_texts() -> int:
    """Similar texts on the day after one product in a thousand got the text of another; prints what that day took."""
    from dataclasses import replace

    import numpy as np

    from personalization.recommenders import KeptLinks, KeptTexts
    from personalization.recommenders._tfidf import weigh_texts
    from personalization.recommenders.content_similarity import recommender
    from personalization.train.fit import learning_limits

    history = _catalogue_alone()
    catalogue, near = history.catalogue, recommender.fit(history, learning_limits())
    weighed, number = weigh_texts(catalogue), np.arange(history.products, dtype=np.int32)
    kept = KeptTexts(weighed.word_weights, KeptLinks(number, weighed.digest, near.index, near.weight))
    text, products = list(catalogue.text), np.random.default_rng(5).permutation(history.products)
    for product, other in products[: 2 * (history.products // 1000)].reshape(-1, 2).tolist():
        text[product] = catalogue.text[other]
    begun = time.process_time()
    day_after = replace(history, catalogue=replace(catalogue, text=text, kept_texts=kept))
    plan = recommender.plan(day_after, learning_limits())
    known = plan.args[1]
    plan.assemble(map(plan.links, plan.blocks))
    print(
        f"the day after: {time.process_time() - begun:.1f} s; {len(known.changed)} products changed, "
        f"{known.is_open.sum()} were compared with all"
    )
    return int(history.products)


@job
def read() -> int:
    """Reading the shop's history for a training run."""
    from personalization.train.dataset import read_dataset
    from personalization.train.run import training_cutoff

    with step_clock() as progress:
        read_dataset(training_cutoff(_end()), progress)
    return _events()


@job
def train() -> int:
    """A training run that learns the rankers, too."""
    from personalization.train.run import run_training

    with step_clock() as progress:
        return int(run_training(_end(), progress, refit_ranker=True, force=True).metrics["lines"])


@job
def daily_train() -> int:
    """The training run of the day after."""
    from personalization.train.run import run_training

    with step_clock() as progress:
        return int(run_training(_end() + 86_400, progress, force=True).metrics["lines"])


@job
def genomes() -> int:
    """The genomes of all customers."""
    from personalization.profile.batch import refresh_all_genomes

    return refresh_all_genomes(_end())


@job
def some_genomes() -> int:
    """The genomes of two thousand customers, without what similar customers buy: what each costs in a large shop."""
    from personalization.models import Visitor
    from personalization.profile.batch import BATCH_SIZE
    from personalization.profile.genome import refresh_own_genomes

    customers = sorted(Visitor.objects.consented())[:SOME_GENOMES]
    batches = (customers[start : start + BATCH_SIZE] for start in range(0, len(customers), BATCH_SIZE))
    return sum(refresh_own_genomes(batch, _end()) for batch in batches)


@job
def daily_genomes() -> int:
    """The genomes that are due a day after all were worked out: a seventh, and those of who bought since."""
    from personalization.models import CustomerFacts
    from personalization.profile.batch import refresh_all_genomes

    refresh_all_genomes(_end() + 86_400, whole=False)
    return CustomerFacts.objects.count()


@job
def sensitive() -> int:
    """Deleting the events about many sensitive products, which is undone."""
    from django.db import transaction

    from personalization.models import Event

    products = range(1, 1 + int(SIZES[os.environ["GROWTH_SHOP"]][0] * SENSITIVE_SHARE**2.5))
    with transaction.atomic():
        deleted = sum(Event.objects.delete_for_products(products))
        transaction.set_rollback(True)
    return deleted


@job
def totals() -> int:
    """Counting the two days that a night has to count; the first time, all."""
    from benchmarks.scratch_shop import END
    from personalization.privacy.retention import ONE_DAY, local_day, roll_up_days

    return roll_up_days(END, [local_day(END) - ONE_DAY, local_day(END)]) * (_events() // 80)


@job
def export() -> int:
    """The home lists of some hundred customers."""
    from itertools import islice

    from personalization.batching import batched
    from personalization.exchange.export import ExportRun, current_context
    from personalization.exchange.export_requests import requests_for_everyone

    run = ExportRun("home", current_context())
    wanted = islice(requests_for_everyone("home", time.time()).requests, EXPORTED)
    return sum(1 for batch in batched(wanted, 100) for _row in run.rows(batch))


@job
def snapshot() -> int:
    """Loading the snapshot, as a web process does."""
    from personalization.decide.active_snapshot import get_active_snapshot

    before = _resident_mib()
    loaded = get_active_snapshot()
    size = sum(array.nbytes for array in loaded.arrays.values())
    print(f"{len(loaded.ids)} products: {size / 2**20:.1f} MiB of arrays, {_resident_mib() - before:.1f} MiB resident")
    return len(loaded.ids)


@job
def pages() -> int:
    """Queries and function calls of pages, warm, of a stranger and of the customer who bought most."""
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse
    from haystack.query import SearchQuerySet

    from benchmarks.pages import Page, asked, count, customer
    from personalization.decide.active_snapshot import get_active_snapshot
    from personalization.shop.catalogue import Product

    settings.ALLOWED_HOSTS = ["*"]
    if not SearchQuerySet().count():
        call_command("rebuild_index", interactive=False, verbosity=0)
    while get_active_snapshot() is None:  # of a large shop it takes seconds, and pages do without it meanwhile
        time.sleep(0.1)
    product = Product.objects.get(pk=7)
    addresses = {
        "home": reverse("personalization:home"),
        "product": product.get_absolute_url(),
        "search": reverse("search:search") + "?q=word900",
        "basket": reverse("basket:summary"),
    }
    for name, client in (("stranger", Client()), ("customer", customer())):
        client.post(reverse("basket:add", args=[9]), {"quantity": 1})
        for place, address in addresses.items():
            page = count(Page(place, asked(client, address)), warm=3)
            print(f"{name:10}{place:10}{page.queries:6} queries{page.calls:10} calls")
    return SIZES[os.environ["GROWTH_SHOP"]][0]


@contextmanager
def step_clock() -> Iterator[Callable[..., Any]]:
    """A Progress that prints in the end what each step took, and what each recommender and task did of it: seconds of
    CPU of this process, the peak of memory then, and how many items there were."""
    spent: dict[str, list[float]] = {}

    def add(label: str, begun: float, items: int) -> None:
        step = spent.setdefault(label, [0.0, 0, 0])
        step[:] = step[0] + time.process_time() - begun, _peak_mib(), step[2] + items

    def progress(stream: Iterable[Any], label: str, length: int | None) -> Iterator[Any]:
        whole, items = time.process_time(), 0
        for items, item in enumerate(stream, 1):  # noqa: B007 - counted
            begun = time.process_time()
            yield item
            if isinstance(getattr(item, "name", None), str):
                add(f"{label} {item.name}", begun, 1)
        add(label, whole, items)

    yield progress
    for label, (seconds, peak, items) in spent.items():
        print(f"{label:44}{seconds:8.1f} s{peak:8.0f} MiB{items:10.0f} items")


def _peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _end() -> float:
    from benchmarks.scratch_shop import END

    return END.timestamp()


def _events() -> int:
    from personalization.models import Event

    return Event.objects.count()


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def measure(name: str) -> Cost:
    """Does a job in this process."""
    from django.db import connection

    queries = 0

    def counting(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    connection.ensure_connection()
    process = _database_process()
    begun, database = time.process_time(), _cpu_of(process)
    with connection.execute_wrapper(counting):
        amount = JOBS[name]()
    cpu = time.process_time() - begun
    spent = _cpu_of(process) - database if _database_process() == process else 0.0
    return Cost(amount, cpu, spent, queries, _peak_mib())


def _database_process() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _cpu_of(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # another machine's
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_shop(shop: str) -> None:
    """Makes the shop in this process's database, where it has no tables yet."""
    from django.db import connection

    from benchmarks.scratch_shop import ShopSize, generate, make_tables

    if not connection.introspection.table_names():
        make_tables()
        generate(ShopSize(*SIZES[shop]))


def costs_of(server: str, shop: str, jobs: list[str]) -> Iterator[tuple[str, Cost]]:
    """Does these jobs in this shop, each in a process of its own."""
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True) as session:
        name = f"growth_{shop.lower()}"
        if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            session.execute(f"CREATE DATABASE {name}")
    folder = Path(os.environ.get("SHOP_DATA", "var")) / name
    own = {"DATABASE_URL": f"{server}/{name}", "SHOP_DATA": str(folder), "GROWTH_SHOP": shop, "SHOP_DEBUG": "0"}
    for work in ("", *jobs):
        command = [sys.executable, "-m", "benchmarks.growth", f"--do={work}"]
        done = subprocess.run(command, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True, check=True)
        for line in done.stdout.splitlines():
            if line.startswith(REPORT):
                yield work, Cost(**json.loads(line.removeprefix(REPORT)))
            else:
                print(f"  {shop} {work}: {line}")


def slope(small: Cost, large: Cost) -> float:
    """The exponent with which the CPU grows with what there was to do."""
    grown = log(large.amount / small.amount)
    return log((large.cpu + large.database) / max(small.cpu + small.database, 0.01)) / grown if grown else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="postgres://postgres@127.0.0.1:5432")
    parser.add_argument("--shops", default="S,M")
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--do", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.do is not None:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_shop.settings")
        import django

        django.setup()
        if options.do:
            print(REPORT + json.dumps(asdict(measure(options.do))))
        else:
            make_shop(os.environ["GROWTH_SHOP"])
        return
    found: dict[str, list[Cost]] = {}
    print(
        f"{'':12}{'shop':>5}{'amount':>10}{'CPU s':>9}{'database':>9}{'queries':>9}{'MiB':>7}{'ratio':>8}{'slope':>7}"
    )
    for shop in options.shops.split(","):
        for work, cost in costs_of(options.server, shop, options.jobs.split(",")):
            before = found.setdefault(work, [])
            grown = ""
            if before:
                total, less = cost.cpu + cost.database, before[-1].cpu + before[-1].database
                grown = f"{total / max(less, 0.01):8.1f}{slope(before[-1], cost):7.2f}"
            before.append(cost)
            print(
                f"{work:12}{shop:>5}{cost.amount:>10}{cost.cpu:>9.2f}{cost.database:>9.2f}{cost.queries:>9}"
                f"{cost.peak_mib:>7}{grown}",
                flush=True,
            )


if __name__ == "__main__":
    main()
