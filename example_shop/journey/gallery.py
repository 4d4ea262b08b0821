"""Draws the pictures of the products into the folder that the shop serves them from."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

from django.conf import settings
from PIL import Image, ImageDraw

from example_shop.journey import Journey, pictures
from example_shop.journey.bulk import ignore_progress
from example_shop.journey.load import picture_name, upcs

AT_ONCE = 20
"""Products that a drawing process gets at a time."""


def is_complete(products: int) -> bool:
    """Whether there are as many pictures as products. Files are never incomplete, so counting is enough."""
    folder = Path(settings.MEDIA_ROOT) / settings.OSCAR_IMAGE_FOLDER
    if not folder.is_dir() or not _missing_picture().is_file() or _missing_picture().is_symlink():
        return False
    return sum(entry.name.endswith(".png") for entry in os.scandir(folder)) >= products


def draw_pictures(journey: Journey, report_progress: Callable[[int], object] = ignore_progress) -> None:
    """Draws the missing pictures on all processors, and the placeholder for products without one."""
    _write(_missing_picture(), draw_missing())
    files = upcs(journey).map(lambda upc: Path(settings.MEDIA_ROOT) / picture_name(upc))
    absent = files[[not file.exists() for file in files]]
    report_progress(len(files) - len(absent))
    looks = journey.products.loc[absent.index, ["title", "department", "category", "type", "brand", "size"]]
    columns = [looks[column].tolist() for column in looks]
    for file, picture in zip(absent, _drawn(columns), strict=True):
        _write(file, picture)
        report_progress(1)


def _drawn(columns: list[list[str]]) -> Iterator[bytes]:
    """The pictures, in order. Processes are spawned: a fork would share the connection to the database."""
    pool = ProcessPoolExecutor(
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,  # only the parent reacts to Ctrl-C, and lets them finish their batch
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        yield from pool.map(pictures.draw, *columns, chunksize=AT_ONCE)
    finally:
        pool.shutdown(cancel_futures=True)


def _write(file: Path, content: bytes) -> None:
    """Writes a file that gets its name only when it is complete, so that an interrupted run leaves no half picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    unfinished.write_bytes(content)
    unfinished.replace(file)


def _missing_picture() -> Path:
    return Path(settings.MEDIA_ROOT) / settings.OSCAR_MISSING_IMAGE_URL


def draw_missing() -> bytes:
    """A JPEG of a pale, empty shopping bag."""
    bag, line = pictures.SIDE * 3, 30
    picture = Image.new("RGB", (bag, bag), (243, 240, 234))
    pen = ImageDraw.Draw(picture)
    pale, outline = (251, 250, 247), (196, 188, 174)
    pen.arc((bag * 0.37, bag * 0.2, bag * 0.63, bag * 0.56), 180, 360, outline, line)
    pen.rounded_rectangle((bag * 0.27, bag * 0.38, bag * 0.73, bag * 0.8), bag * 0.04, pale, outline, line)
    content = BytesIO()
    picture.resize((pictures.SIDE, pictures.SIDE), Image.Resampling.LANCZOS).save(content, "JPEG", quality=88)
    return content.getvalue()
