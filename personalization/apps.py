"""Wires the app into the shop, and nothing else."""

from typing import Any

from django.apps import apps
from django.utils.translation import pgettext_lazy
from oscar.core.application import OscarDashboardConfig


class PersonalizationConfig(OscarDashboardConfig):
    """Oscar finds the permissions of a dashboard page in the app that has its URL, which has to be of this class."""

    default = True  # Oscar's own class, which is imported here, is another that Django could take
    name = "personalization"
    verbose_name = pgettext_lazy("personalization", "Personalisation")
    default_auto_field = "django.db.models.BigAutoField"
    _dashboard_urls: list[Any] | None = None

    def ready(self) -> None:
        from personalization import checks, signals  # noqa: F401, PLC0415
        from personalization.contrib.anymail import listen_to_anymail  # noqa: PLC0415
        from personalization.operations.erasure_log import note_erasure  # noqa: PLC0415
        from personalization.oscar import receivers, setting_defaults  # noqa: PLC0415
        from personalization.oscar.dashboard import access, menu  # noqa: PLC0415

        self.default_permissions, self.permissions_map = access.SUPERUSERS, access.PERMISSIONS
        receivers.connect_receivers()
        setting_defaults.set_homepage()
        setting_defaults.clear_history_on_logout()
        menu.add_dashboard_menu()
        menu.add_htmx()
        signals.visitor_erased.connect(note_erasure)
        if apps.is_installed("anymail"):
            listen_to_anymail()

    def get_urls(self) -> list[Any]:
        """The dashboard's pages, each behind its permissions. They are in `personalization.urls` already."""
        from personalization.oscar.dashboard.urls import urlpatterns  # noqa: PLC0415

        if self._dashboard_urls is None:
            self._dashboard_urls = self.post_process_urls(urlpatterns)
        return self._dashboard_urls
