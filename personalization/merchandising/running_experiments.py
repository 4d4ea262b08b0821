"""The use cases of experiments: start, stop, end, and make the better arm the shop's. Each is one transaction with its
audit, under the lock of all that changes what serves."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from personalization.merchandising import documents, experiments, publishing
from personalization.merchandising.assignment import HOLDOUT, shared_surfaces
from personalization.merchandising.publishing import NotPossibleError
from personalization.merchandising.row_keys import split_row_key
from personalization.models import (
    AuditAction,
    Definition,
    DefinitionKind,
    DefinitionState,
    Season,
    SeasonEnd,
    Version,
)
from personalization.models.credits import BLOCK_SURFACE


def experiment_surfaces(document: Mapping[str, Any]) -> list[str]:
    """Where the arms of an experiment may differ: what it names itself, and what its arms act on. Two queries at
    most."""
    return surfaces_of_experiments([document])[0]


def surfaces_of_experiments(found: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Where the arms of each of these experiments may differ. Two queries at most, however many they are."""
    keys = {key for document in found for key in experiments.named_definitions(document)}
    if not keys:
        return [sorted(_own_surfaces(document)) for document in found]
    definitions = Definition.objects.select_related("live").in_bulk(keys)
    numbers = {number for document in found for _key, number in _choices(document)} - {None}
    stored = Version.objects.filter(definition_id__in=keys, number__in=numbers)
    versions = {(one.definition_id, one.number): one for one in stored}
    return [sorted(_own_surfaces(one) | _acted_on(one, definitions, versions)) for one in found]


def _own_surfaces(document: Mapping[str, Any]) -> set[str]:
    return set(document.get("surfaces", ())) | experiments.policy_surfaces(document)


def _choices(document: Mapping[str, Any]) -> set[experiments.Choice]:
    return {choice for arm in document["arms"] for choice in experiments.effect_of(arm).choices}


def _acted_on(
    document: Mapping[str, Any], definitions: Mapping[int, Definition], versions: Mapping[Any, Version]
) -> set[str]:
    """The surfaces of what the arms name, in the versions that they show and the live one."""
    found: set[str] = set()
    for key, number in _choices(document):
        definition = definitions.get(key)
        if definition is not None and definition.kind == DefinitionKind.ROW:
            found.add(split_row_key(definition.key)[0])
        elif definition is not None and definition.kind == DefinitionKind.BLOCK:
            found.add(BLOCK_SURFACE)
        elif definition is not None and definition.kind == DefinitionKind.OBJECTIVES:
            for version in (versions.get((key, number)), definition.live):
                found |= version.document.get("surfaces", {}).keys() if version else set()
        elif definition is not None:
            for version in (versions.get((key, number)), definition.live):
                found |= {place["surface"] for place in version.document.get("where", ())} if version else set()
    return found


def start(definition: Definition, by: Any, *, planned_visitors: int, revenue_cap: float | None) -> Season:
    """Publishes the draft of an experiment, or again what was live, and begins a season of it.

    Parameters: `planned_visitors` in all arms together, and the `revenue_cap` of a visitor, as they were before.
    Raises: NotPossibleError where it runs already, another one runs on the same pages, or what it names is gone.
    """
    with publishing.changing_rules():
        definition = Definition.objects.with_versions().get(pk=definition.pk)
        if Season.objects.running().filter(definition=definition).exists():
            raise NotPossibleError(_("It runs already."))
        version = definition.newest
        if version is None:
            raise NotPossibleError(_("There is no draft to publish."))
        document = dict(documents.upgrade(definition.kind, version.schema, version.document))
        _refuse_missing(document)
        document["surfaces"] = experiment_surfaces(document)
        _refuse_occupied(definition, document)
        publishing.publish(definition, by, number=version.number)
        return begin_season(definition, document, planned_visitors=planned_visitors, revenue_cap=revenue_cap)


def prepare_holdout(share: float, by: Any) -> Definition:
    """The holdout, new or as it was before, with a draft of this share where its newest version has another.

    Raises: NotPossibleError where it runs already, or was archived and something else has its name now.
    """
    with publishing.changing_rules():
        definition = find_holdout()
        document = experiments.holdout_document(share)
        if definition is None:
            name = pgettext("personalization", "Holdout")
            return publishing.create(DefinitionKind.EXPERIMENT, name, document, by, key=HOLDOUT)
        if Season.objects.running().filter(definition=definition).exists():
            raise NotPossibleError(_("It runs already."))
        if Definition.objects.has_name(DefinitionKind.EXPERIMENT, definition.name, besides=definition.pk):
            raise NotPossibleError(_("There is another one of this name already."))
        newest = Version.objects.of_definition(definition.pk).first()
        publishing.save_draft(definition, document, by, base=newest.number if newest else 0)
        return definition


def find_holdout() -> Definition | None:
    """The definition of the holdout; None where there never was one. Archived ones count."""
    return Definition.objects.with_versions().filter(kind=DefinitionKind.EXPERIMENT, key=HOLDOUT).first()


def archive_experiment(definition: Definition, by: Any) -> None:
    """Takes it away; its seasons and their verdicts stay. NotPossibleError while it runs."""
    with publishing.changing_rules():
        if Season.objects.running().filter(definition=definition).exists():
            raise NotPossibleError(_("It runs. Stop it first."))
        publishing.archive(definition, by)


