from wagtail.admin.panels import FieldPanel
from wagtail.blocks import CharBlock
from wagtail.fields import StreamField
from wagtail.models import Page

from personalization.contrib.wagtail import PersonalizedPageMixin, PersonalizedSlotBlock


class GuidePage(PersonalizedPageMixin, Page):
    """A guide: text, and slots between."""

    template = "guides/wagtail_page.html"
    body = StreamField([("text", CharBlock()), ("slot", PersonalizedSlotBlock())])
    content_panels = [*Page.content_panels, FieldPanel("body")]
