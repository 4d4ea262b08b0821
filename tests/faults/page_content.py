"""What a page of the shop says and offers, in its order, without what is ours of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

OURS = re.compile(r"\bpersonalization\b")
"""In the class, the id or an address of an element: it is ours, with all that is in it."""
OWN_OPTION = ("option", ["Recommended"])
"""Our choice among the ways to sort a list."""
EMPTY_TAGS = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
TOLD = ("href", "src", "action", "method", "name", "value", "type", "alt", "content", "checked", "selected", "disabled")
"""The attributes by which pages are compared."""
CHANGING = ("csrfmiddlewaretoken", "created")
"""The names of fields that no two responses have in common."""
CARD, MAIN_PART = "product_pod", "page"
"""Classes of Oscar's: a product in a list, and all of a page but its head and foot."""
NUMBER = re.compile(r"(?<=order-status/)\S+|\d+")
"""Those of baskets and orders, and the signature of an order's address."""
PLACE_IN_LIST = re.compile(r"#basket-add-\d+$")
"""What we add to the address of a form of Oscar's: it leads back to its card."""


@dataclass
class Element:
    """An element of a page; what is in it are elements and texts."""

    tag: str
    attributes: dict[str, str]
    inside: list["Element | str"] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        named = (self.attributes.get(name, "") for name in ("class", "id", "href", "src", "action"))
        if (self.tag, self.inside) == OWN_OPTION or any(OURS.search(value) for value in named):
            return True
        return "dropdown" in self.classes and any(link.is_ours for link in self.links())

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    def links(self) -> Iterator["Element"]:
        """All links in it, however deep: those of our part of the dashboard's menu are ours."""
        for element in self.elements():
            if element.tag == "a":
                yield element
            yield from element.links()

    def elements(self) -> list["Element"]:
        return [one for one in self.inside if isinstance(one, Element)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Element("page", {})
        self.open = [self.page]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in EMPTY_TAGS:
            self.open.append(element)

    def handle_endtag(self, tag):
        if any(element.tag == tag for element in self.open):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data):
        self.open[-1].inside.append(data)


def read_page(markup: str) -> Element:
    reader = _Reader()
    reader.feed(markup)
    return reader.page


def shop_content(page: Element, *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """The texts, links, pictures, forms and fields of a page that are not ours, without the elements of these tags and
    classes."""
    return [told for told in _told(page, set(leave_out)) if told]


def listed_cards(page: Element) -> list[tuple[str, ...]]:
    """What each of Oscar's cards says, in the page's order."""
    if page.is_ours:
        return []
    if CARD in page.classes:
        return [tuple(shop_content(page))]
    return [card for element in page.elements() for card in listed_cards(element)]


def _told(element: Element, leave_out: set[str]) -> Iterator[str]:
    if element.is_ours or leave_out & {element.tag, *element.classes}:
        return
    told = {name: PLACE_IN_LIST.sub("", element.attributes[name]) for name in TOLD if name in element.attributes}
    if told and element.attributes.get("name") not in CHANGING:
        yield " ".join([f"<{element.tag}>", *(f"{name}={value}" for name, value in told.items())])
    for one in element.inside:
        if isinstance(one, Element):
            yield from _told(one, leave_out)
        else:
            yield " ".join(one.split())
