from django import template
from django.http import HttpRequest

from example_shop.view_as import list_people
from personalization.privacy.requester import is_shared_page

register = template.Library()


@register.inclusion_tag("example_shop/view_as.html", takes_context=True)
def view_as(context: template.Context) -> dict:
    """The bar that names the person whose view is shown and offers the others; empty outside of the demo."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        return {"people": []}
    user = getattr(request, "user", None)
    email = user.email if user and user.is_authenticated else ""
    offered = list_people()
    now = next((person for person in offered if person.email == email), None)
    return {"people": offered, "email": email, "now": now, "is_cached": is_shared_page(request)}
