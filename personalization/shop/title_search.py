"""Whether a search can lead anywhere: the shop's titles and categories, without its search engine."""

import re
from functools import reduce
from operator import or_

from django.db.models import Q
from oscar.core.loading import get_model

Product = get_model("catalogue", "Product")

MAX_QUERY_WORDS = 8
"""At most this many words of a search are looked for."""
MIN_STEM = 3
"""A word is looked for without its last two letters, which say singular or plural, but by at least this many."""


def matches_any_title(query: str) -> bool:
    """Whether a product that may be browsed, or its category, has a word of this search in its name, or as its UPC. One
    query, none for a search without words."""
    words = re.findall(r"\w+", query)[:MAX_QUERY_WORDS]
    stems = [word[: max(MIN_STEM, len(word) - 2)] for word in words]
    named = [Q(**{column: stem}) for stem in stems for column in ("title__icontains", "categories__name__icontains")]
    named += [Q(upc__iexact=word) for word in words]
    return bool(named) and Product.objects.browsable().filter(reduce(or_, named)).exists()
