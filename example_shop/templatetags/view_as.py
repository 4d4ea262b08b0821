from django import template
from django.http import HttpRequest

from example_shop.view_as import people

register = template.Library()


@register.inclusion_tag("example_shop/view_as.html", takes_context=True)
def view_as(context: template.Context) -> dict:
    """The bar that says whom the shop is seen as, and lets one choose; empty outside of the demo."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        return {"people": []}
    user = getattr(request, "user", None)
    email = user.email if user and user.is_authenticated else ""
    listed = people()
    now = next((person for person in listed if person.email == email), None)
    return {"people": listed, "email": email, "now": now}
