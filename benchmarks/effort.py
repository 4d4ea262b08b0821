"""How much work is it to fill one's next basket? Measured through the shop's own pages, on purchases that were hidden.

    python benchmarks/effort.py [--days 14] [--customers 50] [--seed 1] [--keep FOLDER]

Needs the demo's data (`python manage.py demo --no-server`; `SHOP_DATA` names another folder). The orders of the last
days are hidden and the shop learns anew (`hidden_orders.py`). A hidden product costs its customer

- 1 action, if it stands on their home page, or in a row beside the results that they look through;
- else it is searched for by the last word of its leaf category: 1 to type, half a one for each row of four products
  that is looked through before its own, 1 for each further page, and 1 to add it;
- else as much by the whole name of the category; 10, where it is on neither search's first three pages.

Beside the page: Oscar without us (the engine's order, no home page), the same hits by simple orders, with our home page
and without it, and the best that any order of the same hits could do.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks import hidden_orders
from benchmarks.hidden_orders import PAGE_SIZE, Browser, HiddenOrders, Purchase

PAGES, COLUMNS, LOST = 3, 4, 10.0
FindOnPages = Callable[[str, int], Sequence[int]]
"""(query, number of the page) -> its products."""


def search_cost(product: int, queries: Sequence[str], find: FindOnPages) -> float:
    """The actions that a search costs."""
    for query in queries:
        looked_through = 0
        for page in range(PAGES):
            keys = list(find(query, page + 1))
            if product in keys:
                return 2 + page + (looked_through + keys.index(product) // COLUMNS) / 2
            looked_through += -(-len(keys) // COLUMNS)
    return LOST


def page_of(order: Callable[[str], Sequence[int]], query: str, page: int) -> Sequence[int]:
    """A page of a query's hits in an order."""
    return order(query)[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]


class Measurement:
    """The costs of all purchases, by way."""

    def __init__(self, hidden: HiddenOrders) -> None:
        self.hidden = hidden
        self.costs: dict[str, list[float]] = {}
        self.cards: list[int] = []
        self.on_home: list[bool] = []

    def add_customer(self, customer: int, purchases: list[Purchase]) -> None:
        """Adds the hidden purchases of one customer."""
        browser = Browser(customer)
        home = browser.home()
        self.cards.append(len(home))
        pages: dict[tuple[str, int], tuple[list[int], list[int]]] = {}

        def served(query: str, page: int) -> tuple[list[int], list[int]]:
            if (query, page) not in pages:
                number = -(-len(hidden_orders.engine_order(query)) // PAGE_SIZE)
                pages[query, page] = browser.search(query, page) if page <= max(number, 1) else ([], [])
            return pages[query, page]

        for product in (purchase.product for purchase in purchases):
            name = hidden_orders.leaf_category(product) or "?"
            queries = [name.split()[-1], name]
            self.on_home.append(product in home)
            ours = search_cost(product, queries, lambda query, page: served(query, page)[0])
            beside = any(product in rows for _, rows in pages.values())
            self._add("this shop", 1.0 if product in home or beside else ours)
            orders = {
                "Oscar's own": hidden_orders.engine_order,
                "most bought first": lambda query: self._popular(query, None),
                "own purchases, then most bought": lambda query: self._popular(query, customer),
                "the best order": partial(self._best, product=product),
            }
            for way, order in orders.items():
                cost = search_cost(product, queries, partial(page_of, order))
                self._add(way, cost)
                self._add(f"{way} + our home page", 1.0 if product in home else cost)

    def _add(self, way: str, cost: float) -> None:
        self.costs.setdefault(way, []).append(cost)

    def _popular(self, query: str, customer: int | None) -> list[int]:
        return hidden_orders.most_bought(self.hidden, hidden_orders.engine_order(query), customer)

    @staticmethod
    def _best(query: str, product: int) -> list[int]:
        return sorted(hidden_orders.engine_order(query), key=lambda key: key != product)

    def print_table(self) -> None:
        plain = np.array(self.costs["Oscar's own"])
        print(f"{'actions a product':46}{'':14}{'of plain':>9}{'not found':>11}")
        for way, costs in self.costs.items():
            values = np.array(costs)
            interval = 1.96 * values.std() / np.sqrt(len(values))
            print(
                f"{way:46}{values.mean():>6.2f} ± {interval:.2f}{values.mean() / plain.mean():>12.2f}"
                f"{(values == LOST).mean():>11.0%}"
            )
        print(
            f"\n{np.mean(self.on_home):.0%} of {len(self.on_home)} products stood on the home page, "
            f"which has {np.mean(self.cards):.1f} cards."
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    hidden_orders.add_options(parser)
    parser.set_defaults(customers=50)
    options = parser.parse_args()
    with hidden_orders.shop_without_last_days(options.days, options.keep) as hidden:
        measurement = Measurement(hidden)
        for customer in hidden_orders.drawn_customers(hidden, options.customers, options.seed):
            measurement.add_customer(customer, [one for one in hidden.purchases if one.customer == customer])
        measurement.print_table()


if __name__ == "__main__":
    main()
