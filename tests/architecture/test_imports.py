"""Imports by name, which no import contract sees."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "personalization"
ALLOWED = {
    "lightgbm": {"train"},
    "pyarrow": {"exchange", "train"},
    "pyarrow.parquet": {"exchange", "train"},
    "pyspark": {"train"},
    "pyspark.sql": {"train"},
    "tqdm": {"management"},
    "prometheus_client": {"metrics.py"},
    "prometheus_client.multiprocess": {"operations"},
}
"""The folders that import these packages by name, so that a shop without them works."""


def imports_by_name():
    """(folder below the package, module) of each call of `import_module` with the name of an outside module."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name("import_module"), args=[ast.Constant(name)]) if (
                    name.split(".")[0] != PACKAGE.name
                ):
                    yield file.relative_to(PACKAGE).parts[0], name


def test_optional_packages_are_imported_by_name_in_one_folder_each():
    found = set(imports_by_name())
    assert ("train", "lightgbm") in found
    assert [(folder, name) for folder, name in found if folder not in ALLOWED.get(name, ())] == []
