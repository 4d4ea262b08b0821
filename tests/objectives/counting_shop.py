"""What counts, published, and costs of which it is known what is earned."""

from datetime import date
from decimal import Decimal

from personalization.decide import active_rules
from personalization.merchandising import publishing
from personalization.models import Definition, ProductCost

PRICE = Decimal("3.50")
"""Of every product of `factories`."""


def count(surfaces, by=None, **numbers):
    """Publishes what counts, by surface, and has this process obey it."""
    document = {"surfaces": surfaces, **numbers}
    stored = Definition.objects.with_versions().filter(kind="objectives").first()
    if stored is None:
        stored = publishing.create("objectives", "What counts", document, by, key="shop")
    else:
        publishing.save_draft(stored, document, by, base=stored.newest.number)
    published = publishing.publish(stored, by)
    active_rules.reset_active_rules()
    active_rules.read_rules_now()
    return published


def undo(definition):
    """What was before serves again."""
    publishing.undo(definition, None)
    active_rules.read_rules_now()


def earn(margins):
    """Costs by which these products earn so much a piece."""
    ProductCost.objects.store(
        ProductCost(product_id=product.pk, cost=PRICE - Decimal(str(margin)), currency="USD", since=date(2020, 1, 1))
        for product, margin in margins.items()
    )
