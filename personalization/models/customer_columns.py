"""What a page reads of a signed-in customer: of their visitor, genome, facts and household."""

from django.contrib.auth import get_user_model

from personalization.models.customer_facts import READ_FIELDS
from personalization.models.households import GENOME_COLUMNS

_VISITOR = ("id", "user", "consent", "consented_at", "erased_at", "preferences", "browser_unit", "created_at")
_GENOME = (
    "products",
    "categories",
    "neighbour_products",
    "purchases",
    "distinct_products",
    "sizes",
    "computed_at",
    "format",
)


def customer_columns(with_household: bool) -> tuple[list[str], list[str]]:
    """(the rows that belong to a visitor, the columns of all of them that are read), as `select_related` and `only`
    take them."""
    related = ["user__personalization_genome", "user__personalization_facts"]
    columns = [*_VISITOR, f"user__{get_user_model()._meta.pk.name}"]
    columns += [f"user__personalization_genome__{name}" for name in _GENOME]
    columns += [f"user__personalization_facts__{name}" for name in READ_FIELDS]
    if with_household:
        related.append("membership__household")
        columns += ["membership__since", "membership__visitor"]
        columns += [f"membership__household__{name}" for name in GENOME_COLUMNS]
    return related, columns
