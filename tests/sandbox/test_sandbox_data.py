"""The sandbox's data file: links are not followed, and what is somebody else's keeps content and rights."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.model.errors import TargetError
from engine.sandbox.database import Database


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "acme.sandbox.db"
    link.symlink_to(target)
    with pytest.raises(TargetError):
        Database(link)
    assert not target.exists()


def test_a_pipe_is_none(tmp_path: Path) -> None:
    path = tmp_path / "acme.sandbox.db"
    os.mkfifo(path)
    with pytest.raises(TargetError, match="no regular file"):
        Database(path)


def test_somebody_elses_file_stays_as_it_is(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("nothing of a database")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    for path in (text, other):
        path.chmod(0o644)
        before = path.read_bytes()
        with pytest.raises(TargetError):
            Database(path)
        assert path.read_bytes() == before and path.stat().st_mode & 0o777 == 0o644
