"""A storm on the documented layout: the shop with us and the shop without us suffer the same, and are compared.

Tables of ours are locked while customers order, and all connections to the database are ended every two seconds.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import cycle
from statistics import median
from uuid import uuid4

from personalization.privacy.cookies import CONSENT_COOKIE
from tests.faults.page_content import CARD, NUMBER, read_page, shop_content
from tests.faults.served_shop import Answer, Browser, administrator
from tests.faults.storefront import TABLES, sign_in
from tests.operations.layout import ORDER_TRAINING, Layout
from tests.operations.operated_shop import waited_until, write_finding
from tests.operations.test_broker import place_order

ADDED = 0.15
"""Seconds by which the shop may be slower with us."""
STORM_SECONDS, PAUSE_SECONDS = 40, 2
STEPS = ("add", "basket", "checkout", "address", "address sent", "method", "payment", "details", "place", "thanks")
LOST = {"django.db.utils.OperationalError", "django.db.utils.InterfaceError"}
"""How a request fails, with us or without us, whose connection was ended."""
ONE_BY_ONE = [
    f"personalization_{name}"
    for name in (
        *("visitor", "event", "consentrecord", "ordervisitor", "exposure", "snapshot", "season", "version"),
        *("rulesstate", "customerfacts", "customertaste", "genome", "newcomer", "householdmember"),
    )
]
"""What pages, deliveries of events and orders of a customer whom we know may read or write."""
WAITED = re.compile("SQLSTATE (55P03|57014)")
"""Stands in the log of a host where a part of ours gave up waiting: for a lock, or for the statement that waits."""
ORDERS = "SELECT count(*) FROM order_order WHERE guest_email = 'ann@example.com'"


def told(answer: Answer) -> list[str]:
    """What a page says of the shop, but for numbers; lists without their products, whose order may be personal."""
    content = shop_content(read_page(answer.text), leave_out=(CARD,))
    return [str(answer.status), NUMBER.sub("0", answer.leads_to), *(NUMBER.sub("0", one) for one in content)]


def shop_once(port: int, layout: Layout, customer: Browser | None = None) -> list[Answer]:
    """An order, and the shop's pages as somebody sees them who agreed to be known, and as this customer does."""
    browser = Browser({CONSENT_COOKIE: f"granted.1.{int(time.time()) - 60}"})
    lookers = [browser, customer.with_cookies()] if customer else [browser]
    try:
        order = place_order(port, layout.product, browser)
        return [*order, *(one.get(port, page) for one in lookers for page in layout.pages)]
    finally:
        for one in lookers:
            one.close()


def known_customer(layout: Layout) -> Browser:
    """Signed in, agreed, and with a view that we know of."""
    browser = Browser({CONSENT_COOKIE: f"granted.1.{int(time.time()) - 60}"})
    sign_in(browser, layout.port, "customer3@example.com")
    assert report_view(browser, layout.port, layout.product) == (202, [])
    browser.get(layout.port, "/basket/")
    browser.close()
    return browser


def report_view(browser: Browser, port: int, product: int) -> tuple[int, list[str]]:
    """The status of a delivery of one event, and why events of it were not taken."""
    moment = int(time.time() * 1000)
    event = {"id": str(uuid4()), "name": "view_item", "at": moment, "items": [{"item_id": str(product)}]}
    told = browser.report(port, json.dumps({"sent_at": moment, "events": [event]}))
    return told.status, [one["code"] for one in json.loads(told.text)["rejected"]] if told.status < 300 else []


def share_of(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(int(len(seconds) * share), len(seconds) - 1)]


def spread(seconds: Sequence[float]) -> float:
    """How far the half in the middle lies apart: what the machine does besides, by the shop without us."""
    return share_of(list(seconds), 0.75) - share_of(list(seconds), 0.25)


@contextmanager
def locked(layout: Layout, *tables: str) -> Iterator[None]:
    with layout.shop.admin.transaction(force_rollback=True):
        layout.shop.admin.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        yield


