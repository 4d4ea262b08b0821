"""Opens a shop of a few products and prints its pages as JSON: `python -m tests.adoption.probe_main_pages`."""

import json

import django
from django.core.management import call_command
from django.test import Client
from django.urls import reverse


def create_shop():
    """Two categories with twelve products each; five customers bought the first two of each."""
    from django.contrib.auth.models import User
    from oscar.apps.catalogue.categories import create_from_breadcrumbs
    from oscar.test.basket import add_product
    from oscar.test.factories import create_basket, create_order, create_product

    shelves = {kind: create_from_breadcrumbs(kind) for kind in ("Tea", "Bread")}
    products = [create_product(title=f"{kind} {n}", num_in_stock=9) for n in range(12) for kind in shelves]
    for product, shelf in zip(products, [*shelves.values()] * 12, strict=True):
        product.categories.add(shelf)
    for number, name in enumerate(("ann", "ben", "cid", "dan", "eva")):
        basket = create_basket(empty=True)
        for product in products[:4]:
            add_product(basket, product=product)
        create_order(number=f"{number:06}", basket=basket, user=User.objects.create_user(name, f"{name}@example.com"))
    call_command("rebuild_index", interactive=False, verbosity=0)
    return shelves["Tea"], products[0]


def page_addresses():
    """The addresses of the main pages."""
    category, product = create_shop()
    return {
        "home": "/",
        "catalogue": reverse("catalogue:index"),
        "category": category.get_absolute_url(),
        "product": product.get_absolute_url(),
        "search": reverse("search:search") + "?q=tea",
        "basket": reverse("basket:summary"),
    }


def describe_page(client, address):
    response = client.get(address)
    context = response.context_data
    view = response.resolver_match.func.view_class
    return {
        "status": response.status_code,
        "rows": response.content.decode().count("data-row="),
        "made_by": context.get("made_by"),
        "form": type(context.get("form")).__module__,
        "ancestors": [ancestor.__module__ for ancestor in view.__mro__],
    }


if __name__ == "__main__":
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    client = Client()
    print(json.dumps({name: describe_page(client, address) for name, address in page_addresses().items()}))
