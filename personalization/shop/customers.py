"""Reads the shop's customers by what another system calls them."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.module_loading import import_string

from personalization import conf
from personalization.batching import batched
from personalization.shop.audience_keys import read_audience_key

LOOKUP_FIELDS = ("id", "email", "username")
"""What can identify a customer."""
RESPONSE_FIELDS = (*LOOKUP_FIELDS, "audience_key")
"""What can identify one in what comes back from another tool."""
NAME_FIELDS = ("first_name", "last_name")
"""By what else staff look for one, where the shop's own user model has it."""
MAX_SEARCH_WORDS = 6
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
    if by == "audience_key":
        keys = {text: key for text in texts if (key := read_audience_key(text))}
        existing = _customers_by_key(set(keys.values()))
        return {text: existing[key] for text, key in keys.items() if key in existing}
    return _customers_by_key(set(texts)) if by == "id" else _customers_by_name(set(texts), by)


def _customers_by_key(texts: set[str]) -> dict[str, Any]:
    keys = {text: key for text in texts if (key := customer_primary_key(text)) is not None}
    rows = get_user_model()._default_manager.filter(pk__in=set(keys.values()))
    existing = set(rows.values_list("pk", flat=True))
    return {text: key for text, key in keys.items() if key in existing}


def customer_primary_key(text: str) -> Any:
    """The primary key that a text stands for; None where it stands for none."""
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


def customer_by_key(text: str) -> Any:
    """The account with this primary key, or None."""
    key = customer_primary_key(text.replace("\0", ""))
    return None if key is None else get_user_model()._default_manager.filter(pk=key).first()


def customer_by_address(text: str) -> Any:
    """The account with this number or e-mail address, in whatever case; None for none."""
    text, model = text.replace("\0", "").strip(), get_user_model()
    found = customer_by_key(text)
    if found is None and text:
        found = model._default_manager.filter(**{f"{model.get_email_field_name()}__iexact": text}).first()
    return found


def search_customers(text: str, limit: int) -> list[Any]:
    """The accounts with this number or e-mail address; where there is none, the newest ones that have each word in
    their name or address, for which all accounts are looked at."""
    text = text.replace("\0", "").strip()
    if (one := customer_by_key(text)) is not None:
        return [one]
    model = get_user_model()
    users, email = model._default_manager.order_by("-pk"), model.get_email_field_name()
    columns = [name for name in (*NAME_FIELDS, email, model.USERNAME_FIELD) if user_has_field(name)]
    if "@" in text and email in columns and (exact := list(users.filter(**{f"{email}__iexact": text})[:limit])):
        return exact
    for word in text.split()[:MAX_SEARCH_WORDS]:
        matches = [Q(**{f"{column}__icontains": word}) for column in columns]
        users = users.filter(reduce(or_, matches))
    return list(users[:limit]) if text and columns else []


def customer_name(user: Any) -> str:
    """What staff know an account by: the name that the customer gave, and the e-mail address."""
    email = getattr(user, user.get_email_field_name(), "")
    name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    return ", ".join(part for part in (name, email or user.get_username()) if part)


def user_has_field(field: str) -> bool:
    """Whether the shop's own user model has it."""
    try:
        get_user_model()._meta.get_field(field)
    except FieldDoesNotExist:
        return False
    return True


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
