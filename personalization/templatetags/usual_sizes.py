"""{% load usual_sizes %}{% usual_size product %}: in which size the visitor usually buys, on a product's page."""

from typing import Any

from django import template
from django.template import Context
from django.template.loader import get_template

from personalization.models.fail_open import fail_open
from personalization.oscar import page_slates
from personalization.oscar.usual_variants import usual_variants
from personalization.privacy.requester import is_shared_page

register = template.Library()


@register.simple_tag(takes_context=True)
def usual_size(context: Context, product: Any) -> str:
    """Says the visitor's size, and has that variant selected; a place for it on a page that may be handed to anybody;
    nothing for who has none."""
    request = context.get("request")
    if request is None or not hasattr(product, "parent_id") or not (product.parent_id or product.is_parent):
        return ""
    template = get_template("personalization/partials/usual_size.html")
    if is_shared_page(request):
        return template.render({"is_fetched": True})
    with fail_open("Saying a visitor's size"):
        subject = page_slates.prefetched_subject(context, product)
        known = subject.get_public_children() if subject is not None and subject.is_parent else ()
        said = {
            "usual": usual_variants(request, product, known),
            "product": product,
            "next": request.get_full_path(),
            "csrf_token": context.get("csrf_token"),
        }
        return template.render(said) if said["usual"] else ""
    return ""
