"""One visitor as the ranker sees them: products as indices into a snapshot, no name, no key."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_BASKET = np.empty(0, np.int64)


@dataclass(frozen=True)
class VisitorHistory:
    """The purchases of one visitor. The arrays of the first group have one entry for each product that they bought."""

    purchased: NDArray[np.int64]
    """Indices of the products, those with the highest weight first."""
    weight: NDArray[np.float64]
    """The number of days on which the product was bought, each fading with age; see `PurchaseHabits`."""
    days: NDArray[np.int64]
    """The number of days on which the product was bought."""
    first: NDArray[np.float64]
    """Noon of the first of these days, in seconds since 1970."""
    last: NDArray[np.float64]
    """Noon of the last of these days, in seconds since 1970."""
    neighbour_products: NDArray[np.int64]
    """Indices of products that the most similar customers buy (user-kNN)."""
    neighbour_weight: NDArray[np.float64]
    """The mean weight of each of these among the similar customers."""

    @classmethod
    def empty(cls) -> "VisitorHistory":
        """A visitor without a history."""
        none = np.empty(0, np.int64)
        return cls(none, np.empty(0), none, np.empty(0), np.empty(0), none, np.empty(0))

    @property
    def repurchase_share(self) -> float:
        """The share of the visitor's purchases that bought a product again, in 0..1."""
        bought = int(self.days.sum())
        return (bought - len(self.days)) / bought if bought else 0.0
