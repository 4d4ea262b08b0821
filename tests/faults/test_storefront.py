"""The storefront as it is served, page by page, while something of ours fails: it is the shop's without us.

Every page must have the status and the content of the same page of a shop without us, in time. The usual run takes the
most telling faults; STOREFRONT_FAULTS=all takes all others, too, with each table by itself, and
STOREFRONT_FAULTS="all behind PgBouncer" takes them through a pooler in transaction mode.
"""

import difflib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest
from django.db import connection

from tests.faults.page_content import CARD, MAIN_PART, NUMBER, listed_cards, read_page, shop_content
from tests.faults.served_shop import PROCESSES, THREADS, Answer
from tests.faults.storefront import (
    TABLES,
    Pages,
    Shoppers,
    open_storefront,
)

POOLED = os.environ.get("STOREFRONT_FAULTS") == "all behind PgBouncer"
ALL_FAULTS = POOLED or os.environ.get("STOREFRONT_FAULTS") == "all"
ADDED = 0.15
"""Seconds by which a page may take longer than the shop's own, or ours in good health."""
SLACK = float(os.environ.get("STOREFRONT_SLACK", "1.0"))
"""Seconds by which two requests for one page may differ on a machine that other tests keep busy."""
LISTS = ("catalogue", "category", "search")
FIRST_PAGE = 3.0
"""Seconds by which the first pages of a process may be slower: it loads their templates."""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="several processes serve from PostgreSQL"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server here"),
]


@contextmanager
def cache_dead(front):
    with front.redis.dead():
        yield


@contextmanager
def cache_frozen(front):
    with front.redis.frozen():
        yield


def locked(*tables):
    @contextmanager
    def fault(front):
        with front.admin.transaction(force_rollback=True):
            front.admin.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            yield

    return fault


def missing(*tables):
    @contextmanager
    def fault(front):
        rename(front, tables, "{}", "{}_away")
        try:
            yield
        finally:
            rename(front, tables, "{}_away", "{}")

    return fault


def rename(front, tables, old, new):
    with front.admin.transaction():
        for table in tables:
            front.admin.execute(f"ALTER TABLE {old.format(table)} RENAME TO {new.format(table)}")


@contextmanager
def database_full(front):
    """PostgreSQL has no room for rows of ours."""
    front.admin.execute(
        "CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
    )
    for table in TABLES:
        front.admin.execute(
            f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION no_room()"
        )
    try:
        yield
    finally:
        for table in TABLES:
            front.admin.execute(f"DROP TRIGGER full_disk ON {table}")


@contextmanager
def snapshots_away(front):
    snapshots = front.folder / "snapshots"
    snapshots.rename(snapshots.with_name("away"))
    try:
        yield
    finally:
        snapshots.with_name("away").rename(snapshots)


@contextmanager
def storage_hangs(front):
    """Who opens the manifest waits for ever, as on a network disk whose server is gone."""
    (manifest,) = front.folder.glob("snapshots/*/manifest.json")
    manifest.rename(manifest.with_name("away"))
    os.mkfifo(manifest)
    try:
        yield
    finally:
        manifest.unlink()
        manifest.with_name("away").rename(manifest)


@contextmanager
def disk_full(front):
    """The disk of the snapshots has no room left, and a training run finds that out."""
    snapshots = front.folder / "snapshots"
    shutil.copytree(snapshots, snapshots.with_name("copy"))
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(snapshots)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        shutil.copytree(snapshots.with_name("copy"), snapshots, dirs_exist_ok=True)
        with suppress(OSError), (snapshots / "filled").open("wb") as file:
            file.write(bytes(2**20))
        assert "Not published" in front.ours.run("personalization_train")
        yield
    finally:
        subprocess.run(["umount", str(snapshots)], check=True)


