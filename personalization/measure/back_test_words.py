"""Back-tests in sentences, in the active language."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from personalization.measure.back_test import MIN_PEOPLE, BackTest, PageKind
from personalization.measure.number_words import format_count


def page_label(kind: PageKind) -> str:
    """What the pages are called."""
    return {
        PageKind.CATEGORY_LIST: pgettext("personalization", "Lists of categories"),
        PageKind.SEARCH_LIST: pgettext("personalization", "Lists of searches"),
        PageKind.HOME_ROWS: pgettext("personalization", "Rows of the home page"),
        PageKind.PRODUCT_ROWS: pgettext("personalization", "Rows of product pages"),
        PageKind.BASKET_ROWS: pgettext("personalization", "Rows of the basket"),
        PageKind.CATEGORY_ROWS: pgettext("personalization", "Rows of category pages"),
        PageKind.SHOWN: pgettext("personalization", "Rows and lists that were really shown"),
    }[kind]


def describe_back_test(kind: PageKind, result: BackTest) -> str:
    """What the change would have done to these pages, in a few sentences."""
    if not result.pages:
        return _no_page_words(kind)
    if result.is_too_small:
        params = {"people": format_count(result.people), "floor": format_count(MIN_PEOPLE)}
        return _("Too few yet: %(people)s of at least %(floor)s customers chose anything there.") % params
    pages = pgettext("personalization", "On %(pages)s pages of %(people)s customers:") % {
        "pages": format_count(result.pages),
        "people": format_count(result.people),
    }
    if result.changes_nothing:
        return " ".join([pages, pgettext("personalization", "nothing would have moved.")])
    sentences = [
        _moved_words(result),
        _hidden_words(kind, result),
        _place_words(kind, result),
        _first_words(kind, result),
    ]
    return " ".join([pages, *filter(None, sentences)])


def back_test_limits() -> list[str]:
    """What a back-test cannot say, a sentence or two each."""
    return [
        _(
            "These orders come from a shop without the change: what nobody was shown, nobody bought. What a campaign "
            "brings forward that was hidden so far cannot look good here; what it pushes aside can look bad."
        ),
        _(
            "It says where later purchases would have stood, not whether more would have been bought. Only an "
            "experiment can tell that."
        ),
        _(
            "What sells and what goes together was learned with these very orders, too. Both sides share that: compare "
            "them, and trust neither number by itself."
        ),
        _(
            "Prices and stock of that time are not known, so everything counts as buyable. Segments go by what is "
            "known of the customers today; what they had bought is as it was then."
        ),
        _(
            "How they came to a product is not known. Taken are: the page of its category, what they searched for on "
            "that day, the home page, the pages of the other products of the order, and the basket with all but one."
        ),
    ]


def _no_page_words(kind: PageKind) -> str:
    if kind is PageKind.SHOWN:
        return _("It would have acted on none that they chose from.")
    return _("It would have acted on no page on which anything of these orders stands.")


def _moved_words(result: BackTest) -> str:
    words = ngettext("%(moved)s product would have moved.", "%(moved)s products would have moved.", result.moved)
    return words % {"moved": format_count(result.moved)}


def _hidden_words(kind: PageKind, result: BackTest) -> str:
    if not result.hidden:
        return ""
    if kind is PageKind.SHOWN:
        words = ngettext(
            "%(hidden)s product that was clicked on or bought afterwards would not have been there.",
            "%(hidden)s products that were clicked on or bought afterwards would not have been there.",
            result.hidden,
        )
    elif kind.is_list:
        words = ngettext(
            "%(hidden)s later purchase would have been hidden.",
            "%(hidden)s later purchases would have been hidden.",
            result.hidden,
        )
    else:
        words = ngettext(
            "%(hidden)s later purchase would no longer have been there.",
            "%(hidden)s later purchases would no longer have been there.",
            result.hidden,
        )
    return words % {"hidden": format_count(result.hidden)}


def _place_words(kind: PageKind, result: BackTest) -> str:
    """Where what was chosen stands on average, and how many of it better and worse."""
    if not result.higher and not result.lower:
        return "" if result.hidden else _("What was chosen afterwards would have stood where it stands.")
    counts = {
        "chosen": format_count(result.chosen),
        "higher": format_count(result.higher),
        "lower": format_count(result.lower),
    }
    if kind is PageKind.SHOWN:
        moves = _(
            "Of %(chosen)s that were clicked on or bought, %(higher)s would have stood higher and %(lower)s lower."
        )
    else:
        moves = _("Of %(chosen)s later purchases, %(higher)s would have stood higher and %(lower)s lower.")
    moves %= counts
    if result.place_before is None or result.place_after is None:
        return moves
    places = _format_places(result.place_before, result.place_after)
    if places["before"] == places["after"]:
        mean = _("Those there before and after stay on average at place %(before)s.")
    else:
        mean = _("Those there before and after would have stood on average at place %(after)s instead of %(before)s.")
    return f"{moves} {mean % places}"


def _format_places(before: float, after: float) -> dict[str, str]:
    """Whole places, unless they are less than one apart: 9.4 and 9.6 are not 9 and 10."""
    decimals = 0 if abs(before - after) >= 1 or before == after == round(before) else 1
    return {
        "before": number_format(round(before, decimals), decimals),
        "after": number_format(round(after, decimals), decimals),
    }


def _first_words(kind: PageKind, result: BackTest) -> str:
    if result.first_before == result.first_after:
        return ""
    words = (
        _("On the first page: %(after)s instead of %(before)s.")
        if kind.is_list
        else _("Shown at all: %(after)s instead of %(before)s.")
    )
    return words % {"before": format_count(result.first_before), "after": format_count(result.first_after)}
