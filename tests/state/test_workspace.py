from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.errors import StateError
from engine.state.workspace import Workspace


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / ".migrate" / "acme.state.db")
    workspace.prepare()
    folder = tmp_path / ".migrate"
    assert _mode(folder) == 0o700
    lines = (folder / ".gitignore").read_text().splitlines()
    assert lines[-1] == "*"
    assert workspace.snapshot_path == folder / "acme.snapshot.db"
    assert workspace.lock_path == folder / "acme.state.db.lock"


def test_a_folder_that_is_there_is_closed_and_its_gitignore_kept(tmp_path: Path) -> None:
    folder = tmp_path / ".migrate"
    folder.mkdir(mode=0o755)
    (folder / ".gitignore").write_text("mine\n")
    Workspace(folder / "acme.state.db").prepare()
    assert _mode(folder) == 0o700 and (folder / ".gitignore").read_text() == "mine\n"


def test_somebodys_own_folder_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "states"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    Workspace(folder / "acme.state.db").prepare()
    assert _mode(folder) == 0o755 and list(folder.iterdir()) == []


def test_discarding_leaves_no_trace(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "a" / "b" / ".migrate" / "acme.state.db")
    workspace.prepare()
    workspace.lock_path.touch()
    workspace.snapshot_path.touch()
    workspace.discard()
    assert list(tmp_path.iterdir()) == []


def test_discarding_keeps_what_others_need(tmp_path: Path) -> None:
    first = Workspace(tmp_path / ".migrate" / "acme.state.db")
    first.prepare()
    first.state_path.touch()
    first.discard()
    assert first.state_path.exists() and (tmp_path / ".migrate" / ".gitignore").exists()
    second = Workspace(first.state_path)
    second.prepare()
    second.lock_path.touch()
    second.discard()
    assert second.lock_path.exists() and second.state_path.exists()


def test_a_previews_snapshot_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "acme.state.db"
    preview = Workspace(path, preview=True).snapshot_path
    assert preview != Workspace(path).snapshot_path and str(os.getpid()) in preview.name
    Workspace(path).snapshot_path.touch()
    other = Workspace(path, preview=True)
    other.prepare()
    other.discard()
    assert Workspace(path).snapshot_path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        for path in (tmp_path / ".migrate" / "x.state.db", tmp_path / "x.state.db"):
            with pytest.raises(StateError) as refused:
                Workspace(path).prepare()
            assert refused.value.code == "state_not_writable" and refused.value.exit_code == 1
    finally:
        tmp_path.chmod(0o700)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError):
        Workspace(tmp_path / "file" / "x.state.db").prepare()
