"""A written export is whole, private and in place, or not there."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from engine.cli import export
from engine.exports.files import ExportFiles
from engine.exports.writer import write_export
from engine.model.cognito_records import parse_record
from engine.model.errors import MigrateError, StateError
from engine.model.users import SourceUser
from engine.plan_file.model import CognitoSource, Cohort, Destination, ExportSource, Filters, Spec
from engine.plan_file.organizations import MembershipSource, Organizations
from engine.run.sources import PoolSource
from tests.support.cognito import invent_users
from tests.support.fake_source import FakeSource

USERS = [parse_record(one) for one in invent_users(30)]


def test_writes_cognitos_shape(tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    assert write_export([USERS[:20], USERS[20:]], path) == 30
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = json.loads(path.read_text().splitlines()[0])
    assert first["UserCreateDate"] == "2020-09-13T12:26:40.250000+00:00"
    assert first["Attributes"][0]["Name"] == "sub"
    assert "Groups" not in first
    assert [user for page in ExportFiles(ExportSource(("*.jsonl",), tmp_path)).pages() for user in page] == USERS
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_export_leaves_nothing(tmp_path: Path) -> None:
    def pages() -> Iterator[list[SourceUser]]:
        yield USERS
        assert next(tmp_path.iterdir()).name.startswith(".users.jsonl.")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_export(pages(), tmp_path / "users.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_overwrites_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    path.write_text("old")
    with pytest.raises(MigrateError) as raised:
        write_export([USERS], path)
    assert raised.value.code == "file_exists"
    assert path.read_text() == "old"
    assert write_export([USERS], path, overwrite=True) == 30
    assert len(path.read_text().splitlines()) == 30


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"

    def pages() -> Iterator[list[SourceUser]]:
        yield USERS
        path.write_text("another's")

    with pytest.raises(MigrateError):
        write_export(pages(), path)
    assert path.read_text() == "another's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MigrateError) as raised:
        write_export([USERS], tmp_path, overwrite=True)
    assert raised.value.code == "file_exists"


def test_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(MigrateError) as raised:
        write_export([USERS], tmp_path / "missing" / "users.jsonl")
    assert raised.value.code == "file_not_written"
    assert "is not there" in str(raised.value)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StateError, match="disk"):
        write_export([USERS], tmp_path / "users.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_source_goes_through(tmp_path: Path) -> None:
    def pages() -> Iterator[list[SourceUser]]:
        yield USERS
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        write_export(pages(), tmp_path / "users.jsonl")


@pytest.mark.parametrize(
    ("organizations", "filters", "expected"),
    [
        ("none", Filters(), {}),
        ("none", Filters(groups_none=("test",)), {"u1": ["test"], "u2": []}),
        ("none", Filters(cohorts=(Cohort("first", date(2027, 1, 1), ("staff",)),)), {"u1": ["staff"], "u2": ["staff"]}),
        ("group", Filters(groups_none=("test",)), {"u1": ["staff", "test"], "u2": ["staff"]}),
        ("group", Filters(), {"u1": ["staff", "test"], "u2": ["staff"]}),
    ],
)
def test_the_groups_that_the_plan_needs_come_along(
    organizations: MembershipSource, filters: Filters, expected: dict[str, list[str]]
) -> None:
    source = CognitoSource("eu-west-1_A", "eu-west-1")
    spec = Spec(
        "acme", Path("plan.yaml"), source, Destination("client_1", "sk_test_1"), Path("state.db"),
        filters=filters, organizations=Organizations(organizations),
    )  # fmt: skip
    users = [replace(USERS[at], username=f"u{at}") for at in (1, 2)]
    pool = FakeSource(users=users, members={"staff": ["u1", "u2"], "test": ["u1"]})
    pages = export._pages(pool, lambda _: None, export._groups(spec, PoolSource(spec.pools[0], pool)))
    found = {user.username: user.groups for page in pages for user in page}
    assert found == {name: tuple(expected[name]) if expected else None for name in ("u1", "u2")}
