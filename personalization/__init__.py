"""Makes a django-oscar shop personal, from the history that already lies in its own tables.

from personalization import recommend

recommend("home", visit, top=10)  # a ranked list for a `Visit`
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from personalization.serve import recommend

__all__ = ["__version__", "recommend"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`recommend`, imported when it is first needed: this package is imported before Django's apps are ready."""
    if name == "recommend":
        from personalization.serve import recommend  # noqa: PLC0415

        return recommend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
