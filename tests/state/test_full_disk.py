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


def _start(folder: Path, run_id: str) -> None:
    workspace = Workspace(folder / ".migrate" / "acme.state.db")
    with workspace.locked():
        database.create(workspace.snapshot_path).close()
        with StateFile.open(workspace.state_path, IDENTITY, key=KEY) as state:
            state.begin_run(run_id, "apply", 1_700_000_000.0)


def test_a_start_on_a_full_disk(small_disk: Path) -> None:
    filler, said = small_disk / "filler", []
    for blocks in range(70):
        room = os.statvfs(small_disk).f_bavail * _BLOCK
        filler.write_bytes(bytes(max(0, room - blocks * _BLOCK)))
        try:
            _start(small_disk, "full")
        except StateError as refused:
            assert (refused.code, refused.exit_code) == ("disk_full", 1), (blocks, refused)
            assert "the disk is full" in str(refused)
            said.append(blocks)
        # Whatever stayed does no harm once there is room.
        filler.unlink()
        _start(small_disk, "roomy")
        assert "*" in (small_disk / ".migrate" / ".gitignore").read_text()
        shutil.rmtree(small_disk / ".migrate")
    # Lock, folder, snapshot and state each met it; with room enough all is well.
    assert said and said == list(range(len(said))) and 5 < len(said) < 69
