"""The use cases of definitions: draft, publish, pause, archive, move, undo. Each is one transaction with its audit.

All of them lock one row first, so that two people never change the rules at once; what changes what serves counts the
number up that every process compares.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.timezone import now
from django.utils.translation import gettext as _

from personalization.merchandising import campaign_parts, documents
from personalization.merchandising.campaign_codes import follow_state
from personalization.merchandising.campaign_parts import SHOWN_PARTS
from personalization.merchandising.publish_checks import (
    InvalidDocumentError,
    NotPossibleError,
    number_places,
    refuse_empty_slots,
    refuse_invalid,
    refuse_unsendable,
    refuse_words_without_codes,
    serve_version,
    unserve,
)
from personalization.models import (
    AuditAction,
    AuditEntry,
    Band,
    Definition,
    DefinitionKind,
    DefinitionState,
    Reference,
    RulesState,
    Version,
)

__all__ = ["InvalidDocumentError", "NotPossibleError"]
Document = dict[str, Any]


class ChangedMeanwhileError(Exception):
    """Somebody else saved a version since the one that was edited; nothing was stored."""

    def __init__(self, newest: Version) -> None:
        super().__init__(f"version {newest.number} of {newest.by_name} is newer")
        self.newest = newest


def create(
    kind: str,
    name: str,
    document: Document,
    by: Any,
    *,
    key: str = "",
    is_demo: bool = False,
    campaign: Definition | None = None,
) -> Definition:
    """A new draft. A campaign comes to the top of its band once it is published, a message to the top of all.

    Parameters: `campaign`, which it is a part of.
    Raises: InvalidDocumentError; NotPossibleError where the name is taken.
    """
    with changing_rules():
        if Definition.objects.has_name(kind, name):
            raise NotPossibleError(_("There is another one of this name already."))
        definition = Definition.objects.create(
            kind=kind, key=key or _new_key(kind, name), name=name, is_demo=is_demo, campaign=campaign
        )
        _store_version(definition, document, by, summary="")
        AuditEntry.objects.record(by, AuditAction.CREATE, kind=kind, object_id=definition.pk, version=1, note=name)
    return definition


def save_draft(
    definition: Definition, document: Document, by: Any, *, base: int, name: str = "", summary: str = ""
) -> Version:
    """A new version of the definition, which is not live. An unchanged document makes none.

    Parameters: `base`, the number of the version that was edited.
    Raises: InvalidDocumentError; ChangedMeanwhileError where there is a newer version than the base.
    """
    with changing_rules():
        definition = Definition.objects.with_versions().get(pk=definition.pk)
        newest = Version.objects.of_definition(definition.pk).first()
        if newest is not None and newest.number != base:
            raise ChangedMeanwhileError(newest)
        if name and name != definition.name:
            if Definition.objects.has_name(definition.kind, name, besides=definition.pk):
                raise NotPossibleError(_("There is another one of this name already."))
            definition.name = name
            definition.save(update_fields=["name", "updated_at"])
            RulesState.objects.count_change(now())
        shown = definition.newest
        if shown is not None and shown.document == document and shown.number == base:
            return shown
        version = _store_version(definition, document, by, summary=summary)
        AuditEntry.objects.record(
            by,
            AuditAction.CHANGE,
            kind=definition.kind,
            object_id=definition.pk,
            version=version.number,
            note=definition.name,
        )
        return version


def publish(definition: Definition, by: Any, *, number: int | None = None) -> Definition:
    """Makes the draft serve, or the version of this number: that is how an older one is restored. The drafts of what
    belongs to a campaign are published with it, not with an older version of it.

    Raises: NotPossibleError where there is nothing to publish, too much is live, redirects would lead to one another,
    a message could not be sent, some would see nothing in the slot of a block, or it belongs to a campaign;
    InvalidDocumentError where an older document is none any more.
    """
    with changing_rules():
        definition = Definition.objects.with_versions().get(pk=definition.pk)
        _refuse_part(definition)
        version = definition.draft if number is None else definition.versions.filter(number=number).first()
        if version is None:
            raise NotPossibleError(_("There is no draft to publish."))
        _refuse_sender(definition, by)
        restored = number is not None and version not in (definition.draft, definition.live)
        serve_version(definition, version)
        parts = {part.pk: part.live if restored else part.newest for part in Definition.objects.parts_of(definition.pk)}
        action = AuditAction.RESTORE if restored else AuditAction.PUBLISH
        _serve_parts(definition, {key: part.number for key, part in parts.items() if part is not None})
        _record_publishing(definition, action, by)
    return definition


def undo(definition: Definition, by: Any) -> Definition:
    """Makes serve what served before the live version, of a campaign with the parts that it had; where nothing did, it
    is a draft again.

    What served before is told by the audit.
    """
    with changing_rules():
        definition = Definition.objects.with_versions().get(pk=definition.pk)
        _refuse_part(definition)
        _refuse_sender(definition, by)
        number, parts = _served_before(definition)
        version = definition.versions.filter(number=number).first() if number is not None else None
        if version is not None:
            serve_version(definition, version)
        elif definition.live is None:
            raise NotPossibleError(_("Nothing was published, so there is nothing to undo."))
        else:
            unserve(definition)
        _serve_parts(definition, parts if version is not None else {})
        _record_publishing(definition, AuditAction.RESTORE, by)
    return definition


def pause(definition: Definition, by: Any) -> None:
    """Makes it serve no more until it is resumed, a campaign with all of its parts."""
    _refuse_part(definition)
    _change_state(definition, by, DefinitionState.LIVE, DefinitionState.PAUSED, AuditAction.PAUSE)


def resume(definition: Definition, by: Any) -> None:
    """Makes a paused one serve again. NotPossibleError for a message that could not be sent."""
    _refuse_part(definition)
    _refuse_sender(definition, by)
    messages = Definition.objects.of_kind(DefinitionKind.MESSAGE).present()
    if definition.kind == DefinitionKind.MESSAGE or messages.filter(campaign=definition.pk).exists():
        refuse_unsendable()
    _change_state(definition, by, DefinitionState.PAUSED, DefinitionState.LIVE, AuditAction.RESUME)


def archive(definition: Definition, by: Any) -> None:
    """Takes it away, a campaign with its blocks and messages; its versions stay. NotPossibleError, which says by what,
    while a segment is used."""
    with changing_rules():
        definition = Definition.objects.get(pk=definition.pk)
        if definition.kind == DefinitionKind.SEGMENT:
            users = list(Reference.objects.users_of("segment", definition.pk).values_list("name", flat=True))
            if users:
                raise NotPossibleError(_("It is used by %(names)s.") % {"names": ", ".join(users)})
        definition.state = DefinitionState.ARCHIVED
        definition.save(update_fields=["state", "updated_at"])
        _shown_parts(definition).update(state=DefinitionState.ARCHIVED, updated_at=now())
        follow_state(definition)
        refuse_empty_slots()
        record_change(definition, AuditAction.ARCHIVE, by)


def move(definition: Definition, by: Any, *, band: int, place: int) -> int:
    """Puts a campaign, or a message, to this place of a band, from 1; the others make room. Gives the place that it
    got."""
    with changing_rules():
        definition = Definition.objects.get(pk=definition.pk)
        others = Definition.objects.of_kind(definition.kind).present().filter(band=band)
        keys = [key for key in others.values_list("pk", flat=True) if key != definition.pk]
        got = min(max(place, 1), len(keys) + 1)
        keys.insert(got - 1, definition.pk)
        Definition.objects.filter(pk=definition.pk).update(band=band)
        number_places(keys)
        definition.band = Band(band)
        record_change(definition, AuditAction.MOVE, by)
    return got


def place_rows(places: dict[int, int], by: Any, moved: Definition) -> None:
    """Gives the settings of rows their places on their page, 0 for the built-in one, by the keys of their definitions;
    `moved` is the one that somebody moved."""
    with changing_rules():
        definitions = Definition.objects.of_kind(DefinitionKind.ROW).in_bulk(list(places))
        for key, place in places.items():
            definitions[key].place = place
        Definition.objects.bulk_update(definitions.values(), ["place"])
        record_change(moved, AuditAction.MOVE, by)


@contextmanager
def changing_rules() -> Iterator[None]:
    """A transaction in which nobody else changes what serves."""
    with transaction.atomic():
        RulesState.objects.lock()
        yield


def _new_key(kind: str, name: str) -> str:
    """A key that no other of the kind ever had."""
    base = slugify(name)[:60] or kind
    taken = set(Definition.objects.filter(kind=kind, key__startswith=base).values_list("key", flat=True))
    return next(key for key in chain([base], (f"{base}-{number}" for number in count(2))) if key not in taken)


def _store_version(definition: Definition, document: Document, by: Any, *, summary: str) -> Version:
    refuse_invalid(definition.kind, document)
    version = Version.objects.create(
        definition=definition,
        number=Version.objects.next_number(definition.pk),
        schema=documents.newest_schema(definition.kind),
        document=document,
        summary=summary[:200],
        by=by,
        by_name=by.get_username() if by is not None else "",
    )
    definition.draft = version
    definition.save(update_fields=["draft", "updated_at"])
    Reference.objects.replace(definition, documents.references(definition.kind, document), live=False)
    return version


def _refuse_part(definition: Definition) -> None:
    """Keeps a part of a campaign from being published, paused or undone without it. Who is in a segment may change."""
    if definition.campaign_id is None or definition.kind not in SHOWN_PARTS:
        return
    owner = Definition.objects.get(pk=definition.campaign_id)
    words = _("It belongs to the campaign “%(name)s”, and is published, paused and undone with it.")
    raise NotPossibleError(words % {"name": owner.name})


def _refuse_sender(definition: Definition, by: Any) -> None:
    """Keeps who may not send messages from sending those of a campaign."""
    if by is None or by.has_perm("personalization.send_messages"):
        return
    if _shown_parts(definition).filter(kind=DefinitionKind.MESSAGE).exists():
        raise NotPossibleError(_("It has messages: publishing it takes the permission to send messages."))


def _shown_parts(definition: Definition) -> Any:
    return Definition.objects.present().filter(campaign=definition.pk, kind__in=SHOWN_PARTS)


def _serve_parts(definition: Definition, numbers: dict[int, int]) -> None:
    """Makes the parts of a campaign serve these versions, by their keys, for whom and when it does; what has none
    serves no more. Its codes are good while it is live."""
    follow_state(definition)
    when = definition.live.document.get("when", {}) if definition.live else {}
    for part in Definition.objects.parts_of(definition.pk):
        version = part.versions.filter(number=numbers.get(part.pk, 0)).first()
        if version is not None:
            serve_version(part, version, when if part.kind in SHOWN_PARTS else None)
        elif part.live is not None and part.kind in SHOWN_PARTS:
            unserve(part)
    if definition.kind in (DefinitionKind.CAMPAIGN, *SHOWN_PARTS):
        refuse_words_without_codes(definition)
    if definition.kind in (DefinitionKind.CAMPAIGN, DefinitionKind.BLOCK):
        refuse_empty_slots()


def _change_state(
    definition: Definition, by: Any, before: DefinitionState, after: DefinitionState, action: AuditAction
) -> None:
    with changing_rules():
        if not Definition.objects.filter(pk=definition.pk, state=before).update(state=after, updated_at=now()):
            raise NotPossibleError(_("It is not %(state)s any more.") % {"state": before.label})
        _shown_parts(definition).filter(state=before).update(state=after, updated_at=now())
        follow_state(Definition.objects.get(pk=definition.pk))
        if definition.kind in (DefinitionKind.CAMPAIGN, DefinitionKind.BLOCK):
            refuse_empty_slots()
        record_change(definition, action, by)


def _served_before(definition: Definition) -> tuple[int | None, dict[int, int]]:
    """(number of the version, those of its parts) that served right before what is live; (None, {}) where none did,
    which the audit notes as restored without a version."""
    served = (
        AuditEntry.objects.of_object(definition.kind, definition.pk)
        .filter(action__in=[AuditAction.PUBLISH, AuditAction.RESTORE])
        .values_list("version", "parts")
    )
    live = (definition.live.number if definition.live else None, campaign_parts.live_numbers(definition))
    before = ((number, {int(key): part for key, part in parts.items()}) for number, parts in served)
    return next((one for one in before if one != live), (None, {}))


def _record_publishing(definition: Definition, action: AuditAction, by: Any) -> None:
    """Counts the change, and stores who did it, with what serves from now on."""
    number = definition.live.number if definition.live else None
    record_change(definition, action, by, number, campaign_parts.live_numbers(definition))


def record_change(
    definition: Definition, action: AuditAction, by: Any, number: int | None = None, parts: dict[int, int] | None = None
) -> None:
    """Counts the change, and stores who did it. Parameters: `parts`, the versions of its parts, by their keys."""
    RulesState.objects.count_change(now())
    AuditEntry.objects.record(
        by,
        action,
        kind=definition.kind,
        object_id=definition.pk,
        version=number,
        note=definition.name,
        parts={str(key): part for key, part in (parts or {}).items()},
    )
