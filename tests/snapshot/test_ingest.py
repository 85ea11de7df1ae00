"""Records into the snapshot: reasons, duplicates of one record, groups, merged people."""

from __future__ import annotations

import json
import stat
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from engine.model.errors import Interrupted, SourceError, StateError
from engine.plan_file.model import Attributes, Duplicates, Filters
from engine.snapshot import database, ingest
from engine.snapshot.groups import GroupMembers, temporary_database
from tests.snapshot.world import World
from tests.support.fake_source import FakeSource
from tests.support.people import NEW_YEAR, cognito_user, source

DAY = timedelta(days=1)
OK = {"email": "a@b.co", "email_verified": "true"}


def test_counts_by_reason(world: World) -> None:
    connection = world.read(
        [
            cognito_user("1", **OK),
            cognito_user("2", email="c@d.co"),
            cognito_user("3", status="UNCONFIRMED", email="e@f.co"),
            cognito_user("4", enabled=False, email="g@h.co"),
            cognito_user("5"),
            cognito_user("6", email="nonsense"),
            # The first reason that applies.
            cognito_user("7", status="UNCONFIRMED", enabled=False),
            cognito_user("8", enabled=False),
        ]
    )
    reasons = {"status": 2, "disabled": 2, "no_email": 1, "invalid_email": 1}
    assert ingest.counts(connection) == (8, 2, reasons)
    # What is left out keeps no fields: the snapshot holds no more than it must.
    assert world.rows("SELECT DISTINCT fields, fingerprint FROM record WHERE reason IS NOT NULL") == [(b"{}", None)]


def test_an_empty_source(world: World) -> None:
    assert ingest.counts(world.read([])) == (0, 0, {})


@pytest.mark.parametrize("backwards", [False, True])
def test_of_a_record_delivered_twice_the_newest_stays(world: World, backwards: bool) -> None:
    users = [
        cognito_user("1", modified=NEW_YEAR, given_name="Old", **OK),
        cognito_user("1", modified=NEW_YEAR + DAY, given_name="New", **OK),
        cognito_user("1", modified=None, given_name="Dateless", **OK),
    ]
    world.read(users[::-1] if backwards else users)
    ((fields,),) = world.rows("SELECT fields FROM record")
    assert orjson.loads(fields)["first_name"] == "New"


@pytest.mark.parametrize("backwards", [False, True])
def test_an_identity_that_the_newest_delivery_has_dropped_links_nobody(world: World, backwards: bool) -> None:
    """Read twice: with a linked profile, and without it."""
    linked = json.dumps([{"userId": "1", "providerName": "Google", "providerType": "Google"}])
    users = [
        cognito_user("ann", modified=NEW_YEAR, identities=linked, **OK),
        cognito_user("ann", modified=NEW_YEAR + DAY, **OK),
        cognito_user("google", status="EXTERNAL_PROVIDER", provider=("Google", "Google"), email="x@y.co"),
    ]
    world.read(users[::-1] if backwards else users)
    assert world.rows("SELECT key, linked_to FROM person ORDER BY key") == [("ann", None), ("google", None)]
    # And the other way round: linked in the newest delivery alone.
    users[0], users[1] = (
        replace(users[0], modified=users[1].modified),
        replace(users[1], modified=users[0].modified),
    )
    world.read(users[::-1] if backwards else users)
    assert world.rows("SELECT key, linked_to, primary_key FROM record ORDER BY key") == [
        ("ann", None, None),
        ("google", "ann", "ann"),
    ]


def test_two_natives_who_name_one_identity_and_many_profiles_of_it(world: World) -> None:
    linked = json.dumps([{"userId": "1", "providerName": "Google", "providerType": "Google"}])
    natives = [cognito_user(f"n{at}", identities=linked, email=f"n{at}@b.co") for at in (2, 1)]
    profiles = [
        cognito_user(f"p{at}", status="EXTERNAL_PROVIDER", provider=("Google", "Google"), email=f"p{at}@b.co")
        for at in range(3)
    ]
    world.read([*profiles, *natives])
    assert world.rows("SELECT DISTINCT linked_to FROM record WHERE NOT native") == [("n1",)]


def test_a_long_statement_ends_when_somebody_wants_to_stop(world: World) -> None:
    connection = world.read([cognito_user("1", **OK)])
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(Interrupted), database.interruptible(connection, lambda: True, "counting"):
        connection.execute(endless).fetchone()
    # Afterwards the same connection serves what the result needs.
    assert connection.execute("SELECT count(*) FROM record").fetchone() == (1,)


