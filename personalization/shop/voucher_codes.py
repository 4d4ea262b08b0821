"""Voucher codes for one person each: Oscar's own vouchers of one set, each good once, checked and applied by Oscar."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from oscar.core.loading import get_class, get_model

from personalization.models import Definition

get_unused_code = get_class("voucher.utils", "get_unused_code")
Voucher = get_model("voucher", "Voucher")
VoucherSet = get_model("voucher", "VoucherSet")
ConditionalOffer = get_model("offer", "ConditionalOffer")
Condition = get_model("offer", "Condition")
Benefit = get_model("offer", "Benefit")
Range = get_model("offer", "Range")

CODE_LENGTH = 12
TERM_COLUMNS = (
    "offers__benefit__type",
    "offers__benefit__value",
    "offers__benefit__max_affected_items",
    "offers__condition__type",
    "offers__condition__value",
)
MAX_NAME = 100


@dataclass(frozen=True)
class VoucherTerms:
    """What a code takes off."""

    name: str
    """What shoppers read in the basket."""
    percent: float | None = None
    """Which part, or ..."""
    amount: float | None = None
    """... how much."""
    least: float = 0.0
    """From which value of what it is about on; 0 for any."""
    range_id: int | None = None
    """The Range that it is about; None for all products."""

    @classmethod
    def from_document(cls, name: str, voucher: Mapping[str, Any]) -> "VoucherTerms":
        """As the document of a campaign says."""
        return cls(name, voucher.get("percent"), voucher.get("amount"), voucher.get("least", 0.0), voucher.get("range"))


@dataclass(frozen=True)
class OwnCode:
    """A code that is good now, its last moment, and what it says at this moment."""

    code: str
    until: datetime
    percent: Decimal | None = None
    """Which part it takes off, or ..."""
    amount: Decimal | None = None
    """... how much; neither where its offer is of another kind by now, as somebody changed it in Oscar."""
    least: Decimal | None = None
    """From which value on; 0 for any, None where its condition is of another kind by now."""

    @classmethod
    def of_terms(cls, code: str, until: datetime, terms: VoucherTerms) -> "OwnCode":
        """As a code with these terms would be made."""
        percent, amount, least = (
            None if one is None else Decimal(str(one)) for one in (terms.percent, terms.amount, terms.least)
        )
        return cls(code, until, percent, amount, least)


@dataclass(frozen=True)
class CodeNumbers:
    """What became of the codes of a set."""

    code_count: int = 0
    orders: int = 0
    discount: Decimal = Decimal(0)


def read_code(voucher_id: int, now: datetime) -> OwnCode | None:
    """The code of a voucher that is good now and was not used; None for any other. One query."""
    rows = Voucher._default_manager.filter(
        pk=voucher_id, start_datetime__lte=now, end_datetime__gt=now, applications__isnull=True
    )
    found = list(rows.order_by("offers").values("code", "end_datetime", *TERM_COLUMNS)[:2])
    if not found:
        return None
    code, until = found[0]["code"], found[0]["end_datetime"]
    if len(found) > 1:  # somebody tied further offers to it
        return OwnCode(code, until)
    benefit, value, most_items, condition, least = (found[0][column] for column in TERM_COLUMNS)
    return OwnCode(
        code,
        until,
        value if benefit == Benefit.PERCENTAGE and most_items is None else None,
        value if benefit == Benefit.FIXED else None,
        least if condition == Condition.VALUE else Decimal(0) if (condition, least) == (Condition.COUNT, 1) else None,
    )


def open_vouchers(entered: Collection[int], own: Collection[int], basket: Any, now: datetime) -> list[Any]:
    """Those of these vouchers that can be used now and are not in a basket, what was entered first, then what ends
    first. No query without a key, else one.

    Parameters: `own`, the keys of those that were made for the customer; one that was `entered` and was made by a
    campaign for somebody else is left out.
    """
    if not entered and not own:
        return []
    addressed = Definition.objects.filter(voucher_set_id=OuterRef("voucher_set_id"))
    rows = Voucher._default_manager.filter(
        Q(pk__in=own) | Q(pk__in=list(entered)) & ~Exists(addressed),
        ~Q(usage=Voucher.SINGLE_USE) | Q(applications__isnull=True),
        start_datetime__lte=now,
        end_datetime__gt=now,
    ).exclude(pk__in=basket.vouchers.order_by().values("pk"))
    found = rows.order_by("end_datetime", "pk").distinct()
    return sorted(found, key=lambda voucher: voucher.pk not in entered)


def create_code(terms: VoucherTerms, set_id: int | None, key: str, now: datetime, ends: datetime) -> tuple[int, int]:
    """(key of the voucher, key of its set) of a new code, which can be used once until its end.

    Parameters: `set_id`, the set of the codes before; None, or one that is gone, for a new one; `key`, what tells the
    set from others.
    """
    voucher_set = VoucherSet._default_manager.filter(pk=set_id).first() if set_id else None
    if voucher_set is None:
        name = _free_name(VoucherSet, f"{terms.name[:60]} ({key[:30]})")
        voucher_set = VoucherSet._default_manager.create(
            name=name, count=0, code_length=CODE_LENGTH, description="", start_datetime=now, end_datetime=ends
        )
    code = get_unused_code(length=CODE_LENGTH)
    voucher = Voucher._default_manager.create(
        name=f"{terms.name[:100]} {code}",
        code=code,
        usage=Voucher.SINGLE_USE,
        start_datetime=now,
        end_datetime=ends,
        voucher_set=voucher_set,
    )
    voucher.offers.add(_offer_of(terms, voucher_set.pk))
    VoucherSet._default_manager.filter(pk=voucher_set.pk).update(count=F("count") + 1)
    VoucherSet._default_manager.filter(pk=voucher_set.pk, end_datetime__lt=ends).update(end_datetime=ends)
    return voucher.pk, voucher_set.pk


def void_codes(set_id: int) -> None:
    """Makes no code of a set good any more, until they are good again. One query: a code that starts when it ends is
    never active for Oscar, and its end stays."""
    _vouchers_of(set_id).update(start_datetime=F("end_datetime"))


def revive_codes(set_id: int) -> None:
    """Makes the codes of a set good again, each until its own end. One query."""
    _vouchers_of(set_id).update(start_datetime=F("date_created"))


def delete_unused_codes(voucher_ids: Iterable[int]) -> None:
    """Takes codes away from whose they were; what was used stays with the order."""
    Voucher._default_manager.filter(pk__in=list(voucher_ids), applications__isnull=True).delete()


def count_codes(set_id: int | None) -> CodeNumbers:
    """How many codes were made, in how many orders they were used, and what they took off. One query."""
    if set_id is None:
        return CodeNumbers()
    sums = _vouchers_of(set_id).aggregate(
        code_count=Count("pk"), orders=Sum("num_orders"), discount=Sum("total_discount")
    )
    return CodeNumbers(sums["code_count"], sums["orders"] or 0, sums["discount"] or Decimal(0))


def _vouchers_of(set_id: int) -> QuerySet[Any]:
    found: QuerySet[Any] = Voucher._default_manager.filter(voucher_set_id=set_id)
    return found


def _offer_of(terms: VoucherTerms, set_id: int) -> Any:
    """The offer of these terms, made once for a set: codes that were made before the terms changed keep theirs."""
    value = terms.percent if terms.percent is not None else terms.amount
    what = f"{value:g} %" if terms.percent is not None else f"{value:.2f}"
    details = f"{what}, {terms.least:g}, {terms.range_id or 0}"
    name = f"{terms.name[:60]} ({set_id}: {details})"
    found = ConditionalOffer._default_manager.filter(name=name).first()
    if found is not None:
        return found
    meant = Range._default_manager.filter(pk=terms.range_id).first() if terms.range_id else _whole_range()
    if terms.least:
        condition = Condition._default_manager.create(
            range=meant, type=Condition.VALUE, value=Decimal(str(round(terms.least, 2)))
        )
    else:
        condition = Condition._default_manager.create(range=meant, type=Condition.COUNT, value=1)
    benefit = Benefit._default_manager.create(
        range=meant,
        type=Benefit.PERCENTAGE if terms.percent is not None else Benefit.FIXED,
        value=Decimal(str(round(value or 0, 2))),
    )
    return ConditionalOffer._default_manager.create(
        name=name,
        offer_type=ConditionalOffer.VOUCHER,
        condition=condition,
        benefit=benefit,
        max_basket_applications=1,
    )


def _whole_range() -> Any:
    """A Range of all products."""
    found = Range._default_manager.filter(includes_all_products=True, excluded_products__isnull=True).first()
    return found or Range._default_manager.create(
        name=_free_name(Range, "All products"), includes_all_products=True, is_public=False
    )


def _free_name(model: Any, name: str) -> str:
    """The name, with a number where it is taken."""
    name, number = name[:MAX_NAME], 2
    while model._default_manager.filter(name=name).exists():
        name, number = f"{name[: MAX_NAME - 6]} {number}", number + 1
    return name
