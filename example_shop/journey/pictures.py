"""Draws a picture of every product: a pack of the right kind, its colours, a symbol, its name and its size.

Shapes and symbols are cut once and kept as masks; a picture is then only a few coats of paint through them.
"""

import io
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import oscar
from PIL import Image, ImageChops, ImageDraw, ImageFont

SIDE = 400
_FINE = 3
"""Shapes are cut at three times their size and scaled down: that makes their edges smooth."""
_COLOURS = 40
NAME_HEIGHT = 26
_SYMBOLS = Path(oscar.__file__).parent / "static/oscar/webfonts/fa-solid-900.woff2"

INK, PAPER, STALK = (44, 48, 58), (255, 255, 255), (84, 148, 72)
BACKS = {"egg box": (244, 222, 190), "vase": STALK}
"""The colour of what stands behind a pack; paper white where it is not given."""


def draw(  # noqa: PLR0917
    title: str, department: str, category: str, type: str, brand: str, size: str
) -> bytes:
    """A PNG of 400 x 400 pixels and a few kB, the same for the same product."""
    look = _look(title, department, category, type, brand)
    picture = Image.new("RGB", (SIDE, SIDE), look.background)
    _paint(picture, _halo(), _mixed(look.background, PAPER, 0.45))
    if look.pack in LOOSE_SHAPES:
        _draw_loose(picture, look)
    else:
        _draw_pack(picture, look)
    _write_name(picture, type, look)
    if size:
        _pin_badge(picture, size, look)
    return _png(picture)


@dataclass(frozen=True)
class _Look:
    background: tuple
    pack: str
    body: tuple
    trim: tuple
    """Lids, ribbons and, on what is loose, leaves."""
    label: tuple
    symbol_colour: tuple
    symbol: str
    own_brand: bool


def _look(title: str, department: str, category: str, type_: str, brand: str) -> _Look:
    pack, symbol, skin = _kind(department, category, type_)
    own = brand == "Private"
    background, hues = PALETTES.get(department, PALETTES["Pantry"])
    hue = hues[crc32(category.encode()) % len(hues)]
    # Makers' brands differ in colour from product to product; the shop's own are alike throughout a category.
    makers = [hue, *BRAND_COLOURS]
    strong = hue if own else makers[crc32(title.encode()) % len(makers)]
    body = _mixed(strong, PAPER, 0.72) if own else strong
    if pack in LOOSE_SHAPES:
        return _Look(background, pack, skin or hue, STALK, PAPER, hue, symbol, own)
    if pack == "tray":
        body = skin or body
    trim = strong if own else _mixed(strong, INK, 0.3)
    label, symbol_colour = (strong, PAPER) if own else (PAPER, strong)
    return _Look(background, pack, body, trim, label, symbol_colour, symbol, own)


@lru_cache(maxsize=4096)
def _kind(department: str, category: str, type_: str) -> tuple:
    """Pack, symbol and, of what one sees without a pack, colour: by the type's words, else the category's."""
    texts = [f"{type_} ".lower(), f"{category} ".lower()]
    packs, symbols, skins = ([_first(table, text) for text in texts] for table in (PACKS, SYMBOLS, SKINS))
    pack = packs[0] or packs[1] or PACK_OF_DEPARTMENT.get(department, "box")
    if pack in LOOSE_SHAPES and department != "Fruit & vegetables":
        pack = PACK_OF_DEPARTMENT.get(department, "box")
    return pack, symbols[0] or symbols[1] or ANY_SYMBOL, skins[0] or skins[1]


def _first(table: dict[str, object], text: str):
    """The value of the first entry of which a word begins in the text; None when none does."""
    plain = text.replace(",", "")
    return next((value for keys, value in table.items() if _begins(keys).search(plain)), None)


@lru_cache(maxsize=512)
def _begins(keys: str) -> re.Pattern:
    return re.compile(rf"(?<![a-z])(?:{keys})")


def _mixed(one: tuple, other: tuple, share: float) -> tuple:
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


# Painting


def _paint(picture: Image.Image, mask: Image.Image, colour: tuple) -> None:
    box = mask.getbbox()
    if box:
        picture.paste(colour, box, mask.crop(box))


def _draw_pack(picture: Image.Image, look: _Look) -> None:
    pack = _pack(look.pack)
    _paint(picture, _shadow(look.pack), _mixed(look.background, INK, 0.22))
    _paint(picture, pack.back, BACKS.get(look.pack, PAPER))
    _paint(picture, pack.body, look.body)
    if not look.own_brand:
        _paint(picture, ImageChops.multiply(_stripe(), pack.body), _mixed(look.body, PAPER, 0.2))
    _paint(picture, pack.shade, _mixed(look.body, INK, 0.14))
    _paint(picture, pack.trim, look.trim)
    _paint(picture, _sticker(look.pack, look.own_brand), look.label)
    left, top, right, bottom = pack.label
    height = round(min(right - left, bottom - top) * (0.62 if look.own_brand else 0.56))
    centre = (left + right) // 2, (top + bottom) // 2
    _stamp(picture, _symbol(look.symbol, height), centre, look.symbol_colour)


def _draw_loose(picture: Image.Image, look: _Look) -> None:
    shape = _pack(look.pack)
    _paint(picture, _shadow(look.pack), _mixed(look.background, INK, 0.2))
    _paint(picture, shape.body, look.body)
    _paint(picture, shape.shade, _mixed(look.body, INK, 0.16))
    _paint(picture, shape.shine, _mixed(look.body, PAPER, 0.35))
    _paint(picture, shape.trim, look.trim)


