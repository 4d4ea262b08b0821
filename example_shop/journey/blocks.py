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


def demo_posts(products: list[int]) -> dict[str, Document]:
    """Shoppable posts by name, with these products in their pictures: three in the first, two in the second."""
    table = {
        "en-gb": {
            "title": "Breakfast at Mara's",
            "text": "Everything on the table is from the shop.",
            "alt": "A breakfast table from above: a plate, a cup and a bowl",
        },
        "de": {
            "title": "Frühstück bei Mara",
            "text": "Alles auf dem Tisch gibt es hier.",
            "alt": "Ein Frühstückstisch von oben: Teller, Tasse und Schale",
        },
    }
    cup = {
        "en-gb": {"title": "Ten minutes of quiet", "alt": "A cup of coffee on a brown table"},
        "de": {"title": "Zehn Minuten Ruhe", "alt": "Eine Tasse Kaffee auf einem braunen Tisch"},
    }
    return {
        "Breakfast at Mara's": _post(
            table, _draw_table(), "Mara Ostwald", products[:3], ((30, 45), (66, 30), (74, 72))
        ),
        "Ten minutes of quiet": _post(cup, _draw_cup(), "Jon Brandt", products[1:4:2], ((42, 68), (63, 40))),
    }


def _post(
    variants: Document, picture: Image.Image, owner: str, products: list[int], places: tuple[tuple[int, int], ...]
) -> Document:
    spots = [{"product": key, "x": x, "y": y} for key, (x, y) in zip(products, places, strict=False)]
    rights = {"owner": owner, "permission": "Drawn for the demo"}
    parts = {"spots": spots, "rights": rights, "origin": "https://example.com/posts/"}
    return {"slot": "posts", "kind": "post", "variants": variants, "image": _stored(picture), "post": parts}


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


def _draw_table() -> Image.Image:
    picture = _ground((226, 208, 182), (204, 180, 150))
    pen = ImageDraw.Draw(picture)
    for box, colour in (
        ((250, 180, 910, 840), (250, 248, 244)),
        ((340, 270, 820, 750), (236, 230, 220)),
        ((430, 360, 640, 570), (214, 150, 84)),
        ((560, 450, 740, 640), (228, 172, 104)),
        ((1090, 150, 1440, 500), (250, 248, 244)),
        ((1140, 200, 1390, 450), (92, 58, 34)),
        ((1200, 580, 1640, 1020), (92, 134, 158)),
        ((1260, 640, 1580, 960), (246, 240, 222)),
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
