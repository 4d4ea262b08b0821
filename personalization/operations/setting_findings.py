"""Settings that a running shop should not have, beyond what `manage.py check` says: keys, and who may work."""

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.utils.translation import gettext as _

from personalization import conf
from personalization.operations import erasure_log
from personalization.operations.findings import Finding, Severity

SHORTEST_KEY = 32
OWN_KEYS = ("MESSAGE_ADDRESS_KEY", "CARD_NUMBER_KEY")
NEW_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(50))"'
APP = "personalization"


def key_findings() -> Iterator[Finding]:
    """Without a query."""
    weak = [name for name, key in _secret_keys() if len(key) < SHORTEST_KEY or key.startswith("django-insecure-")]
    if weak:
        yield Finding(
            "keys-weak",
            Severity.WRONG,
            _("A secret can be guessed, or is in a repository: %(names)s.") % {"names": ", ".join(weak)},
            _("Who knows it can forge what browsers report, and find out who is behind a hash."),
            NEW_KEY,
        )
    shared = [name for name in OWN_KEYS if getattr(conf.get_settings(), name) == settings.SECRET_KEY]
    if shared:
        yield Finding(
            "keys-shared",
            Severity.LATE,
            _("%(names)s is the same as SECRET_KEY.") % {"names": ", ".join(shared)},
            _("When SECRET_KEY is changed, nobody who said no, and no card, is recognised any more."),
            _("Keep its value here, and give SECRET_KEY a new one: %(line)s") % {"line": NEW_KEY},
        )
    if settings.SECRET_KEY in settings.SECRET_KEY_FALLBACKS:
        yield Finding(
            "keys-fallback",
            Severity.LATE,
            _("SECRET_KEY_FALLBACKS holds the present SECRET_KEY."),
            _("It was not changed, or the old one is missing: then visitors are forgotten when it is."),
            _("SECRET_KEY_FALLBACKS = [the key before this one], for VISITOR_COOKIE_DAYS."),
        )


def _secret_keys() -> Iterator[tuple[str, str]]:
    yield "SECRET_KEY", str(settings.SECRET_KEY)
    yield from (("SECRET_KEY_FALLBACKS", str(key)) for key in settings.SECRET_KEY_FALLBACKS)
    yield from ((name, key) for name in OWN_KEYS if (key := getattr(conf.get_settings(), name)))


def erasure_findings() -> Iterator[Finding]:
    """One query, where the shop has an ERASURE_LOG."""
    if erasure_log.is_older_than_log():
        yield Finding(
            "erasures-undone",
            Severity.WRONG,
            _("The database is older than the log of erasures: it was restored from a backup."),
            _("Who had their data erased since is in it again."),
            "python manage.py personalization_erase_again",
        )


def permission_findings() -> Iterator[Finding]:
    """One or two queries."""
    staff = get_user_model()._default_manager.filter(is_active=True, is_staff=True, is_superuser=False)
    ours = Permission.objects.filter(content_type__app_label=APP)
    if staff.exists() and not staff.filter(Q(user_permissions__in=ours) | Q(groups__permissions__in=ours)).exists():
        yield Finding(
            "permissions-none",
            Severity.NOTE,
            _("No member of staff may change anything here; only superusers may."),
            _("Who is made a superuser for it may read and delete all of the shop."),
            "python manage.py personalization_groups",
        )
