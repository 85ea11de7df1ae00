"""Files that people ask for: made anew, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.model.errors import MigrateError
from engine.workspace.new_files import refuse_taken, write_new


def test_a_new_file_is_readable_by_others(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_new(tmp_path / "a", b"text")
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
    for make in (refuse_taken, lambda one: write_new(one, b"x")):
        with pytest.raises(MigrateError, match="exists already") as caught:
            make(path)
        assert caught.value.code == "file_exists"
    assert kind != "dangling" or not other.exists()
    assert kind in ("folder", "dangling") or path.read_text() == "mine"


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MigrateError) as caught:
        refuse_taken(tmp_path / "no" / "a")
    assert caught.value.code == "folder_not_found"
    with pytest.raises(MigrateError) as caught:
        write_new(tmp_path / "no" / "a", b"")
    assert caught.value.code == "not_written"
    refuse_taken(tmp_path / "a")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MigrateError, match="No space left"):
        write_new(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []
