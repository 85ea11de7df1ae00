"""A disk that is full, or fills up at any step of a command's start: it says so, and the next start works."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.errors import StateError
from engine.snapshot import database
from engine.state.file import StateFile
from engine.state.place import FilePlace
from engine.workspace.folder import Workspace
from tests.state.words import IDENTITY, KEY

_BLOCK = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with 400 KB."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or unmount is None:
        pytest.skip("only root may mount a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        # Lazily: a connection that a refused start left is closed only when it is collected.
        subprocess.run([unmount, "--lazy", folder], check=True)


class _Start:
    """What a command does before its work; `step` is the one that it is at."""

    def __init__(self, folder: Path) -> None:
        self.step = "folder"
        self._workspace = Workspace(folder / ".migrate" / "acme.state.db")

    def run(self, run_id: str) -> None:
        with self._workspace.locked(FilePlace(self._workspace.state_path)):
            self.step = "snapshot"
            database.create(self._workspace.snapshot_path).close()
            self.step = "state"
            with StateFile.open(self._workspace.state_path, IDENTITY, key=KEY) as state:
                self.step = "run"
                state.begin_run(run_id, "apply", 1_700_000_000.0)


def test_a_start_on_a_full_disk(small_disk: Path) -> None:
    filler, failed = small_disk / "filler", dict[int, str]()
    for blocks in range(70):
        room = os.statvfs(small_disk).f_bavail * _BLOCK
        filler.write_bytes(bytes(max(0, room - blocks * _BLOCK)))
        start = _Start(small_disk)
        try:
            start.run("full")
        except StateError as refused:
            assert (refused.code, refused.exit_code) == ("disk_full", 1), (blocks, start.step, refused)
            assert "the disk is full" in str(refused)
            failed[blocks] = start.step
        # No personal data stays, and whatever else did does no harm once there is room.
        assert list(small_disk.glob(".migrate/*.snapshot.db*")) == []
        filler.unlink()
        _Start(small_disk).run("roomy")
        assert "*" in (small_disk / ".migrate" / ".gitignore").read_text()
        shutil.rmtree(small_disk / ".migrate")
    # SQLite takes room in pieces of its own, so a little more of it may fail where less was enough. But without any
    # nothing starts, with plenty everything does, and in between each step met the full disk.
    assert 0 in failed and max(failed) < 60, failed
    assert {"folder", "snapshot", "state"} <= set(failed.values()), failed
