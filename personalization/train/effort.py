"""How much work it is to find what one buys next: with this shop's lists, and with the search engine's own order.

A product costs 1 action where it is among the first of the customer's home list. Else it is searched for by the last
word of its leaf category: 1 to type, half a one for each row of four that is looked through before its own, 1 for each
further page, and 1 to add it to the basket. `benchmarks/effort.py` measures the same through a shop's pages.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from personalization.rank import scorer, tasks
from personalization.rank.query_features import EngineHits
from personalization.rank.search_queries import normalize_query
from personalization.train.learning_to_rank import feature_table, is_evaluation_customer
from personalization.train.ranking_examples import Backtest, RankingExample, home_examples
from personalization.train.search_vocabulary import CatalogueNames

HOME_PRODUCTS = 12
"""As many products of the home list as two rows show."""
PAGE_SIZE, COLUMNS, PAGES = 20, 4, 3
NOT_FOUND_COST = 10.0
"""The cost of what is on none of the first pages."""
MIN_PURCHASES = 30
"""With fewer purchases nothing is said."""


@dataclass(frozen=True)
class Effort:
    """Actions for each product of the next basket, on average."""

    purchases: int
    """Purchases of evaluation customers that were looked for."""
    actions: float
    engine_actions: float
    """With the search engine's own order, and no home page."""
    on_home: float
    """The share of the products that were among the first of the home list, 0 to 1."""

    @property
    def saved(self) -> float:
        """The share of the work that is saved, below 1; negative where there is more of it."""
        return 1 - self.actions / self.engine_actions

    def as_data(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def measure_effort(past: Backtest, names: CatalogueNames) -> Effort | None:
    """The effort of the evaluation customers after the cut; None where too few of their purchases can be looked for,
    or the engine was not asked."""
    hits = {(search.customer, search.hits.query): search.hits for search in past.searches}
    costs = [
        cost
        for example in home_examples(past, tasks.HOME)
        if is_evaluation_customer(example.customer)
        for cost in _costs_of(example, hits, past, names)
    ]
    if len(costs) < MIN_PURCHASES:
        return None
    actions, engine_actions, on_home = np.mean(costs, axis=0).tolist()
    return Effort(len(costs), round(actions, 3), round(engine_actions, 3), round(on_home, 3))


def _costs_of(
    example: RankingExample, hits: Mapping[tuple[int, str], EngineHits], past: Backtest, names: CatalogueNames
) -> list[tuple[float, float, bool]]:
    """(actions here, with the engine's order, whether it is among the first of the home list) of each product."""
    home = _ranked(tasks.HOME, example, past)[:HOME_PRODUCTS]
    leaf_category = past.train_history.catalogue.leaf_category
    costs = []
    for product in example.bought.tolist():
        words = normalize_query(names.leaf_names[leaf_category[product]]).split() if leaf_category[product] >= 0 else []
        found = hits.get((example.customer, words[-1])) if words else None
        if found is None or product not in found.product_indices:
            continue
        listed = found.product_indices[found.product_indices >= 0]
        search = RankingExample(example.customer, example.history, listed, example.bought, hits=found)
        ours = 1.0 if product in home else search_cost(_ranked(tasks.SEARCH, search, past), product)
        costs.append((ours, search_cost(listed, product), product in home))
    return costs


def _ranked(task: tasks.RankingTask, example: RankingExample, past: Backtest) -> NDArray[np.int64]:
    score = scorer.score_candidates(task, past.learned, feature_table(example, past))
    return example.candidates[np.lexsort((np.arange(len(score)), -score))]


def search_cost(listed: NDArray[np.int64], product: int) -> float:
    """The actions that it takes to search for a product and add it."""
    position = int(np.argmax(listed == product))
    page, within = divmod(position, PAGE_SIZE)
    if page >= PAGES:
        return NOT_FOUND_COST
    return 2 + page + (page * PAGE_SIZE // COLUMNS + within // COLUMNS) / 2