def test_each_of_our_tables_may_be_locked_while_somebody_orders(layout: Layout):
    for host in (layout.plain, *layout.hosts):  # first pages are slow
        for page in layout.pages:
            host.in_each_process(page)
        with suppress(TimeoutError):
            shop_once(host.port, layout)
    customer = known_customer(layout)
    usual = shop_once(layout.plain.port, layout, customer)
    names = (*STEPS, *layout.pages, *(f"customer's {page}" for page in layout.pages))
    with_us, without_us, wrong, waited, deliveries = [], [], {}, {}, {}
    before, rounds = layout.shop.ask(ORDERS)[0][0], (TABLES, *([table] for table in ONE_BY_ONE))
    for host, tables in zip(cycle(layout.hosts), rounds, strict=False):
        which = "all" if len(tables) > 1 else tables[0].removeprefix("personalization_")
        layout.forget_faults()
        said = len(layout.logs())
        with locked(layout, *tables):
            with_us.append(shop_once(host.port, layout, customer))
            without_us.append(shop_once(layout.plain.port, layout, customer))
            with closing(customer.with_cookies()) as reporter:
                deliveries[which] = report_view(reporter, host.port, layout.product)
        waited[which] = len(WAITED.findall(layout.logs()[said:]))
        for name, answer, plain, expected in zip(names, with_us[-1], without_us[-1], usual, strict=True):
            if told(answer) != told(plain) or plain.status != expected.status:
                wrong[which, name] = sorted(set(told(answer)) ^ set(told(plain)))[:6]
    placed = layout.shop.ask(ORDERS)[0][0] - before
    ours, plain = ([[answer.seconds for answer in walk] for walk in walks] for walks in (with_us, without_us))
    slower = {
        name: median(times) - median(others)
        for name, times, others in zip(names, zip(*ours, strict=True), zip(*plain, strict=True), strict=True)
    }
    noise = {name: spread(times) for name, times in zip(names, zip(*plain, strict=True), strict=True)}
    late = [share_of([one for walk in walks for one in walk], 0.95) for walks in (ours, plain)]
    write_finding(
        "our tables locked",
        tables=len(TABLES),
        waited=waited,
        deliveries=deliveries,
        placed=placed,
        slower_ms={name: round(1000 * seconds) for name, seconds in slower.items()},
        noise_ms={name: round(1000 * seconds) for name, seconds in noise.items()},
        p95_ms=[round(1000 * seconds) for seconds in late],
        wrong={str(key): value for key, value in list(wrong.items())[:4]},
    )
    assert wrong == {}
    assert placed == 2 * len(rounds)
    assert waited["all"] and waited["visitor"]
    assert {status for status, _ in deliveries.values()} <= {202, 503}
    assert deliveries["event"] != (202, [])  # told to come again, not taken and lost
    assert [name for name in names if slower[name] > ADDED + noise[name]] == []
    assert late[0] <= late[1] + ADDED


@contextmanager
def connections_ended(layout: Layout) -> Iterator[list[int]]:
    """Every two seconds all connections to the shop's database are ended; how many were, each time."""
    over, ended = threading.Event(), []
    end_all = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = %s AND pid NOT IN (pg_backend_pid(), %s)"
    )

    def keep_ending():
        with administrator(layout.shop.database) as server:
            spared = layout.shop.admin.info.backend_pid
            while not over.wait(PAUSE_SECONDS):
                ended.append(server.execute(end_all, [layout.shop.database["NAME"], spared]).fetchone()[0])

    with ThreadPoolExecutor(1) as thread:
        ending = thread.submit(keep_ending)
        try:
            yield ended
        finally:
            over.set()
            ending.result()


def look_until(browser: Browser, port: int, pages: list[str], is_over: Callable[[], bool]) -> list[tuple[str, Answer]]:
    answers = []
    while not is_over():
        answers += look_at(browser, port, pages)
    browser.close()
    return answers


def look_at(browser: Browser, port: int, pages: list[str]) -> list[tuple[str, Answer]]:
    return [(page, browser.get(port, page)) for page in pages]


def failures(log: str) -> set[str]:
    """The kinds of errors that requests failed with, by the last lines of their tracebacks."""
    requests = re.split(r"^(?=Internal Server Error: )", log, flags=re.MULTILINE)[1:]
    return {
        kinds[-1] for one in requests if (kinds := re.findall(r"^([A-Za-z_.]+(?:Error|Exception)):", one, re.MULTILINE))
    }


def test_connections_that_are_ended_every_two_seconds_fail_no_more_pages_than_without_us(layout: Layout):
    ports, browsers = [layout.port, layout.plain.port], [Browser(), Browser()]
    for _ in range(2):  # so that a page that fails later takes no product away from those recently viewed
        _, calm = [look_at(browser, port, layout.pages) for browser, port in zip(browsers, ports, strict=True)]
    before = len(layout.logs())
    run = int(layout.shop.run_python(ORDER_TRAINING))
    began = time.monotonic()
    is_over = lambda: time.monotonic() - began > STORM_SECONDS  # noqa: E731
    with connections_ended(layout) as ended, ThreadPoolExecutor(len(ports)) as threads:
        ours, plain = list(
            threads.map(lambda browser, port: look_until(browser, port, layout.pages, is_over), browsers, ports)
        )
    after = time.monotonic()
    failed = [[answer for _, answer in answers if answer.status >= 500] for answers in (ours, plain)]
    usual = [(page, told(answer)) for page, answer in (*calm, *plain)]
    changed = {
        page: min((set(told(answer)) ^ set(said) for name, said in usual if name == page), key=len)
        for page, answer in ours
        if answer.status < 500 and (page, told(answer)) not in usual
    }
    state = "SELECT state FROM personalization_run WHERE id = %s"
    trained = waited_until(lambda: layout.shop.ask(state, run) == [("done",)], 180)
    layout.forget_faults()
    later = [answer.status for _ in range(2) for answer in shop_once(layout.port, layout)]
    kinds = failures(layout.logs()[before:])
    write_finding(
        "connections ended",
        seconds=round(after - began),
        ended=[len(ended), sum(ended)],
        pages=[len(ours), len(plain)],
        failed=[len(one) for one in failed],
        kinds=sorted(kinds),
        median_ms=[round(1000 * median(answer.seconds for _, answer in one)) for one in (ours, plain)],
        changed={page: sorted(lines)[:6] for page, lines in changed.items()},
        trained_after_seconds=trained,
    )
    shares = [len(one) / len(answers) for one, answers in zip(failed, (ours, plain), strict=True)]
    assert len(ended) >= STORM_SECONDS / PAUSE_SECONDS / 2
    assert kinds <= LOST and changed == {}
    assert shares[0] <= 2 * shares[1] + 0.01
    assert trained is not None and set(later) <= {200, 302}