def test_a_person_is_fingerprinted_with_defaults(make_world: Callable[..., World]) -> None:
    world = make_world(attributes=Attributes(metadata={"locale": source("locale", default="en")}))
    world.read([cognito_user("1", **OK), cognito_user("2", email="x@y.co", locale="en", email_verified="true")])
    rows = world.rows("SELECT fields, fingerprint FROM record ORDER BY key")
    assert orjson.loads(rows[0][0]) == {"external_id": "1"}
    assert rows[0][1] == world.marks.whole("a@b.co", True, {"external_id": "1", "metadata.locale": "en"})
    assert rows[1][1] == world.marks.whole("x@y.co", True, {"external_id": "2", "metadata.locale": "en"})


def test_records_of_one_address_become_one_person(world: World) -> None:
    world.read(
        [
            cognito_user("old", given_name="Ann", **OK),
            cognito_user("new", created=NEW_YEAR + DAY, family_name="Lee", email=" A@B.co", email_verified="true"),
            cognito_user("bad", created=NEW_YEAR + 2 * DAY, given_name="Mallory", email="a@b.co"),
            cognito_user("left-out", enabled=False, **OK),
        ]
    )
    rows = world.rows("SELECT key, primary_key, relation, fingerprint IS NULL FROM record ORDER BY key")
    assert rows == [
        ("bad", "new", "unverified", 1),
        ("left-out", None, "primary", 1),
        ("new", None, "primary", 0),
        ("old", "new", "merged", 1),
    ]
    ((fields, mark),) = world.rows("SELECT fields, fingerprint FROM person")
    expected = {"external_id": "new", "first_name": "Ann", "last_name": "Lee"}
    assert orjson.loads(fields) == expected and mark == world.marks.whole("a@b.co", True, expected)


def test_the_error_strategy_refuses_each_record(make_world: Callable[..., World]) -> None:
    world = make_world(duplicates=Duplicates(strategy="error"))
    world.read([cognito_user("1", **OK), cognito_user("2", **OK), cognito_user("3", email="x@y.co")])
    invalid = {sub: invalid and orjson.loads(invalid) for sub, invalid in world.rows("SELECT key, invalid FROM person")}
    assert invalid == {"1": {"email": "duplicate"}, "2": {"email": "duplicate"}, "3": None}


async def test_a_shared_external_id_is_nobodys(make_world: Callable[..., World]) -> None:
    world = make_world(attributes=Attributes(external_id=source("custom:id")))
    await world.apply(
        cognito_user("1", email="a@b.co", custom__id="x"),
        cognito_user("2", email="c@d.co", custom__id="x"),
        cognito_user("3", email="e@f.co", custom__id="y"),
        cognito_user("4", email="g@h.co"),
        # One person twice is no clash with themselves.
        cognito_user("5", email="i@j.co", custom__id="z"),
        cognito_user("6", email="i@j.co", custom__id="z"),
    )
    assert world.decided() == {
        "1": ("conflict", "shared_external_id"),
        "2": ("conflict", "shared_external_id"),
        "3": ("create", None),
        "4": ("conflict", "no_external_id"),
        "5": ("create", None),
    }
    assert sorted(str(one.external_id) for one in world.target.users.values()) == ["y", "z"]


def test_groups_come_from_membership_pages(make_world: Callable[..., World]) -> None:
    world = make_world(filters=Filters(groups_any=("staff", "admins"), groups_none=("test",)))
    users = [cognito_user(str(number), username=f"u{number}", email=f"u{number}@b.co") for number in range(6)]
    groups = {"staff": ["u1", "u2", "u3"], "admins": ["u4"], "test": ["u2"]}
    world.read(users, source=FakeSource(users=users, members=groups, size=2), inline_groups=False)
    assert world.rows("SELECT key FROM person ORDER BY key") == [("1",), ("3",), ("4",)]


def test_groups_that_organizations_come_from_are_read_as_well(make_world: Callable[..., World]) -> None:
    world = make_world(filters=Filters(groups_none=("test",)))
    users = [cognito_user(str(number), username=f"u{number}", email=f"u{number}@b.co") for number in range(4)]
    members = {"tenant-a": ["u1", "u2", "u2"], "tenant-b": ["u1"], "test": ["u2"], "unread": ["u3"]}
    source = FakeSource(users=users, members=members, size=2)
    world.read(users, source=source, inline_groups=False, placing=("tenant-b", "tenant-a"))
    assert world.rows("SELECT username FROM person ORDER BY username") == [("u0",), ("u1",), ("u3",)]
    assert world.rows("SELECT name FROM pool_group ORDER BY id") == [("tenant-a",), ("tenant-b",), ("test",)]


