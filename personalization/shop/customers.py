"""Reads the shop's customers by what another system calls them."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils.module_loading import import_string

from personalization import conf
from personalization.batching import batched

LOOKUP_FIELDS = ("id", "email", "username")
"""By what a customer can be named."""
DIGITS = 18
USERS_PER_BATCH = 500


class NoSuchField(Exception):
    """The shop's own model of users has no such field; the message says so."""


def all_customers() -> Iterator[Any]:
    """The keys of all accounts that can sign in."""
    return _able().order_by("pk").values_list("pk", flat=True).iterator(chunk_size=20_000)


def count_customers() -> int:
    """How many they are."""
    return _able().count()


def _able() -> QuerySet:
    return get_user_model()._default_manager.filter(is_active=True)


def customers_by_field(texts: Iterable[str], by: str) -> dict[str, Any]:
    """The key of each of these customers who exists, in one query; None where two have the same name."""
    return _by_key(set(texts)) if by == "id" else _by_name(set(texts), _field(by), lower=by == "email")


def _by_key(texts: set[str]) -> dict[str, Any]:
    keys = {text: key for text in texts if (key := _key(text)) is not None}
    there = set(get_user_model()._default_manager.filter(pk__in=set(keys.values())).values_list("pk", flat=True))
    return {text: key for text, key in keys.items() if key in there}


def _key(text: str) -> Any:
    if text.isdecimal() and len(text) > DIGITS:
        return None
    try:
        return get_user_model()._meta.pk.to_python(text)
    except ValidationError:
        return None


def _field(by: str) -> str:
    model = get_user_model()
    name = model.get_email_field_name() if by == "email" else model.USERNAME_FIELD
    try:
        return model._meta.get_field(name).name
    except FieldDoesNotExist:
        raise NoSuchField(f"The shop's customers have no {by}.") from None


def _by_name(texts: set[str], field: str, lower: bool) -> dict[str, Any]:
    users = get_user_model()._default_manager.all()
    if lower:
        users = users.annotate(named=Lower(field)).filter(named__in={text.lower() for text in texts})
    else:
        users = users.filter(**{f"{field}__in": texts})
    found: dict[str, Any] = {}
    for name, key in users.values_list("named" if lower else field, "pk"):
        found[name] = None if name in found else key
    spelt = {text: text.lower() if lower else text for text in texts}
    return {text: found[name] for text, name in spelt.items() if name in found}


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