@dataclass(frozen=True)
class Fault:
    """Something that fails."""

    name: str
    happens: Callable
    logged: str = ""
    """What our log says then. Nothing, where no page asks for it."""
    of_the_shop: bool = False
    """Whether the shop without us suffers, too, and is looked at under the fault."""
    new_processes: bool = False
    """Whether processes begin under it, so that they have no snapshot."""
    left_out: tuple[str, ...] = ()
    """Pages that Oscar itself does not deliver in time."""


FAULTS = [
    Fault("the cache is dead", cache_dead, "The cache fails", of_the_shop=True),
    Fault("the cache is frozen", cache_frozen, "The cache fails", of_the_shop=True, left_out=("search",)),
    Fault("all our tables are locked", locked(*TABLES), "Reading a visitor failed .*57014"),
    Fault("all our tables are missing", missing(*TABLES), "Reading a visitor failed .*42P01"),
    Fault(
        "the database has no room",
        database_full,
        "Storing (who placed an order|what was put into a basket) failed .*53100",
    ),
    Fault("the snapshots are missing", snapshots_away, "cannot be read", new_processes=True),
    Fault("the storage hangs", storage_hangs, new_processes=True),
]
OTHER_FAULTS = [
    Fault("the disk is full", disk_full),
    *(Fault(f"{table} is locked", locked(table)) for table in TABLES),
    *(Fault(f"{table} is missing", missing(table)) for table in TABLES),
]


@pytest.fixture(scope="module")
def front(django_db_setup, django_db_blocker, tmp_path_factory):
    if POOLED and not shutil.which("pgbouncer"):
        pytest.skip("PgBouncer is not installed")
    with django_db_blocker.unblock(), open_storefront(tmp_path_factory.mktemp("served"), pooled=POOLED) as front:
        yield front


@pytest.fixture(scope="module")
def usual(front):
    """What both shops answer while nothing fails."""
    for shop in (front.plain, front.ours):  # first pages are slow
        shop.in_each_process("/")
        Shoppers(front).walk(shop)
        front.ask(shop)
    walk = Shoppers(front).walk(front.plain)
    return Seen(front.ask(front.ours), walk, front.ask(front.plain), walk)


@dataclass(frozen=True)
class Seen:
    """What our shop answers, and what the shop without us does."""

    pages: Pages
    walk: list[Answer]
    plain_pages: Pages
    plain_walk: list[Answer]
    fault: Fault | None = None
    log: str = ""


@pytest.fixture(scope="module", params=[*FAULTS, *(OTHER_FAULTS if ALL_FAULTS else ())], ids=lambda fault: fault.name)
def seen(front, usual, request):
    """What is answered while this fails."""
    fault, log = request.param, front.ours.log
    shoppers = Shoppers(front)
    front.ours.in_each_process("/forget-faults/")
    before = len(log.read_text())
    with fault.happens(front):
        if fault.new_processes:
            front.ours.restart()
        ours = front.ask(front.ours, leave_out=fault.left_out), shoppers.walk(front.ours)
        plain = usual.plain_pages, usual.plain_walk
        if fault.of_the_shop:
            plain = front.ask(front.plain, leave_out=fault.left_out), shoppers.walk(front.plain)
    if fault.new_processes:
        front.ours.restart()
    front.ours.in_each_process("/forget-faults/")
    return Seen(*ours, *plain, fault, log.read_text()[before:])


def test_every_page_is_the_shops_own_in_time(seen, usual):
    wrong = {}
    for key, answer in seen.pages.items():
        allowed = max(seen.plain_pages[key].seconds, usual.pages[key].seconds)
        faults = [*content_faults(key, seen, usual), *time_faults(answer, allowed, seen.fault)]
        wrong |= {key: faults} if faults else {}
    assert wrong == {}


def test_who_orders_and_who_signs_in_notices_nothing(seen):
    wrong = [
        [*walk_faults(answer, expected), *time_faults(answer, expected.seconds, seen.fault)]
        for answer, expected in zip(seen.walk, seen.plain_walk, strict=True)
    ]
    assert wrong == [[] for _ in seen.walk]


def test_the_fault_is_felt_and_logged(seen):
    assert re.search(seen.fault.logged, seen.log)


