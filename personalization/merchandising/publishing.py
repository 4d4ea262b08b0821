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

from personalization import conf
from personalization.merchandising import block_documents, documents
from personalization.merchandising.documents import DocumentError
from personalization.merchandising.schemas import (
    MAX_LIVE_BLOCKS,
    MAX_LIVE_CAMPAIGNS,
    MAX_LIVE_REDIRECTS,
    MAX_LIVE_SYNONYMS,
)
from personalization.merchandising.search_rules import SearchRedirect
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
from personalization.models.definitions import DefinitionQuerySet

Document = dict[str, Any]
MAX_LIVE = {
    DefinitionKind.CAMPAIGN: MAX_LIVE_CAMPAIGNS,
    DefinitionKind.SYNONYM: MAX_LIVE_SYNONYMS,
    DefinitionKind.REDIRECT: MAX_LIVE_REDIRECTS,
    DefinitionKind.BLOCK: MAX_LIVE_BLOCKS,
}
"""How many of a kind may be live at once; of other kinds any number."""


IN_ORDER = (DefinitionKind.CAMPAIGN, DefinitionKind.MESSAGE, DefinitionKind.BLOCK)
"""The kinds whose order counts."""


class InvalidDocumentError(Exception):
    """The document says what it may not; nothing was stored."""

    def __init__(self, errors: list[DocumentError]) -> None:
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))
        self.errors = errors


class ChangedMeanwhileError(Exception):
    """Somebody else saved a version since the one that was edited; nothing was stored."""

    def __init__(self, newest: Version) -> None:
        super().__init__(f"version {newest.number} of {newest.by_name} is newer")
        self.newest = newest


class NotPossibleError(Exception):
    """What was asked for cannot be done, in words; nothing was stored."""


def create(kind: str, name: str, document: Document, by: Any, *, key: str = "", is_demo: bool = False) -> Definition:
    """A new draft. A campaign comes to the top of its band once it is published, a message to the top of all.

    Raises: InvalidDocumentError; NotPossibleError where the name is taken.
    """
    with changing_rules():
        if Definition.objects.has_name(kind, name):
            raise NotPossibleError(_("There is another one of this name already."))
        definition = Definition.objects.create(kind=kind, key=key or _new_key(kind, name), name=name, is_demo=is_demo)
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
    """Makes the draft serve, or the version of this number: that is how an older one is restored.

    Raises: NotPossibleError where there is nothing to publish, too much is live, redirects would lead to one another,
    a message could not be sent, or some would see nothing in the slot of a block; InvalidDocumentError where an older
    document is none any more.
    """
    with changing_rules():
        definition = Definition.objects.with_versions().get(pk=definition.pk)
        version = definition.draft if number is None else definition.versions.filter(number=number).first()
        if version is None:
            raise NotPossibleError(_("There is no draft to publish."))
        document = documents.upgrade(definition.kind, version.schema, version.document)
        _refuse_invalid(definition.kind, document)
        if definition.kind == DefinitionKind.REDIRECT:
            _refuse_chain(definition, document)
        if definition.kind == DefinitionKind.MESSAGE:
            _refuse_unsendable()
        if definition.kind == DefinitionKind.BLOCK:
            _refuse_empty_slots(definition, document)
        if definition.live is None:
            _refuse_too_many(DefinitionKind(definition.kind))
        if definition.live is None and definition.kind in IN_ORDER:
            _make_room(definition)
        restored = number is not None and version != definition.draft
        definition.live, definition.state, definition.published_at = version, DefinitionState.LIVE, now()
        if definition.draft is not None and definition.draft.number <= version.number:
            definition.draft = None
        when = version.document.get("when", {})
        definition.starts_at, definition.ends_at = documents.moment(when.get("from")), documents.moment(when.get("to"))
        definition.save()
        Reference.objects.replace(definition, documents.references(definition.kind, version.document), live=True)
        action = AuditAction.RESTORE if restored else AuditAction.PUBLISH
        record_change(definition, action, by, version.number)
    return definition


def undo(definition: Definition, by: Any) -> Definition:
    """Makes serve what served before the live version; where nothing did, it is a draft again.

    What served before is told by the audit.
    """
    with changing_rules():
        definition = Definition.objects.with_versions().get(pk=definition.pk)
        before = _served_before(definition)
        if before is not None:
            return publish(definition, by, number=before)
        if definition.live is None:
            raise NotPossibleError(_("Nothing was published, so there is nothing to undo."))
        _refuse_leaving_slot(definition)
        definition.draft = definition.draft or definition.live
        definition.live, definition.state = None, DefinitionState.DRAFT
        definition.starts_at = definition.ends_at = None
        definition.save()
        Reference.objects.replace(definition, [], live=True)
        record_change(definition, AuditAction.RESTORE, by)
    return definition


def pause(definition: Definition, by: Any) -> None:
    """Makes it serve no more until it is resumed."""
    _refuse_leaving_slot(definition)
    _change_state(definition, by, DefinitionState.LIVE, DefinitionState.PAUSED, AuditAction.PAUSE)


def resume(definition: Definition, by: Any) -> None:
    """Makes a paused one serve again. NotPossibleError for a message that could not be sent."""
    if definition.kind == DefinitionKind.MESSAGE:
        _refuse_unsendable()
    if definition.kind == DefinitionKind.BLOCK:
        stored = Definition.objects.with_versions().get(pk=definition.pk)
        _refuse_empty_slots(stored, stored.live.document if stored.live else None)
    _change_state(definition, by, DefinitionState.PAUSED, DefinitionState.LIVE, AuditAction.RESUME)


