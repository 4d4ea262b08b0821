"""One visitor, as the arithmetic sees them: products as places, no name, no key."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class VisitorHistory:
    """What is known of one visitor. The arrays of the first group have one entry a product that they bought."""

    purchased: NDArray[np.int64]
    """Places of the products, the strongest habit first."""
    weight: NDArray[np.float64]
    days: NDArray[np.int64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    """As in `Habits`."""
    neighbour_products: NDArray[np.int64]
    """Places of products that customers with similar habits buy."""
    neighbour_weight: NDArray[np.float64]
    """Their mean weight among those customers."""

    @classmethod
    def empty(cls) -> "VisitorHistory":
        """A visitor of whom nothing is known."""
        none = np.empty(0, np.int64)
        return cls(none, np.empty(0), none, np.empty(0), np.empty(0), none, np.empty(0))

    @property
    def repurchase_share(self) -> float:
        """The share of their purchases that bought something again."""
        bought = int(self.days.sum())
        return (bought - len(self.days)) / bought if bought else 0.0
