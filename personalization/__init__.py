"""Makes a django-oscar shop personal, from the history that already lies in its own tables.

from personalization import recommend

recommend("home", visit, top=10)  # a ranked list for a `Visit`
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`recommend`, imported when it is first needed: this package is imported before Django's apps are ready."""
    if name == "recommend":
        return import_module("personalization.serve").recommend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
