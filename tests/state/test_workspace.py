from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from engine.model.errors import StateError, StateLocked
from engine.state.place import FilePlace
from engine.workspace.folder import Workspace, sweep


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_of_its_own(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / ".migrate" / "acme.state.db")
    workspace.prepare()
    folder = tmp_path / ".migrate"
    assert _mode(folder) == 0o700
    lines = (folder / ".gitignore").read_text().splitlines()
    assert lines[-1] == "*"
    assert workspace.kept_snapshot_path == folder / "acme.snapshot.db"
    assert FilePlace(workspace.state_path).lock_path == folder / "acme.state.db.lock"


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
    made = Workspace(folder / "acme.state.db")
    made.prepare()
    made.discard()
    assert _mode(folder) == 0o755 and list(folder.iterdir()) == []


def test_discarding_leaves_no_trace(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "a" / "b" / ".migrate" / "acme.state.db")
    with workspace.locked(FilePlace(workspace.state_path)):
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
    FilePlace(second.state_path).lock_path.touch()
    second.discard()
    assert FilePlace(second.state_path).lock_path.exists() and second.state_path.exists()


def test_a_previews_snapshot_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "acme.state.db"
    first, second = Workspace(path, preview=True), Workspace(path, preview=True)
    assert first.snapshot_path != second.snapshot_path and str(os.getpid()) in first.snapshot_path.name
    first.prepare()
    first.snapshot_path.touch()
    first.kept_snapshot_path.touch()
    second.prepare()
    second.discard()
    sweep(path)
    assert first.snapshot_path.exists() and first.kept_snapshot_path.exists()
    first.discard()
    assert [one.name for one in tmp_path.iterdir()] == [first.kept_snapshot_path.name]


def test_a_preview_that_made_the_folder_leaves_a_run_that_began_in_it_alone(tmp_path: Path) -> None:
    path = tmp_path / ".migrate" / "acme.state.db"
    preview, run = Workspace(path, preview=True), Workspace(path)
    preview.prepare()
    with run.locked(FilePlace(run.state_path)):
        preview.discard()
        with pytest.raises(StateLocked), Workspace(path).locked(FilePlace(path)):
            raise AssertionError("two runs at once")
    assert (path.parent / ".gitignore").exists()


def test_a_run_that_keeps_its_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "acme.state.db"
    for content in ("first", "second"):
        workspace = Workspace(path)
        with workspace.locked(FilePlace(workspace.state_path)):
            workspace.snapshot_path.write_text(content)
            workspace.keep_snapshot()
        assert workspace.kept_snapshot_path.read_text() == content
    failing = Workspace(path)
    with failing.locked(FilePlace(failing.state_path)):
        failing.snapshot_path.write_text("third")
        failing.discard()
    assert failing.kept_snapshot_path.read_text() == "second"
    assert {one.name for one in tmp_path.iterdir()} == {"acme.snapshot.db", "acme.state.db.lock"}


def test_what_killed_commands_left_is_swept_once_their_lock_is_free(tmp_path: Path) -> None:
    path = tmp_path / "acme.state.db"
    dead = _ended_process()
    left = [
        f"acme.plan-{dead}.snapshot.db",
        f"acme.plan-{dead}.snapshot.db-journal",
        f"acme.plan-{os.getpid()}-0123abcd.snapshot.db",
        f"acme.run-{dead}-89abcdef.snapshot.db",
        f"acme.run-{dead}-89abcdef.lock",
        f"acme.sandbox.plan-{dead}-89abcdef.lock",
    ]
    others = [
        f"acme.plan-{os.getpid()}.snapshot.db",
        f"acme-eu.plan-{dead}.snapshot.db",
        "acme.plan-x.snapshot.db",
        "acme.snapshot.db",
        f"acme.plan-{dead}.txt",
    ]
    for name in (*left, *others):
        (tmp_path / name).touch()
    sweep(path)
    assert {one.name for one in tmp_path.iterdir()} == set(others)


def test_sweeping_writes_into_nobodys_lock(tmp_path: Path) -> None:
    lock = tmp_path / "acme.plan-99-0123abcd.lock"
    lock.write_text("theirs")
    (tmp_path / "acme.plan-99-0123abcd.snapshot.db").touch()
    sweep(tmp_path / "acme.state.db")
    assert lock.read_text() == "theirs"


def _ended_process() -> int:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def test_a_lock_whose_name_would_be_anothers(tmp_path: Path) -> None:
    (tmp_path / "poetry.lock").write_text("their packages\n")
    workspace = Workspace(tmp_path / "poetry")
    with workspace.locked(FilePlace(workspace.state_path)):
        assert FilePlace(workspace.state_path).lock_path.name == "poetry.migrate.lock"
    assert (tmp_path / "poetry.lock").read_text() == "their packages\n"


def test_a_folder_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o755)
    (tmp_path / "theirs").chmod(0o755)
    (tmp_path / ".migrate").symlink_to("theirs")
    with pytest.raises(StateError, match="symbolic link"):
        Workspace(tmp_path / ".migrate" / "acme.state.db").prepare()
    assert _mode(tmp_path / "theirs") == 0o755 and not list((tmp_path / "theirs").iterdir())


def test_a_gitignore_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / ".migrate").mkdir()
    (tmp_path / ".migrate" / ".gitignore").symlink_to(tmp_path / "elsewhere")
    workspace = Workspace(tmp_path / ".migrate" / "acme.state.db")
    workspace.prepare()
    workspace.discard()
    assert not (tmp_path / "elsewhere").exists()


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