def archive(definition: Definition, by: Any) -> None:
    """Takes it away; its versions stay. NotPossibleError, which says by what, while a segment is used."""
    with changing_rules():
        definition = Definition.objects.get(pk=definition.pk)
        if definition.kind == DefinitionKind.SEGMENT:
            users = list(Reference.objects.users_of("segment", definition.pk).values_list("name", flat=True))
            if users:
                raise NotPossibleError(_("It is used by %(names)s.") % {"names": ", ".join(users)})
        _refuse_leaving_slot(definition)
        definition.state = DefinitionState.ARCHIVED
        definition.save(update_fields=["state", "updated_at"])
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
        _number_places(keys)
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
    _refuse_invalid(definition.kind, document)
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


def _refuse_invalid(kind: str, document: Document) -> None:
    if errors := documents.document_errors(kind, document):
        raise InvalidDocumentError(errors)


def _refuse_too_many(kind: DefinitionKind) -> None:
    if kind not in MAX_LIVE or _live_of_kind(kind).count() < MAX_LIVE[kind]:
        return
    words = {
        DefinitionKind.CAMPAIGN: _("At most %(most)d campaigns may be live."),
        DefinitionKind.SYNONYM: _("At most %(most)d groups of synonyms may be live."),
        DefinitionKind.REDIRECT: _("At most %(most)d redirects may be live."),
        DefinitionKind.BLOCK: _("At most %(most)d content blocks may be live."),
    }
    raise NotPossibleError(words[kind] % {"most": MAX_LIVE[kind]})


def _live_of_kind(kind: str) -> DefinitionQuerySet:
    found: DefinitionQuerySet = Definition.objects.of_kind(kind).filter(state=DefinitionState.LIVE)
    return found


def _refuse_chain(definition: Definition, document: Document) -> None:
    """Keeps a redirect from leading to a search that is redirected itself, and others from leading to its own."""
    redirect = SearchRedirect.from_document(definition.pk, document)
    for other in _live_of_kind(DefinitionKind.REDIRECT).exclude(pk=definition.pk).select_related("live"):
        if other.live is None or documents.document_errors(other.kind, other.live.document):
            continue
        found = SearchRedirect.from_document(other.pk, other.live.document)
        if any(found.matches(searched) for searched in redirect.searched_there):
            raise NotPossibleError(_("It leads to a search that “%(name)s” redirects.") % {"name": other.name})
        if any(redirect.matches(searched) for searched in found.searched_there):
            raise NotPossibleError(_("“%(name)s” leads to a search that this one redirects.") % {"name": other.name})


def _refuse_unsendable() -> None:
    if missing := conf.missing_message_settings():
        words = _("No message can be sent before these settings are there: %(names)s.")
        raise NotPossibleError(words % {"names": ", ".join(missing)})


def _refuse_leaving_slot(definition: Definition) -> None:
    """Keeps a block from being taken away while others of its slot need it."""
    if definition.kind == DefinitionKind.BLOCK and _live_of_kind(definition.kind).filter(pk=definition.pk).exists():
        _refuse_empty_slots(definition, None)


def _refuse_empty_slots(definition: Definition, document: Document | None) -> None:
    """Keeps a slot from being empty for those for whom its other blocks are not. Parameters: `document`, what the block
    is about to say; None where it goes."""
    live = Definition.objects.live_documents().filter(kind=DefinitionKind.BLOCK).exclude(pk=definition.pk)
    serving = [one.live.document for one in live if one.live is not None] + ([document] if document else [])
    if slot := block_documents.slot_without_default(serving):
        raise NotPossibleError(
            _("In the slot “%(slot)s” some would see nothing: it needs a live block for everybody, without a schedule.")
            % {"slot": slot}
        )


def _make_room(definition: Definition) -> None:
    """Puts what was never live to the top of its band, unless somebody gave it a place."""
    if definition.place:
        return
    others = Definition.objects.of_kind(definition.kind).present().filter(band=definition.band, place__gt=0)
    _number_places([definition.pk, *others.exclude(pk=definition.pk).values_list("pk", flat=True)])
    definition.place = 1


def _number_places(keys: list[int]) -> None:
    """Numbers definitions from 1 in this order."""
    definitions = Definition.objects.in_bulk(keys)
    for place, key in enumerate(keys, 1):
        definitions[key].place = place
    Definition.objects.bulk_update(definitions.values(), ["place"], batch_size=200)


def _change_state(
    definition: Definition, by: Any, before: DefinitionState, after: DefinitionState, action: AuditAction
) -> None:
    with changing_rules():
        if not Definition.objects.filter(pk=definition.pk, state=before).update(state=after, updated_at=now()):
            raise NotPossibleError(_("It is not %(state)s any more.") % {"state": before.label})
        record_change(definition, action, by)


def _served_before(definition: Definition) -> int | None:
    """The number of the version that served right before the live one; None where none did, which the audit notes as
    restored without a version."""
    served = (
        AuditEntry.objects.of_object(definition.kind, definition.pk)
        .filter(action__in=[AuditAction.PUBLISH, AuditAction.RESTORE])
        .values_list("version", flat=True)
    )
    live = definition.live.number if definition.live else None
    return next((number for number in served if number != live), None)


def record_change(definition: Definition, action: AuditAction, by: Any, number: int | None = None) -> None:
    """Counts the change, and stores who did it."""
    RulesState.objects.count_change(now())
    AuditEntry.objects.record(
        by, action, kind=definition.kind, object_id=definition.pk, version=number, note=definition.name
    )
