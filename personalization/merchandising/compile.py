"""The rules that serve now, or would serve with drafts, from what is published."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db import DatabaseError
from django.utils.translation import gettext_lazy as _

from personalization.merchandising import documents, segments
from personalization.merchandising.campaign_parts import owners_of, without_owners
from personalization.merchandising.compile_blocks import blocks_by_slot, image_keys
from personalization.merchandising.compile_objectives import compile_objectives
from personalization.merchandising.compile_rows import compile_row
from personalization.merchandising.compiled import NO_RULES, Campaign, CompiledRules, SegmentTest
from personalization.merchandising.compiled_blocks import Block
from personalization.merchandising.compiled_objectives import NO_OBJECTIVES, Objectives
from personalization.merchandising.compiled_rows import RowSettings
from personalization.merchandising.compiler import Compiler
from personalization.merchandising.experiments import Choice, RunningExperiment
from personalization.merchandising.running_experiments import chosen_versions, running_experiments
from personalization.models import (
    BlockImage,
    Definition,
    DefinitionKind,
    DefinitionState,
    Newcomer,
    RowDraw,
    RulesState,
    Version,
)

logger = logging.getLogger("personalization")

Compiled = Campaign | RowSettings | Block | Objectives
NO_RULE = (DefinitionKind.EXPERIMENT, DefinitionKind.MESSAGE)
"""What changes no page by itself."""
COMPILED_BY_KIND: Mapping[str, Callable[[Definition, Mapping[str, Any], Compiler], RowSettings | Objectives]] = {
    DefinitionKind.ROW: compile_row,
    DefinitionKind.OBJECTIVES: compile_objectives,
}


def compile_rules() -> CompiledRules:
    """What serves now: every live campaign, in order, the settings of rows, and the segments. What cannot be compiled
    is left out."""
    number = RulesState.objects.number()
    definitions = list(Definition.objects.live_documents())
    has_experiments = any(one.kind == DefinitionKind.EXPERIMENT for one in definitions)
    rules = rules_of(definitions, number, running_experiments() if has_experiments else ())
    return replace(rules, row_rates=RowDraw.objects.rates(), newcomers=Newcomer.objects.chances())


def compile_with_drafts(
    keys: Iterable[int], row: tuple[str, Mapping[str, Any]] | None = None, serving: CompiledRules = NO_RULES
) -> CompiledRules:
    """What would serve if the drafts of these definitions were published.

    Parameters
    ----------
    row
        (key, document) of the settings of a row that are not even a draft yet.
    serving
        the rules that serve: of what is no draft, they are compiled already, and mean the products that shoppers see.
    """
    keys = list(keys)
    definitions = list(Definition.objects.serving_with_drafts(keys))
    for definition in definitions:
        if definition.pk in keys and definition.draft is not None:
            definition.live = definition.draft
    if row is not None:
        definitions = _with_row(definitions, *row)
    rules = rules_of(definitions, serving.number, serving=serving)
    return replace(rules, row_rates=serving.row_rates, newcomers=serving.newcomers)


def _with_row(definitions: list[Definition], key: str, document: Mapping[str, Any]) -> list[Definition]:
    """The definitions, that of the row with another document."""
    stored = next((one for one in definitions if (one.kind, one.key) == (DefinitionKind.ROW, key)), None)
    definition = stored or Definition(pk=0, kind=DefinitionKind.ROW, key=key, name=key)
    definition.live = Version(number=0, schema=documents.newest_schema(DefinitionKind.ROW), document=document)
    return [one for one in definitions if one is not stored] + [definition]


def rules_of(
    definitions: Iterable[Definition],
    number: int,
    running: tuple[RunningExperiment, ...] = (),
    serving: CompiledRules = NO_RULES,
) -> CompiledRules:
    """The rules of these definitions, each as its live version says.

    Parameters: `running`, the experiments that assign visitors; `serving`, rules of which nothing is compiled again.
    """
    definitions = [one for one in definitions if one.kind not in NO_RULE]
    owners = owners_of(definitions)
    definitions = without_owners(definitions, owners)
    compiler = Compiler(owners=owners)
    variants = _compile_variants(running, compiler)
    compiled = _compiled_versions(serving)
    done = {
        one.pk: None if one.campaign_id else compiled.get((one.pk, one.live.number))
        for one in definitions
        if one.live is not None
    }
    compiler.problems.update({key: [*serving.problems.get(key, ())] for key, one in done.items() if one is not None})
    compiler.look_up_products(one.live.document for one in definitions if one.live is not None and not done[one.pk])
    compiler.images = BlockImage.objects.by_key(image_keys(one.live.document for one in definitions if one.live))
    campaigns: list[Campaign] = []
    blocks: list[Block] = []
    rows: dict[str, dict[str, RowSettings]] = {}
    objectives = NO_OBJECTIVES
    search_documents: dict[int, tuple[str, Mapping[str, Any]]] = {}
    for definition in definitions:
        one = done.get(definition.pk) or _compile_one(definition, compiler)
        if isinstance(one, Campaign):
            campaigns.append(one)
        elif isinstance(one, RowSettings):
            rows.setdefault(one.surface, {})[one.code] = one
        elif isinstance(one, Block):
            blocks.append(one)
        elif isinstance(one, Objectives):
            objectives = one
        elif one is not None:
            search_documents[definition.pk] = (definition.kind, one)
    search = compiler.search_rules(search_documents)
    tests = compile_segments(one for one in definitions if one.kind == DefinitionKind.SEGMENT)
    problems = {key: tuple(lines) for key, lines in compiler.problems.items() if lines}
    in_slots = blocks_by_slot(blocks)
    rules = CompiledRules(number, tuple(campaigns), tests, problems, rows, in_slots, search, running, variants)
    return replace(rules, objectives=objectives)


def _compile_variants(running: tuple[RunningExperiment, ...], compiler: Compiler) -> dict[Choice, Compiled]:
    """The versions that arms have instead of the live ones. What is wrong with one is not noted as the live one's."""
    found: dict[Choice, Compiled] = {}
    chosen = chosen_versions(running)
    compiler.images = BlockImage.objects.by_key(image_keys(one.document for one in chosen.values()))
    for choice, version in chosen.items():
        definition = version.definition
        if definition.state in (DefinitionState.PAUSED, DefinitionState.ARCHIVED):
            continue  # who takes a campaign away means for everybody
        if definition.campaign_id is not None and definition.campaign_id not in compiler.owners:
            continue
        definition.live = version
        one = _compile_one(definition, compiler)
        compiler.problems.pop(definition.pk, None)
        if isinstance(one, Compiled):
            found[choice] = one
    return found


