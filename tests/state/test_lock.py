from __future__ import annotations

import gc
import os
import re
import stat
from pathlib import Path

import pytest

from engine.model.errors import StateError, StateLocked
from engine.workspace import lock
from engine.workspace.lock import StateLock, read_holder


def test_a_second_run_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "acme.state.db.lock"
    with StateLock(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(StateLocked) as refused, StateLock(path):
            raise AssertionError("two runs at once")
        holder = refused.value.holder
        assert holder is not None and holder.pid == os.getpid() and holder.user and holder.host
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", holder.since)
        assert refused.value.exit_code == 4 and str(tmp_path / "acme.state.db") in str(refused.value)
        for part in (str(holder.pid), holder.user, holder.host, holder.since):
            assert part in str(refused.value)
        # The refusal has not freed it.
        with pytest.raises(StateLocked), StateLock(path):
            raise AssertionError("two runs at once")
    assert read_holder(path) is None
    with StateLock(path):
        pass


def test_a_fault_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ValueError, match="bug"), StateLock(path):
        raise ValueError("bug")
    with StateLock(path):
        pass


def test_what_a_crashed_holder_left_behind_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(
        '{"pid": 1, "host": "gone", "user": "x", "since": "2020"} and a tail longer than what follows it' * 9
    )
    with StateLock(path):
        holder = read_holder(path)
        assert holder is not None and holder.pid == os.getpid()


@pytest.mark.parametrize("text", ["", "junk", "[]", '{"pid": 1}', '{"pid": "x", "host": 1, "user": 2, "since": 3}'])
def test_an_unknown_holder(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock"
    path.write_text(text)
    assert read_holder(path) is None
    assert "by another run" in str(StateLocked("x", None))


def test_a_user_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid")

    monkeypatch.setattr(lock.getpass, "getuser", nobody)
    with StateLock(tmp_path / "lock"):
        holder = read_holder(tmp_path / "lock")
        assert holder is not None and holder.user == str(os.getuid())


@pytest.mark.parametrize("content", ["their packages\n", "[]", '{"version": 3, "pid": 1}', "12345\n"])
def test_a_lock_file_of_another_tool_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lock"
    path.write_text(content)
    path.chmod(0o644)
    with pytest.raises(StateError) as refused, StateLock(path):
        raise AssertionError("taken for ours")
    assert refused.value.code == "state_not_ours" and refused.value.remedy
    assert path.read_text() == content and stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("kind", ["link", "dangling", "itself", "pipe", "folder", "device"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "lock", tmp_path / "other"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/null")
    else:
        if kind == "link":
            other.write_text('{"pid": 1}')
        path.symlink_to("lock" if kind == "itself" else other)
    with pytest.raises(StateError) as refused, StateLock(path):
        raise AssertionError("taken for ours")
    assert refused.value.code == "state_not_ours"
    assert other.exists() == (kind == "link") and (kind != "link" or other.read_text() == '{"pid": 1}')


def test_losing_the_object_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lost = StateLock(path).__enter__()
    del lost
    gc.collect()
    with StateLock(path):
        pass
