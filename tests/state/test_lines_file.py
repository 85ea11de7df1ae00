"""Files of JSON Lines that people ask for: whole or not at all, over their own kind and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.model.errors import Interrupted, MigrateError, StateError
from engine.workspace.lines_file import refuse_other, writing_lines

BEGINS = '{"schema":"change.v1"'
LINE = BEGINS + "}\n"


def write(path: Path, *lines: str) -> None:
    with writing_lines(path, BEGINS) as line:
        for one in lines:
            line(one)


def test_it_is_written_whole_and_replaced_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, LINE, LINE)
    assert path.read_text() == LINE * 2 and path.stat().st_mode & 0o777 == 0o600
    write(path)
    assert path.read_text() == ""
    write(path, LINE)
    assert path.read_text() == LINE and [one.name for one in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("theirs", ["notes\n", BEGINS[:-1], '{"schema":"change.v2"}\n', " " + LINE])
def test_another_file_stays(tmp_path: Path, theirs: str) -> None:
    path = tmp_path / "a"
    path.write_text(theirs)
    with pytest.raises(MigrateError) as caught:
        write(path, LINE)
    assert caught.value.code == "file_exists" and path.read_text() == theirs


def test_what_comes_into_its_place_meanwhile_stays(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    other.write_text(LINE)
    with pytest.raises(MigrateError) as caught, writing_lines(path, BEGINS) as line:
        line(LINE)
        path.symlink_to(other)
    assert caught.value.code == "file_exists" and path.is_symlink() and other.read_text() == LINE
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("error", [Interrupted("interrupted"), KeyboardInterrupt(), MigrateError("a fault")])
def test_what_is_cut_off_leaves_the_one_before(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a"
    write(path, LINE)
    with pytest.raises(type(error)), writing_lines(path, BEGINS) as line:
        line(LINE * 3)
        raise error
    assert path.read_text() == LINE and [one.name for one in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError) as caught:
        write(tmp_path / "a", LINE)
    assert caught.value.code == "disk_full" and list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MigrateError) as caught:
        refuse_other(tmp_path / "no" / "a", BEGINS)
    assert caught.value.code == "file_not_written"
