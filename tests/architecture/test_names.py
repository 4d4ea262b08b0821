"""Names and files are as docs/architecture.md wants them: found by the word that a stranger would search for."""

import ast
import re
import sys
from pathlib import Path

import pytest

import code_statistics

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "personalization"
STATISTICS = code_statistics.read_package(ROOT)
VAGUE_NAMES = re.compile(
    "about|aloud|anew|asked|away|beside|found|gave|given|gone|heard|heeded|held|kept|known|listed|lost|made|meant|"
    "named|nobody|noted|of|placed|places|read|said|say|says|spoken|strangers|tell|telling|thing|things|told|turn|"
    "wanted|whatever|who|whoever|wished|wishes|word|words"
)
"""A module, function, class, constant or field that has no other name than one of these cannot be searched for."""
VAGUE_WORDS = {"aloud", "anew", "heeded", "nobody", "somebody", "spoken", "strangers", "told", "whoever", "wishes"}
"""These are not even a part of a name: the field has words for what they mean."""
MAX_FILE_LINES = 400
MAX_SINGLE_WORD_SHARE = 0.30
MAX_SHARED_NAMES_SHARE = 0.05


def parsed_files():
    for file in sorted(PACKAGE.rglob("*.py")):
        if "migrations" not in file.parts:
            yield file.relative_to(PACKAGE), ast.parse(file.read_text())


def defined_names(tree):
    """The functions, classes, constants and fields of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from assigned_names(node.body)


def assigned_names(statements):
    for statement in statements:
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def name_parts(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")


def is_vague(name):
    parts = name_parts(name)
    return VAGUE_NAMES.fullmatch("_".join(parts)) is not None or not VAGUE_WORDS.isdisjoint(parts)


def test_no_name_is_a_word_that_says_nothing():
    found = {f"{file}: {name}" for file, tree in parsed_files() for name in defined_names(tree) if is_vague(name)}
    found |= {str(file) for file, _ in parsed_files() if is_vague(file.stem)}
    assert sorted(found) == []


@pytest.mark.parametrize(("name", "vague"), [("Told", True), ("_spoken_of", True), ("known_items", False)])
def test_a_vague_name_is_known_however_it_is_spelt(name, vague):
    assert is_vague(name) is vague


def test_a_public_docstring_says_what_it_means_by_itself():
    found = [
        f"{file}: {getattr(node, 'name', 'module')}"
        for file, tree in parsed_files()
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and not getattr(node, "name", "").startswith("_")
        and (ast.get_docstring(node) or "").startswith("The same")
    ]
    assert found == []


def test_a_file_is_read_in_one_sitting():
    assert [str(file.path) for file in STATISTICS if file.lines > MAX_FILE_LINES] == []


def test_most_functions_are_named_with_more_than_one_word():
    assert code_statistics.single_word_share(STATISTICS) <= MAX_SINGLE_WORD_SHARE


def test_a_name_means_one_thing():
    shared = code_statistics.shared_names(STATISTICS)
    names = set().union(*(file.top_level_names for file in STATISTICS))
    assert len(shared) / len(names) <= MAX_SHARED_NAMES_SHARE, shared


def test_the_statistics_read_any_checkout(tmp_path, capsys, monkeypatch):
    package = tmp_path / "personalization"
    (package / "shop").mkdir(parents=True)
    (package / "conf.py").write_text("LIMIT = 1\n\n\ndef get():\n    pass\n")
    (package / "shop" / "orders.py").write_text("LIMIT: int = 2\nclass Order:\n    def is_paid(self): ...\n")
    monkeypatch.setattr(sys, "argv", ["code_statistics.py", str(tmp_path)])
    code_statistics.main()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1:] == [
        [".", "1", "5", "1", "3", "100%", "50.0%", "conf.py", "(5)"],
        ["shop", "1", "3", "1", "7", "0%", "50.0%", "shop/orders.py", "(3)"],
        ["all", "2", "8", "2", "5", "50%", "33.3%", "conf.py", "(5)"],
    ]
