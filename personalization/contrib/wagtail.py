"""For shops whose pages are Wagtail's: editors put a slot of content blocks anywhere into a page's text, and merchants
say in our dashboard who sees what there.

    class GuidePage(PersonalizedPageMixin, Page):
        body = StreamField([("text", RichTextBlock()), ("slot", PersonalizedSlotBlock())])
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy, pgettext_lazy
from wagtail import blocks

from personalization.merchandising.schemas import MAX_SLOT, SLOT_PATTERN
from personalization.pages.cache_control import cacheable_page


class PersonalizedSlotBlock(blocks.StructBlock):
    """A slot in a StreamField: each visitor sees the content block that is meant for them, and nothing while none is
    live. On pages of a `PersonalizedPageMixin` only, so that no shared cache hands one visitor's block to another."""

    slot = blocks.RegexBlock(
        SLOT_PATTERN,
        max_length=MAX_SLOT,
        label=pgettext_lazy("personalization", "Slot"),
        help_text=gettext_lazy("The name that content blocks in the shop's dashboard have for this place."),
        error_messages={"invalid": gettext_lazy("Expected small letters, digits and hyphens, as in home-hero.")},
    )

    class Meta:
        template = "personalization/contrib/wagtail_slot.html"
        label = pgettext_lazy("personalization", "Personal content")
        icon = "group"


class PersonalizedPageMixin:
    """In front of Wagtail's `Page`: each response is the visitor's own, or with `CACHED_PAGES` everybody's, with the
    visitor's part loaded after it."""

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Wagtail's response, with the headers that such a page needs."""
        response: HttpResponse = cacheable_page(super().serve)(request, *args, **kwargs)  # type: ignore[misc]
        return response
