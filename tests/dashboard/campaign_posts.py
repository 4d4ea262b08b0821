"""What the editor of campaigns posts, and documents of campaigns."""


def form_data(product, **changed):
    """What the form posts for a campaign that pins a product to the top of the home page."""
    return {
        "base": "0",
        "name": "Tea week",
        "people": "all",
        "surfaces": ["home"],
        "match": "all",
        "zone": "UTC",
        "band": "1",
        "below": "on",
        "what-TOTAL_FORMS": "1",
        "what-INITIAL_FORMS": "0",
        "what-0-do": "pin",
        "what-0-target": "products",
        "what-0-products": f"#{product.pk}",
        "what-0-place": "1",
        **changed,
    }


def pin(product, place=1, **more):
    return {
        "where": [{"surface": "home"}],
        "what": [{"do": "pin", "target": {"products": [product.pk]}, "place": place}],
    } | more
