"""Writing a content block: the form, the block beside it as shoppers see it, and the page that publishes it."""

from dataclasses import astuple
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods, require_POST

from personalization.decide.visit import Visit
from personalization.merchandising import documents, publishing
from personalization.merchandising.campaign_codes import example_code, fill_code
from personalization.merchandising.compile_blocks import compile_block, image_keys
from personalization.merchandising.compiled_blocks import Block, BlockText
from personalization.merchandising.posts import rights_end
from personalization.models import BlockImage, Definition, DefinitionKind, DefinitionState
from personalization.oscar.content_blocks import PrintedBlock, print_picture
from personalization.oscar.dashboard.access import has_permission
from personalization.oscar.dashboard.block_forms import BlockForm, block_initial
from personalization.oscar.dashboard.block_words import describe_block, shadowing
from personalization.oscar.dashboard.campaign_list import all_names
from personalization.oscar.dashboard.campaign_part_words import chosen_campaign, shown_document
from personalization.oscar.dashboard.definition_changes import publish_by_button
from personalization.oscar.dashboard.screens import chosen_version, posted_number, show
from personalization.oscar.post_markup import PrintedSpot, print_spots
from personalization.oscar.previews import PARAMETER, Preview
from personalization.serve_content import serve_spots
from personalization.shop.voucher_codes import OwnCode

KIND = DefinitionKind.BLOCK


@require_http_methods(["GET", "POST"])
def create_block(request: HttpRequest) -> HttpResponse:
    """An empty form; posting it stores a draft, as a part of the campaign that the address names."""
    campaign = chosen_campaign(request)
    form = _form(request, "", {}, is_part=campaign is not None)
    if _is_right(request, form):
        try:
            definition = publishing.create(
                KIND, form.cleaned_data["name"], _written(form), request.user, campaign=campaign
            )
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving(request, definition)
    return _show_form(request, {"form": form, "base": 0, "campaign": campaign})


