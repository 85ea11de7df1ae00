"""Opening a state: whose it is, what is refused, and that a refused file is kept as it is."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.errors import StateError
from engine.state import schema
from engine.state.file import StateFile
from tests.state.words import IDENTITY, KEY, done

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def _made(path: Path, users: int = 1) -> bytes:
    with StateFile.open(path, IDENTITY, key=KEY) as state:
        state.advance([done(f"s{number:05}") for number in range(users)], [], run_id="r1")
    return path.read_bytes()


def test_a_new_state_is_private_and_keeps_its_key(path: Path) -> None:
    with StateFile.open(path, IDENTITY, key=KEY) as state:
        assert state.key == KEY and state.identity == IDENTITY
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    with StateFile.open(path, IDENTITY, key=b"another" * 4) as state:
        assert state.key == KEY
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_reading_makes_nothing(path: Path) -> None:
    assert StateFile.read(path, IDENTITY) is None
    path.touch()
    assert StateFile.read(path, IDENTITY) is None
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (replace(IDENTITY, plan="other"), "another plan"),
        (replace(IDENTITY, pool="eu-west-1_XyZ"), "another pool"),
        (replace(IDENTITY, destination="https://api.workos.com client_2"), "another destination"),
        (replace(IDENTITY, environment="staging"), r"another environment \(production, not staging\)"),
    ],
)
@pytest.mark.parametrize("opening", ["open", "read"])
def test_anothers_state_is_refused(path: Path, other: object, what: str, opening: str) -> None:
    before = _made(path)
    with pytest.raises(StateError, match=what) as refused:
        if opening == "open":
            StateFile.open(path, other, key=KEY)  # type: ignore[arg-type]
        else:
            StateFile.read(path, other)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.exit_code) == ("state_of_another", 1) and refused.value.remedy
    assert path.read_bytes() == before


def test_reading_without_an_identity(path: Path) -> None:
    _made(path)
    state = StateFile.read(path, None)
    assert state is not None
    with state:
        assert state.identity == IDENTITY and state.some_workos_ids() == ["user_s00000"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"these are not the bytes of a database " * 50, "state_damaged"),
        (b"x", "state_not_ours"),
        ("other", "state_not_ours"),
        ("newer", "state_newer"),
        ("torn", "state_damaged"),
    ],
)
@pytest.mark.parametrize("opening", ["open", "read"])
def test_what_is_no_usable_state_is_refused_and_kept(path: Path, content: bytes | str, code: str, opening: str) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "torn":
        made = _made(path, users=3000)
        path.write_bytes(made[:8192] + os.urandom(8192) + made[16384:])
    else:
        if content == "newer":
            _made(path)
        connection = sqlite3.connect(path)
        connection.execute(
            f"PRAGMA user_version = {schema.VERSION + 1}" if content == "newer" else "CREATE TABLE theirs (x)"
        )
        connection.close()
    before = path.read_bytes()
    with pytest.raises(StateError) as refused:
        StateFile.open(path, IDENTITY, key=KEY) if opening == "open" else StateFile.read(path, IDENTITY)
    assert refused.value.code == code and refused.value.remedy
    assert path.read_bytes() == before


def test_a_kill_while_a_state_is_made_leaves_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(schema, "create", kill)
        with pytest.raises(Killed):
            StateFile.open(path, IDENTITY, key=KEY)
    assert StateFile.read(path, IDENTITY) is None
    _made(path)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@needs_permissions
def test_a_read_only_folder(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(StateError) as refused:
            StateFile.open(path, IDENTITY, key=KEY)
        assert refused.value.code == "state_not_writable"
    finally:
        path.parent.chmod(0o700)


@needs_permissions
def test_reading_from_a_read_only_folder(path: Path) -> None:
    _made(path)
    path.parent.chmod(0o500)
    try:
        state = StateFile.read(path, IDENTITY)
        assert state is not None
        with state:
            assert state.some_workos_ids() == ["user_s00000"]
    finally:
        path.parent.chmod(0o700)


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StateError):
        StateFile.open(path, IDENTITY, key=KEY)


@pytest.mark.parametrize("opening", ["open", "read"])
@pytest.mark.parametrize("kind", ["link", "itself", "pipe"])
def test_a_place_that_is_no_regular_file(path: Path, kind: str, opening: str) -> None:
    other = path.with_name("other.db")
    before = _made(other)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("other.db" if kind == "link" else path.name)
    with pytest.raises(StateError) as refused:
        StateFile.open(path, IDENTITY, key=KEY) if opening == "open" else StateFile.read(path, IDENTITY)
    assert refused.value.code == "state_not_ours" and other.read_bytes() == before


@pytest.mark.parametrize("opening", ["open", "read"])
def test_an_old_states_mode_is_tightened_and_a_strangers_is_not(path: Path, opening: str) -> None:
    def opened() -> None:
        state = StateFile.open(path, IDENTITY, key=KEY) if opening == "open" else StateFile.read(path, IDENTITY)
        assert state is not None
        state.close()

    _made(path)
    path.chmod(0o644)
    opened()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    path.chmod(0o644)
    with pytest.raises(StateError):
        opened()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_that_only_looks_like_a_draft_of_ours_is_kept(path: Path) -> None:
    theirs, ours = path.with_name(path.name + ".new"), path.with_name(path.name + ".0123456789abcdef.new")
    theirs.write_text("theirs")
    ours.write_text("left by a kill")
    _made(path)
    assert theirs.read_text() == "theirs" and not ours.exists()


def test_no_column_for_personal_data(path: Path) -> None:
    """Rule 14: subs, ids, fingerprints, codes, and nothing else."""
    _made(path)
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} for table in tables}
    connection.close()
    assert columns == {
        "meta": {"key", "value"},
        "resources": {
            "kind", "key", "workos_id", "relation", "primary_key", "status", "operation", "created_here", "verified",
            "flagged", "fingerprint", "fields", "attempts", "error_code", "run_id", "changed_at", "left_source",
            "password", "stamp", "detail",
        },
        "resets": {"workos_id", "key", "status", "intent_at", "batch_at", "sent_at", "error_code", "run_id"},
        "returned": {"workos_id", "how"},
        "left_out": {"key", "reason"},
        "orphaned": {"workos_id", "key", "run_id"},
        "runs": {"run_id", "command", "started", "ended", "result"},
    }  # fmt: skip
