"""Makes signing out delete Oscar's cookie of recently viewed products."""

from django.conf import settings

from personalization import conf


def clear_history_on_logout() -> None:
    """Adds the cookie to those that Oscar deletes: its own list has the name of a cookie that does not exist."""
    name = settings.OSCAR_RECENTLY_VIEWED_COOKIE_NAME
    if conf.get_settings().CLEAR_RECENTLY_VIEWED_ON_LOGOUT and name not in settings.OSCAR_COOKIES_DELETE_ON_LOGOUT:
        settings.OSCAR_COOKIES_DELETE_ON_LOGOUT = [*settings.OSCAR_COOKIES_DELETE_ON_LOGOUT, name]
