"""Prints, per folder, the size of the package and how its names are chosen: `python tools/code_statistics.py [FOLDER]`.

Migrations are left out, and so are `__dunder__` methods: nobody chose their names. A name counts as a single word when
nothing in it separates two words, neither an underscore nor a capital. A name is "shared" when two or more files of the
package define it at their top level, whether as a function, a class or a constant.
"""

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

PACKAGE = "personalization"
HEADER = ("folder", "files", "lines", "functions", "median name", "single word", "shared names", "longest file")


@dataclass(frozen=True)
class FileStatistics:
    """One Python file."""

    path: Path
    """Below the package."""
    lines: int
    functions: list[str] = field(default_factory=list)
    """The names of all functions and methods in it, without those of the form `__name__`."""
    top_level_names: frozenset[str] = frozenset()
    """The functions, classes and constants that the module defines."""

    @property
    def folder(self) -> str:
        """The folder right below the package; "." for the package itself."""
        return self.path.parts[0] if len(self.path.parts) > 1 else "."


def read_package(checkout: Path) -> list[FileStatistics]:
    """The statistics of each file of the package in a checkout, migrations left out."""
    package = checkout / PACKAGE
    files = (file.relative_to(package) for file in sorted(package.rglob("*.py")))
    return [_read_file(package, file) for file in files if "migrations" not in file.parts]


def _read_file(package: Path, file: Path) -> FileStatistics:
    source = (package / file).read_text(encoding="utf-8")
    tree = ast.parse(source)
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    chosen = [name for name in functions if not (name.startswith("__") and name.endswith("__"))]
    return FileStatistics(file, len(source.splitlines()), chosen, frozenset(_defined_names(tree)))


def _defined_names(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def is_single_word(name: str) -> bool:
    """Whether nothing in a name separates two words."""
    return "_" not in name.strip("_") and not re.search(r"[a-z0-9][A-Z]", name)


def single_word_share(files: Iterable[FileStatistics]) -> float:
    """The share of function names that are a single word, 0 to 1."""
    functions = [name for file in files for name in file.functions]
    return sum(map(is_single_word, functions)) / (len(functions) or 1)


def shared_names(files: Iterable[FileStatistics]) -> dict[str, list[str]]:
    """The top-level names that two or more of these files define, each with the files."""
    defined_in = defaultdict(list)
    for file in files:
        for name in file.top_level_names:
            defined_in[name].append(file.path.as_posix())
    return {name: paths for name, paths in sorted(defined_in.items()) if len(paths) > 1}


def table_row(name: str, files: list[FileStatistics], shared: Iterable[str]) -> tuple[str, ...]:
    """One line of the table, as text."""
    functions = [name for file in files for name in file.functions]
    defined = frozenset[str]().union(*(file.top_level_names for file in files))
    longest = max(files, key=lambda file: file.lines)
    return (
        name,
        str(len(files)),
        str(sum(file.lines for file in files)),
        str(len(functions)),
        f"{median(map(len, functions)):.0f}" if functions else "-",
        f"{single_word_share(files):.0%}",
        f"{len(defined.intersection(shared)) / (len(defined) or 1):.1%}",
        f"{longest.path.as_posix()} ({longest.lines})",
    )


def main() -> None:
    """Prints the table of the checkout that is named, or of this one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    files = read_package(parser.parse_args().checkout)
    if not files:
        parser.error(f"there is no folder {PACKAGE} with Python files in it")
    shared, folders = shared_names(files), defaultdict(list)
    for file in files:
        folders[file.folder].append(file)
    rows = [HEADER, *(table_row(name, held, shared) for name, held in sorted(folders.items()))]
    rows.append(table_row("all", files, shared))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *middle, last in rows:
        cells = (cell.rjust(width) for cell, width in zip(middle, widths[1:-1], strict=True))
        print(first.ljust(widths[0]), *cells, last)


if __name__ == "__main__":
    main()
