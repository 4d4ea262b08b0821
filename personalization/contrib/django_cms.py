"""For shops whose pages are django CMS's: a plugin for each slot of content blocks. In a `cms_plugins.py` of the shop:

plugin_pool.register_plugin(personalized_slot("guide-hero", _("Personal picture of the guide")))
"""

import re
from typing import Any

from cms.plugin_base import CMSPluginBase
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import pgettext_lazy

from personalization.merchandising.schemas import MAX_SLOT, SLOT_PATTERN


def personalized_slot(slot: str, name: str) -> type[CMSPluginBase]:
    """A plugin that prints a slot: each visitor sees the content block that is meant for them. django CMS keeps no page
    with it in its caches, and tells others not to.

    Parameters: `slot`, as content blocks in our dashboard name it; `name`, as editors see it. The plugin is stored
    under the slot's name, so that must stay as it is.
    """

    if not re.fullmatch(SLOT_PATTERN, slot) or len(slot) > MAX_SLOT:
        raise ImproperlyConfigured(
            f"personalized_slot: {slot!r} is no slot; expected up to {MAX_SLOT} small letters, digits and hyphens, "
            "as in 'guide-hero'."
        )

    def render(self: CMSPluginBase, context: Any, instance: Any, placeholder: Any) -> Any:
        context = CMSPluginBase.render(self, context, instance, placeholder)
        context["slot"] = slot
        return context

    described = {
        "name": name,
        "module": pgettext_lazy("personalization", "Personal content"),
        "render_template": "personalization/contrib/django_cms_slot.html",
        "cache": False,
        "text_enabled": False,
        "render": render,
        "__module__": __name__,
    }
    return type(f"PersonalizedSlot_{slot.replace('-', '_')}", (CMSPluginBase,), described)
