"""Packages that only some engines need."""

from importlib import import_module
from typing import Any


class MissingPackage(Exception):
    """A package of an extra is not installed."""


def parquet_package() -> Any:
    """pyarrow, with its module for Parquet; MissingPackage where it is not installed."""
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError as error:
        raise _missing("pyarrow", error) from error


def spark_package() -> Any:
    """pyspark, with its SQL; MissingPackage where it is not installed."""
    try:
        import_module("pyspark.sql")
        return import_module("pyspark")
    except ImportError as error:
        raise _missing("pyspark", error) from error


def _missing(package: str, error: ImportError) -> MissingPackage:
    return MissingPackage(f"{package} is missing ({error}): pip install 'django-oscar-personalization[spark]'")
