"""What keeps a definition from being published, and the pointers that publishing moves. No audit: see `publishing`."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from personalization import conf
from personalization.merchandising import block_documents, documents
from personalization.merchandising.campaign_codes import PLACEHOLDERS, has_code_words
from personalization.merchandising.campaign_parts import SHOWN_PARTS, acting_document
from personalization.merchandising.documents import DocumentError
from personalization.merchandising.schemas import (
    MAX_LIVE_BLOCKS,
    MAX_LIVE_CAMPAIGNS,
    MAX_LIVE_REDIRECTS,
    MAX_LIVE_SYNONYMS,
)
from personalization.merchandising.search_rules import SearchRedirect
from personalization.models import Definition, DefinitionKind, DefinitionState, Reference, Version
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


class NotPossibleError(Exception):
    """What was asked for cannot be done, in words; nothing was stored."""


def serve_version(definition: Definition, version: Version, schedule: Document | None = None) -> None:
    """Makes a version the live one, after all that may be refused of it alone; the slots of blocks are asked about
    once all is changed. Parameters: `schedule`, of the campaign that it is a part of; None for its own."""
    document = documents.upgrade(definition.kind, version.schema, version.document)
    refuse_invalid(definition.kind, document)
    if definition.kind == DefinitionKind.REDIRECT:
        _refuse_chain(definition, document)
    if definition.kind == DefinitionKind.MESSAGE:
        refuse_unsendable()
    if definition.live is None:
        _refuse_too_many(DefinitionKind(definition.kind))
    if definition.live is None and definition.kind in IN_ORDER:
        _make_room(definition)
    definition.live, definition.state, definition.published_at = version, DefinitionState.LIVE, now()
    if definition.draft is not None and definition.draft.number <= version.number:
        definition.draft = None
    set_schedule(definition, version.document.get("when", {}) if schedule is None else schedule)
    definition.save()
    Reference.objects.replace(definition, documents.references(definition.kind, version.document), live=True)


def set_schedule(definition: Definition, when: Document) -> None:
    """Puts the ends of a schedule where queries find them."""
    definition.starts_at, definition.ends_at = documents.moment(when.get("from")), documents.moment(when.get("to"))


def unserve(definition: Definition) -> None:
    """Makes what serves a draft again."""
    definition.draft = definition.draft or definition.live
    definition.live, definition.state = None, DefinitionState.DRAFT
    definition.starts_at = definition.ends_at = None
    definition.save()
    Reference.objects.replace(definition, [], live=True)


def refuse_invalid(kind: str, document: Document) -> None:
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


def refuse_unsendable() -> None:
    if missing := conf.missing_message_settings():
        words = _("No message can be sent before these settings are there: %(names)s.")
        raise NotPossibleError(words % {"names": ", ".join(missing)})


def refuse_empty_slots() -> None:
    """Keeps a slot from being empty for those for whom its other blocks are not. Asked in the transaction that changed
    them: what it refuses was not stored. One query."""
    live = Definition.objects.live_documents().filter(kind=DefinitionKind.BLOCK)
    serving = [document for one in live if (document := acting_document(one)) is not None]
    if slot := block_documents.slot_without_default(serving):
        raise NotPossibleError(
            _("In the slot “%(slot)s” some would see nothing: it needs a live block for everybody, without a schedule.")
            % {"slot": slot}
        )


def refuse_words_without_codes(definition: Definition) -> None:
    """Keeps a block or a message, or a part of a campaign, from naming a voucher code that nobody has. Asked as
    `refuse_empty_slots`. One query."""
    live = Definition.objects.live_documents().filter(Q(pk=definition.pk) | Q(campaign=definition.pk))
    for one in live.filter(kind__in=SHOWN_PARTS):
        document = acting_document(one)
        if document is not None and not document.get("makes_codes") and _names_code(document):
            words = _(
                "“%(name)s” names a voucher code, and nobody would have one: let its campaign make codes, or take "
                "%(placeholders)s out of its words."
            )
            raise NotPossibleError(words % {"name": one.name, "placeholders": " ".join(PLACEHOLDERS)})


def _names_code(document: Mapping[str, Any]) -> bool:
    texts = document.get("variants", document.get("wording", {})).values()
    return any(has_code_words(text) for parts in texts for text in parts.values())


def _make_room(definition: Definition) -> None:
    """Puts what was never live to the top of its band, unless somebody gave it a place."""
    if definition.place:
        return
    others = Definition.objects.of_kind(definition.kind).present().filter(band=definition.band, place__gt=0)
    number_places([definition.pk, *others.exclude(pk=definition.pk).values_list("pk", flat=True)])
    definition.place = 1


def number_places(keys: list[int]) -> None:
    """Numbers definitions from 1 in this order."""
    definitions = Definition.objects.in_bulk(keys)
    for place, key in enumerate(keys, 1):
        definitions[key].place = place
    Definition.objects.bulk_update(definitions.values(), ["place"], batch_size=200)
