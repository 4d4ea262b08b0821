"""What the package says of itself."""

import tomllib
from importlib.resources import files
from pathlib import Path

import personalization
from personalization import serve

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())


def test_the_version_has_one_source():
    assert "version" in PROJECT["project"]["dynamic"] and "version" not in PROJECT["project"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "personalization/__init__.py"
    assert personalization.__version__.count(".") == 2


def test_recommend_is_the_door_s():
    assert personalization.recommend is serve.recommend


def test_type_checkers_are_told_that_the_package_is_typed():
    assert (files(personalization) / "py.typed").is_file()
