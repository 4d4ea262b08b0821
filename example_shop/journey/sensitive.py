"""What says too much of a person to be used in the demo: alcohol, medicine, and what concerns the body."""

import pandas as pd

HEALTH = "Health & beauty"
FILMS = ("Home & leisure", "Films & audio")

SENSITIVE_CATEGORIES = frozenset(
    {
        ("Beer, wine & spirits",),
        (HEALTH, "Allergy relief"),
        (HEALTH, "Antacids"),
        (HEALTH, "Cold & flu"),
        (HEALTH, "Dental care", "Denture adhesive"),
        (HEALTH, "Dental care", "Denture cleanser"),
        (HEALTH, "Diet & nutrition drinks"),
        (HEALTH, "Digestion"),
        (HEALTH, "Family planning"),
        (HEALTH, "Feminine care"),
        (HEALTH, "First aid"),
        (HEALTH, "Incontinence care"),
        (HEALTH, "Pain relief"),
        (HEALTH, "Skin care", "Acne treatment"),
        (HEALTH, "Skin care", "Medicated skin cream"),
        (HEALTH, "Stop smoking"),
        (*FILMS, "Bargain DVD, age 18"),
        (*FILMS, "DVD film, age 18"),
    }
)
"""The names from the top of the tree down. What lies below one of them is sensitive, too."""


def is_sensitive(products: pd.DataFrame) -> pd.Series:
    """Whether each of the journey's products lies in a sensitive category."""
    trails = products[["department", "category", "type"]].itertuples(index=False, name=None)
    flags = [any(trail[:depth] in SENSITIVE_CATEGORIES for depth in (1, 2, 3)) for trail in trails]
    return pd.Series(flags, products.index)
