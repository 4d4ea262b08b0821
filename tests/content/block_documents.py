"""Documents of content blocks, and how they are published."""

from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from personalization.decide import active_rules
from personalization.merchandising import publishing


def block(title, *, slot="home-hero", kind="hero", variant=None, **parts):
    """The document of a block in English."""
    return {"slot": slot, "kind": kind, "variants": {"en-gb": {"title": title, **(variant or {})}}, **parts}


def publish(title, **parts):
    """A live block, which this process serves."""
    definition = publishing.create("block", title, block(title, **parts), None)
    definition = publishing.publish(definition, None)
    active_rules.read_rules_now()
    return definition


def upload(width=2400, height=1200, kind="JPEG", name="hero.jpg", **options):
    """An uploaded picture."""
    written = BytesIO()
    Image.new("RGB", (width, height), (40, 90, 60)).save(written, kind, **options)
    return SimpleUploadedFile(name, written.getvalue())