def test_many_at_once_do_not_wait_for_each_other(front, usual):
    """As many as there are threads, all the time: a thread that waits is one that nobody else has."""
    healthy = at_once(front)
    with locked(*TABLES)(front):
        locked_out = at_once(front)
    front.ours.in_each_process("/forget-faults/")
    assert [answer.status for answer in locked_out] == [answer.status for answer in healthy]
    expected, seconds = (sum(answer.seconds for answer in answers) for answers in (healthy, locked_out))
    assert seconds <= 2 * expected + ADDED * len(healthy)  # of all together: what else the machine does slows both


def at_once(front):
    """The pages of everybody, three times, asked for by as many browsers as there are threads."""
    asked = [(who, path) for who, pages in front.pages.items() for path in pages.values()] * 3

    def ask(one):
        who, path = one
        browser = front.browsers[who].with_cookies()
        try:
            return browser.get(front.ours.port, path)
        finally:
            browser.close()

    with ThreadPoolExecutor(PROCESSES * THREADS) as threads:
        return list(threads.map(ask, asked))


@pytest.mark.skipif(not ALL_FAULTS, reason="it takes ten seconds")
def test_a_shop_that_lost_its_tables_for_a_moment_is_personal_again_within_seconds(front, usual):
    def is_personal():
        return "personalization-row--personal" in front.browsers["customer"].get(front.ours.port, "/").text

    with missing(*TABLES)(front):
        assert not is_personal()
    deadline = time.monotonic() + 15
    while not is_personal():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def time_faults(answer, allowed, fault):
    allowed += ADDED + SLACK + (FIRST_PAGE if fault.new_processes else 0)
    if answer.seconds > allowed:
        yield f"took {answer.seconds:.2f} s, not {allowed:.2f}"
    if set(answer.time_outs.split()) != {"0"}:
        yield f"left time-outs: {answer.time_outs}"


def content_faults(key, seen, usual):
    """What a page lacks, or has too much, beside the shop's own."""
    who, name = key
    answer, plain = seen.pages[key], seen.plain_pages[key]
    if name == "home":  # the shop without us has none
        yield from home_faults(answer, seen.plain_pages[who, "basket"])
    elif (answer.status, answer.leads_to) != (plain.status, plain.leads_to):
        yield f"answers {answer.status}, not {plain.status}"
    elif name in LISTS:
        yield from difference(answer, plain, leave_out=(CARD,))
        ours = () if seen.fault.new_processes else (usual.pages[key], usual.pages["stranger", name])
        yield from list_faults(answer, plain, ours)
    else:
        yield from difference(answer, plain, numbers=who != "staff")  # the dashboard counts what others do


def home_faults(answer, plain):
    if answer.status != 200:
        yield f"answers {answer.status}"
    yield from difference(answer, plain, leave_out=(MAIN_PART, "title", "script"))


def list_faults(answer, plain, ours):
    """Whether a list lacks products, or is neither in the shop's order nor in one that is ours in good health."""
    cards, *orders = ([card[0] for card in listed_cards(read_page(one.text))] for one in (answer, plain, *ours))
    if cards not in orders:
        yield f"lists {cards}"
    told, expected = (sorted(listed_cards(read_page(one.text))) for one in (answer, plain))
    if told != expected:
        yield "says something else of its products"


def difference(answer, plain, *, leave_out=(), numbers=True):
    theirs, ours = (
        [told if numbers else NUMBER.sub("0", told) for told in shop_content(read_page(one.text), leave_out=leave_out)]
        for one in (plain, answer)
    )
    yield from difflib.unified_diff(theirs, ours, "without us", "with us", lineterm="", n=0)


def walk_faults(answer, plain):
    """What a step of those who order answers otherwise; but for the numbers of baskets and orders."""
    told, expected = ((one.status, NUMBER.sub("0", one.leads_to)) for one in (answer, plain))
    if told != expected:
        yield f"answers {told}, not {expected}"
    yield from difference(answer, plain, numbers=False)
