"""What only some processes need: the packages of our extras, and the line that installs them."""

from importlib.util import find_spec

EXTRA_PACKAGES = {
    "train": ("scipy", "sklearn", "lightgbm"),
    "celery": ("celery",),
    "metrics": ("prometheus_client",),
}
"""By extra, the modules without which it does nothing, or less."""


class MissingExtra(Exception):
    """Something that was asked for needs an extra; the message is the line to paste."""

    def __init__(self, extra: str, missing: list[str]) -> None:
        packages = " and ".join([", ".join(missing[:-1]), missing[-1]] if missing[1:] else missing)
        super().__init__(f"This needs {packages}: {install_line(extra)}")


def install_line(extra: str) -> str:
    """What to paste into a shell to have this extra."""
    return f'pip install "django-oscar-personalization[{extra}]"'


def missing_packages(extra: str) -> list[str]:
    """The modules of this extra that are not installed. Imports none of them."""
    return [name for name in EXTRA_PACKAGES[extra] if find_spec(name) is None]


def require_extra(extra: str) -> None:
    """MissingExtra where it is not installed."""
    if missing := missing_packages(extra):
        raise MissingExtra(extra, missing)
