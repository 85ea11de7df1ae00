"""A plan's folder on a disk that nobody can write to: looking works, and what needs room says where it lacks it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import ROOT, Cli, tree

PLAN = "quickstart.yaml"


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Cli]:
    """The quickstart after an apply, on a disk that is mounted for reading alone."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or unmount is None:
        pytest.skip("only root may mount a disk")
    folder, seen = tmp_path / "written", tmp_path / "seen"
    shutil.copytree(ROOT / "plans", folder, ignore=shutil.ignore_patterns(".migrate"))
    assert Cli(folder, {})("apply", PLAN, "--sandbox").code == 0
    seen.mkdir()
    if subprocess.run([mount, "--bind", folder, seen], capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        subprocess.run([mount, "-o", "remount,ro,bind", seen], check=True)
        yield Cli(seen, {})
    finally:
        subprocess.run([unmount, "--lazy", seen], check=True)


def test_status_and_state_work_and_the_rest_says_what_it_lacks(read_only: Cli) -> None:
    before = tree(read_only.folder)
    status = read_only("status", PLAN, "--sandbox", "--json").json("status.v1")
    assert status["users"]["migrated"] == 269
    listed = read_only("status", PLAN, "--sandbox", "--users", "merged").out.splitlines()
    assert len(listed) == 1 + status["users"]["merged"]
    assert read_only("state", "list", PLAN, "--sandbox").code == 0
    # With the snapshot deleted after the converged run, these read the export into one of their own.
    for command in ("ids", "plan", "verify", "apply"):
        ended = read_only(command, PLAN, "--sandbox", "--json")
        assert (ended.code, ended.out.count("state_not_writable")) == (1, 1), ended.said
        assert "make it writable for this user" in ended.error()
    assert tree(read_only.folder) == before
