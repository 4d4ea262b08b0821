"""Reads the shop's customers by what another system calls them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils.module_loading import import_string

from personalization import conf
from personalization.batching import batched

LOOKUP_FIELDS = ("id", "email", "username")
"""What can identify a customer."""
MAX_KEY_DIGITS = 18
USERS_PER_BATCH = 500


class NoSuchField(Exception):
    """The shop's own user model has no such field; the message says so."""


def all_customers() -> list[Any]:
    """The keys of all accounts that can sign in."""
    return list(active_customers().order_by("pk").values_list("pk", flat=True))


def count_customers() -> int:
    """The number of accounts that can sign in."""
    return active_customers().count()


def active_customers() -> QuerySet[Any]:
    """All accounts that can sign in."""
    return get_user_model()._default_manager.filter(is_active=True)


def customers_by_field(texts: Iterable[str], by: str) -> dict[str, Any]:
    """The key of each of these customers who exists, in one query; None where the text matches several."""
    return _customers_by_key(set(texts)) if by == "id" else _customers_by_name(set(texts), by)


def _customers_by_key(texts: set[str]) -> dict[str, Any]:
    keys = {text: key for text in texts if (key := _parse_key(text)) is not None}
    rows = get_user_model()._default_manager.filter(pk__in=set(keys.values()))
    existing = set(rows.values_list("pk", flat=True))
    return {text: key for text, key in keys.items() if key in existing}


def _parse_key(text: str) -> Any:
    if text.isdecimal() and len(text) > MAX_KEY_DIGITS:
        return None
    try:
        return get_user_model()._meta.pk.to_python(text)
    except ValidationError:
        return None


def _customers_by_name(texts: set[str], by: str) -> dict[str, Any]:
    model = get_user_model()
    field = model.get_email_field_name() if by == "email" else model.USERNAME_FIELD
    try:
        model._meta.get_field(field)
    except FieldDoesNotExist:
        raise NoSuchField(f"The shop's customers have no {by}.") from None
    spelling = {text: text.lower() if by == "email" else text for text in texts}
    users: QuerySet[Any] = model._default_manager.all()
    if by == "email":
        users, field = users.annotate(lower_email=Lower(field)), "lower_email"
    keys: dict[str, Any] = {}
    for name, key in users.filter(**{f"{field}__in": set(spelling.values())}).values_list(field, "pk"):
        keys[name] = None if name in keys else key
    return {text: keys[name] for text, name in spelling.items() if name in keys}


def is_child(user: Any) -> bool:
    """Whether the shop says that this account is a child's (setting `IS_CHILD_CALLABLE`)."""
    path = conf.get_settings().IS_CHILD_CALLABLE
    return bool(path) and bool(import_string(path)(user))


def exclude_children(values: dict[Any, float]) -> dict[Any, float]:
    """The entries of {customer: value} whose customer is not a child."""
    if not conf.get_settings().IS_CHILD_CALLABLE:
        return values
    users = get_user_model()._default_manager
    batches = batched(sorted(values), USERS_PER_BATCH)
    adults = (user.pk for batch in batches for user in users.filter(pk__in=batch) if not is_child(user))
    return {key: values[key] for key in adults}