def test_groups_come_onto_a_page_once_and_by_name() -> None:
    users = [cognito_user(str(number), username=f"u{number}") for number in range(3)]
    # A chain that began again gives members twice.
    source = FakeSource(members={"b": ["u1", "u1", "u2"], "a": ["u1"], "empty": []}, size=1)
    pages: list[int] = []
    with closing(temporary_database()) as connection:
        members = GroupMembers(connection)
        members.read(source, ["b", "a", "empty", "a"], lambda: pages.append(1))
        assert [user.groups for user in members.onto(users)] == [(), ("a", "b"), ("b",)]
    assert len(pages) == 4


def test_two_pools_have_groups_and_users_of_one_name() -> None:
    with closing(temporary_database()) as connection:
        one, other = GroupMembers(connection), GroupMembers(connection, 1)
        one.read(FakeSource(members={"admins": ["ann"], "staff": ["bob"]}), ["admins", "staff"])
        other.read(FakeSource(members={"staff": ["ann", "bob"]}), ["staff"])
        users = [cognito_user("1", username="ann"), cognito_user("2", username="bob")]
        assert [user.groups for user in one.onto(users)] == [("admins",), ("staff",)]
        assert [user.groups for user in other.onto(users)] == [("staff",), ("staff",)]


def test_fifty_groups_of_ten_thousand_members_take_little_memory() -> None:
    size, groups = 10_000, [f"tenant-{number:02}" for number in range(50)]
    names = [f"user-{number:06}-of-the-pool" for number in range(size)]
    source = FakeSource(members=dict.fromkeys(groups, names))
    with closing(temporary_database()) as connection:
        members = GroupMembers(connection)
        # What Python holds: SQLite's own memory is bounded by its cache.
        tracemalloc.start()
        members.read(source, groups)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        (found,) = members.onto([cognito_user(username=names[17])])
    assert found.groups == tuple(groups)
    assert peak < 2_000_000


@pytest.mark.parametrize("groups", [None, ()])
def test_organizations_from_groups_need_an_export_with_groups(world: World, groups: tuple[str, ...] | None) -> None:
    if groups is not None:
        world.read([cognito_user("1", groups=groups, **OK)], placing=())
        return
    with pytest.raises(SourceError, match="organizations") as refused:
        world.read([cognito_user("1", **OK)], placing=())
    assert refused.value.code == "groups_missing"


def test_an_unknown_group_ends_the_reading(make_world: Callable[..., World]) -> None:
    world = make_world(filters=Filters(groups_any=("typo",)))
    with pytest.raises(SourceError, match="typo"):
        world.read([cognito_user()], inline_groups=False)


def test_a_groups_filter_over_an_export_without_groups(make_world: Callable[..., World]) -> None:
    world = make_world(filters=Filters(groups_none=("test",)))
    with pytest.raises(SourceError) as refused:
        world.read([cognito_user("1", **OK)])
    assert refused.value.code == "groups_missing"
    world.read([cognito_user("1", groups=(), **OK), cognito_user("2", groups=("test",), email="x@y.co")])
    assert world.rows("SELECT key FROM person") == [("1",)]
    world.read([])


def test_one_export_of_two_without_groups_is_an_error_too(make_world: Callable[..., World]) -> None:
    world = make_world(filters=Filters(groups_none=("test",)))
    with pytest.raises(SourceError) as refused:
        world.read([cognito_user("1", groups=(), **OK), cognito_user("2", email="x@y.co")])
    assert refused.value.code == "groups_missing"


def test_a_failing_source_ends_the_reading(world: World) -> None:
    users = [cognito_user(str(number)) for number in range(4)]
    with pytest.raises(SourceError):
        world.read(users, source=FakeSource(users=users, size=1, fail_after=2))


def test_half_a_surrogate_pair_in_a_name(world: World) -> None:
    world.read([cognito_user("1", given_name="A\ud800", **OK)])
    assert orjson.loads(world.rows("SELECT fields FROM person")[0][0])["first_name"] == "A?"


def test_the_file_is_private_new_and_removable(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.db"
    path.write_text("an earlier run's")
    (tmp_path / "snapshot.db-journal").write_text("x")
    database.create(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    database.remove(path)
    assert list(tmp_path.iterdir()) == []
    database.remove(path)


def test_a_missing_folder_is_a_state_error(tmp_path: Path) -> None:
    with pytest.raises(StateError) as refused:
        database.create(tmp_path / "nowhere" / "snapshot.db")
    assert refused.value.code == "snapshot_not_writable"


def test_a_full_disk_is_a_state_error(world: World) -> None:
    connection = world.read([])
    connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StateError) as refused, database.disk_errors(world.snapshot_path):
        connection.executemany(
            "INSERT INTO change (kind, key, action) VALUES ('user', ?, ?)",
            [(str(number), "g" * 500) for number in range(1000)],
        )
    assert (refused.value.code, refused.value.exit_code) == ("disk_full", 1)
