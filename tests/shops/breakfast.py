"""A shop of four baskets: toast, butter and jam; rolls, butter and honey; soap and a sponge; a candle.

Jam and honey are in one category and never in one basket, and so are toast and rolls.
"""

from collections.abc import Mapping

from django.core.management import call_command
from django.urls import reverse
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.apps.catalogue.models import Product

from personalization.decide import active_snapshot
from tests.shops import factories as shop
from tests.shops.saved_shops import open_shop

KINDS = {
    "Toast": "Food > Bread",
    "Rolls": "Food > Bread",
    "Butter": "Food > Dairy",
    "Jam": "Food > Spreads",
    "Honey": "Food > Spreads",
    "Soap": "Home > Bath",
    "Sponge": "Home > Kitchen",
    "Candle": "Home > Light",
}
BASKETS = (("Toast", "Butter", "Jam"), ("Rolls", "Butter", "Honey"), ("Soap", "Sponge"), ("Candle",))
CUSTOMERS = 6
WEEKS = 3


def create_products() -> dict[str, Product]:
    """The products by name, before any order."""
    return {name: shop.create_shop_product(name, create_from_breadcrumbs(kind)) for name, kind in KINDS.items()}


def trained() -> dict[str, Product]:
    """The products by name, after six customers bought each of the baskets three times."""
    return open_shop(_build)


def _build() -> dict[str, Product]:
    products = create_products()
    for number in range(CUSTOMERS):
        buyer = shop.create_customer(f"buyer{number}")
        for week in range(WEEKS):
            for basket in BASKETS:
                shop.create_past_order(buyer, [products[name] for name in basket], days_ago=1 + 7 * week)
    call_command("personalization_train", verbosity=0)
    active_snapshot.reset_active_snapshot()
    return products


def put_into_basket(client, *products: Product, quantity: int = 1) -> None:
    """Puts these products into the client's basket."""
    for product in products:
        address = reverse("basket:add", args=[product.pk])
        assert client.post(address, {"quantity": quantity}).status_code == 302


def get_basket_page(client, **headers):
    """The response of the basket page."""
    return client.get(reverse("basket:summary"), **headers)


def post_quantities(client, quantities: Mapping[Product, int], ajax: bool = True, **headers):
    """The response after the lines of the basket get these quantities; 0 removes a line."""
    forms = get_basket_page(client).context["formset"].forms
    form = {f"form-{name}_FORMS": len(forms) for name in ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")}
    for number, line in enumerate(one.instance for one in forms):
        quantity = quantities.get(line.product, line.quantity)
        form |= {f"form-{number}-id": line.pk, f"form-{number}-quantity": max(quantity, 1)}
        form |= {} if quantity else {f"form-{number}-DELETE": "on"}
    if ajax:
        headers["HTTP_X_REQUESTED_WITH"] = "XMLHttpRequest"
    return client.post(reverse("basket:summary"), form, **headers)


def slates_of_page(response, surface: str = "") -> list:
    """The slates of a page, one for each template tag; those of one surface, or all."""
    layers = [layer for context in response.context for layer in context if "slate" in layer]
    found = {id(layer["slate"]): layer["slate"] for layer in layers}
    return [slate for slate in found.values() if surface in ("", slate.surface)]


def row_titles(response, surface: str) -> dict[str, list[str]]:
    """The titles of the products in the rows of one surface, by the title of the row."""
    (slate,) = slates_of_page(response, surface)
    return {row.title: [item.product.title for item in row.items] for row in slate.rows}
