"""What `.ci/foreign_suites` says of how other projects' tests end, without running them: that takes half an hour."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "foreign_suites"


@pytest.fixture
def script(monkeypatch):
    """The script as a module."""
    loader = importlib.machinery.SourceFileLoader("foreign_suites", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("foreign_suites", loader))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setitem(sys.modules, "foreign_suites", module)
    loader.exec_module(module)
    return module


@pytest.fixture
def run(script, monkeypatch, tmp_path, capsys):
    """Runs the script over tests that end as given, {project: (without us, with us)}: its status and what it says."""

    def start(*options, **ends):
        def outcomes(suite, *anything, adopted):
            return ends.get(suite.project.replace("-", "_"), ({}, {}))[adopted]

        monkeypatch.setattr(script, "outcomes", outcomes)
        monkeypatch.setattr(script, "environment", lambda *anything: "python")
        monkeypatch.setattr(script, "cloned", lambda *anything: None)
        log = tmp_path / "log" / "of the suites"
        monkeypatch.setattr(sys, "argv", ["foreign_suites", "--log", str(log), *options])
        status = script.main()
        said = capsys.readouterr().out
        assert said.startswith(f"All that the tests say goes to {log}\n") and said.endswith(log.read_text())
        return status, said

    return start


@pytest.fixture
def clones(tmp_path):
    """The options that name a clone of each project."""
    return ["--oscar", str(tmp_path), "--api", str(tmp_path)]


@pytest.fixture
def oscar(script):
    """How Oscar's tests end: without us, and with us as expected."""
    expected = dict.fromkeys(script.EXPECTED["django-oscar"], "passed")
    others = {f"test {number}": "passed" for number in range(500)}
    return {**others, **expected}, {**others, **dict.fromkeys(expected, "failed")}


API = ({"test": "passed"}, {"test": "passed"})


def test_seven_tests_of_oscars_are_expected_to_end_otherwise_and_each_says_why(run, clones, oscar, script):
    status, said = run(*clones, django_oscar=oscar, django_oscar_api=API)
    assert (status, said.count("as expected"), len(script.EXPECTED["django-oscar"])) == (0, 7, 7)
    assert "Nothing else differs." in said
    assert said.count("expects the catalogue as the home page") == 6


def test_whatever_else_differs_is_a_fault(run, clones, oscar):
    before, after = oscar
    status, said = run(*clones, django_oscar=(before, {**after, "test 7": "failed"}), django_oscar_api=API)
    assert (status, "test 7: passed, with us failed" in said) == (1, True)


def test_what_is_expected_and_does_not_differ_is_a_fault(run, clones, oscar):
    status, said = run(*clones, django_oscar=(oscar[0], oscar[0]), django_oscar_api=API)
    assert (status, said.count("expected to differ, and does not")) == (1, 7)


@pytest.mark.parametrize("broken", [{}, {"test": "failed"}])
def test_tests_that_cannot_be_run_are_a_fault(run, clones, oscar, broken):
    status, said = run(*clones, django_oscar=oscar, django_oscar_api=(broken, broken))
    assert (status, said.count("cannot be run here")) == (1, 2)


def test_nothing_that_ran_is_a_fault(run):
    status, said = run()
    assert (status, said.count("NOT run")) == (1, 3)


def test_a_clone_that_is_not_there_is_named(run, capsys):
    with pytest.raises(SystemExit):
        run("--oscar", "nowhere")
    assert "nowhere is not a folder" in capsys.readouterr().err