def begin_season(
    definition: Definition, document: Mapping[str, Any], *, planned_visitors: int, revenue_cap: float | None
) -> Season:
    """A new season, with a salt of its own: who was in one arm may be in another one now."""
    return Season.objects.create(
        definition=definition,
        number=Season.objects.next_number(definition.pk),
        document=document,
        arms=experiments.arm_ranges(document),
        started_at=now(),
        planned_units=planned_visitors,
        revenue_cap=revenue_cap,
    )


def stop(definition: Definition, by: Any) -> Season:
    """Ends the running season by hand. NotPossibleError where none runs."""
    with publishing.changing_rules():
        season = Season.objects.running().filter(definition=definition).first()
        if season is None:
            raise NotPossibleError(_("It does not run."))
        season.stopped_by = by.get_username() if by is not None else ""
        _end(season, SeasonEnd.STOPPED, now(), by)
    return season


def end_season(
    season: Season, end: SeasonEnd, moment: datetime, *, breach: Any = None, next_season: bool = False
) -> None:
    """Ends a season that has come to its end, or that does harm; a holdout's next one begins at once."""
    with publishing.changing_rules():
        season = Season.objects.select_related("definition").get(pk=season.pk)
        if season.ended_at is not None:
            return
        season.breach = breach
        _end(season, end, moment, None, pause=not next_season)
        if next_season:
            begin_season(
                season.definition,
                season.document,
                planned_visitors=season.planned_units,
                revenue_cap=season.revenue_cap,
            )


def make_it_so(definition: Definition, arm: str, by: Any) -> str:
    """Makes what an arm of an experiment that is over did what all visitors get; says what was done, in words.

    Raises: NotPossibleError where it still runs, or there is nothing that can be published.
    """
    season = Season.objects.of_definition(definition.pk).first()
    if season is None or season.ended_at is None:
        raise NotPossibleError(_("It has to end first."))
    does = next((one["does"] for one in season.document["arms"] if one["key"] == arm), None)
    if does is None:
        raise NotPossibleError(_("There is no such group."))
    if "version" in does:
        meant = _find_present(does["version"]["definition"])
        publishing.publish(meant, by, number=does["version"]["number"])
        return _("“%(name)s” is live for everybody.") % {"name": meant.name}
    if "without" in does:
        meant = _find_present(does["without"])
        if meant.state == DefinitionState.LIVE:
            publishing.pause(meant, by)
        return _("“%(name)s” is paused.") % {"name": meant.name}
    if "policy" in does:
        lines = ", ".join(f'"{name.upper()}": {number}' for name, number in does["policy"].items())
        raise NotPossibleError(
            _("A developer of the shop has to set PERSONALIZATION = {%(settings)s}.") % {"settings": lines}
        )
    if does.get("plain"):
        raise NotPossibleError(_("Pages for strangers only cannot be published: there is no setting for that."))
    raise NotPossibleError(_("This is what everybody gets already, as no experiment runs."))


def _find_present(key: int) -> Definition:
    found: Definition | None = Definition.objects.present().filter(pk=key).first()
    if found is None:
        raise NotPossibleError(_("The campaign or row that it is about was archived or deleted."))
    return found


def _end(season: Season, end: SeasonEnd, moment: datetime, by: Any, *, pause: bool = True) -> None:
    season.ended_at, season.end = moment, end
    season.save()
    if pause:
        Definition.objects.filter(pk=season.definition_id).update(state=DefinitionState.PAUSED, updated_at=moment)
    publishing.record_change(season.definition, AuditAction.STOP, by)


def _refuse_missing(document: Mapping[str, Any]) -> None:
    wanted = _choices(document)
    keys = {key for key, _number in wanted}
    present = set(Definition.objects.present().filter(pk__in=keys).values_list("pk", flat=True))
    stored = set(Version.objects.filter(definition_id__in=keys).values_list("definition_id", "number"))
    if keys - present or {choice for choice in wanted if choice[1] is not None} - stored:
        raise NotPossibleError(_("The campaign or row that it is about was archived or deleted."))


def _refuse_occupied(definition: Definition, document: Mapping[str, Any]) -> None:
    if definition.key == HOLDOUT:
        return
    others = running_experiments()
    wanted = experiments.running_experiment(0, definition.key, 0, document, experiments.arm_ranges(document)).season
    taken = shared_surfaces(wanted, [one.season for one in others if not one.is_holdout])
    if taken:
        names = Definition.objects.filter(kind=DefinitionKind.EXPERIMENT, key__in=set(taken.values()))
        raise NotPossibleError(
            _("“%(names)s” runs on the same pages: one experiment at a time on each.")
            % {"names": "”, “".join(names.values_list("name", flat=True))}
        )


def running_experiments() -> tuple[experiments.RunningExperiment, ...]:
    """Those that assign visitors now, the holdout first, then the oldest. One query."""
    found = [
        experiments.running_experiment(one.pk, one.definition.key, one.number, one.document, one.arms)
        for one in Season.objects.running()
    ]
    return tuple(sorted(found, key=lambda one: not one.is_holdout))


def chosen_versions(running: Iterable[experiments.RunningExperiment]) -> dict[tuple[int, int], Version]:
    """The versions that arms show instead of the live ones, with their definitions. One query, where there are any."""
    choices = {choice for one in running for effect in one.effects.values() for choice in effect.choices}
    wanted = {(key, number) for key, number in choices if number is not None}
    if not wanted:
        return {}
    rows = Version.objects.filter(definition_id__in={key for key, _ in wanted}).select_related("definition")
    return {(row.definition_id, row.number): row for row in rows if (row.definition_id, row.number) in wanted}
