"""Whose voice counts, and how much, where training learns from what visitors did. The rule in one place:

1. A buyer, a customer or browser behind whom there is an order, is heard: an order costs something.
2. Anybody else is a stranger, as an identity costs nothing. Of the strangers of one network, one is heard a day for the
   same query or product (`models/voices.py`), and nobody who came and went within a minute.
3. What strangers say of a product weighs together at most as much as what buyers say of it
   (`recommenders.bounded_sum`).

Views of products, from which recommenders learn, are buyers' only (`shop/product_views.py`), and so is what Oscar
itself recorded: it does not know networks.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Standing(IntEnum):
    """How an action is heard."""

    SILENT = 0
    """Not at all; but it tells what the same visitor did before and after."""
    STRANGER = 1
    BUYER = 2


def standings(
    is_buyer: NDArray[np.bool_], is_echo: NDArray[np.bool_], is_lasting: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """The Standing of each action.

    Parameters: whether a buyer did it, whether their network had said it before, whether they stayed for long enough.
    """
    stranger = np.where(is_lasting & ~is_echo, Standing.STRANGER, Standing.SILENT)
    return np.where(is_buyer, Standing.BUYER, stranger).astype(np.int8)
