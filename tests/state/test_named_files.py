"""Files that people ask for by name: whole or not at all, over nothing, their own kind, or what they say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.model.errors import Interrupted, MigrateError, StateError
from engine.workspace.named_files import NamedFile

BEGINS = '{"schema":"change.v1"'
LINE = BEGINS + "}\n"


def write(path: Path, *lines: str) -> None:
    with NamedFile(path, begins=BEGINS).open() as file:
        for one in lines:
            file.write(one.encode())


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
    with pytest.raises(MigrateError) as caught, NamedFile(path, begins=BEGINS).open() as file:
        file.write(LINE.encode())
        path.symlink_to(other)
    assert caught.value.code == "file_exists" and path.is_symlink() and other.read_text() == LINE
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("error", [Interrupted("interrupted"), KeyboardInterrupt(), MigrateError("a fault")])
def test_what_is_cut_off_leaves_the_one_before(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a"
    write(path, LINE)
    with pytest.raises(type(error)), NamedFile(path, begins=BEGINS).open() as file:
        file.write(LINE.encode() * 3)
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
        NamedFile(tmp_path / "no" / "a", begins=BEGINS).check_place()
    assert caught.value.code == "file_not_written"


def test_a_new_file_is_readable_by_others(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        NamedFile(tmp_path / "a", public=True).write(b"text")
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == b"text"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling"])
def test_nothing_is_written_over(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)
        if kind == "link":
            other.write_text("mine")
    for make in (NamedFile.check_place, lambda one: one.write(b"x")):
        said = "is a folder; name a file" if kind == "folder" else "exists already"
        with pytest.raises(MigrateError, match=said) as caught:
            make(NamedFile(path))
        assert caught.value.code == "file_exists"
    assert kind != "dangling" or not other.exists()
    assert kind in ("folder", "dangling") or path.read_text() == "mine"


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MigrateError) as caught:
        NamedFile(tmp_path / "no" / "a").check_place()
    assert caught.value.code == "file_not_written"
    with pytest.raises(MigrateError) as caught:
        NamedFile(tmp_path / "no" / "a").write(b"")
    assert caught.value.code == "file_not_written"
    NamedFile(tmp_path / "a").check_place()


def test_what_the_block_raises_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), NamedFile(tmp_path / "a").open() as file:
        file.write(b"x")
        raise ConnectionResetError
    assert list(tmp_path.iterdir()) == []


def test_overwriting_replaces_the_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    other, path = tmp_path / "b", tmp_path / "a"
    other.write_text("mine")
    path.symlink_to(other)
    NamedFile(path, overwrite=True).write(b"new")
    assert (other.read_text(), path.read_text(), path.is_symlink()) == ("mine", "new", False)
