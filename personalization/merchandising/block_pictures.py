"""Pictures of content blocks: what was uploaded is checked, and kept as files of a few widths in the shop's storage.

The files are made anew from the pixels, so that nothing else that was in the upload, as the place where it was taken,
is kept. They are never changed: browsers and caches may keep them for good.
"""

import hashlib
import io
import uuid
import warnings
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from personalization.models import BlockImage

WIDTHS = (480, 960, 1920)
"""Pixels. None is wider than the upload."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MAX_UPLOAD_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
"""A small file may unfold to more than a server's memory holds."""
MIN_WIDTH = 320
MAX_RATIO = 8
"""Wider or higher than that a picture is a mistake."""
QUALITY = 80
STEM_CHARACTERS = 40


class UnusablePictureError(Exception):
    """What was uploaded is no picture that a block could show, in words; nothing was stored."""


def store_picture(upload: Any, stem: str = "") -> BlockImage:
    """Keeps an uploaded picture. UnusablePictureError says what was found, and what would work.

    Parameters: `stem`, what its files are called, where that is not to be by chance.
    """
    picture = read_picture(upload)
    stem = stem or uuid.uuid4().hex
    widths = [width for width in WIDTHS if width <= picture.width] or [picture.width]
    sizes = [(width, max(1, round(picture.height * width / picture.width))) for width in widths]
    image = BlockImage(stem=stem, width=sizes[-1][0], height=sizes[-1][1], widths=widths)
    for size in sizes:
        written = io.BytesIO()
        picture.resize(size, Image.Resampling.LANCZOS).save(written, "WEBP", quality=QUALITY)
        default_storage.save(image.file_name(size[0]), ContentFile(written.getvalue()))
    image.save()
    return image


def content_stem(upload: Any) -> str:
    """A name that two uploads share where they are the same file, byte by byte."""
    upload.seek(0)
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()[:STEM_CHARACTERS]


def read_picture(upload: Any) -> Image.Image:
    """The pixels of an upload, the right way up. Its size is looked at before they are unfolded."""
    if upload.size > MAX_UPLOAD_BYTES:
        words = _("The file has %(size).1f MB; at most %(most)d MB fit.")
        raise UnusablePictureError(words % {"size": upload.size / 2**20, "most": MAX_UPLOAD_BYTES // 2**20})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            opened = Image.open(upload, formats=FORMATS)
            _refuse_size(*opened.size)
            upright = ImageOps.exif_transpose(opened)
            has_alpha = upright.has_transparency_data
            return upright.convert("RGBA" if has_alpha else "RGB")
    except UnusablePictureError:
        raise
    except Exception as error:  # Pillow has many words for a broken file
        raise UnusablePictureError(_("This is no picture: expected JPEG, PNG, WebP or GIF.")) from error


def _refuse_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        words = _("The picture has %(width)d by %(height)d pixels; at most %(most)d million fit.")
        values = {"width": width, "height": height, "most": MAX_PIXELS // 1_000_000}
        raise UnusablePictureError(words % values)
    if width < MIN_WIDTH:
        words = _("The picture is %(width)d pixels wide; at least %(least)d are needed.")
        raise UnusablePictureError(words % {"width": width, "least": MIN_WIDTH})
    if max(width, height) > MAX_RATIO * min(width, height):
        raise UnusablePictureError(_("The picture is far longer on one side than on the other."))
