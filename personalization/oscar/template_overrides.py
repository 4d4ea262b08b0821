"""Oscar's templates that we extend, and the shop's own versions of them that leave our tags out.

Templates are read, not rendered: `check` runs without a request.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

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
        '{% include "personalization/partials/listed_products.html" %}'
    ),
    "oscar/catalogue/detail.html": '{% load personalization %}{% personalized "product" product=product %}',
    "oscar/checkout/thank_you.html": (
        "{% load personalization message_questions %}{% ask_for_messages %}"
        '{% personalized "order_confirmation" order=order %}'
    ),
    "oscar/customer/baseaccountpage.html": '{% include "personalization/partials/account_tab.html" %}',
    "oscar/dashboard/catalogue/product_update.html": (
        '{% include "personalization/partials/dashboard_product_tab.html" %}'
    ),
    "oscar/dashboard/users/detail.html": ('{% include "personalization/partials/dashboard_customer_link.html" %}'),
    "oscar/layout.html": (
        '{% load personalization static %}<link rel="stylesheet" href="{% static "personalization/rows.css" %}">'
        "{% personalization_beacon %}{% personalization_basket %}"
    ),
    "oscar/partials/footer.html": '{% include "personalization/partials/footer_link.html" %}',
    "oscar/partials/nav_primary.html": "{% load personalization %}{% personal_categories %}",
    "oscar/search/results.html": (
        '{% include "personalization/partials/corrected_search.html" %}'
        '{% include "personalization/partials/listed_products.html" %}'
        '{% include "personalization/partials/zero_results.html" %}'
    ),
}
"""Each of Oscar's templates that we extend, with the tags that a shop's own copy of it needs."""

OPTIONAL_TAGS = ("load", "static")
"""Not required literally: a shop may bundle our stylesheets with its own."""

PACKAGE_TEMPLATES, OSCAR_TEMPLATES = (
    str(Path(module.__path__[0]) / "templates") for module in (personalization, oscar)
)


@dataclass(frozen=True)
class LostOverride:
    """A template of the shop that leaves out our tags of Oscar's template with this name."""

    template: str
    file: str
    block: str
    """The block that it fills without `{{ block.super }}`; empty if it does not extend our template at all."""

    @property
    def tag(self) -> str:
        """The tags to paste into it."""
        return REQUIRED_TAGS[self.template]


def lost_overrides() -> list[LostOverride]:
    """All templates of the shop that leave out our tags."""
    return [override for name in REQUIRED_TAGS if (override := _find_lost_override(name))]


class _TemplateSource:
    """The source of a template and its tokens."""

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
        """The words of each tag with one of these names; of all tags without names."""
        words = [token.split_contents() for token in self.tokens if token.token_type is TokenType.BLOCK]
        return [tag for tag in words if tag[0] in names or not names]

    def referenced_template(self, tag: list[str]) -> str | None:
        """The template that an extends or include tag names; None for a variable, known only when it is rendered."""
        own_name: Any = self.origin.template_name
        word = construct_relative_path(own_name, tag[1], allow_recursion=True)
        return word[1:-1] if _is_quoted(word) and word[0] == word[-1] else None

    def blocks_containing(self, signatures: set[tuple[str, ...]]) -> set[str]:
        """The outermost blocks that contain one of these tags."""
        opened: list[str] = []
        blocks = set()
        for tag in self.block_tags():
            if tag[0] == "block":
                opened.append(tag[1])
            elif tag[0] == "endblock":
                opened.pop()
            elif opened and _tag_signature(tag) in signatures:
                blocks.add(opened[0])
        return blocks

    def replaced_blocks(self) -> set[str]:
        """The blocks that it fills without `{{ block.super }}`."""
        opened: list[str] = []
        replaced: set[str] = set()
        for token in self.tokens:
            _follow_block(token, opened, replaced)
        return replaced


def _follow_block(token: Token, opened: list[str], replaced: set[str]) -> None:
    words = token.contents.split()
    if token.token_type is TokenType.BLOCK and words[0] == "block":
        opened.append(words[1])
        replaced.add(words[1])
    elif token.token_type is TokenType.BLOCK and words[0] == "endblock":
        opened.pop()
    elif token.token_type is TokenType.VAR and "block.super" in token.contents and opened:
        replaced.discard(opened[-1])


def _is_quoted(word: str) -> bool:
    return word.startswith(('"', "'"))


def _find_lost_override(name: str) -> LostOverride | None:
    first = _find_template(name, [])
    if first is None or not first.belongs_to_shop:
        return None
    chain = list(_inheritance_chain(name))
    if _has_required_tags(chain, name):
        return None
    own = list(takewhile(lambda source: source.belongs_to_shop or source.origin.template_name != name, chain))
    if len(own) < len(
        chain
    ):  # extends our template; or Oscar's, if our app comes too late, which another check reports
        return _find_hiding_block(name, chain[len(own)], own)
    if chain[-1].block_tags("extends"):  # extends a template that is known only when it is rendered
        return None
    return LostOverride(name, first.origin.name, "")


def _find_hiding_block(name: str, ours: _TemplateSource, own: list[_TemplateSource]) -> LostOverride | None:
    """A template that extends ours but fills a block with our tags without `{{ block.super }}`."""
    required = ours.blocks_containing(_required_tags(name))
    for source in own:
        if blocks := source.replaced_blocks() & required:
            return LostOverride(name, source.origin.name, min(blocks))
    return None


def _inheritance_chain(name: str) -> Iterator[_TemplateSource]:
    """The first template of this name, the one that it extends, and so on, as Django resolves them."""
    seen: list[Origin] = []
    next_name: str | None = name
    while next_name and (source := _find_template(next_name, seen)):
        yield source
        seen.append(source.origin)
        next_name = next((source.referenced_template(tag) for tag in source.block_tags("extends")), None)


def _find_template(name: str, skip: list[Origin]) -> _TemplateSource | None:
    """The first template of this name that is not to be skipped."""
    for origin in _template_origins(name):
        if origin not in skip:
            try:
                loader: Any = origin.loader
                return _TemplateSource(origin, loader.get_contents(origin))
            except TemplateDoesNotExist:
                continue
    return None


def _template_origins(name: str) -> Iterator[Origin]:
    for backend in engines.all():
        if isinstance(backend, DjangoTemplates):
            for loader in backend.engine.template_loaders:
                yield from loader.get_template_sources(name)


def _has_required_tags(chain: list[_TemplateSource], name: str) -> bool:
    """Whether the shop's own templates in this chain, or what they include, have all required tags."""
    return _required_tags(name) <= {
        _tag_signature(tag) for source in _with_includes(chain) for tag in source.block_tags()
    }


def _required_tags(name: str) -> set[tuple[str, ...]]:
    """The signatures of the tags that a copy of this template must have."""
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
        waiting += [
            template for name in sorted(names) if (template := _find_template(name, [])) and template.belongs_to_shop
        ]


def _tag_signature(tag: list[str]) -> tuple[str, ...]:
    """The name of a tag and its first argument if that is a literal, without quotes; no further arguments."""
    return (tag[0], *(word.strip("'\"") for word in tag[1:2] if _is_quoted(word)))
