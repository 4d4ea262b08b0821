"""Which of Oscar's templates hold something of ours, and which of these the shop has replaced so that it is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

import oscar
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.template.base import Lexer, Origin, Token, TokenType
from django.template.exceptions import TemplateDoesNotExist
from django.template.loader_tags import construct_relative_path

import personalization

TAGS = {
    "oscar/basket/partials/basket_content.html": (
        '{% load personalization_tags %}{% personalized "basket" saved=saved_formset %}'
    ),
    "oscar/catalogue/browse.html": (
        '{% include "personalization/partials/usual.html" %}{% include "personalization/partials/order.html" %}'
    ),
    "oscar/catalogue/detail.html": '{% load personalization_tags %}{% personalized "product" product=product %}',
    "oscar/checkout/thank_you.html": '{% load personalization_tags %}{% personalized "order_confirmation" order=order %}',
    "oscar/customer/baseaccountpage.html": '{% include "personalization/partials/account_tab.html" %}',
    "oscar/layout.html": (
        '{% load personalization_tags static %}<link rel="stylesheet" href="{% static "personalization/rows.css" %}">'
        "{% personalization_beacon %}"
    ),
    "oscar/partials/footer.html": '{% include "personalization/partials/footer_link.html" %}',
    "oscar/partials/nav_primary.html": "{% load personalization_navigation %}{% personal_categories %}",
    "oscar/search/results.html": (
        '{% include "personalization/partials/order.html" %}{% include "personalization/partials/nothing_found.html" %}'
    ),
}
"""Each template of Oscar's that we extend, with what does the same in a shop's own copy of it."""

BESIDES = ("load", "static")
"""What a shop may do in its own way; it may bundle our stylesheets with its own."""

OURS, OSCARS = (str(Path(module.__path__[0]) / "templates") for module in (personalization, oscar))


@dataclass(frozen=True)
class LostOverride:
    """A template of the shop's own that leaves out what we put on Oscar's template of this name."""

    template: str
    file: str
    block: str
    """The block that it fills without what stood there; empty where it does not build on ours at all."""

    @property
    def tag(self) -> str:
        """What to paste into it."""
        return TAGS[self.template]


def lost_overrides() -> list[LostOverride]:
    """The shop's templates that leave out something of ours. They are read, not rendered."""
    return [found for name in TAGS if (found := _lost(name))]


class _Source:
    """A template as it is written."""

    def __init__(self, origin: Origin, text: str) -> None:
        self.origin = origin
        self.text = text

    @cached_property
    def tokens(self) -> list[Token]:
        return Lexer(self.text).tokenize()

    @property
    def is_the_shops(self) -> bool:
        return not self.origin.name.startswith((OURS, OSCARS))

    def tags(self, *names: str) -> list[list[str]]:
        """The words of each tag of these names, or of all."""
        words = [token.split_contents() for token in self.tokens if token.token_type is TokenType.BLOCK]
        return [tag for tag in words if tag[0] in names or not names]

    def named(self, tag: list[str]) -> str | None:
        """The template that an extends or an include names; None where only rendering would tell."""
        word = construct_relative_path(self.origin.template_name, tag[1], allow_recursion=True)
        return word[1:-1] if _quoted(word) and word[0] == word[-1] else None

    def blocks_around(self, essences: set[tuple[str, ...]]) -> set[str]:
        """The outermost blocks in which one of these tags stands."""
        opened: list[str] = []
        found = set()
        for tag in self.tags():
            if tag[0] == "block":
                opened.append(tag[1])
            elif tag[0] == "endblock":
                opened.pop()
            elif opened and _essence(tag) in essences:
                found.add(opened[0])
        return found

    def silent_blocks(self) -> set[str]:
        """The blocks that it fills without `{{ block.super }}`."""
        opened: list[str] = []
        silent: set[str] = set()
        for token in self.tokens:
            _follow_block(token, opened, silent)
        return silent


def _follow_block(token: Token, opened: list[str], silent: set[str]) -> None:
    words = token.contents.split()
    if token.token_type is TokenType.BLOCK and words[0] == "block":
        opened.append(words[1])
        silent.add(words[1])
    elif token.token_type is TokenType.BLOCK and words[0] == "endblock":
        opened.pop()
    elif token.token_type is TokenType.VAR and "block.super" in token.contents and opened:
        silent.discard(opened[-1])


def _quoted(word: str) -> bool:
    return word.startswith(('"', "'"))


def _lost(name: str) -> LostOverride | None:
    first = _find(name, [])
    if first is None or not first.is_the_shops:
        return None
    lineage = list(_lineage(name))
    if _says(lineage, name):
        return None
    own = list(takewhile(lambda source: source.is_the_shops or source.origin.template_name != name, lineage))
    if len(own) < len(lineage):  # it builds on ours; or on Oscar's, where ours comes too late, which is another fault
        return _hidden(name, lineage[len(own)], own)
    if lineage[-1].tags("extends"):  # what it goes on with is known only when it is rendered
        return None
    return LostOverride(name, first.origin.name, "")


def _hidden(name: str, ours: _Source, own: list[_Source]) -> LostOverride | None:
    """What builds on ours and still hides it."""
    filled = ours.blocks_around(_pasted(name))
    for source in own:
        if blocks := source.silent_blocks() & filled:
            return LostOverride(name, source.origin.name, min(blocks))
    return None


def _lineage(name: str) -> Iterator[_Source]:
    """The template that is found first, the one that it extends, and so on, as Django goes about it."""
    seen: list[Origin] = []
    wanted: str | None = name
    while wanted and (source := _find(wanted, seen)):
        yield source
        seen.append(source.origin)
        wanted = next((source.named(tag) for tag in source.tags("extends")), None)


def _find(name: str, skip: list[Origin]) -> _Source | None:
    """The first template of this name, but for those that extend it."""
    for origin in _places(name):
        if origin not in skip:
            try:
                return _Source(origin, origin.loader.get_contents(origin))
            except TemplateDoesNotExist:
                continue
    return None


def _places(name: str) -> Iterator[Origin]:
    for backend in engines.all():
        if isinstance(backend, DjangoTemplates):
            for loader in backend.engine.template_loaders:
                yield from loader.get_template_sources(name)


def _says(lineage: list[_Source], name: str) -> bool:
    """Whether the shop's own templates, with what they include, hold all our tags of this template."""
    return _pasted(name) <= {_essence(tag) for source in _with_includes(lineage) for tag in source.tags()}


def _pasted(name: str) -> set[tuple[str, ...]]:
    """What must stand in a copy of this template."""
    return {_essence(tag) for tag in _Source(Origin(name), TAGS[name]).tags() if tag[0] not in BESIDES}


def _with_includes(sources: list[_Source]) -> Iterator[_Source]:
    waiting = [source for source in sources if source.is_the_shops]
    seen: set[str] = set()
    while waiting:
        source = waiting.pop()
        yield source
        names = {name for tag in source.tags("include") if (name := source.named(tag))} - seen
        seen |= names
        waiting += [found for name in sorted(names) if (found := _find(name, [])) and found.is_the_shops]


def _essence(tag: list[str]) -> tuple[str, ...]:
    """A tag's name and what it names first, however it is quoted and whatever else it is told."""
    return (tag[0], *(word.strip("'\"") for word in tag[1:2] if _quoted(word)))
