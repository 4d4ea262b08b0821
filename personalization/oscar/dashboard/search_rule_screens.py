"""What differs between the screens of synonyms and those of redirects, and what all of them show of a rule."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from personalization.merchandising import documents
from personalization.merchandising.compiled import CompiledRules
from personalization.merchandising.search_rule_words import describe_search_rule
from personalization.merchandising.search_rules import SearchRedirect, SearchRules, SynonymGroup
from personalization.models import Definition
from personalization.oscar.dashboard.search_rule_forms import (
    RedirectForm,
    SearchRuleForm,
    SynonymForm,
    redirect_initial,
    synonym_initial,
)
from personalization.shop import named_objects


@dataclass(frozen=True)
class SearchRuleKind:
    """One of the two kinds."""

    kind: str
    form: type[SearchRuleForm]
    initial: Callable[[Mapping[str, Any]], dict[str, Any]]
    title: str | Promise
    new: str | Promise
    """What the button for a new one says, and the title of its empty form."""
    plural: str
    """The end of the list's URL name; the kind is that of the others."""

    def address(self, screen: str = "", *keys: int) -> str:
        """The address of a screen: "" for the list or, with a key, for the editor."""
        own = self.kind if keys else self.plural
        name = f"{self.kind}-{screen}" if screen else own
        return reverse(f"personalization:personalization-{name}", args=keys)


KINDS = {
    one.kind: one
    for one in (
        SearchRuleKind(
            "synonym",
            SynonymForm,
            synonym_initial,
            pgettext_lazy("personalization", "Synonyms"),
            pgettext_lazy("personalization", "New synonyms"),
            "synonyms",
        ),
        SearchRuleKind(
            "redirect",
            RedirectForm,
            redirect_initial,
            pgettext_lazy("personalization", "Redirects"),
            pgettext_lazy("personalization", "New redirect"),
            "redirects",
        ),
    )
}


@dataclass(frozen=True)
class SearchRuleLine:
    """A rule as the list shows it."""

    definition: Definition
    sentence: str
    problems: tuple[str | Promise, ...]
    kind: SearchRuleKind

    @cached_property
    def addresses(self) -> dict[str, str]:
        """The addresses of its screens."""
        key = self.definition.pk
        screens = {screen: self.kind.address(screen, key) for screen in ("publish", "state", "history")}
        return {"edit": self.kind.address("", key), **screens}


def search_rule_lines(
    kind: SearchRuleKind, definitions: Iterable[Definition], rules: CompiledRules
) -> list[SearchRuleLine]:
    """The lines of these definitions: one query for each kind of page that they name."""
    shown = {one: (one.live or one.draft) for one in definitions}
    readable = {one: version.document for one, version in shown.items() if version and _is_readable(kind.kind, version)}
    names = rule_names(kind.kind, readable.values())
    return [
        SearchRuleLine(
            one,
            describe_search_rule(kind.kind, readable[one], names) if one in readable else "",
            rules.problems.get(one.pk, ()),
            kind,
        )
        for one in shown
    ]


def rule_names(kind: str, found: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """The names of the pages that these documents name."""
    return named_objects.names_of({pair for one in found for pair in documents.references(kind, dict(one))})


def _is_readable(kind: str, version: Any) -> bool:
    return version.schema <= documents.newest_schema(kind)


def with_draft(rules: SearchRules, definition_id: int, kind: str, document: Mapping[str, Any]) -> SearchRules:
    """The rules as they would be if a definition said this."""
    if kind == "synonym":
        others = [one for one in rules.synonyms if one.definition_id != definition_id]
        return replace(rules, synonyms=(*others, SynonymGroup.from_document(definition_id, document)))
    kept = [one for one in rules.redirects if one.definition_id != definition_id]
    return replace(rules, redirects=(*kept, SearchRedirect.from_document(definition_id, document)))
