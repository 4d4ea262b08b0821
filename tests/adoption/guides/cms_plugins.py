from cms.plugin_pool import plugin_pool

from personalization.contrib.django_cms import personalized_slot

plugin_pool.register_plugin(personalized_slot("guide-hero", "Personal picture of the guide"))
