"""Consent that customers gave or withdrew elsewhere: before this app was there, or in another system of the shop's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from personalization.models import Consent, Genome, Visitor
from personalization.shop import customers

CUSTOMERS_PER_BATCH = 500
MAX_LISTED = 5
"""So many of the lines that nobody understands are named."""


class UnclearCustomers(Exception):
    """A list of customers cannot be used; the message says what was found. Nothing was recorded."""


@dataclass(frozen=True)
class ConsentCounts:
    """How many allow what."""

    customers: dict[str, int]
    browsers: dict[str, int]

    def __str__(self) -> str:
        return "\n".join(
            f"{who}: " + ", ".join(f"{counts.get(state, 0)} {state}" for state in Consent.values)
            for who, counts in (("customers", self.customers), ("browsers", self.browsers))
        )


def consent_counts() -> ConsentCounts:
    """By state. A customer of whom nothing is recorded counts as none."""
    counts = Visitor.objects.by_consent()
    of_customers = {state: count for (customer, state), count in counts.items() if customer}
    decided = sum(count for state, count in of_customers.items() if state != Consent.NONE)
    everyone = max(customers.count_customers(), decided)
    return ConsentCounts(
        {**of_customers, str(Consent.NONE): everyone - decided},
        {state: count for (customer, state), count in counts.items() if not customer},
    )


def all_customers() -> list[Any]:
    """The keys of all accounts that can sign in."""
    return list(customers.all_customers())


def customers_from_file(file: Path, by: str) -> list[Any]:
    """The keys of the customers in a file, one a line; a header that names the column is left out."""
    try:
        lines = [line.strip().strip('"') for line in file.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UnclearCustomers(f"{file} could not be read: {error}") from None
    if lines and lines[0].lower() in ("user", "user_id", "customer", "customer_id", by):
        lines[0] = ""
    asked = {number: line for number, line in enumerate(lines, start=1) if line}
    if not asked:
        raise UnclearCustomers(f"{file} names no customer; it takes one a line.")
    return _existing_customers(file, asked, by)


def _existing_customers(file: Path, asked: dict[int, str], by: str) -> list[Any]:
    found: dict[str, Any] = {}
    try:
        for some in _batched_keys(list(asked.values())):
            found |= customers.customers_by_field(some, by)
    except customers.NoSuchField as error:
        raise UnclearCustomers(str(error)) from None
    unknown = [number for number, text in asked.items() if found.get(text) is None]
    if unknown:
        first = ", ".join(map(str, unknown[:MAX_LISTED]))
        raise UnclearCustomers(
            f"{file} names {len(unknown)} customers that are none, or several, by their {by}: line {first}"
            f"{', ...' if len(unknown) > MAX_LISTED else ''}. Nothing was recorded."
        )
    return list(dict.fromkeys(found[text] for text in asked.values()))


def _batched_keys(things: list[Any]) -> Iterator[list[Any]]:
    return (things[start : start + CUSTOMERS_PER_BATCH] for start in range(0, len(things), CUSTOMERS_PER_BATCH))


def record_grants(user_ids: list[Any], *, source: str, version: str, now: datetime) -> int:
    """Records that these customers agreed; how many had said nothing before. A withdrawal stands."""
    return Visitor.objects.grant_all(user_ids, version=version, source=source, now=now)


def record_withdrawals(user_ids: list[Any], *, source: str, version: str, now: datetime) -> int:
    """Records that these customers withdrew, and drops their genomes; how many had not withdrawn before."""
    return sum(_withdraw_batch(some, source, version, now) for some in _batched_keys(user_ids))


@transaction.atomic
def _withdraw_batch(user_ids: list[Any], source: str, version: str, now: datetime) -> int:
    withdrawn = Visitor.objects.withdraw_all(user_ids, version=version, source=source, now=now)
    Genome.objects.filter(user_id__in=user_ids).delete()
    return withdrawn
