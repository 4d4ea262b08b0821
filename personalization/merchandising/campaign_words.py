"""A campaign as a sentence, and what stands in its way in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, npgettext, pgettext, pgettext_lazy

from personalization.merchandising.conflicts import Conflict, ConflictKind
from personalization.merchandising.documents import target_kind
from personalization.merchandising.segment_words import quote_name

Names = Mapping[tuple[str, str], str]
"""The names of what documents refer to, by kind and key."""


SURFACE_LABELS = {
    "home": pgettext_lazy("personalization", "Home page"),
    "product": pgettext_lazy("personalization", "Product page"),
    "basket": pgettext_lazy("personalization", "Basket page"),
    "order_confirmation": pgettext_lazy("personalization", "Page after an order"),
    "zero_results": pgettext_lazy("personalization", "Search without results"),
    "search": pgettext_lazy("personalization", "Search results"),
    "category": pgettext_lazy("personalization", "Category pages"),
    "catalogue": pgettext_lazy("personalization", "All products"),
    "navigation": pgettext_lazy("personalization", "Menu"),
    "message": pgettext_lazy("personalization", "Messages"),
}
ACTION_SENTENCES = {
    "pin": pgettext_lazy("personalization", "pin %(target)s at place %(place)d"),
    "slot": pgettext_lazy("personalization", "fill places %(first)d to %(last)d with the best of %(target)s"),
    "boost": pgettext_lazy("personalization", "boost %(target)s %(how)s"),
    "bury": pgettext_lazy("personalization", "bury %(target)s %(how)s"),
    "exclude": pgettext_lazy("personalization", "never show %(target)s"),
    "only": pgettext_lazy("personalization", "show only %(target)s"),
}
PEOPLE_LABELS = {
    "all": pgettext_lazy("personalization", "everybody"),
    "customers": pgettext_lazy("personalization", "customers"),
    "visitors": pgettext_lazy("personalization", "visitors who are not signed in"),
}
CONFLICT_SENTENCES = {
    ConflictKind.PLACE_TAKEN: _(
        "%(surface)s, place %(place)d: “%(other)s” stands higher and wins; “%(product)s” takes the next free place"
    ),
    ConflictKind.PINNED_ALREADY: pgettext_lazy(
        "personalization", "%(surface)s: “%(product)s” is pinned by “%(other)s” already"
    ),
    ConflictKind.EXCLUDED: _("%(surface)s: “%(other)s” never shows “%(product)s”, so it will not be pinned"),
    ConflictKind.NOT_IN_ONLY: _("%(surface)s: “%(other)s” shows only other products than “%(product)s”"),
}
"""Put into words one by one: a list of campaigns needs thousands."""


def surface_labels() -> dict[str, str]:
    """What each surface is called in the dashboard."""
    return {name: str(label) for name, label in SURFACE_LABELS.items()}


def action_labels() -> dict[str, str]:
    """What each action is called."""
    return {
        "pin": pgettext("personalization", "Pin"),
        "slot": pgettext("personalization", "Fill places with the best of"),
        "boost": pgettext("personalization", "Boost"),
        "bury": pgettext("personalization", "Bury"),
        "exclude": pgettext("personalization", "Never show"),
        "only": pgettext("personalization", "Show only"),
    }


def strength_labels(do: str = "boost") -> dict[int, str]:
    """What the three strengths are called: 10, 30 and 100 percent of the list's length."""
    last = pgettext("personalization", "to the end") if do == "bury" else pgettext("personalization", "to the top")
    return {1: pgettext("personalization", "a little"), 2: pgettext("personalization", "clearly"), 3: last}


def describe_campaign(document: Mapping[str, Any], names: Names) -> str:
    """The campaign as one sentence: what it does, where, and for whom."""
    what = _join(describe_action(action, names) for action in document.get("what", ()))
    where = _join(dict.fromkeys(describe_place(place, names) for place in document.get("where", ())))
    return pgettext("personalization", "%(what)s · %(where)s · for %(who)s") % {
        "what": what,
        "where": where,
        "who": describe_audience(document.get("who", {}), names),
    }


def describe_action(action: Mapping[str, Any], names: Names) -> str:
    """An action in words."""
    do, place = action["do"], action.get("place")
    params: dict[str, Any] = {"target": describe_target(action["target"], names), "place": place}
    if do == "slot":
        params["first"], params["last"] = place if isinstance(place, list) else (place, place)
    if do in ("boost", "bury"):
        params["how"] = strength_labels(do).get(action.get("strength", 2))
    return str(ACTION_SENTENCES[do]) % params


def describe_target(target: Mapping[str, Any], names: Names) -> str:
    """Which products are meant, in words."""
    kind = target_kind(target)
    if kind == "products":
        return _describe_products(target["products"], names)
    if kind in ("range", "category", "class", "partner"):
        name = names.get((kind, str(target[kind])), pgettext("personalization", "something deleted"))
        return quote_name(name)
    if kind == "attribute":
        sign = {"is": "=", "at_least": "\N{GREATER-THAN OR EQUAL TO}", "at_most": "\N{LESS-THAN OR EQUAL TO}"}
        return f"{target['attribute']} {sign[target['op']]} {target['value']}"
    if kind == "all":
        return pgettext("personalization", " and ").join(describe_target(part, names) for part in target["all"])
    return _describe_number(kind, target)


