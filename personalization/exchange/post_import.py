"""Imports shoppable posts: each as often as it is sent, and stored once, by the id that it has where it comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import override

from personalization.exchange.event_files import RejectedRow
from personalization.exchange.event_import import RejectWriter
from personalization.exchange.post_files import ImportedPost, parse_post
from personalization.exchange.tabular import TableRow
from personalization.merchandising import block_pictures, documents, publishing
from personalization.merchandising.posts import FEED_SLOT, POST
from personalization.models import BlockImage, Definition, DefinitionKind, DefinitionState, Version
from personalization.models.definitions import MAX_NAME
from personalization.shop import named_objects

MAX_POSTS = 1_000
"""Of one file."""
DEFAULT_SOURCE = "import"
NOT_KEPT_YET = 2**62
"""In the place of the key of a picture that a dry run does not store."""
Document = dict[str, Any]


@dataclass(frozen=True)
class PostOptions:
    """How posts are to be stored."""

    source: str = DEFAULT_SOURCE
    """The system that they come from: posts of two sources may have one id."""
    publish: bool = False
    """Whether they go live at once; else they are drafts."""
    dry_run: bool = False


@dataclass
class PostImportResult:
    """The counts so far."""

    posts: int = 0
    created: int = 0
    changed: int = 0
    """Those that were there, and have a new version now."""
    unchanged: int = 0
    published: int = 0
    rejected: int = 0
    unknown_products: dict[str, int] = field(default_factory=dict)
    """How many posts name each."""


def import_posts(
    rows: Iterable[TableRow], pictures: Mapping[str, Any], options: PostOptions, reject: RejectWriter
) -> PostImportResult:
    """Stores each post as a draft, or publishes it; one that cannot be used is rejected alone.

    Parameters: `pictures`, by the name that a post gives its picture, the file. A post without one keeps what it has.
    """
    result = PostImportResult()
    with override("en"):
        for row in rows:
            result.posts += 1
            try:
                with transaction.atomic():
                    _import_post(parse_post(row), pictures, options, result)
                    transaction.set_rollback(options.dry_run)
            except RejectedRow as rejection:
                result.rejected += 1
                reject(row, *rejection.args)
    return result


def _import_post(
    post: ImportedPost, pictures: Mapping[str, Any], options: PostOptions, result: PostImportResult
) -> None:
    key = f"{options.source}:{post.id}"
    definition = Definition.objects.with_versions().filter(kind=DefinitionKind.BLOCK, key=key).first()
    if definition is not None and definition.state == DefinitionState.ARCHIVED:
        raise RejectedRow("archived", "It was archived in the dashboard.")
    stored = definition.newest if definition is not None else None
    before = documents.upgrade(DefinitionKind.BLOCK, stored.schema, stored.document) if stored else {}
    document = _document(post, before, _picture_key(post, pictures, options), result)
    if errors := documents.document_errors(DefinitionKind.BLOCK, document):
        raise RejectedRow("invalid", "; ".join(f"{error.path}: {error.message}" for error in errors))
    try:
        if definition is None:
            definition = publishing.create(DefinitionKind.BLOCK, _free_name(post), document, None, key=key)
            result.created += 1
        elif document != before:
            newest = Version.objects.of_definition(definition.pk).first()
            publishing.save_draft(definition, document, None, base=newest.number if newest else 0)
            result.changed += 1
        else:
            result.unchanged += 1
        definition = Definition.objects.with_versions().get(pk=definition.pk)
        if options.publish and definition.draft is not None and definition.state != DefinitionState.PAUSED:
            publishing.publish(definition, None)
            result.published += 1
    except publishing.NotPossibleError as error:
        raise RejectedRow("not_possible", str(error)) from None


def _picture_key(post: ImportedPost, pictures: Mapping[str, Any], options: PostOptions) -> int | None:
    """The key of the picture that a post brings; None where it brings none. One that is there already is not stored
    again."""
    if not post.picture:
        return None
    if post.picture not in pictures:
        raise RejectedRow("no_picture", f"There is no picture {post.picture!r}.")
    upload = pictures[post.picture]
    stem = block_pictures.content_stem(upload)
    if (known := BlockImage.objects.filter(stem=stem).first()) is not None:
        return int(known.pk)
    try:
        block_pictures.read_picture(upload)
        upload.seek(0)
        return NOT_KEPT_YET if options.dry_run else int(block_pictures.store_picture(upload, stem=stem).pk)
    except block_pictures.UnusablePictureError as error:
        raise RejectedRow("bad_picture", str(error)) from None


def _document(post: ImportedPost, before: Document, picture: int | None, result: PostImportResult) -> Document:
    """What the post says, on top of what merchants made of it: its other languages, its audience and its schedule."""
    texts = {"title": post.title, "text": post.text, "alt": post.alt}
    found: Document = {"slot": FEED_SLOT, "kind": POST, "variants": {}, "who": {}, "when": {}, **before}
    old = found["variants"].get(post.language, {})
    found["variants"] = {
        **found["variants"],
        post.language: {**old, **{name: text for name, text in texts.items() if text}},
    }
    if picture is not None and picture != found.get("image", {}).get("key"):
        found["image"] = {"key": picture, "focus": [50, 50]}
    parts: Document = {"spots": _spots(post, result), **{name: getattr(post, name) for name in ("origin", "video")}}
    rights = {"owner": post.owner, "permission": post.permission, "until": post.until}
    parts["rights"] = {name: text for name, text in rights.items() if text}
    found["post"] = {name: part for name, part in parts.items() if part}
    return found


def _spots(post: ImportedPost, result: PostImportResult) -> list[Document]:
    codes = [code for code, _x, _y in post.spots]
    known = named_objects.products_by_code(set(codes)) if codes else {}
    for code in codes:
        if code not in known:
            result.unknown_products[code] = result.unknown_products.get(code, 0) + 1
    return [{"product": known[code], "x": x, "y": y} for code, x, y in post.spots if code in known]


def _free_name(post: ImportedPost) -> str:
    """The title, with the id where another block has it."""
    name = post.title[:MAX_NAME]
    if not Definition.objects.has_name(DefinitionKind.BLOCK, name):
        return name
    ending = f" ({post.id})"
    return post.title[: MAX_NAME - len(ending)] + ending


def report_sentences(result: PostImportResult) -> list[str]:
    """What somebody should know before they import without a dry run."""
    if not result.unknown_products:
        return []
    named = sorted(result.unknown_products, key=lambda code: (-result.unknown_products[code], code))[:10]
    count = len(result.unknown_products)
    return [f"{count} products are not in the shop, and their spots are left out: {', '.join(named)}."]
