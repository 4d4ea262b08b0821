"""Visitors, their consent and their preferences."""

import math
import secrets
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Q
from django.utils.translation import pgettext_lazy

from personalization import signals
from personalization.models.compiled_query import CompiledQuery
from personalization.models.customer_columns import customer_columns
from personalization.models.customer_facts import CustomerFacts
from personalization.models.genomes import GENOME_FORMAT, Genome
from personalization.models.households import HouseholdMember
from personalization.models.sizes_stated import SIZE, stated_size
from personalization.models.uncounted_days import CountedQuerySet

MAX_PREFERENCES = 200
"""As many preferences of a visitor are kept, the newest."""


def new_visitor_id() -> uuid.UUID:
    """128 bits that nobody can guess."""
    return uuid.UUID(bytes=secrets.token_bytes(16))


class Consent(models.TextChoices):
    """What a visitor allows: to GRANTED, or from anything to WITHDRAWN, by their own act only."""

    NONE = "none", pgettext_lazy("personalization", "not answered")
    GRANTED = "granted", pgettext_lazy("personalization", "granted")
    WITHDRAWN = "withdrawn", pgettext_lazy("personalization", "withdrawn")


class Preference(NamedTuple):
    """What a visitor asked for by hand: more or less of something."""

    type: str
    """What it is about: "product", "category" or "interest" (a category, too) with its primary key, "reason" with the
    key of a row, "sort" with "lists", "size" with what `sizes_stated.py` says. Products, categories and rows fade."""
    key: int | str
    sign: int
    """1: they want more of it; -1: less."""
    recorded_at: float
    """When they asked for it, in seconds since 1970."""