def _describe_products(keys: list[int], names: Names) -> str:
    deleted = pgettext("personalization", "something deleted")
    shown = [names.get(("product", str(key)), deleted) for key in keys[:2]]
    quoted = ", ".join(map(quote_name, shown))
    more = len(keys) - len(shown)
    if not more:
        return quoted
    return (
        quoted
        + " "
        + npgettext("personalization", "and %(number)d more", "and %(number)d more", more) % {"number": more}
    )


def _describe_number(kind: str, target: Mapping[str, Any]) -> str:
    if kind == "on_offer":
        return pgettext("personalization", "what is on offer")
    if kind in ("price", "stock"):
        low, high = target[kind]
        words = {
            ("price", True, True): pgettext("personalization", "price from %(low)s to %(high)s"),
            ("price", True, False): pgettext("personalization", "price from %(low)s"),
            ("price", False, True): pgettext("personalization", "price up to %(high)s"),
            ("stock", True, True): pgettext("personalization", "stock from %(low)s to %(high)s"),
            ("stock", True, False): pgettext("personalization", "stock from %(low)s"),
            ("stock", False, True): pgettext("personalization", "stock up to %(high)s"),
        }
        any_number = pgettext("personalization", "any number")
        found = words.get((kind, low is not None, high is not None), any_number)
        return found % {"low": low, "high": high} if "%" in found else found
    if kind == "newer":
        return ngettext("products of the last %(days)d day", "products of the last %(days)d days", target["newer"]) % {
            "days": target["newer"]
        }
    if kind == "rating":
        return pgettext("personalization", "rated %(stars)s or better") % {"stars": target["rating"]}
    like = {
        "category": pgettext("personalization", "what shares a category with the product in view"),
        "class": pgettext("personalization", "what is of the product type in view"),
        "attribute": pgettext("personalization", "what shares an attribute with the product in view"),
        "price": pgettext("personalization", "what costs about as much as the product in view"),
    }
    return like[target["like_viewed"]]


def describe_place(place: Mapping[str, Any], names: Names) -> str:
    """Where, in words."""
    label = str(SURFACE_LABELS[place["surface"]])
    deleted = pgettext("personalization", "something deleted")
    details = [names.get(("category", str(key)), deleted) for key in place.get("categories", ())]
    details += [one["text"] for one in place.get("words", ())]
    if place.get("seen"):
        details.append(describe_target(place["seen"], names))
    if place.get("rows") not in (None, "all", []):
        details += place["rows"]
    shown = ", ".join(details[:3]) + ("\N{HORIZONTAL ELLIPSIS}" if len(details) > 3 else "")
    return f"{label} ({shown})" if shown else label


def describe_audience(who: Mapping[str, Any], names: Names) -> str:
    """For whom, in words."""
    people = str(PEOPLE_LABELS[who.get("people", "all")])
    deleted = pgettext("personalization", "something deleted")
    chosen = [names.get(("segment", str(key)), deleted) for key in who.get("in", ())]
    without = [names.get(("segment", str(key)), deleted) for key in who.get("out", ())]
    words = _join(chosen, pgettext("personalization", " or ")) if chosen else people
    if without:
        words = pgettext("personalization", "%(who)s, not %(others)s") % {"who": words, "others": _join(without)}
    where = [*who.get("countries", ()), *map(_device_label, who.get("devices", ()))]
    return f"{words} ({', '.join(where)})" if where else words


def _device_label(device: str) -> str:
    return {
        "phone": pgettext("personalization", "phone"),
        "tablet": pgettext("personalization", "tablet"),
        "computer": pgettext("personalization", "computer"),
    }[device]


def describe_conflict(conflict: Conflict, names: Names, campaigns: Mapping[int, str]) -> str:
    """What happens to a campaign because of another one, as its merchandiser should read it.

    Parameters: `campaigns`, the names of all campaigns by key.
    """
    params = {
        "product": names.get(("product", str(conflict.product)), ""),
        "other": campaigns.get(conflict.other, ""),
        "place": conflict.place,
        "surface": str(SURFACE_LABELS[conflict.surface]),
        "count": conflict.count,
    }
    if conflict.kind == ConflictKind.CANCELLED:
        return (
            ngettext(
                "%(surface)s: this and “%(other)s” cancel each other for %(count)d product",
                "%(surface)s: this and “%(other)s” cancel each other for %(count)d products",
                conflict.count,
            )
            % params
        )
    if conflict.kind == ConflictKind.TOO_FEW_LEFT:
        return (
            ngettext(
                "%(surface)s: together with “%(other)s” it leaves %(count)d product; a row needs three",
                "%(surface)s: together with “%(other)s” it leaves %(count)d products; a row needs three",
                conflict.count,
            )
            % params
        )
    return str(CONFLICT_SENTENCES[conflict.kind]) % params


def _join(parts: Iterable[str], between: str = ", ") -> str:
    return between.join(parts)