def _stamp(picture: Image.Image, mask: Image.Image, centre: tuple, colour: tuple) -> None:
    width, height = mask.size
    picture.paste(colour, (centre[0] - width // 2, centre[1] - height // 2), mask)


def _write_name(picture: Image.Image, name: str, look: _Look) -> None:
    """The name along the foot, without accents: Pillow's own letters have none."""
    name = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    colour = _mixed(look.background, INK, 0.88)
    lines = _lines(name)
    top = 352 if len(lines) == 1 else 334
    for number, line in enumerate(lines):
        _stamp(picture, _text(line, NAME_HEIGHT), (SIDE // 2, top + number * 31), colour)


@lru_cache(maxsize=4096)
def _lines(name: str) -> tuple[str, ...]:
    """The name in one line or, broken where it is most even, in two."""
    if _width(name) <= SIDE - 40 or " " not in name:
        return (name,)
    words = name.split()
    breaks = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return min(breaks, key=lambda pair: max(map(_width, pair)))


def _width(text: str) -> float:
    return _letters(NAME_HEIGHT).getlength(text)


def _pin_badge(picture: Image.Image, size: str, look: _Look) -> None:
    text = _text(size, 22)
    width = text.width + 28
    colour = look.trim if look.own_brand else _mixed(look.background, INK, 0.8)
    _stamp(picture, _pill(width), (SIDE - 18 - width // 2, 38), colour)
    _stamp(picture, text, (SIDE - 18 - width // 2, 38), PAPER)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, "PNG", compress_level=6
    )
    return out.getvalue()


# Masks


@lru_cache(maxsize=8)
def _letters(height: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(height)


@lru_cache(maxsize=256)
def _symbol(character: str, height: int) -> Image.Image:
    return _written(character, ImageFont.truetype(str(_SYMBOLS), height))


@lru_cache(maxsize=4096)
def _text(text: str, height: int) -> Image.Image:
    return _written(text, _letters(height))


def _written(text: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    mask = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=255, font=font)
    return mask


class _Cutter:
    """Cuts one mask; all measures are those of the finished picture."""

    def __init__(self, width: int = SIDE, height: int = SIDE):
        self.mask = Image.new("L", (width * _FINE, height * _FINE))
        self.pen = ImageDraw.Draw(self.mask)

    def box(self, left, top, right, bottom, radius=0, fill=255):  # noqa: PLR0917
        edges = [edge * _FINE for edge in (left, top, right, bottom)]
        self.pen.rounded_rectangle(edges, radius * _FINE, fill=fill)
        return self

    def oval(self, left, top, right, bottom, fill=255):
        self.pen.ellipse([edge * _FINE for edge in (left, top, right, bottom)], fill=fill)
        return self

    def shape(self, *points, fill=255):
        self.pen.polygon([(x * _FINE, y * _FINE) for x, y in points], fill=fill)
        return self

    def arc(self, box, start, end, width, fill=255):
        self.pen.arc([edge * _FINE for edge in box], start, end, fill=fill, width=width * _FINE)
        return self

    def line(self, *points, width):
        fine = [(x * _FINE, y * _FINE) for x, y in points]
        self.pen.line(fine, fill=255, width=width * _FINE, joint="curve")
        return self

    def cut(self) -> Image.Image:
        return self.mask.reduce(_FINE)


@lru_cache(maxsize=1)
def _halo() -> Image.Image:
    return _Cutter().oval(46, 16, 354, 324).cut()


@lru_cache(maxsize=1)
def _stripe() -> Image.Image:
    """A broad slanting band over the upper part of a maker's pack."""
    return _Cutter().shape((60, 190), (340, 70), (340, 128), (60, 248)).cut()


@lru_cache(maxsize=128)
def _sticker(name: str, own_brand: bool) -> Image.Image:
    """Where the symbol goes: a band around the shop's own packs, a disc on those of others."""
    pack = _pack(name)
    left, top, right, bottom = pack.label
    if own_brand:
        return ImageChops.multiply(_Cutter().box(left - 36, top, right + 36, bottom).cut(), pack.body)
    radius = min(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    return _Cutter().oval(x - radius, y - radius, x + radius, y + radius).cut()


@lru_cache(maxsize=256)
def _pill(width: int) -> Image.Image:
    return _Cutter(width, 40).box(0, 0, width - 1, 39, 19).cut()


@lru_cache(maxsize=64)
def _shadow(pack: str) -> Image.Image:
    left, _, right, bottom = ImageChops.lighter(_pack(pack).body, _pack(pack).back).getbbox()
    return _Cutter().oval(left - 6, bottom - 13, right + 6, bottom + 11).cut()


@dataclass(frozen=True)
class _Pack:
    body: Image.Image
    trim: Image.Image
    shade: Image.Image
    shine: Image.Image
    back: Image.Image
    label: tuple[int, int, int, int]


@lru_cache(maxsize=64)
def _pack(name: str) -> _Pack:
    """The masks of one kind of pack: what is its body, what are lids and trims, what lies in the shade."""
    body, trim, shade, light = (_Cutter() for _ in range(4))
    label = SHAPES[name](body, trim, shade, light)
    inside, nothing = body.cut(), Image.new("L", (SIDE, SIDE))
    shine, back = (light.cut(), nothing) if name in LOOSE_SHAPES else (nothing, light.cut())
    return _Pack(inside, trim.cut(), ImageChops.multiply(shade.cut(), inside), shine, back, label)


# Packs: each cuts its body, its trim, its shade and what stands behind it, and answers where the label goes.


def _bottle(body, trim, shade, back):
    body.box(152, 118, 248, 312, 22).shape((176, 74), (224, 74), (228, 96), (248, 142), (152, 142), (172, 96))
    trim.box(176, 44, 224, 76, 8)
    shade.box(226, 100, 260, 320)
    return 156, 168, 244, 256


def _jug(body, trim, shade, back):
    body.box(122, 122, 272, 312, 20).shape((160, 74), (222, 74), (272, 150), (122, 150))
    body.arc((232, 96, 304, 224), 270, 100, 20)
    trim.box(164, 44, 220, 78, 8)
    shade.box(244, 110, 275, 320)
    return 142, 172, 236, 266


def _carton(body, trim, shade, back):
    body.shape((138, 118), (166, 62), (234, 62), (262, 118)).box(138, 116, 262, 312, 6)
    trim.box(162, 44, 238, 66, 4)
    shade.shape((226, 62), (236, 62), (264, 118), (264, 316), (234, 316), (234, 118))
    return 144, 164, 230, 250


def _can(body, trim, shade, back):
    body.box(132, 92, 268, 312, 14)
    trim.oval(132, 76, 268, 112).box(132, 298, 268, 312, 7)
    shade.box(240, 100, 272, 300)
    return 146, 138, 244, 276


def _slim_can(body, trim, shade, back):
    body.shape((162, 70), (238, 70), (252, 98), (252, 296), (240, 312), (160, 312), (148, 296), (148, 98))
    trim.box(160, 58, 240, 76, 7)
    shade.box(232, 80, 256, 320)
    return 152, 140, 240, 244


def _can_pack(body, trim, shade, back):
    for left in (86, 164, 242):
        trim.box(left, 84, left + 72, 150, 10)
    body.box(78, 112, 322, 312, 14)
    shade.box(78, 282, 322, 314)
    return 78, 146, 322, 262


def _bottle_pack(body, trim, shade, back):
    for left in (92, 170, 248):
        trim.box(left + 18, 54, left + 42, 84, 5)
        trim.shape((left + 18, 84), (left + 42, 84), (left + 60, 140), (left, 140))
    body.box(82, 128, 318, 312, 16)
    shade.box(82, 284, 318, 314)
    return 82, 154, 318, 266


def _box(body, trim, shade, back):
    body.box(112, 64, 288, 312, 6)
    trim.box(112, 64, 288, 88, 6)
    shade.shape((266, 64), (290, 64), (290, 314), (266, 314))
    return 124, 112, 258, 264


def _flat_box(body, trim, shade, back):
    body.box(78, 128, 322, 304, 8)
    trim.box(78, 128, 322, 148, 8)
    shade.box(78, 284, 322, 306)
    return 78, 160, 322, 274


def _bag(body, trim, shade, back):
    body.shape((118, 62), (282, 62), (292, 150), (286, 230), (296, 312), (104, 312), (114, 230), (108, 150))
    for number in range(11):
        left = 118 + number * 15
        trim.box(left, 56, left + 10, 76, 2)
        trim.box(left, 298, left + 10, 316, 2)
    shade.shape((262, 62), (284, 62), (294, 150), (288, 230), (298, 314), (268, 314), (258, 230), (266, 150))
    return 130, 112, 270, 274


def _sack(body, trim, shade, back):
    body.box(110, 74, 290, 312, 26).box(118, 58, 282, 90, 6)
    trim.box(118, 58, 282, 82, 6)
    shade.box(262, 84, 296, 320)
    return 126, 118, 258, 276


def _loaf(body, trim, shade, back):
    body.box(78, 150, 300, 300, 40).oval(70, 126, 180, 226).oval(140, 120, 250, 220).oval(210, 126, 312, 226)
    trim.shape((300, 192), (340, 166), (340, 250), (300, 228)).box(292, 192, 310, 228, 6)
    shade.box(70, 276, 320, 312)
    return 78, 168, 312, 266


def _jar(body, trim, shade, back):
    body.box(128, 108, 272, 312, 30)
    trim.box(138, 68, 262, 112, 8)
    shade.box(246, 112, 280, 320)
    return 142, 146, 250, 280


def _tub(body, trim, shade, back):
    body.shape((96, 142), (304, 142), (284, 306), (116, 306))
    trim.box(86, 118, 314, 146, 12)
    shade.shape((272, 142), (306, 142), (286, 308), (258, 308))
    return 126, 160, 266, 292


def _cup(body, trim, shade, back):
    body.shape((128, 122), (272, 122), (252, 308), (148, 308))
    trim.box(118, 100, 282, 126, 11)
    shade.shape((246, 122), (274, 122), (254, 310), (234, 310))
    return 144, 152, 248, 276


def _tray(body, trim, shade, back):
    back.box(66, 128, 334, 306, 30)
    body.box(88, 150, 312, 286, 26)
    shade.box(88, 268, 312, 290)
    return 88, 164, 312, 266


def _roll(body, trim, shade, back):
    body.box(96, 108, 226, 312, 30).box(188, 108, 306, 312, 30)
    trim.oval(112, 92, 210, 132).oval(204, 92, 302, 132)
    shade.box(278, 120, 312, 318).box(186, 134, 206, 318)
    return 138, 158, 262, 282


def _tube(body, trim, shade, back):
    body.shape((136, 62), (264, 62), (240, 274), (160, 274))
    trim.box(168, 272, 232, 312, 8).box(132, 54, 268, 76, 3)
    shade.shape((240, 62), (266, 62), (242, 276), (224, 276))
    return 152, 104, 248, 204


def _spray(body, trim, shade, back):
    body.box(150, 138, 250, 312, 18).shape((166, 120), (234, 120), (250, 156), (150, 156))
    trim.box(172, 88, 226, 122, 5).shape((160, 56), (250, 56), (250, 74), (222, 92), (172, 92), (160, 74))
    shade.box(226, 126, 256, 320)
    return 156, 178, 244, 276


def _pump(body, trim, shade, back):
    body.box(140, 130, 260, 312, 30)
    trim.box(188, 76, 212, 132).box(152, 60, 226, 80, 8).box(172, 116, 228, 136, 5)
    shade.box(234, 130, 266, 320)
    return 150, 162, 250, 272


def _wrapper(body, trim, shade, back):
    body.box(84, 152, 316, 276, 10)
    for top in range(150, 276, 14):
        trim.shape((84, top), (66, top + 7), (84, top + 14))
        trim.shape((316, top), (334, top + 7), (316, top + 14))
    shade.box(84, 256, 316, 278)
    return 84, 164, 316, 258


def _wine(body, trim, shade, back):
    body.box(158, 150, 242, 312, 16).box(184, 54, 216, 170)
    body.shape((184, 112), (216, 112), (242, 170), (158, 170))
    trim.box(180, 40, 220, 92, 5)
    shade.box(222, 130, 246, 320)
    return 162, 192, 238, 272


def _egg_box(body, trim, shade, back):
    for left in (84, 142, 200, 258):
        back.oval(left, 126, left + 58, 214)
    body.box(70, 182, 330, 300, 24)
    shade.box(70, 276, 330, 302)
    return 70, 194, 330, 278


def _vase(body, trim, shade, back):
    for x, y in ((200, 90), (146, 112), (254, 112), (172, 140), (228, 140)):
        back.line((x, y), (200, 250), width=6)
    for x, y in ((200, 86), (144, 108), (256, 108), (168, 144), (232, 144)):
        body.oval(x - 30, y - 30, x + 30, y + 30)
    body.shape((150, 194), (250, 194), (232, 312), (168, 312))
    shade.shape((226, 194), (252, 194), (234, 314), (212, 314))
    return 168, 212, 232, 300


def _page(body, trim, shade, back):
    body.box(118, 58, 282, 312, 6)
    trim.box(118, 58, 134, 312, 6)
    shade.box(136, 276, 282, 314)
    return 144, 110, 272, 250


def _platter(body, trim, shade, back):
    back.oval(56, 222, 344, 316)
    body.oval(104, 108, 296, 290)
    shade.shape((90, 258), (310, 258), (310, 300), (90, 300))
    return 118, 140, 282, 258


# Loose fruit and vegetables: each cuts its body, its stalks and leaves, its shade and where the light falls.


def _round(body, trim, shade, shine):
    for x, y in ((146, 216), (254, 216), (200, 148)):
        body.oval(x - 62, y - 58, x + 62, y + 62)
        shine.oval(x - 40, y - 38, x - 14, y - 14)
        trim.shape((x, y - 52), (x + 10, y - 78), (x + 36, y - 82), (x + 24, y - 58))
    shade.oval(150, 250, 330, 300)
    return 0, 0, 0, 0


def _oblong(body, trim, shade, shine):
    for x, y, wide in ((150, 226, 74), (258, 222, 70), (200, 156, 78)):
        body.oval(x - wide, y - 50, x + wide, y + 54)
        shine.oval(x - 46, y - 32, x - 14, y - 16)
    shade.oval(176, 244, 336, 300)
    return 0, 0, 0, 0


def _pear(body, trim, shade, shine):
    for x, y in ((130, 196), (270, 196), (200, 156)):
        body.oval(x - 58, y - 16, x + 58, y + 100).oval(x - 34, y - 66, x + 34, y + 30)
        body.shape((x - 34, y - 22), (x + 34, y - 22), (x + 54, y + 26), (x - 54, y + 26))
        shine.oval(x - 36, y + 16, x - 14, y + 46)
        trim.line((x, y - 64), (x + 12, y - 88), width=7)
    shade.oval(150, 246, 330, 310)
    return 0, 0, 0, 0


def _banana(body, trim, shade, shine):
    body.arc((70, -40, 330, 292), 20, 160, 62)
    shade.arc((70, -40, 330, 292), 20, 160, 18)
    trim.box(312, 152, 342, 184, 8).oval(68, 166, 96, 190)
    return 0, 0, 0, 0


def _long(body, trim, shade, shine):
    for top, left in ((112, 96), (174, 78), (236, 100)):
        body.box(left, top, left + 226, top + 54, 27)
        shine.box(left + 26, top + 11, left + 150, top + 19, 4)
        trim.box(left + 214, top + 19, left + 240, top + 35, 5)
    return 0, 0, 0, 0


def _root(body, trim, shade, shine):
    for x in (132, 200, 268):
        body.shape((x - 34, 130), (x + 34, 130), (x + 8, 306), (x - 8, 306)).oval(x - 34, 108, x + 34, 156)
        trim.shape((x, 126), (x - 30, 56), (x - 8, 74), (x, 46), (x + 8, 74), (x + 30, 56))
        shade.box(x + 14, 110, x + 34, 306)
    return 0, 0, 0, 0


def _cluster(body, trim, shade, shine):
    rows = ((118, 4), (168, 5), (218, 4), (262, 3))
    for y, count in rows:
        for number in range(count):
            x = 200 + (number - (count - 1) / 2) * 54
            body.oval(x - 30, y - 30, x + 30, y + 30)
            shine.oval(x - 16, y - 18, x - 4, y - 6)
    trim.box(194, 46, 206, 96, 4).shape((204, 84), (262, 54), (284, 84), (236, 104))
    return 0, 0, 0, 0


def _berries(body, trim, shade, shine):
    for x, y in ((136, 148), (264, 148), (200, 210)):
        body.shape((x - 58, y - 22), (x + 58, y - 22), (x + 6, y + 84), (x - 6, y + 84))
        body.oval(x - 58, y - 52, x + 58, y + 30)
        trim.shape((x - 44, y - 46), (x, y - 68), (x + 44, y - 46))
        trim.shape((x - 16, y - 46), (x + 16, y - 46), (x, y - 22))
        for dx, dy in ((-26, -10), (0, 0), (26, -10), (-14, 22), (14, 22), (0, 46)):
            shine.oval(x + dx - 4, y + dy - 5, x + dx + 4, y + dy + 5)
    return 0, 0, 0, 0


def _leafy(body, trim, shade, shine):
    for x, y in ((126, 190), (274, 190), (160, 132), (240, 132), (200, 112), (160, 230), (240, 230)):
        body.oval(x - 66, y - 60, x + 66, y + 60)
    shade.oval(140, 138, 260, 268)
    shine.oval(164, 156, 236, 248)
    for x in (170, 200, 230):
        shine.line((x, 120), (200, 290), width=5)
    return 0, 0, 0, 0


def _floret(body, trim, shade, shine):
    trim.shape((168, 190), (232, 190), (222, 310), (178, 310))
    trim.shape((120, 180), (190, 250), (178, 270), (106, 210))
    trim.shape((280, 180), (210, 250), (222, 270), (294, 210))
    for x, y in ((120, 170), (280, 170), (156, 120), (244, 120), (200, 100), (200, 170)):
        body.oval(x - 54, y - 46, x + 54, y + 48)
    for x, y in ((140, 110), (206, 84), (252, 118), (118, 160), (196, 150), (276, 164)):
        shine.oval(x - 10, y - 10, x + 10, y + 10)
    return 0, 0, 0, 0


def _melon(body, trim, shade, shine):
    trim.oval(64, 70, 336, 330)
    trim.box(50, 40, 350, 190, fill=0)
    body.oval(82, 76, 318, 310)
    body.box(50, 40, 350, 190, fill=0)
    for x in (140, 180, 220, 260):
        shade.oval(x - 4, 216, x + 4, 234)
    shine.box(84, 190, 316, 200)
    return 0, 0, 0, 0


def _mushroom(body, trim, shade, shine):
    for x, y in ((146, 196), (262, 206), (204, 130)):
        shade.box(x - 26, y, x + 26, y + 88, 16)
        body.box(x - 26, y, x + 26, y + 88, 16)
        body.oval(x - 68, y - 60, x + 68, y + 60)
        body.box(x - 66, y + 16, x - 30, y + 62, fill=0).box(x + 30, y + 16, x + 66, y + 62, fill=0)
        shine.oval(x - 40, y - 40, x - 10, y - 20)
    return 0, 0, 0, 0


def _pepper(body, trim, shade, shine):
    for x in (150, 200, 250):
        body.box(x - 48, 116, x + 48, 304, 44)
    shade.box(170, 130, 178, 290, 4).box(224, 130, 232, 290, 4)
    shine.box(124, 150, 140, 230, 8)
    trim.box(190, 58, 212, 118, 8).oval(150, 98, 250, 136)
    return 0, 0, 0, 0


SHAPES = {
    "bottle": _bottle, "jug": _jug, "carton": _carton, "can": _can, "slim can": _slim_can,
    "can pack": _can_pack, "bottle pack": _bottle_pack, "box": _box, "flat box": _flat_box, "bag": _bag,
    "sack": _sack, "loaf": _loaf, "jar": _jar, "tub": _tub, "cup": _cup, "tray": _tray, "roll": _roll,
    "tube": _tube, "spray": _spray, "pump": _pump, "wrapper": _wrapper, "wine": _wine, "egg box": _egg_box,
    "vase": _vase, "page": _page, "platter": _platter, "round": _round, "oblong": _oblong, "pear": _pear,
    "banana": _banana, "long": _long, "root": _root, "cluster": _cluster, "berries": _berries,
    "leafy": _leafy, "floret": _floret, "melon": _melon, "mushroom": _mushroom, "pepper": _pepper,
}  # fmt: skip
LOOSE_SHAPES = {
    "round", "oblong", "pear", "banana", "long", "root", "cluster", "berries", "leafy", "floret", "melon",
    "mushroom", "pepper",
}  # fmt: skip

PACKS = {
    # Words of the type or category (any of them): the pack. The first entry that fits is taken.
    "salad mix|salad blend|garden salad|baby spinach": "bag",
    "coleslaw mix|salad kit|croutons|baby carrots|carrots bagged": "bag",
    "hot dogs": "tray",
    "fresh chicken & tuna|chicken & tuna salad|fresh vegetable salad|fresh pasta salad": "tub",
    "juice boxes|razor|toothbrush|hair brush|hair ties|tweezers|hair color": "box",
    "frosting": "tub",
    "salad dressing mix|gravy & sauce mix|dry soup": "bag",
    "salad dressing|vinegar|ketchup|mustard|barbecue": "bottle",
    "syrup|soy sauce|hot sauce|worcestershire|marinade|teriyaki": "bottle",
    "frozen vegetables boxed|in sauce|frozen seasoned": "flat box",
    "frozen vegetables|frozen fruit|french fries|tater tots": "bag",
    "hash brown|nuggets|chicken wings|frozen boneless": "bag",
    "frozen beef burgers|frozen raw|frozen cooked|frozen fish|frozen chicken|bag of ice|meatballs": "bag",
    "ice cream bar|ice pops|ice cream sandwich|waffles": "flat box",
    "strudel|breakfast sandwich|corn dogs|fish sticks": "flat box",
    "ice cream|sherbet|whipped topping": "tub",
    "frozen pizza|frozen dinner|entrée|frozen|pizza|pocket|burritos|heat & serve": "flat box",
    "cut melon|fresh-cut|cut vegetable|fruit salad|carrot sticks|florets|platter|party tray": "tray",
    "dip|hummus|cottage|sour cream|margarine tub": "tub",
    "cream cheese|ricotta|cheese spread|salad tub|coleslaw tub": "tub",
    "yogurt|pudding|gelatin cup|fruit cups|noodle cup|microwave meal|side dish|soup from": "cup",
    "iced tea mix|oatmeal|cereal|cake mix|brownie mix": "box",
    "muffin &|pancake mix|macaroni & cheese|stuffing|gelatin|tea bags": "box",
    "crackers|crisps|granola bars|cereal bars|toaster pastries": "box",
    "fruit snacks|boxed dinner|skillet|rice mix|taco": "box",
    "canned kidney|canned|condensed soup|ready-to-serve|broth": "can",
    "tomato sauce|tomato paste|refried|sloppy|baked beans": "can",
    "nuts in a can|dry roasted|ground coffee|shortening": "can",
    "chili sauce|vienna|evaporated|infant formula|formula": "can",
    "pasta sauce|salsa|pickle|olives|jam|jelly": "jar",
    "peanut butter|honey|mayonnaise|applesauce|apple sauce|relish": "jar",
    "garlic in a jar|ready gravy|baby food": "jar",
    "fruit in a jar|spice|seasoning|bouillon": "jar",
    "instant coffee|powdered|cocoa|multivitamin|vitamins": "jar",
    "supplement|antacid|pain relief|tablets|laxative": "jar",
    "wine cooler|beer|soda, large|soda, pack of cans|soda, small|cans": "can pack",
    "energy drink|soda, single can": "slim can",
    "pack of bottles|drinking water|water pack": "bottle pack",
    "wine|vodka|rum|whisk|bourbon|liqueur|cocktail|vermouth|tequila|gin": "wine",
    "white milk|bleach|liquid laundry|fabric softener": "jug",
    "distilled|lighter fluid|motor oil|antifreeze|lemonade & fruit": "jug",
    "milk|orange juice|egg nog|half & half": "carton",
    "buttermilk|chilled fruit punch|citrus punch|broth carton|coffee creamer": "carton",
    "eggs": "egg box",
    "soda|juice|water|drink|seltzer|tonic|oil": "bottle",
    "cider|sports|nectar|shake|iced tea|dish soap|dishwasher gel": "bottle",
    "banana": "banana",
    "grapes|blueberr|raspberr|blackberr|cranberr|cherries": "cluster",
    "strawberr": "berries",
    "melon|cantaloupe": "melon",
    "mushroom": "mushroom",
    "carrot|radish|beet|parsnip": "root",
    "cucumber|zucchini|celery|asparagus|corn on the cob|green beans|spring onion|squash": "long",
    "broccoli|cauliflower": "floret",
    "lettuce|cabbage|spinach|greens|parsley|cilantro|herbs|organic salad": "leafy",
    "potato salad|potato chip|instant mashed": "bag",
    "jalape|serrano": "long",
    "pepper|green bell|red bell|mixed bell|yellow & orange pepper": "pepper",
    "pear|anjou|bartlett|bosc|avocado": "pear",
    "potato|sweet potato|russet|kiwi|mango|squash|lemon|lime|papaya": "oblong",
    "apple|orange|grapefruit|clementine|tangerine|onion": "round",
    "tomato|peach|nectarine|plum|pluot|garlic|pumpkin": "round",
    "white bread|wheat|rye bread|sliced bread|buns|bagels": "loaf",
    "english muffin|rolls|loaf|pita|tortillas|bread": "loaf",
    "doughnut|pastr|cake|pie|cookies|croissant|brownie|sweet roll|danish|dessert": "flat box",
    "chips|pretzel|popcorn|cheese puffs|pork rinds": "bag",
    "snack mix|nuts|candy bag|chocolate bag|gummies|holiday candy": "bag",
    "almond|peanut|pecan|walnut|dried fruit|raisins": "bag",
    "prunes|chocolate chips|marshmallow|coffee beans|rice|beans": "bag",
    "shredded|jerky|noodles|macaroni|spaghetti|pasta": "bag",
    "ramen|drink mix|taco seasoning|gravy|yeast|trail": "bag",
    "candy bar|gum|mints|nutrition bar|energy & protein|diet bar|chocolate bar|candy": "wrapper",
    "flour|sugar|cat litter|dry dog|dry cat|charcoal|bird seed|potting|salt|firewood|sweetener": "sack",
    "cat food|dog food|tuna|canned salmon": "can",
    "dog biscuits|treats": "box",
    "toilet paper|paper towel|foil|wrap|bathroom tissue": "roll",
    "tissue|facial tissue|paper napkin|sanitary|tampon|incontinence|baby diaper|diaper|baby wipes": "box",
    "wipes|trash|garbage|storage bags|sandwich bags|freezer bags|plates|cutlery|batter|bulb": "box",
    "toothpaste|cream|ointment|gel|balm|mascara|lipstick|rub|acne": "tube",
    "spray|air freshener|cleaner|stain remover|starch|insect|deodorant|antiperspirant": "spray",
    "shampoo|conditioner|body wash|soap|lotion": "pump",
    "mouthwash|cleanser|syrup & lozenges|sunscreen|bubble": "pump",
    "flower|rose|bouquet|plant|stem|daisies|chrysanth|balloon": "vase",
    "magazine|newspaper|book|card|paper|gift wrap": "page",
    "rotisserie|fried chicken|hot |baked chicken|salad bar|sushi|sandwich|ready to eat": "platter",
    "cheese|butter|margarine|dough|bacon|ham|turkey|salami": "tray",
    "bologna|sliced|hot dogs|sausage|beef|pork|chicken|steak": "tray",
    "fish|shrimp|crab|seafood|lamb|veal|meat|lunch kit": "tray",
}
PACK_OF_DEPARTMENT = {
    "Fruit & vegetables": "bag", "Bakery": "flat box", "Dairy & eggs": "tub", "Meat & seafood": "tray",
    "Deli": "platter", "Snacks & sweets": "bag", "Drinks": "bottle", "Frozen": "flat box",
    "Beer, wine & spirits": "wine", "Household": "box", "Health & beauty": "pump",
    "Flowers & garden": "vase", "Pets": "sack",
}  # fmt: skip

SKINS = {
    # Words: the colour of what one sees without a pack, or through its film
    "chicken|turkey|poultry|cornish": (244, 202, 168),
    "bacon|ham |half ham|whole boneless ham|spiral|bologna|sliced ham|pork|lunch|smoked": (232, 138, 132),
    "beef|ground|lean|angus|choice|select|cubed|steak|stew|natural beef|lamb|veal": (190, 62, 60),
    "hot dog|premium hot|everyday hot|kosher|light hot": (196, 84, 66),
    "sausage|pepperoni|salami|breakfast|red hot|cocktail sau": (196, 84, 66),
    "salmon|fresh salmon|shrimp|fresh shrimp|imitation crab": (246, 158, 118),
    "fish|fresh fish|seafood|catfish|fresh catfish": (206, 220, 226),
    "cheese|american cheese|natural cheese|deli-style": (248, 200, 84),
    "deli cheese|deli american|speciality cheese|butter|marg": (248, 200, 84),
    "kiwi": (150, 116, 70),
    "avocado": (82, 112, 62),
    "banana|lemon|yellow|golden|corn |organic banana": (246, 205, 76),
    "red delicious|gala|red apple|tomato|roma|vine|grape tom|cherry tom": (214, 66, 62),
    "hothouse|cocktail tom|strawberr|radish|red bell|cherries|raspberr|red potato": (214, 66, 62),
    "granny|lime|green|cucumber|zucchini|kiwi|pear|honeydew|celery|asparagus|avocado": (132, 182, 78),
    "orange|clementine|tangerine|carrot|pumpkin": (243, 152, 62),
    "cantaloupe|mango|peach|sweet potato|apricot": (243, 152, 62),
    "sweet onion|yellow onion": (222, 172, 98),
    "red onion|red grape|plum|black|beet|cabbage": (146, 66, 116),
    "blueberr": (76, 98, 168),
    "watermelon|grapefruit": (238, 106, 104),
    "white grape": (188, 208, 110),
    "nectarine|fuji|papaya": (240, 128, 88),
    "broccoli|lettuce|spinach|greens|parsley|cilantro|herbs|salad|jalape|serrano": (104, 166, 84),
    "cauliflower|garlic|mushroom|white|onion": (232, 216, 182),
    "potato|russet|squash": (206, 164, 108),
    "pepper": (247, 180, 60),
}

SYMBOLS = {
    # Words of the type, then of the category: a character of the symbol font
    "baby spinach": "\uf06c",
    "baby carrots": "\uf787",
    "hot dog|corn dog|sausage|bologna|smoked links": "\uf80f",
    "cat |cats": "\uf6be",
    "dog |rawhide": "\uf6d3",
    "pet |bird": "\uf1b0",
    "bird seed|suet": "\uf4ba",
    "baby|infant|diaper|toddler": "\uf77c",
    "peanut|nuts|almond|pecan|walnut|pistachio|seed": "\uf4d8",
    "vegetable oil|canola|olive oil|corn oil|peanut oil": "\ue4c4",
    "pizza": "\uf818",
    "burger|patties|meat-free": "\uf805",
    "bacon": "\uf7e5",
    "ham |pork|salami|pepperoni|lunch": "\uf7e5",
    "chicken|turkey|poultry|nuggets|wings": "\uf6d7",
    "shrimp|crab|seafood|lobster": "\ue448",
    "fish|tuna|salmon": "\uf578",
    "beef|steak|white milk|milk|half & half|butter |buttermilk|creamer|stewing": "\uf6c8",
    "ice cream|ice pops|sherbet": "\uf810",
    "cheese": "\uf7ef",
    "egg": "\uf7fb",
    "yogurt|pudding|gelatin|sour cream|whipped": "\uf2e5",
    "cereal|oat|granola|flour|cracker|wheat": "\ue2cd",
    "cookie|brownie|wafer": "\uf563",
    "cake|frosting|icing": "\uf1fd",
    "pie|pastr|doughnut|waffle|sweet roll|danish|muffin": "\uf551",
    "potato chips|stacked potato|pretzel|popcorn|snack mix|cheese puffs|chips": "\ue4dc",
    "sweetcorn|sweet potato|sweet onion": "\uf787",
    "bunch|bouquet|roses|flower": "\uf4d8",
    "sandwich|bread|bun|roll|bagel|loaf|toast|tortilla": "\uf7ec",
    "candy|chocolate|gum|mint|sweet|cocoa": "\uf786",
    "coffee": "\uf7b6",
    "tea |iced tea|teas": "\uf0f4",
    "water |ice |bag of ice|flavored water|sparkling water": "\uf043",
    "lemon|lime|citrus|orange": "\uf094",
    "soda|soft drink|drink mix|seltzer|tonic|punch": "\ue4f4",
    "sports drink|energy": "\uf0e7",
    "juice|fruit|apple|peach|pear|jam|jelly": "\uf5d1",
    "beer": "\uf0fc",
    "wine": "\uf4e3",
    "cocktail|vodka|rum|liqueur": "\uf561",
    "whisk|bourbon": "\uf7a0",
    "soup|broth|chili|stew|ramen|bouillon": "\ue4c6",
    "rice|pasta|noodle|spaghetti|macaroni|bean|dinner|entrée|side dish|meal": "\ue2eb",
    "pepper|salsa|taco|hot sauce|spic|mexican|jalape": "\uf816",
    "carrot|vegetable|corn|tomato|ketchup|potato|peas": "\uf787",
    "beet|pickle|olive|onion|fries|french fries|tater|hash": "\uf787",
    "salad|lettuce|spinach|herb|greens|organic|natural|coleslaw|tofu|soy": "\uf06c",
    "pretzel|popcorn|snack|cheese puffs|chips|crisps|dip": "\ue4dc",
    "sugar|honey|syrup|sweetener|salt": "\uf1b3",
    "oil|mayonnaise|dressing|vinegar|mustard|sauce|margarine|gravy": "\ue4c4",
    "toilet paper|paper towel": "\uf71e",
    "tissue|napkin|wipes": "\ue05b",
    "plate|cup|cutlery|foil|storage": "\uf2e7",
    "trash|garbage|bags": "\uf2ed",
    "laundry|fabric|dryer|stain|bleach|softener": "\uf553",
    "dish|cleaner|sponge|soap|scour": "\ue05e",
    "broom|mop|brush|floor": "\uf51a",
    "air freshener|spray|insect": "\uf5d0",
    "candle|charcoal|fire|lighter|match": "\uf06d",
    "bulb|light": "\uf0eb",
    "batter": "\uf240",
    "tooth|mouth|dental|floss|denture": "\uf5c9",
    "hair|shampoo|conditioner|lotion|skin|face|bath|body|make-up|mascara|lip|nail|sun": "\uf5bb",
    "shav|razor|deodorant|antiperspirant": "\ue05d",
    "sanitary|tampon|feminine|incontinence|pregnan|condom": "\uf004",
    "bandage|first aid|rub|ointment": "\uf462",
    "vitamin|supplement|pain|cold|cough|allergy|antacid|laxative|tablets|diet": "\uf46b",
    "eye|lens|glasses": "\uf06e",
    "card|envelope|stationery": "\uf0e0",
    "gift|party|balloon|ribbon": "\uf06b",
    "magazine|book": "\uf518",
    "newspaper": "\uf1ea",
    "pen|school|tape|notebook": "\uf304",
    "toy|game|doll": "\uf12e",
    "camera|film|dvd": "\uf030",
    "christmas|holiday": "\uf7d0",
    "halloween": "\uf6e2",
    "flower|rose|bouquet|plant|stem|garden": "\uf4d8",
    "sock|tights|hosiery": "\uf696",
    "car |motor|antifreeze": "\uf1b9",
    "kitchen|bakeware|cookware|gadget|pan": "\ue51a",
    "hardware|glue|tool": "\uf6e3",
}

ANY_SYMBOL = "\uf290"

PALETTES = {
    # Department: the background, and the colours of its categories
    "Fruit & vegetables": ((228, 241, 219), ((98, 156, 72), (226, 138, 54), (196, 72, 72))),
    "Bakery": ((250, 234, 210), ((190, 118, 54), (158, 86, 60), (214, 148, 66))),
    "Dairy & eggs": ((222, 238, 250), ((56, 124, 190), (240, 178, 60), (92, 158, 190))),
    "Meat & seafood": ((250, 226, 222), ((184, 60, 62), (204, 96, 72), (70, 118, 150))),
    "Deli": ((246, 232, 220), ((168, 84, 52), (120, 134, 62), (196, 122, 60))),
    "Pantry": ((250, 240, 214), ((206, 84, 52), (96, 136, 66), (214, 152, 44), (66, 112, 146))),
    "Snacks & sweets": ((253, 230, 238), ((204, 66, 108), (232, 132, 48), (126, 84, 168), (60, 140, 170))),
    "Drinks": ((218, 241, 245), ((28, 134, 158), (206, 70, 66), (236, 148, 42), (64, 104, 176))),
    "Frozen": ((223, 232, 250), ((68, 98, 180), (40, 140, 176), (128, 92, 176))),
    "Beer, wine & spirits": ((240, 226, 232), ((126, 46, 78), (176, 122, 44), (62, 92, 70))),
    "Natural foods": ((232, 240, 214), ((106, 142, 58), (166, 116, 58), (58, 132, 108))),
    "Household": ((220, 240, 234), ((32, 138, 120), (60, 112, 178), (226, 142, 52))),
    "Health & beauty": ((243, 229, 247), ((140, 78, 168), (52, 134, 170), (208, 92, 138))),
    "Baby": ((253, 238, 222), ((84, 154, 196), (232, 128, 124), (140, 170, 84))),
    "Pets": ((240, 234, 218), ((148, 100, 54), (74, 130, 110), (204, 112, 56))),
    "Home & leisure": ((232, 232, 246), ((92, 92, 172), (200, 86, 90), (52, 140, 140))),
    "Flowers & garden": ((230, 244, 226), ((208, 84, 132), (86, 150, 84), (226, 154, 58))),
}
BRAND_COLOURS = ((205, 62, 66), (38, 108, 178), (234, 146, 40), (56, 142, 96), (122, 78, 160), (22, 136, 148))
