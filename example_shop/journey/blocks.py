"""The content blocks of the demo's home page, with drawn pictures: for everybody, and for those who buy coffee."""

import io
from typing import Any

from django.core.files.base import ContentFile
from PIL import Image, ImageDraw

from personalization.merchandising import block_pictures

Document = dict[str, Any]
Colour = tuple[int, int, int]
WIDTH, HEIGHT = 1920, 1080


def demo_blocks(coffee: int) -> dict[str, Document]:
    """By name, in the order in which they are published: the last one stands on top. Parameters: `coffee`, the key of
    the category."""
    welcome = {
        "en-gb": {
            "title": "Everything for the week",
            "text": "Fresh produce, the pantry and the household, delivered together.",
            "call": "See all products",
            "link": "/catalogue/",
            "alt": "Green hills below a morning sky",
        },
        "de": {
            "title": "Alles für die Woche",
            "text": "Frisches, Vorräte und Haushalt in einer Lieferung.",
            "call": "Alle Produkte ansehen",
            "link": "/catalogue/",
            "alt": "Grüne Hügel unter einem Morgenhimmel",
        },
    }
    drinkers = {
        "en-gb": {
            "title": "Your next cup",
            "text": "Beans, grounds and capsules, as you like them.",
            "call": "To the coffee",
            "link": "/search/?q=coffee",
            "alt": "A cup of coffee on a brown table",
        },
        "de": {
            "title": "Die nächste Tasse",
            "text": "Bohnen, gemahlener Kaffee und Kapseln, ganz nach Ihrem Geschmack.",
            "call": "Zum Kaffee",
            "link": "/search/?q=coffee",
            "alt": "Eine Tasse Kaffee auf einem braunen Tisch",
        },
    }
    place = {"slot": "home-hero", "kind": "hero"}
    return {
        "Welcome": {**place, "variants": welcome, "image": _stored(_draw_hills())},
        "Coffee drinkers": {
            **place,
            "variants": drinkers,
            "image": _stored(_draw_cup()),
            "categories": [coffee],
            "by_taste": True,
        },
    }


def _stored(picture: Image.Image) -> Document:
    written = io.BytesIO()
    picture.save(written, "PNG")
    return {"key": block_pictures.store_picture(ContentFile(written.getvalue())).pk, "focus": [50, 60]}


def _ground(top: Colour, bottom: Colour) -> Image.Image:
    """A soft passage from one colour to another."""
    ground = Image.new("RGB", (1, 2))
    ground.putdata([top, bottom])
    return ground.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)


def _draw_hills() -> Image.Image:
    picture = _ground((196, 226, 240), (250, 240, 214))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((1340, 180, 1560, 400), fill=(255, 214, 120))
    for box, colour in (
        ((-400, 560, 1200, 1900), (120, 170, 110)),
        ((700, 620, 2500, 2100), (88, 148, 96)),
        ((-200, 820, 2200, 2400), (58, 118, 76)),
    ):
        pen.ellipse(box, fill=colour)
    return picture


def _draw_cup() -> Image.Image:
    picture = _ground((238, 222, 204), (150, 108, 74))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((600, 760, 1320, 940), fill=(250, 246, 240))
    pen.ellipse((1090, 440, 1310, 700), outline=(250, 246, 240), width=44)
    pen.rounded_rectangle((720, 400, 1180, 840), 120, fill=(255, 252, 248))
    pen.ellipse((720, 340, 1180, 470), fill=(255, 252, 248))
    pen.ellipse((760, 360, 1140, 450), fill=(92, 58, 34))
    return picture
