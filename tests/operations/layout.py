"""The layout of docs/adopt.md: a balancer, two web hosts, two workers, PostgreSQL, Redis and a storage of snapshots.

Beside it runs the same shop without us, on the same database.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.served_shop import Browser, Gunicorn
from tests.operations.balancer import balancer
from tests.operations.operated_shop import OperatedShop, end_process, operated_shop, waited_until

PROCESSES = 2
"""Of each web host."""
PREPARE = """
from django.contrib.auth.models import User
from django.core.management import call_command
from django_celery_beat.models import IntervalSchedule
from oscar.apps.address.models import Country
from oscar.apps.catalogue.models import Product
from oscar.apps.partner.models import StockRecord
from personalization.models import JobSchedule
call_command("rebuild_index", interactive=False, verbosity=0)
Country.objects.create(iso_3166_1_a2="GB", printable_name="United Kingdom", is_shipping_country=True)
StockRecord.objects.update(num_in_stock=100_000)
JobSchedule.objects.all().update(is_on=False)
IntervalSchedule.objects.update(every=4)
products = list(Product.objects.order_by("pk"))
print(products[9].pk, *(products[n].get_absolute_url() for n in (3, 4, 7)),
    products[1].categories.first().get_absolute_url())
"""
ORDER_TRAINING = """
from personalization.models import Run, RunOrigin
print(Run.objects.order_run("train", RunOrigin.BUTTON).pk)
"""
SERVING = "SELECT name FROM personalization_snapshot WHERE is_active"


class WebHost(Gunicorn):
    """Web processes that share a folder."""

    def _environment(self):
        return {**self.environment, "DJANGO_SETTINGS_MODULE": self.settings}

    def everywhere(self, path: str) -> set[str]:
        """What all of its processes answer."""
        told, answered = set(), set()
        while len(answered) < self.processes:
            browser = Browser()
            answer = browser.get(self.port, path)
            browser.close()
            told.add(answer.text)
            answered.add(answer.process)
        return told


@dataclass
class Layout:
    """What runs, and where."""

    shop: OperatedShop
    storage: Path
    hosts: list[WebHost]
    plain: WebHost
    port: int
    """The balancer's."""
    product: int
    """One that is bought, and that no page of these shows in detail."""
    pages: list[str]

    def train(self) -> str:
        """Has a worker train; the name of the snapshot that serves then."""
        run = int(self.shop.run_python(ORDER_TRAINING))
        state = "SELECT state FROM personalization_run WHERE id = %s"
        assert waited_until(lambda: self.shop.ask(state, run) == [("done",)], 120), self.shop.ask(state, run)
        return str(self.shop.ask(SERVING)[0][0])

    def serve(self, name: str) -> bool:
        """Whether all processes of all hosts serve from this snapshot, after a while."""
        return waited_until(lambda: self.serving() == {name}, 30) is not None

    def serving(self) -> set[str]:
        return {name for host in self.hosts for name in host.everywhere("/serving/")}

    def forget_faults(self) -> None:
        for host in self.hosts:
            host.in_each_process("/forget-faults/")

    def logs(self) -> str:
        return "".join(host.log.read_text() for host in self.hosts)


@contextmanager
def open_layout(folder: Path, server: dict[str, Any]) -> Iterator[Layout]:
    """It runs, and is trained."""
    with ExitStack() as stack:
        shop = stack.enter_context(operated_shop(folder, server, name="layout"))
        product, *pages = shop.run_python(PREPARE).split()
        storage = folder / "storage"
        storage.mkdir()

        def on_host(name: str) -> OperatedShop:
            return shop.on_host(name, "tests.operations.host_settings", SHARED_STORAGE=str(storage))

        def serve(name: str, settings: str, processes: int) -> WebHost:
            host = WebHost(settings, on_host(name).environment, folder / f"{name}.log", processes)
            return stack.enter_context(host.serving())

        for name in ("worker1", "worker2"):
            stack.callback(end_process, on_host(name).start_worker(name, 1))
        stack.callback(end_process, on_host("worker1").start_beat())
        hosts = [serve(name, "tests.operations.host_settings", PROCESSES) for name in ("web1", "web2")]
        plain = serve("plain", "tests.operations.plain_settings", PROCESSES * len(hosts))
        assert waited_until(lambda: all(map(shop.worker_is_ready, ("worker1", "worker2"))), 300)
        port = stack.enter_context(balancer([host.port for host in hosts]))
        shown = ["/catalogue/", "/search/?q=product", "/basket/", "/accounts/login/", *pages]
        layout = Layout(shop, storage, hosts, plain, port, int(product), shown)
        assert layout.serve(layout.train())
        yield layout


def asked_until(port: int, paths: list[str], is_over: Callable[[], bool], browser: Browser) -> list:
    """[(path, answer), ...] of one who looks at these pages again and again."""
    answers = []
    while not is_over():
        for path in paths:
            answers.append((path, browser.get(port, path)))
    return answers
