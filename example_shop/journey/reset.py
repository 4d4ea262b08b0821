"""Deletes what the demo created, and nothing else."""

import shutil
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from example_shop import view_as
from example_shop.journey import load
from personalization.models import snapshot_files


def reset_demo() -> None:
    """Empties the demo's database and deletes its files.

    Raises ForeignShop before anything is deleted.
    """
    load.refuse_a_foreign_shop()
    _empty_database()
    view_as.delete_people()
    for folder in _folders():
        shutil.rmtree(folder, ignore_errors=True)
    (Path(settings.MEDIA_ROOT) / settings.OSCAR_MISSING_IMAGE_URL).unlink(missing_ok=True)


def _folders() -> list[Path]:
    media = Path(settings.MEDIA_ROOT)
    return [
        media / settings.OSCAR_IMAGE_FOLDER,
        media / "cache",  # thumbnails
        Path(settings.HAYSTACK_CONNECTIONS["default"]["PATH"]),
        snapshot_files.local_root(),
    ]


def _empty_database() -> None:
    """Deletes the demo's file on SQLite; elsewhere empties the tables."""
    if connection.vendor == "sqlite":
        connection.close()
        for ending in ("", "-wal", "-shm"):
            Path(f"{connection.settings_dict['NAME']}{ending}").unlink(missing_ok=True)
    elif load.loaded_size():
        call_command("flush", interactive=False, verbosity=0)
