"""The fields of a shoppable post in the form of content blocks: its products, its rights, and where it is from."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from personalization.merchandising.posts import POST, parse_spot, spot_products
from personalization.merchandising.schemas import MAX_ADDRESS_LENGTH, MAX_OWNER, MAX_PERMISSION, MAX_SPOTS
from personalization.oscar.dashboard.product_lines import SEPARATOR, known_products, write_lines
from personalization.shop import named_objects

Document = dict[str, Any]
POST_ERROR_FIELDS = {
    "post.spots": "spots",
    "post.rights.owner": "owner",
    "post.rights.until": "until",
    "post.origin": "origin",
    "post.video": "video",
}
"""By the path of an error, the field at which it is said."""


class PostFields(forms.Form):
    """What a post has besides a picture and words."""

    spots = forms.CharField(
        label=pgettext_lazy("personalization", "Products in the picture"),
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 4, "data-spots": "true"}),
        help_text=gettext_lazy(
            "One a line, in the order in which they are read: UPC or SKU; percent from the left; percent from the top. "
            "As in 5012345; 30; 60, or without numbers for the middle. A click on the picture beside the form places "
            "the line with the cursor."
        ),
    )
    owner = forms.CharField(
        label=pgettext_lazy("personalization", "Whose picture it is"),
        required=False,
        max_length=MAX_OWNER,
        help_text=gettext_lazy("Shoppers read it below the picture."),
    )
    permission = forms.CharField(
        label=pgettext_lazy("personalization", "How they allowed it"),
        required=False,
        max_length=MAX_PERMISSION,
        help_text=gettext_lazy("As in “her mail of 3 May 2026”. Only the dashboard shows it."),
    )
    until = forms.DateField(
        label=pgettext_lazy("personalization", "Allowed until"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        help_text=gettext_lazy("The last day. From the next one on the shop does not show the post. Empty: for good."),
    )
    origin = forms.CharField(
        label=pgettext_lazy("personalization", "Original post"),
        required=False,
        max_length=MAX_ADDRESS_LENGTH,
        help_text=gettext_lazy("Its address. The shop links to it, and loads nothing from there."),
    )
    video = forms.CharField(
        label=pgettext_lazy("personalization", "Video"),
        required=False,
        max_length=MAX_ADDRESS_LENGTH,
        help_text=gettext_lazy("The address of the video of which the picture is a still; a link leads to it."),
    )

    def clean_spots(self) -> list[Document]:
        """The products, each with its place."""
        lines = [line for line in self.cleaned_data["spots"].splitlines() if line.strip()]
        try:
            found = [parse_spot(line) for line in lines]
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if len(found) > MAX_SPOTS:
            words = _("At most %(most)d products; found %(count)d.")
            raise forms.ValidationError(words % {"most": MAX_SPOTS, "count": len(found)})
        products = known_products("\n".join(code for code, _x, _y in found))
        if len(products) != len(found):
            raise forms.ValidationError(_("A product is in it twice."))
        return [{"product": key, "x": x, "y": y} for key, (_code, x, y) in zip(products, found, strict=True)]

    def post_document(self) -> Document:
        """What the document of a block says under "post"; {} for a block of another kind."""
        data = self.cleaned_data
        if data.get("kind") != POST:
            return {}
        rights = {name: data[name] for name in ("owner", "permission") if data.get(name)}
        if len(rights) == 1:  # one without the other is said to be missing
            rights = {}
        if rights and data.get("until"):
            rights["until"] = data["until"].isoformat()
        post: Document = {name: data[name] for name in ("origin", "video") if data.get(name)}
        if data.get("spots"):
            post["spots"] = data["spots"]
        if rights:
            post["rights"] = rights
        return {"post": post} if post else {}


def post_initial(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show of a document."""
    post = document.get("post", {})
    return {
        "spots": write_spots(document),
        "origin": post.get("origin", ""),
        "video": post.get("video", ""),
        **post.get("rights", {}),
    }


def write_spots(document: Mapping[str, Any]) -> str:
    """The lines that name the products in the picture, with their places and titles."""
    keys = spot_products(document)
    if not keys:
        return ""
    titles = named_objects.names_of({("product", str(key)) for key in keys})
    lines = write_lines(keys, titles).splitlines()
    named = [line.partition(SEPARATOR) for line in lines]
    return "\n".join(
        f"{code}; {spot['x']}; {spot['y']}{dot}{title}"
        for (code, dot, title), spot in zip(named, document["post"]["spots"], strict=True)
    )