@require_http_methods(["GET", "POST"])
def edit_block(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest version in the form; posting it stores a new draft, unless somebody else stored one meanwhile."""
    definition = _find(pk)
    shown = definition.newest
    if shown is None:
        raise ValueError(f"content block {pk} has no version")
    document = documents.upgrade(KIND, shown.schema, shown.document)
    campaign = definition.campaign
    form = _form(request, definition.name, document, is_part=campaign is not None)
    context: dict[str, Any] = {"form": form, "definition": definition, "base": shown.number, "campaign": campaign}
    if has_permission(request.user, "change_campaigns") and _is_right(request, form):
        written, base = _written(form), posted_number(request, "base")
        try:
            name = form.cleaned_data["name"]
            publishing.save_draft(definition, written, request.user, base=base, name=name)
        except publishing.ChangedMeanwhileError as error:
            newest = error.newest
            names = all_names(pair for one in (newest.document, written) for pair in documents.references(KIND, one))
            theirs, mine = describe_block(newest.document, names), describe_block(written, names)
            context |= {"meanwhile": newest, "theirs": theirs, "mine": mine}
            return _show_form(request, context, status=409)
        except publishing.InvalidDocumentError as error:
            form.add_document_errors(error.errors)
        except publishing.NotPossibleError as error:
            form.add_error("name", str(error))
        else:
            return _after_saving(request, definition)
    return _show_form(request, context)


@require_POST
def show_block_preview(request: HttpRequest) -> HttpResponse:
    """The block as the form says, in each of its languages: a part of the page, asked for when typing stops."""
    form = BlockForm(request.POST, initial=block_initial("", {}), is_part="part" in request.POST)
    form.is_valid()
    document = form.document() if not form.errors else {}
    if not document or documents.document_errors(KIND, document):
        return show(request, "block_preview", {"blocks": []})
    return show(request, "block_preview", {"blocks": _previews(document, request, request.POST.get("part"))})


@require_http_methods(["GET", "POST"])
def publish_block(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once, and says what would keep it from being seen; posting it makes the draft live."""
    definition = _find(pk)
    version = chosen_version(request, definition)
    if version is None:
        messages.info(request, pgettext("personalization", "There is no draft to publish."))
        return HttpResponseRedirect(reverse("personalization:personalization-blocks"))
    document = documents.upgrade(KIND, version.schema, version.document)
    refusals = _refusals(document)
    if request.method == "POST" and not refusals:
        if not publish_by_button(request, definition, version):
            return HttpResponseRedirect(reverse("personalization:personalization-block-publish", args=[pk]))
        return HttpResponseRedirect(reverse("personalization:personalization-blocks"))
    context = {
        "definition": definition,
        "version": version,
        "refusals": refusals,
        "warning": _shadow(definition, document),
        "sentence": describe_block(document, all_names(documents.references(KIND, document))),
        "blocks": _previews(document, request, None),
        "page_address": _page_address(request, definition),
    }
    return show(request, "block_publish", context, tab="blocks")


def _find(pk: int) -> Definition:
    found: Definition = get_object_or_404(Definition.objects.with_versions(), pk=pk, kind=KIND)
    return found


def _form(request: HttpRequest, name: str, document: dict[str, Any], *, is_part: bool) -> BlockForm:
    initial = block_initial(name, document)
    return (
        BlockForm(request.POST, request.FILES, initial=initial, is_part=is_part)
        if request.method == "POST"
        else BlockForm(initial=initial, is_part=is_part)
    )


def _is_right(request: HttpRequest, form: BlockForm) -> bool:
    """Whether what was posted may be stored; what is wrong with its document is said at the fields."""
    if request.method != "POST" or not form.is_valid():
        return False
    form.add_document_errors(documents.document_errors(KIND, form.document()))
    return not form.errors


def _written(form: BlockForm) -> dict[str, Any]:
    form.store_upload()
    return form.document()


def _previews(document: dict[str, Any], request: Any, campaign: str | None) -> list[tuple[str, PrintedBlock]]:
    """(language, block) of each language of a document. Parameters: `campaign`, the key of the one that it is a part
    of, an example of whose codes stands in its words."""
    images = BlockImage.objects.by_key(image_keys([document]))
    block = compile_block(Definition(pk=0, name=""), document, next(iter(images.values()), None), [])
    picture = print_picture(block.picture) if block.picture else None
    spots = _spots_in_preview(block, request.strategy)
    labels = {code.lower(): str(name) for code, name in settings.LANGUAGES}
    example = example_code(now(), campaign)
    return [
        (
            labels.get(code, code),
            PrintedBlock(block, _with_example(text, example, code), picture, suffix=f"-{code}", spots=spots),
        )
        for code, text in block.texts.items()
    ]


def _spots_in_preview(block: Block, strategy: Any) -> tuple[PrintedSpot, ...]:
    """The spots as a stranger sees them."""
    visit = Visit(now().timestamp(), strategy)
    return print_spots(serve_spots([block], visit).get(block.id, ()))


def _with_example(text: BlockText, example: OwnCode | None, language: str) -> BlockText:
    """The words with a code that is nobody's, as their readers would see them."""
    with translation.override(language):
        return BlockText(*(fill_code(part, example) for part in astuple(text)))


def _refusals(document: dict[str, Any]) -> list[str]:
    found = [error.message for error in documents.document_errors(KIND, document)]
    rights = rights_end(document)
    if rights is not None and rights <= now().timestamp():
        found.append(_("The rights to its picture are over."))
    ends = documents.moment(document.get("when", {}).get("to"))
    if ends is not None and ends <= now():
        found.append(pgettext("personalization", "Its end has passed."))
    if image_keys([document]) - BlockImage.objects.by_key(image_keys([document])).keys():
        found.append(_("The picture that it names was deleted."))
    return found


def _shadow(definition: Definition, document: dict[str, Any]) -> str:
    """What would keep it from being seen; nothing for one that was never live, as that comes to the top."""
    if not definition.place:
        return ""
    live = Definition.objects.of_kind(KIND).with_versions().filter(state=DefinitionState.LIVE)
    above = [(one.name, shown_document(one)) for one in live if one.place < definition.place]
    return shadowing(document, above)


def _page_address(request: HttpRequest, definition: Definition) -> str:
    """The home page with the draft on it, for staff who may look; "" where there is nothing to try."""
    if not definition.draft or not has_permission(request.user, "preview_as"):
        return ""
    with_campaign = (definition.pk, definition.campaign_id) if definition.campaign_id else (definition.pk,)
    preview = Preview(staff=str(request.user.pk), drafts=with_campaign)
    return f"{reverse('personalization:home')}?{PARAMETER}={preview.sign()}"


def _show_form(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    found = Definition.objects.of_kind(KIND).present().with_versions()
    slots = sorted({one.newest.document["slot"] for one in found if one.newest})
    return show(request, "block_form", {"slots": slots, **context}, tab="blocks", status=status)


def _after_saving(request: HttpRequest, definition: Definition) -> HttpResponse:
    definition.refresh_from_db(fields=["name"])
    words = pgettext("personalization", "The draft of “%(name)s” is saved.")
    messages.success(request, words % {"name": definition.name})
    may_publish = "publish" in request.POST and has_permission(request.user, "publish_campaigns")
    may_publish = may_publish and definition.campaign_id is None
    name = "personalization-block-publish" if may_publish else "personalization-block"
    return HttpResponseRedirect(reverse(f"personalization:{name}", args=[definition.pk]))
