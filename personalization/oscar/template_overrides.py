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

REQUIRED_TAGS = {
    "oscar/basket/partials/basket_content.html": (
        '{% load personalization %}{% personalized "basket" saved=saved_formset %}'
    ),
    "oscar/catalogue/browse.html": (
        '{% include "personalization/partials/buy_again_in_category.html" %}'
        '{% include "personalization/partials/sort.html" %}'
    ),
    "oscar/catalogue/detail.html": '{% load personalization %}{% personalized "product" product=product %}',
    "oscar/checkout/thank_you.html": '{% load personalization %}{% personalized "order_confirmation" order=order %}',
    "oscar/customer/baseaccountpage.html": '{% include "personalization/partials/account_tab.html" %}',
    "oscar/layout.html": (
        '{% load personalization static %}<link rel="stylesheet" href="{% static "personalization/rows.css" %}">'
        "{% personalization_beacon %}"
    ),
    "oscar/partials/footer.html": '{% include "personalization/partials/footer_link.html" %}',
    "oscar/partials/nav_primary.html": "{% load personalization %}{% personal_categories %}",
    "oscar/search/results.html": (
        '{% include "personalization/partials/sort.html" %}{% include "personalization/partials/zero_results.html" %}'
    ),
}
"""Each template of Oscar's that we extend, with what does the same in a shop's own copy of it."""

OPTIONAL_TAGS = ("load", "static")
"""What a shop may do in its own way; it may bundle our stylesheets with its own."""

PACKAGE_TEMPLATES, OSCAR_TEMPLATES = (
    str(Path(module.__path__[0]) / "templates") for module in (personalization, oscar)
)


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
        return REQUIRED_TAGS[self.template]


def lost_overrides() -> list[LostOverride]:
    """The shop's templates that leave out something of ours. They are read, not rendered."""
    return [found for name in REQUIRED_TAGS if (found := _find_lost_override(name))]


class _TemplateSource:
    """A template as it is written."""

    def __init__(self, origin: Origin, text: str) -> None:
        self.origin = origin
        self.text = text

    @cached_property
    def tokens(self) -> list[Token]:
        return Lexer(self.text).tokenize()

    @property
    def belongs_to_shop(self) -> bool:
        return not self.origin.name.startswith((PACKAGE_TEMPLATES, OSCAR_TEMPLATES))

    def block_tags(self, *names: str) -> list[list[str]]:
        """The words of each tag of these names, or of all."""
        words = [token.split_contents() for token in self.tokens if token.token_type is TokenType.BLOCK]
        return [tag for tag in words if tag[0] in names or not names]

    def referenced_template(self, tag: list[str]) -> str | None:
        """The template that an extends or an include names; None where only rendering would tell."""
        word = construct_relative_path(self.origin.template_name, tag[1], allow_recursion=True)
        return word[1:-1] if _is_quoted(word) and word[0] == word[-1] else None

    def blocks_containing(self, essences: set[tuple[str, ...]]) -> set[str]:
        """The outermost blocks in which one of these tags stands."""
        opened: list[str] = []
        found = set()
        for tag in self.block_tags():
            if tag[0] == "block":
                opened.append(tag[1])
            elif tag[0] == "endblock":
                opened.pop()
            elif opened and _tag_signature(tag) in essences:
                found.add(opened[0])
        return found

    def replaced_blocks(self) -> set[str]:
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


def _is_quoted(word: str) -> bool:
    return word.startswith(('"', "'"))


def _find_lost_override(name: str) -> LostOverride | None:
    first = _find_template(name, [])
    if first is None or not first.belongs_to_shop:
        return None
    lineage = list(_inheritance_chain(name))
    if _has_required_tags(lineage, name):
        return None
    own = list(takewhile(lambda source: source.belongs_to_shop or source.origin.template_name != name, lineage))
    if len(own) < len(lineage):  # it builds on ours; or on Oscar's, where ours comes too late, which is another fault
        return _find_hiding_block(name, lineage[len(own)], own)
    if lineage[-1].block_tags("extends"):  # what it goes on with is known only when it is rendered
        return None
    return LostOverride(name, first.origin.name, "")


def _find_hiding_block(name: str, ours: _TemplateSource, own: list[_TemplateSource]) -> LostOverride | None:
    """What builds on ours and still hides it."""
    filled = ours.blocks_containing(_required_tags(name))
    for source in own:
        if blocks := source.replaced_blocks() & filled:
            return LostOverride(name, source.origin.name, min(blocks))
    return None


def _inheritance_chain(name: str) -> Iterator[_TemplateSource]:
    """The template that is found first, the one that it extends, and so on, as Django goes about it."""
    seen: list[Origin] = []
    wanted: str | None = name
    while wanted and (source := _find_template(wanted, seen)):
        yield source
        seen.append(source.origin)
        wanted = next((source.referenced_template(tag) for tag in source.block_tags("extends")), None)


def _find_template(name: str, skip: list[Origin]) -> _TemplateSource | None:
    """The first template of this name, but for those that extend it."""
    for origin in _template_origins(name):
        if origin not in skip:
            try:
                return _TemplateSource(origin, origin.loader.get_contents(origin))
            except TemplateDoesNotExist:
                continue
    return None


def _template_origins(name: str) -> Iterator[Origin]:
    for backend in engines.all():
        if isinstance(backend, DjangoTemplates):
            for loader in backend.engine.template_loaders:
                yield from loader.get_template_sources(name)


def _has_required_tags(lineage: list[_TemplateSource], name: str) -> bool:
    """Whether the shop's own templates, with what they include, hold all our tags of this template."""
    return _required_tags(name) <= {
        _tag_signature(tag) for source in _with_includes(lineage) for tag in source.block_tags()
    }


def _required_tags(name: str) -> set[tuple[str, ...]]:
    """What must stand in a copy of this template."""
    return {
        _tag_signature(tag)
        for tag in _TemplateSource(Origin(name), REQUIRED_TAGS[name]).block_tags()
        if tag[0] not in OPTIONAL_TAGS
    }


def _with_includes(sources: list[_TemplateSource]) -> Iterator[_TemplateSource]:
    waiting = [source for source in sources if source.belongs_to_shop]
    seen: set[str] = set()
    while waiting:
        source = waiting.pop()
        yield source
        names = {name for tag in source.block_tags("include") if (name := source.referenced_template(tag))} - seen
        seen |= names
        waiting += [found for name in sorted(names) if (found := _find_template(name, [])) and found.belongs_to_shop]


def _tag_signature(tag: list[str]) -> tuple[str, ...]:
    """A tag's name and what it names first, however it is quoted and whatever else it is told."""
    return (tag[0], *(word.strip("'\"") for word in tag[1:2] if _is_quoted(word)))