def _compiled_versions(rules: CompiledRules) -> dict[tuple[int, int], Compiled]:
    """By definition and number of its version, what is compiled of it."""
    found: list[Compiled] = [*rules.campaigns, *(one for some in rules.blocks.values() for one in some)]
    found += [one for by_code in rules.rows.values() for one in by_code.values()]
    found += [rules.objectives] if rules.objectives.id else []
    return {(one.id, one.version): one for one in found}


def _compile_one(definition: Definition, compiler: Compiler) -> Compiled | Mapping[str, Any] | None:
    """A campaign, the settings of a row, a content block, what counts, or the document of synonyms or a redirect, which
    are compiled together; None for a segment, and for what cannot be read, which is noted."""
    if definition.live is None or definition.kind == DefinitionKind.SEGMENT:
        return None
    try:
        document = documents.upgrade(definition.kind, definition.live.schema, definition.live.document)
        if definition.kind in COMPILED_BY_KIND:
            return COMPILED_BY_KIND[definition.kind](definition, document, compiler)
        if definition.kind == DefinitionKind.CAMPAIGN:
            return compiler.campaign(definition, document, definition.live.number)
        if definition.kind == DefinitionKind.BLOCK:
            return compiler.block(definition, document)
        return document
    except documents.NewerSchemaError:
        compiler.problems[definition.pk] = [_("A newer release wrote it; this one cannot read it.")]
    except DatabaseError:  # it has nothing to do with this definition
        raise
    except Exception:  # one that cannot be read keeps no other from being obeyed
        logger.exception("The %s %s cannot be compiled; it does not serve", definition.kind, definition.pk)
        compiler.problems[definition.pk] = [_("It cannot be read; the log of the shop says why.")]
    return None


def compile_segments(definitions: Iterable[Definition]) -> dict[int, SegmentTest]:
    """The tests of these live segments, by their keys. One that a newer release wrote has no members."""
    return dict(segments.compile_segments(read_segments(definitions)))


def read_segments(definitions: Iterable[Definition]) -> dict[int, segments.Segment]:
    """What these live segments say, by their keys, without those that a newer release wrote."""
    found = {}
    for definition in definitions:
        if definition.live is not None and definition.live.schema <= documents.newest_schema(definition.kind):
            segment = segments.parse_segment(definition.live.document, segments.Sensitive())[0]
            if segment is not None:
                found[definition.pk] = segment
    return found
