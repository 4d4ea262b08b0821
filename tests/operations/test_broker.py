"""A broker that is away while customers order: no request waits for it, and nothing is lost."""

from contextlib import suppress
from statistics import median

from tests.faults.served_shop import Answer, Browser, Gunicorn
from tests.faults.storefront import add_to_basket
from tests.operations.operated_shop import OperatedShop, end_process, waited_until, write_finding

ORDERS = 20
SLOWER_SECONDS = 0.15
PREPARE = """
from oscar.apps.address.models import Country
from oscar.apps.catalogue.models import Product
Country.objects.create(iso_3166_1_a2="GB", printable_name="United Kingdom", is_shipping_country=True)
print(Product.objects.order_by("pk")[5].pk)
"""
NOTHING_BY_ITSELF = "from personalization.models import JobSchedule; JobSchedule.objects.all().update(is_on=False)"
ORDER_MEASURE = """
from personalization.models import Run, RunOrigin
Run.objects.order_run("measure", RunOrigin.BUTTON)
"""


class ServedHere(Gunicorn):
    """The operated shop's web processes."""

    def _environment(self):
        return {**super()._environment(), "DJANGO_SETTINGS_MODULE": self.settings}


def place_order(port: int, product: int, browser: Browser | None = None) -> list[Answer]:
    """Each answer of a checkout, by this browser or one of its own."""
    address = {"first_name": "A", "last_name": "Smith", "line1": "1 Road", "line4": "London", "postcode": "N1 9GU"}
    browser, checkout = browser or Browser(), "/checkout/"
    try:
        return [
            add_to_basket(browser, port, product),
            browser.get(port, "/basket/"),
            browser.post(port, checkout, username="ann@example.com", options="anonymous"),
            browser.get(port, f"{checkout}shipping-address/"),
            browser.post(port, f"{checkout}shipping-address/", **address),
            browser.get(port, f"{checkout}shipping-method/"),
            browser.get(port, f"{checkout}payment-method/"),
            browser.get(port, f"{checkout}payment-details/"),
            browser.post(port, f"{checkout}preview/", action="place_order"),
            browser.get(port, f"{checkout}thank-you/"),
        ]
    finally:
        browser.close()


def load_first_pages(port: int, product: int) -> None:
    """The first requests load what a process needs, on a busy machine for longer than a browser waits."""
    for _ in range(10):
        with suppress(TimeoutError):
            place_order(port, product)
            return


def test_no_order_waits_for_a_broker_that_is_away_and_what_was_ordered_is_done_when_it_is_back(
    operated_shop: OperatedShop,
):
    shop = operated_shop
    product = int(shop.run_python(PREPARE))
    shop.run_python(NOTHING_BY_ITSELF)
    started = []
    environment = {name: value for name, value in shop.environment.items() if name != "DJANGO_SETTINGS_MODULE"}
    served = ServedHere("tests.operations.shop_settings", environment, shop.folder / "web.log")
    count = "SELECT count(*) FROM order_order WHERE guest_email = 'ann@example.com'"
    try:
        with served.serving():
            load_first_pages(served.port, product)
            started += [shop.start_worker(), shop.start_beat()]
            assert waited_until(lambda: shop.worker_is_ready("worker"), 120)
            usual = [place_order(served.port, product) for _ in range(ORDERS)]
            before = shop.ask(count)[0][0]
            shop.broker.stop()
            away = [place_order(served.port, product) for _ in range(ORDERS)]
            shop.run_python(ORDER_MEASURE)  # as the button does
            shop.broker.start()
        placed = shop.ask(count)[0][0] - before
        done = "SELECT count(*) FROM personalization_run WHERE kind = 'measure' AND state = 'done'"
        resumed = waited_until(lambda: shop.ask(done) == [(1,)], 180)
    finally:
        for process in started:
            end_process(process)
    assert {answer.status for order in (*usual, *away) for answer in order} <= {200, 302}
    steps = [[median(order[step].seconds for order in orders) for step in range(10)] for orders in (usual, away)]
    slower = [round(1000 * (b - a), 1) for a, b in zip(*steps, strict=True)]
    worst = [round(1000 * max(answer.seconds for order in orders for answer in order)) for orders in (usual, away)]
    write_finding("broker away", slower_ms=slower, worst_ms=worst, placed=placed, done_after_seconds=resumed)
    assert placed == ORDERS and resumed is not None
    assert max(slower) <= 1000 * SLOWER_SECONDS
