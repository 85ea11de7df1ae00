"""Files that a shell listed, as the patterns that mean exactly these."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.exports.files import ExportFiles
from engine.exports.patterns import patterns_for
from engine.plan_file.model import ExportSource


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "exports").mkdir()
    (tmp_path / "plans").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> list[str]:
    for name in names:
        Path(name).write_text('{"Users": []}')
    return list(names)


def test_pages_become_one_pattern() -> None:
    named = make(*(f"exports/users_{at}.json" for at in (1, 2, 10)))
    assert patterns_for(named, Path("plans")) == ("../exports/users_*.json",)
    assert patterns_for(named, Path()) == ("exports/users_*.json",)
    assert patterns_for([str(Path(one).absolute()) for one in named], Path("plans")) == (
        f"{os.fspath(Path.cwd())}/exports/users_*.json",
    )


def test_a_pattern_never_takes_in_another_file() -> None:
    named = make("exports/users_1.json", "exports/users_2.json")
    make("exports/users_old.json")
    assert patterns_for(named, Path()) == tuple(named)


def test_one_file_and_names_without_numbers() -> None:
    assert patterns_for(make("a.jsonl", "b.jsonl", "c1.json"), Path()) == ("a.jsonl", "b.jsonl", "c1.json")
    assert patterns_for(["a.jsonl", "a.jsonl"], Path()) == ("a.jsonl",)


def test_a_quoted_pattern_stays_one() -> None:
    make("exports/users_1.json")
    assert patterns_for(["exports/users_*.json", "exports/**/x.json"], Path("plans")) == (
        "../exports/users_*.json",
        "../exports/**/x.json",
    )


def test_what_is_not_there_stays_as_it_was_named() -> None:
    assert patterns_for(["gone.json"], Path("plans")) == ("../gone.json",)


def test_letters_that_mean_something_in_patterns() -> None:
    Path("ex[1]").mkdir()
    named = make("ex[1]/a[x]1.json", "ex[1]/a[x]2.json", "ex[1]/b?.json")
    patterns = patterns_for(named, Path())
    assert len(patterns) == 2
    source = ExportFiles(ExportSource(patterns, Path()))
    assert source.describe().label == "3 export files"
