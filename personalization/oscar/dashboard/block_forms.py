"""The form of a content block, to its document and back."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.utils.functional import cached_property, lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from personalization.merchandising import block_pictures
from personalization.merchandising.documents import DocumentError
from personalization.merchandising.schemas import (
    MAX_ADDRESS_LENGTH,
    MAX_ALT,
    MAX_BLOCK_CATEGORIES,
    MAX_BLOCK_PRODUCTS,
    MAX_BLOCK_TEXT,
    MAX_BLOCK_TITLE,
    MAX_CALL,
    MAX_SLOT,
    SLOT_PATTERN,
)
from personalization.models import BlockImage
from personalization.models.definitions import MAX_NAME
from personalization.oscar.dashboard.audience_forms import AudienceForm, audience_initial
from personalization.oscar.dashboard.post_forms import POST_ERROR_FIELDS, PostFields, post_initial
from personalization.oscar.dashboard.product_lines import known_products, write_lines
from personalization.oscar.dashboard.screens import LongSelectMultiple
from personalization.shop import named_objects

Document = dict[str, Any]
TEXTS = {"title": MAX_BLOCK_TITLE, "text": MAX_BLOCK_TEXT, "call": MAX_CALL, "link": MAX_ADDRESS_LENGTH, "alt": MAX_ALT}
"""What a block says in a language, and how long each may be."""
NOT_KEPT_YET = 2**62
"""In the place of the key of a picture that was uploaded with a form that is not right yet."""
HOME_SLOT = "home-hero"
"""The slot of our own home page."""
FORM_FIELDS = {"when.to": "ends", "when.from": "starts", "when.zone": "zone", **POST_ERROR_FIELDS}


def kind_labels() -> dict[str, str]:
    """What the dashboard calls the kinds of blocks."""
    return {
        "hero": pgettext("personalization", "hero"),
        "banner": pgettext("personalization", "banner"),
        "text": pgettext("personalization", "text"),
        "post": pgettext("personalization", "post"),
    }


def _text_labels() -> dict[str, str]:
    return {
        "title": pgettext("personalization", "Title"),
        "text": pgettext("personalization", "Text"),
        "call": pgettext("personalization", "Words of the button"),
        "link": pgettext("personalization", "Address that it leads to"),
        "alt": pgettext("personalization", "What the picture shows"),
    }


class BlockForm(PostFields, AudienceForm):
    """A content block: where it stands, what it says in each language, its picture, for whom, and when."""

    offered: ClassVar = {**AudienceForm.offered, "categories": "categories"}
    name = forms.CharField(
        label=pgettext_lazy("personalization", "Name"),
        max_length=MAX_NAME,
        help_text=pgettext_lazy("personalization", "For the dashboard; shoppers see the title."),
    )
    slot = forms.RegexField(
        SLOT_PATTERN,
        label=pgettext_lazy("personalization", "Slot"),
        max_length=MAX_SLOT,
        help_text=gettext_lazy("As the template of the page names it; “home-hero” is on top of the home page."),
        error_messages={"invalid": gettext_lazy("Expected small letters, digits and hyphens, as in home-hero.")},
    )
    kind = forms.ChoiceField(
        label=pgettext_lazy("personalization", "Kind"),
        choices=lazy(lambda: list(kind_labels().items()), list),
    )
    upload = forms.FileField(
        label=pgettext_lazy("personalization", "Picture"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif"}),
        help_text=gettext_lazy("JPEG, PNG, WebP or GIF, at most 10 MB; best 1920 pixels wide. Shown here once saved."),
    )
    image = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)
    without_picture = forms.BooleanField(label=pgettext_lazy("personalization", "Without a picture"), required=False)
    focus_x = forms.IntegerField(
        label=pgettext_lazy("personalization", "From the left, in percent"),
        required=False,
        min_value=0,
        max_value=100,
    )
    focus_y = forms.IntegerField(
        label=pgettext_lazy("personalization", "From the top, in percent"), required=False, min_value=0, max_value=100
    )
    categories = forms.TypedMultipleChoiceField(
        label=pgettext_lazy("personalization", "Categories"), coerce=int, required=False, widget=LongSelectMultiple
    )
    products = forms.CharField(
        label=pgettext_lazy("personalization", "Products"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=pgettext_lazy("personalization", "One UPC or SKU a line. Or search by title."),
    )
    by_taste = forms.BooleanField(
        label=pgettext_lazy("personalization", "Only for those who buy this"),
        required=False,
        help_text=gettext_lazy(
            "For customers of whose purchases at least a tenth is of it. Of several such blocks that stand next to "
            "one another, each customer sees the one that fits best."
        ),
    )

    def __init__(self, *arguments: Any, is_part: bool = False, **options: Any) -> None:
        """`is_part`: of a campaign, which says for whom and when."""
        super().__init__(*arguments, **options)
        if is_part:
            self.follow_campaign()
        labels = _text_labels()
        for code, _name in settings.LANGUAGES:
            for part, most in TEXTS.items():
                widget = forms.Textarea(attrs={"rows": 3}) if part == "text" else forms.TextInput()
                self.fields[f"{part}_{code}"] = forms.CharField(
                    label=labels[part], max_length=most, required=False, widget=widget
                )

    @cached_property
    def wordings(self) -> list[dict[str, Any]]:
        """By language: its name, its fields, and whether one of them is filled in or wrong."""
        found = []
        for code, name in settings.LANGUAGES:
            fields = [self[f"{part}_{code}"] for part in TEXTS]
            found.append({"name": name, "fields": fields, "is_open": any(one.value() or one.errors for one in fields)})
        return found

    def clean_products(self) -> list[int]:
        """The keys of the products."""
        found = list(known_products(self.cleaned_data["products"]))
        if len(found) > MAX_BLOCK_PRODUCTS:
            words = _("At most %(most)d products; found %(count)d.")
            raise forms.ValidationError(words % {"most": MAX_BLOCK_PRODUCTS, "count": len(found)})
        return found

    def clean_categories(self) -> list[int]:
        """The keys of the categories."""
        found: list[int] = self.cleaned_data["categories"]
        if len(found) > MAX_BLOCK_CATEGORIES:
            words = _("At most %(most)d categories; found %(count)d.")
            raise forms.ValidationError(words % {"most": MAX_BLOCK_CATEGORIES, "count": len(found)})
        return found

    def clean_upload(self) -> Any:
        """The file, which is a picture that can be shown."""
        upload = self.cleaned_data["upload"]
        if upload:
            try:
                block_pictures.read_picture(upload)
            except block_pictures.UnusablePictureError as error:
                raise forms.ValidationError(str(error)) from error
        return upload

    def clean_image(self) -> int | None:
        """The key of a picture that there is."""
        key = self.cleaned_data["image"]
        return key if key and BlockImage.objects.filter(pk=key).exists() else None

    def add_document_errors(self, errors: Iterable[DocumentError]) -> None:
        """Shows each error of a document at its field."""
        for error in errors:
            first, _dot, rest = error.path.partition(".")
            if first == "variants" and rest:
                language, _dot, part = rest.rpartition(".")
                name = f"{part}_{language}"
            elif first == "variants":
                name = f"title_{settings.LANGUAGES[0][0]}"
            else:
                name = FORM_FIELDS.get(error.path, first)
            words = error.message if rest else self._needed(first, error.message)
            self.add_error(name if name in self.fields else None, words)

    def _needed(self, part: str, message: str) -> str:
        return _("Words are needed in at least one language.") if part == "variants" else message

    def store_upload(self) -> None:
        """Keeps the uploaded picture, once everything else of the form is right."""
        if upload := self.cleaned_data.get("upload"):
            upload.seek(0)
            self.cleaned_data["image"] = block_pictures.store_picture(upload).pk
            self.cleaned_data |= {"upload": None, "without_picture": False}

    def document(self) -> Document:
        """The document that the form makes. Call it when the form is valid. A picture that is not kept yet has no
        number."""
        data = self.cleaned_data
        parts: Document = {} if self.follows_campaign else {"who": self.audience(), "when": self.schedule()}
        parts |= {name: data[name] for name in ("categories", "products") if data[name]}
        if data["by_taste"]:
            parts["by_taste"] = True
        image = data["image"] or (NOT_KEPT_YET if data["upload"] else None)
        if image and not data["without_picture"]:
            focus = [50 if data[name] is None else data[name] for name in ("focus_x", "focus_y")]
            parts["image"] = {"key": image, "focus": focus}
        parts |= self.post_document()
        return {"slot": data["slot"], "kind": data["kind"], "variants": self._variants(data), **parts}

    def _variants(self, data: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        found = {
            code: {part: text for part in TEXTS if (text := _plain_words(data.get(f"{part}_{code}", "")))}
            for code, _name in settings.LANGUAGES
        }
        return {code: texts for code, texts in found.items() if texts}


def _plain_words(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def block_initial(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows of a document."""
    image, products = document.get("image", {}), document.get("products", [])
    left, top = image.get("focus", (50, 50))
    titles = named_objects.names_of({("product", str(key)) for key in products}) if products else {}
    initial = {
        **audience_initial(document),
        **post_initial(document),
        "name": name,
        "slot": document.get("slot", HOME_SLOT),
        "kind": document.get("kind", "hero"),
        "image": image.get("key"),
        "focus_x": left,
        "focus_y": top,
        "categories": document.get("categories", []),
        "products": write_lines(products, titles),
        "by_taste": document.get("by_taste", False),
    }
    for code, texts in document.get("variants", {}).items():
        initial |= {f"{part}_{code}": text for part, text in texts.items()}
    return initial