class VisitorQuerySet(models.QuerySet):
    """Queries about visitors."""

    def of_customer(self, user_id: Any, *, with_household: bool = False) -> "Visitor | None":
        """The visitor that this customer is, with their genome and facts, and with their household if that is asked
        for, in one indexed query."""
        visitor: Visitor | None = _customer_query(with_household).first(user_id, self.db)
        return visitor

    def of_browser(self, visitor_id: uuid.UUID) -> "Visitor | None":
        """The visitor of this id, unless an account has it: an account is known by its session only."""
        return self.filter(pk=visitor_id, user=None).first()

    def get_or_create_customer(self, user_id: Any) -> "Visitor":
        """The visitor that this customer is, made if need be."""
        return self.get_or_create(user_id=user_id, defaults={"id": new_visitor_id()})[0]

    def get_for_update(self, user_id: Any) -> "Visitor":
        """The visitor that this customer is, made if need be, and locked: nobody else changes or erases it before the
        transaction ends."""
        visitor = None
        while visitor is None:  # erasing a customer makes a new row
            self.get_or_create_customer(user_id)
            visitor = self.select_for_update().filter(user_id=user_id).first()
        return visitor

    def consented(self, user_ids: Iterable[Any] | None = None) -> dict[Any, float]:
        """Those of these customers, or of all, who allow what they did to be used for them; each with the moment up to
        which they had everything erased, in seconds since 1970, or -inf."""
        rows = self.filter(user__isnull=False, consent=Consent.GRANTED)
        return _erasure_times(rows if user_ids is None else rows.filter(user_id__in=list(user_ids)))

    def consented_customers(self, user_ids: Iterable[Any]) -> dict[Any, "Visitor"]:
        """Those of these customers who consent to personalization: their visitors by the customer's key."""
        rows = self.filter(user_id__in=list(user_ids), consent=Consent.GRANTED)
        return {visitor.user_id: visitor for visitor in rows}

    def refused_sizes(self, user_ids: Iterable[Any]) -> set[tuple[Any, int]]:
        """(customer's key, attribute) of what these do not want to be remembered of their sizes. One query."""
        rows = self.filter(user_id__in=list(user_ids)).values_list("user_id", "preferences")
        return {
            (user, stated_size(one[1])[0]) for user, stated in rows for one in stated if one[0] == SIZE and one[2] < 0
        }

    def lock_consented(self, user_ids: Iterable[Any]) -> dict[Any, float]:
        """As `consented` returns them, but none of them can withdraw before the end of the transaction."""
        rows = self.filter(user_id__in=list(user_ids), consent=Consent.GRANTED).order_by("pk")
        return _erasure_times(rows.select_for_update(no_key=True))

    def erase(self, visitor_ids: Iterable[uuid.UUID]) -> None:
        """Deletes these visitors with all their rows, inside a transaction, and tells other apps."""
        for visitor in self.delete_with_rows(visitor_ids):
            arguments = {"visitor_id": visitor.pk, "user_id": visitor.user_id}
            signals.send_on_commit(signals.visitor_erased, Visitor, **arguments)

    def delete_with_rows(self, visitor_ids: Iterable[uuid.UUID]) -> "list[Visitor]":
        """Deletes these visitors with all their rows, inside a transaction: a statement a table, whatever there is."""
        locked = self.delete_rows_of(visitor_ids)
        self.model.objects.using(self.db).filter(pk__in=[visitor.pk for visitor in locked])._raw_delete(self.db)
        return locked

    def delete_rows_of(
        self, visitor_ids: Iterable[uuid.UUID], *, but: tuple[type[models.Model], ...] = ()
    ) -> "list[Visitor]":
        """Deletes all rows of these visitors in the app's tables, inside a transaction, and returns the visitors.

        It waits for those that store something of theirs just now, and deletes that, too. The tables are found by
        their foreign keys, so that a new one cannot be missed. Where such a key may be empty, the rows stay, and forget
        whose they are.
        Not by a cascade: where any app listens to the deletion of all models, as Haystack does, Django's would load
        every row.
        """
        locked = list(self.filter(pk__in=list(visitor_ids)).order_by("pk").select_for_update())
        for field in _keys_to_visitors():
            if field.model not in but:
                rows = field.model._default_manager.using(self.db).filter(**{f"{field.name}__in": locked})
                if isinstance(rows, CountedQuerySet):
                    rows.mark_days()
                if field.null:
                    field.model._default_manager.using(self.db).forget_people([one.pk for one in locked])  # type: ignore[attr-defined]
                else:
                    rows._raw_delete(self.db)
        return locked

    def delete_activity(self) -> None:
        """Deletes what these visitors did and asked for, inside a transaction; what they answered stays."""
        locked = self.delete_rows_of(self.values_list("pk", flat=True), but=(ConsentRecord,))
        self.model.objects.using(self.db).filter(pk__in=[visitor.pk for visitor in locked]).update(preferences=[])

    def opted_out(self) -> dict[Any, float]:
        """The customers of whom nothing is learned up to a moment: for ever, while they object."""
        customers = self.filter(user__isnull=False)
        objecting = customers.filter(consent=Consent.WITHDRAWN).values_list("user_id", flat=True)
        return {**_erasure_times(customers.exclude(erased_at=None)), **dict.fromkeys(objecting, math.inf)}

    def grant_all(self, user_ids: Iterable[Any], *, version: str, source: str, now: datetime) -> int:
        """Records consent that was given elsewhere, for customers who have neither given nor withdrawn it here; how
        many there were."""
        unique_ids = list(dict.fromkeys(user_ids))
        granted = 0
        for start in range(0, len(unique_ids), 500):
            granted += self._grant_some(unique_ids[start : start + 500], version, source, now)
        return granted

    def lock_for(self, user_ids: Iterable[Any]) -> "dict[Any, Visitor]":
        """The visitors that these customers are. None of them can be erased or withdraw before the transaction ends."""
        rows = self.filter(user_id__in=list(user_ids)).order_by("pk").select_for_update(no_key=True)
        return {visitor.user_id: visitor for visitor in rows}

    def ever_withdrawn(self, ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
        """Those of these visitors who withdrew their consent once, also if they granted it again."""
        changes = ConsentRecord.objects.filter(visitor__in=list(ids), state=Consent.WITHDRAWN)
        return set(changes.values_list("visitor_id", flat=True))

    def import_consented_browsers(
        self, ids: Iterable[uuid.UUID], *, version: str, source: str, now: datetime
    ) -> set[uuid.UUID]:
        """Those of these browsers that may be kept; the ones that are not known yet are stored, with that consent."""
        unique_ids = sorted(set(ids))
        known = dict(self.filter(pk__in=unique_ids, user=None).values_list("pk", "consent"))
        new = [pk for pk in unique_ids if pk not in known]
        self.bulk_create(
            [Visitor(id=pk, consent=Consent.GRANTED, consented_at=now) for pk in new], ignore_conflicts=True
        )
        ConsentRecord.objects.bulk_create(
            ConsentRecord(visitor_id=pk, state=Consent.GRANTED, version=version, source=source, recorded_at=now)
            for pk in new
        )
        _send_consent_changed([(pk, None) for pk in new], Consent.GRANTED, source, now)
        return {*new, *(pk for pk, state in known.items() if state == Consent.GRANTED)}

    def withdraw_all(self, user_ids: Iterable[Any], *, version: str, source: str, now: datetime) -> int:
        """Records that these customers withdrew elsewhere; how many had not done so before."""
        unique_ids = list(dict.fromkeys(user_ids))
        with transaction.atomic(using=self.db):
            known = set(self.filter(user_id__in=unique_ids).values_list("user_id", flat=True))
            new = [Visitor(id=new_visitor_id(), user_id=user_id) for user_id in unique_ids if user_id not in known]
            self.bulk_create(new, ignore_conflicts=True)
            rows = (
                self.filter(user_id__in=unique_ids)
                .exclude(consent=Consent.WITHDRAWN)
                .order_by("pk")
                .select_for_update()
            )
            changed = list(rows.select_for_update().values_list("pk", "user_id"))
            ids = [pk for pk, _ in changed]
            self.filter(pk__in=ids).update(consent=Consent.WITHDRAWN)
            ConsentRecord.objects.bulk_create(
                ConsentRecord(visitor_id=pk, state=Consent.WITHDRAWN, version=version, source=source, recorded_at=now)
                for pk in ids
            )
            _send_consent_changed(changed, Consent.WITHDRAWN, source, now)
        return len(ids)

    def by_consent(self) -> dict[tuple[bool, str], int]:
        """How many there are, by whether they are customers, and by what they allow."""
        rows = self.order_by().annotate(customer=Q(user__isnull=False)).values_list("customer", "consent")
        return {(customer, state): count for customer, state, count in rows.annotate(Count("pk"))}

    def _grant_some(self, user_ids: list[Any], version: str, source: str, now: datetime) -> int:
        with transaction.atomic(using=self.db):
            known = set(self.filter(user_id__in=user_ids).values_list("user_id", flat=True))
            new = [Visitor(id=new_visitor_id(), user_id=user_id) for user_id in user_ids if user_id not in known]
            self.bulk_create(new, ignore_conflicts=True)
            undecided = self.filter(user_id__in=user_ids, consent=Consent.NONE).select_for_update()
            changed = list(undecided.values_list("pk", "user_id"))
            ids = [pk for pk, _ in changed]
            self.filter(pk__in=ids).update(consent=Consent.GRANTED, consented_at=now)
            ConsentRecord.objects.bulk_create(
                ConsentRecord(visitor_id=pk, state=Consent.GRANTED, version=version, source=source, recorded_at=now)
                for pk in ids
            )
            _send_consent_changed(changed, Consent.GRANTED, source, now)
        return len(ids)


class Visitor(models.Model):
    """A customer with an account, or a browser that is not signed in and has agreed to be known."""

    id = models.UUIDField(primary_key=True, default=new_visitor_id, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=pgettext_lazy("personalization", "customer"),
    )
    """None for a browser."""
    consent = models.CharField(
        pgettext_lazy("personalization", "consent"), max_length=9, choices=Consent.choices, default=Consent.NONE
    )
    consented_at = models.DateTimeField(pgettext_lazy("personalization", "consented at"), null=True, blank=True)
    """When consent was granted last: nothing that happened earlier is taken in after that."""
    erased_at = models.DateTimeField(pgettext_lazy("personalization", "erased at"), null=True, blank=True)
    """When the customer had everything erased: what they bought before is not used, also if they consent again."""
    preferences = models.JSONField(pgettext_lazy("personalization", "preferences"), default=list, blank=True)
    """Rows of `Preference`, newest last."""
    browser_unit = models.UUIDField(pgettext_lazy("personalization", "unit of the browser"), null=True, editable=False)
    """The unit that the account took over from the browser in which it was first known; None for its own."""
    created_at = models.DateTimeField(pgettext_lazy("personalization", "created at"), auto_now_add=True)

    objects = VisitorQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("personalization", "visitor")
        verbose_name_plural = pgettext_lazy("personalization", "visitors")

    def __str__(self) -> str:
        return f"visitor of customer {self.user_id}" if self.user_id else "visitor of a browser"

    @property
    def unit(self) -> uuid.UUID:
        """What says in which arm of an experiment they are: it stays when they sign in for the first time."""
        return self.browser_unit or self.pk

    def genome(self) -> Genome:
        """What is known of the customer's own tastes; empty when nothing is."""
        stored: Genome | None = getattr(self.user, "personalization_genome", None)
        return stored if stored is not None and stored.format <= GENOME_FORMAT else Genome()

    def read_membership(self) -> HouseholdMember | None:
        """Their place in a household, with it, as it was read with them; None where that was not asked for. No
        query."""
        place = type(self)._meta.get_field("membership")
        return getattr(self, "membership", None) if place.is_cached(self) else None

    def household_genome(self) -> Genome | None:
        """What their household bought together; None for who is in none or alone, or where a newer version wrote it."""
        place = self.read_membership()
        if place is None or place.household.computed_at is None or place.household.format > GENOME_FORMAT:
            return None
        return place.household.genome_for(self.genome())

    def facts(self) -> CustomerFacts | None:
        """Their numbers and dates; None when there are none, as for a browser."""
        facts: CustomerFacts | None = getattr(self.user, "personalization_facts", None)
        return facts

    def consent_answer(self) -> "ConsentRecord | None":
        """Their last decision on consent, with its time and source; None when they never decided."""
        return ConsentRecord.objects.filter(visitor=self).last()

    def get_preferences(self) -> tuple[Preference, ...]:
        """Their preferences, newest last."""
        return tuple(Preference(*row) for row in self.preferences)

    @transaction.atomic
    def change_consent(self, state: Consent, *, version: str, source: str, now: datetime) -> None:
        """Stores the new state, and that, when and where it came about."""
        changed, self.consent = self.consent != state, state
        if state == Consent.GRANTED:
            self.consented_at = now
        self.save(update_fields=["consent", "consented_at"])
        ConsentRecord.objects.create(visitor=self, state=state, version=version, source=source, recorded_at=now)
        if changed:
            _send_consent_changed([(self.pk, self.user_id)], state, source, now)

    @transaction.atomic
    def set_preference(self, kind: str, key: int | str, sign: int, now: float) -> None:
        """More (1) or less (-1) of something, in place of an earlier preference about it; 0 removes that."""
        row = type(self).objects.select_for_update().get(pk=self.pk)
        kept = [preference for preference in row.preferences if preference[:2] != [kind, key]]
        self._store_preferences(kept + ([[kind, key, sign, now]] if sign else []))

    @transaction.atomic
    def set_size(self, attribute: int, key: str, sign: int, now: float) -> None:
        """As `set_preference`, of "size": in place of whatever they stated of this attribute."""
        row = type(self).objects.select_for_update().get(pk=self.pk)
        others = [one for one in row.preferences if one[0] != SIZE or stated_size(one[1])[0] != attribute]
        self._store_preferences(others + ([[SIZE, key, sign, now]] if sign else []))

    def _store_preferences(self, rows: list) -> None:
        self.preferences = rows[-MAX_PREFERENCES:]
        self.save(update_fields=["preferences"])


class ConsentRecord(models.Model):
    """The proof of who allowed what when. Rows are added, never changed; they go with their visitor."""

    visitor = models.ForeignKey(
        Visitor, on_delete=models.DO_NOTHING, related_name="+", verbose_name=pgettext_lazy("personalization", "visitor")
    )
    state = models.CharField(pgettext_lazy("personalization", "state"), max_length=9, choices=Consent.choices)
    version = models.CharField(pgettext_lazy("personalization", "version"), max_length=32)
    """Of the text that they agreed to."""
    source = models.CharField(pgettext_lazy("personalization", "source"), max_length=64)
    """Where they decided: "banner", "account", "sign-in", or what the shop recorded it from."""
    recorded_at = models.DateTimeField(pgettext_lazy("personalization", "recorded at"))

    class Meta:
        verbose_name = pgettext_lazy("personalization", "consent record")
        verbose_name_plural = pgettext_lazy("personalization", "consent records")
        ordering = ("recorded_at", "pk")

    def __str__(self) -> str:
        return f"{self.state} at {self.recorded_at:%Y-%m-%d %H:%M}"


def _send_consent_changed(visitors: Iterable[tuple[uuid.UUID, Any]], state: Any, source: str, now: datetime) -> None:
    """Tells other apps; `visitors` are (visitor's id, customer's key)."""
    common = {"state": str(state), "source": source, "changed_at": now}
    for visitor_id, user_id in visitors:
        arguments = {"visitor_id": visitor_id, "user_id": user_id, **common}
        signals.send_on_commit(signals.consent_changed, Visitor, **arguments)


def _keys_to_visitors() -> Iterator[models.ForeignKey]:
    """The foreign keys of the app's tables to a visitor."""
    for relation in Visitor._meta.get_fields(include_hidden=True):
        key = relation.remote_field if isinstance(relation, models.ManyToOneRel) else None
        if isinstance(key, models.ForeignKey) and key.model._meta.app_label == Visitor._meta.app_label:
            yield key


def _erasure_times(visitors: VisitorQuerySet) -> dict[Any, float]:
    rows = visitors.values_list("user_id", "erased_at")
    return {user: -math.inf if at is None else at.timestamp() for user, at in rows}


@cache
def _customer_query(with_household: bool) -> CompiledQuery:
    related, columns = customer_columns(with_household)
    rows = Visitor.objects.select_related(*related).only(*columns)
    return CompiledQuery(lambda user_id: rows.filter(user_id=user_id), Visitor._meta.get_field("user"))
