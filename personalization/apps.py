"""Wires the app into the shop, and nothing else."""

from django.apps import AppConfig
from django.utils.translation import pgettext_lazy


class PersonalizationConfig(AppConfig):
    name = "personalization"
    verbose_name = pgettext_lazy("personalization", "Personalisation")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from personalization import checks  # noqa: F401, PLC0415
        from personalization.oscar import history_cookie, homepage, receivers  # noqa: PLC0415

        receivers.connect_receivers()
        homepage.set_homepage()
        history_cookie.clear_history_on_logout()
