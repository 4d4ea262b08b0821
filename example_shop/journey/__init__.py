"""The Complete Journey, a retailer's year of baskets, as the history of the example shop.

`source` reads and cleans it, `titles` makes its names readable, `pictures` draws its products, `load` writes it into
Oscar's own tables, `people` picks the households to look at the shop as.
"""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Journey:
    """A year of one retailer: what was sold, and who bought what when."""

    products: pd.DataFrame
    """One row a product a shopper can tell apart, best seller first; its index is 0..n-1.
    Columns: title, department, category, type (all readable), brand ("National" or "Private"), size ("2 L" or ""),
    price (median paid for one, in dollars, 2 decimals), first_sold (datetime64, UTC)."""
    lines: pd.DataFrame
    """One row a product in a basket, in order of time. Columns: household (int, the source's number), basket (int, the
    source's number), product (index of `products`), placed (datetime64, UTC; one value a basket), quantity (int >= 1),
    price (dollars paid for one)."""
    households: pd.DataFrame
    """One row a household that bought something; its index is the source's number. Columns: age, household_size,
    household_comp, kids_count, income ("" where the source does not know)."""
