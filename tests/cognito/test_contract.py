"""What every `UserSource` must do, on the fake and on the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.cli.sources import open_source
from engine.exports.writer import write_export
from engine.model.cognito_records import parse_record
from engine.model.errors import SourceError
from engine.model.groups import Group, WritableAttributes
from engine.model.ports import UserSource
from engine.plan_file.model import CognitoSource, ExportSource
from tests.support.cognito import POOL_ID, REGION, StandIn, invent_users, make_moto_pool, serving
from tests.support.fake_source import FakeSource

NUMBER = 400
GROUPS = {"admins": ["user-0", "user-1", "user-2"], "empty": [], "staff": ["user-3"]}
PRECEDENCE = {"admins": 0, "staff": 7}
CLIENTS: dict[str, list[str] | None] = {"app": ["name", "custom:tenant"], "back": ["custom:plan"]}


@dataclass
class Case:
    source: UserSource
    own_subs: bool = True  # moto gives subs and dates of its own
    groups: bool = True


def _fake(_tmp: Path, _moto: str, _stack: ExitStack) -> Case:
    users = [parse_record(one) for one in invent_users(NUMBER)]
    by = {name: client for client, names in CLIENTS.items() for name in names or ()}
    return Case(FakeSource(users, GROUPS, PRECEDENCE, WritableAttributes(by)))


def _moto_pool(_tmp: Path, moto: str, _stack: ExitStack) -> Case:
    pool_id = make_moto_pool(moto, invent_users(NUMBER), GROUPS, precedence=PRECEDENCE, clients=CLIENTS)
    return Case(
        open_source(CognitoSource(pool_id, REGION, endpoint_url=moto, requests_per_second=None)), own_subs=False
    )


def _stand_in(_tmp: Path, _moto: str, stack: ExitStack) -> Case:
    made = StandIn(invent_users(NUMBER), groups=GROUPS, precedence=PRECEDENCE, clients=CLIENTS, estimate=50_000)
    stand_in = stack.enter_context(serving(made))
    source = CognitoSource(POOL_ID, REGION, endpoint_url=stand_in.url, requests_per_second=None)
    return Case(open_source(source))


def _json_pages(tmp: Path, _moto: str, _stack: ExitStack) -> Case:
    users = invent_users(NUMBER)
    for number, at in enumerate(range(0, NUMBER, 60), 1):
        page = {"Users": users[at : at + 60]}
        if at + 60 < NUMBER:
            page["PaginationToken"] = f"token-{number}"  # type: ignore[assignment]
        (tmp / f"users_{number}.json").write_text(json.dumps(page, indent=4))
    return Case(open_source(ExportSource(("users_*.json",), tmp)), groups=False)


def _own_export(tmp: Path, _moto: str, _stack: ExitStack) -> Case:
    users = [parse_record(one) for one in invent_users(NUMBER)]
    assert write_export([users[:100], [], users[100:]], tmp / "users.jsonl") == NUMBER
    return Case(open_source(ExportSource(("users.jsonl",), tmp)), groups=False)


@pytest.fixture(params=[_fake, _moto_pool, _stand_in, _json_pages, _own_export], ids=lambda make: make.__name__)
def case(request: pytest.FixtureRequest, tmp_path: Path, moto: str) -> Iterator[Case]:
    make: Callable[[Path, str, ExitStack], Case] = request.param
    with ExitStack() as stack:
        yield make(tmp_path, moto, stack)


def test_gives_every_record_once_and_whole(case: Case) -> None:
    expected = {one["Username"]: parse_record(one) for one in invent_users(NUMBER)}
    got = [user for page in case.source.pages() for user in page]
    assert len(got) == len({user.sub for user in got}) == NUMBER
    for user in got:
        wanted = expected[user.username]
        if case.own_subs:
            assert user == wanted
        else:
            assert (user.status, user.enabled) == (wanted.status, wanted.enabled)
            assert {**user.attributes, "sub": ""} == {**wanted.attributes, "sub": ""}
            assert user.created.tzinfo is not None


def test_can_be_read_twice(case: Case) -> None:
    first, second = ({user.sub for page in case.source.pages() for user in page} for _ in range(2))
    assert first == second


def test_pages_are_not_empty_and_bounded(case: Case) -> None:
    assert all(0 < len(page) <= 1000 for page in case.source.pages())


def test_describes_itself(case: Case) -> None:
    description = case.source.describe()
    assert description.label
    assert description.estimated_users is None or description.estimated_users >= 0


def test_stops_when_closed(case: Case) -> None:
    pages = case.source.pages()
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    assert list(pages) == []


def test_group_members(case: Case) -> None:
    if case.groups:
        found = [name for page in case.source.group_members("admins") for name in page]
        assert sorted(found) == GROUPS["admins"]


def test_groups_come_with_their_precedence(case: Case) -> None:
    expected = [Group("admins", 0), Group("empty"), Group("staff", 7)]
    assert case.source.groups() == (expected if case.groups else None)


def test_what_users_can_write(case: Case) -> None:
    found = case.source.writable_attributes()
    if not case.groups:
        assert found is None
        return
    assert found is not None
    writable = {name for name in ("name", "custom:tenant", "custom:plan", "email", "sub") if found.client_for(name)}
    assert writable == {"name", "custom:tenant", "custom:plan"}


def test_unknown_group_is_a_source_error(case: Case) -> None:
    with pytest.raises(SourceError) as raised:
        list(case.source.group_members("nobody"))
    assert raised.value.code == ("group_not_found" if case.groups else "groups_missing")
    assert "nobody" in raised.value.message


def test_the_fake_fails_as_told() -> None:
    users = [parse_record(one) for one in invent_users(100)]
    fake = FakeSource(users, size=10, fail_after=3)
    got: list[object] = []
    with pytest.raises(SourceError, match="scripted"):
        got.extend(fake.pages())
    assert len(got) == 3
    with pytest.raises(SourceError, match="gone"):
        FakeSource(describe_error=SourceError("gone")).describe()
    pages = FakeSource(users).pages()
    next(pages)
    pages.close()  # type: ignore[attr-defined]
