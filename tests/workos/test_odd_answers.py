"""Answers of another shape than the API's, too long ones, and lists that run in a circle."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import random
import resource
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from engine.model.call_errors import Ambiguous, CallFailed, Refused, Terminal
from engine.model.resets import CREATED, SUCCEEDED
from engine.model.users import TargetUser
from engine.plan_file.model import Destination
from engine.quota.budget import Quota
from engine.quota.metered import MeteredTarget
from engine.resources.users.departures import find_departed
from engine.resources.users.discovery import list_all
from engine.resources.users.usage import Usage
from engine.workos.environment import WorkOSEnvironment
from engine.workos.resets import WorkOSResets
from engine.workos.users import WorkOSTarget
from tests.support.answering import Answer, listening, says
from tests.support.metered import destination
from tests.support.virtual_clock import VirtualClock

ANN: dict[str, Any] = {
    "object": "user", "id": "user_1", "email": "ann@example.com", "email_verified": True, "first_name": "Ann",
    "last_name": None, "profile_picture_url": None, "last_sign_in_at": None, "external_id": "ann",
    "metadata": {"plan": "pro"}, "created_at": "2024-01-01T00:00:00.000Z", "updated_at": "2024-01-01T00:00:00.000Z",
}  # fmt: skip
BIG = 10**30
ODD_FIELDS = [
    ("id", ""), ("id", 7), ("id", None), ("id", "\ud800"), ("email", ["a"]), ("email", "a\udfff@example.com"),
    ("email_verified", "true"), ("email_verified", 1), ("email_verified", None),
    ("external_id", 7), ("external_id", BIG), ("external_id", {"a": 1}), ("first_name", True), ("last_name", [1]),
    ("metadata", []), ("metadata", "text"), ("metadata", 7), ("metadata", {"k": BIG}),
    ("metadata", {"k": {"deep": 1}}), ("metadata", {"\ud800": "v"}), ("metadata", {"k": "\udfff"}),
    ("last_sign_in_at", 7), ("created_at", BIG), ("updated_at", {}),
]  # fmt: skip
Call = Callable[[WorkOSTarget], Awaitable[object]]
CALLS: dict[str, Call] = {
    "create": lambda target: target.create({"email": "ann@example.com", "email_verified": True}),
    "get": lambda target: target.get("user_1"),
    "find_by_external_id": lambda target: target.find_by_external_id("ann"),
}


async def ended(call: Call, answer: Answer) -> CallFailed | object:
    async with listening(lambda _: answer) as address:
        target = WorkOSTarget(Destination("client_1", "sk_test_x", address), timeout=20)
        try:
            return await call(target)
        except CallFailed as error:
            return error
        finally:
            await target.close()


def is_unexpected(end: object) -> bool:
    return type(end) is Ambiguous and end.code == "unexpected_answer"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("name", "value"), ODD_FIELDS)
async def test_a_user_with_an_odd_field(call: str, name: str, value: object) -> None:
    assert is_unexpected(await ended(CALLS[call], says("200 OK", json.dumps(ANN | {name: value}).encode())))


@pytest.mark.parametrize(("name", "value"), ODD_FIELDS)
async def test_a_list_with_an_odd_user(name: str, value: object) -> None:
    body = json.dumps({"data": [ANN, ANN | {name: value}], "list_metadata": {"after": None}}).encode()
    assert is_unexpected(await ended(lambda target: target.list_page(None), says("200 OK", body)))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"7", b'"text"', b"<html>", b'{"data": []}',
        b'{"data": null, "list_metadata": {}}',
        b'{"data": [], "list_metadata": 1}', b'{"data": [], "list_metadata": null}',
        b'{"data": {}, "list_metadata": {}}',
        b'{"data": [{}], "list_metadata": {}}', b'{"data": [7], "list_metadata": {}}',
        b'{"data": [null], "list_metadata": {}}', b'{"data": [[]], "list_metadata": {}}',
        b'{"data": [], "list_metadata": {"after": 7}}', b'{"data": [], "list_metadata": {"after": ["a"]}}',
        b'{"data": [], "list_metadata": {"after": "\\ud800"}}', b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5_000,
    ],
)  # fmt: skip
async def test_what_is_no_list_is_not_an_empty_one(body: bytes) -> None:
    for call in (lambda target: target.list_page(None), lambda target: target.find_by_email("ann@example.com")):
        assert is_unexpected(await ended(call, says("200 OK", body)))


LISTS: dict[str, tuple[Call, str]] = {
    "identities": (lambda target: target.count_identities("user_1"), "[%s]"),
    "auth factors": (
        lambda target: target.count_factors("user_1"),
        '{"object": "list", "data": [%s], "list_metadata": {"before": null, "after": null}}',
    ),
}
ITEMS = {
    "identities": '{"idp_id": "1", "type": "OAuth", "provider": "NobodyKnowsItOAuth"}',
    "auth factors": '{"object": "authentication_factor", "id": "auth_factor_1", "type": "totp"}',
}


@pytest.mark.parametrize("what", LISTS)
async def test_what_is_linked_to_a_user_is_counted(what: str) -> None:
    call, body = LISTS[what]
    for items in ([], [ITEMS[what]], [ITEMS[what]] * 2):
        assert await ended(call, says("200 OK", (body % ", ".join(items)).encode())) == len(items)


@pytest.mark.parametrize("what", LISTS)
async def test_what_cannot_be_counted_is_not_none(what: str) -> None:
    """An account that somebody uses must not pass for one that nobody uses."""
    call, body = LISTS[what]
    odd = [body % item for item in ("null", "7", "[]", "{}", '"text"', '{"id": 7, "provider": 7}')]
    for given in ("", "null", "{}", "7", '"text"', "false", "<html>", '{"data": []}', "[" * 100_000, *odd):
        assert is_unexpected(await ended(call, says("200 OK", given.encode()))), given[:100]
    empty = (body % "").encode()
    for status, given in (("204 No Content", b""), ("302 Found", empty)):
        assert is_unexpected(await ended(call, says(status, given, "Location: https://example.com/"))), status
    assert type(await ended(call, says("404 Not Found", empty))) is Terminal


async def test_a_deletion_ends_as_it_is_answered() -> None:
    def delete(target: WorkOSTarget) -> Awaitable[None]:
        return target.delete("user_1")

    for status in ("200 OK", "204 No Content"):
        assert await ended(delete, says(status, b"")) is None
    for status, kind in (("404 Not Found", Terminal), ("409 Conflict", Terminal), ("401 Unauthorized", Refused)):
        assert type(await ended(delete, says(status, b"{}"))) is kind


async def test_somebody_else_under_an_external_id_is_nobody() -> None:
    """A server that looks at nothing must not make another's user ours."""
    for other in ("Ann", "ann2", None):
        answer = says("200 OK", json.dumps(ANN | {"external_id": other}).encode())
        assert await ended(CALLS["find_by_external_id"], answer) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"created_at": "yesterday"}, {"created_at": None}, {"data": None}, {"data": {}}, {"data": {"user_id": 7}},
        {"data": {"user_id": ""}}, {"data": {"user_id": "\ud800"}}, {"event": None}, {"event": 7},
    ],
)  # fmt: skip
async def test_a_reset_that_cannot_be_read_is_not_passed_over(wrong: dict[str, Any]) -> None:
    """Its user would be mailed a second time."""
    event = {"id": "event_1", "event": CREATED, "created_at": "2024-01-01T00:00:00Z", "data": {"user_id": "user_1"}}
    bodies = [json.dumps({"data": [event | one], "list_metadata": {"after": None}}).encode() for one in (wrong, {})]
    given = iter(bodies)
    async with listening(lambda _: says("200 OK", next(given))) as address:
        resets = WorkOSResets(Destination("client_1", "sk_test_x", address), timeout=20, clock=VirtualClock())
        with pytest.raises(Ambiguous, match="unexpected_answer"):
            await resets.events_page((CREATED, SUCCEEDED), 0.0, None, None)
        assert [one.user_id for one in (await resets.events_page((CREATED,), 0.0, None, None))[0]] == ["user_1"]
        await resets.close()


async def test_a_redirect_with_a_user_in_it_is_none() -> None:
    answer = says("302 Found", json.dumps(ANN).encode(), "Location: https://example.com/")
    assert is_unexpected(await ended(CALLS["create"], answer))


def _long(size: int) -> bytes:
    return json.dumps(ANN | {"first_name": "x" * size}).encode()


PACKED = {
    "identity": lambda body: body,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": lambda body: zlib.compress(body, wbits=-15),
}

# Without the time: it would be part of the tests' names, on which all workers must agree.
_GZIP = gzip.compress(_long(100), mtime=0)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("packed", PACKED)
async def test_bodies_up_to_8_mib_are_read(packed: str, chunked: bool) -> None:
    header = f"Content-Encoding: {packed.rsplit(maxsplit=1)[-1]}"
    whole = PACKED[packed](_long(7 * 2**20))
    found = await ended(CALLS["get"], says("200 OK", whole, header, chunked=chunked))
    assert not isinstance(found, CallFailed), found
    too_long = PACKED[packed](_long(8 * 2**20))
    assert is_unexpected(await ended(CALLS["get"], says("200 OK", too_long, header, chunked=chunked)))


async def test_a_bomb_is_not_unpacked() -> None:
    """400 MB in 400 KB: memory stays where it was."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b" " * 2**20) for _ in range(400)) + packer.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert is_unexpected(await ended(CALLS["get"], says("200 OK", bomb, "Content-Encoding: gzip")))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, f"{grown} KB"
    refused = await ended(CALLS["get"], says("401 Unauthorized", bomb, "Content-Encoding: gzip"))
    assert type(refused) is Refused


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"x", "br"), (b"x", "zstd"), (b"x", "gzip, gzip"), (b"not packed", "gzip"), (b"\x1f\x8b", "gzip"),
     (_GZIP[:-9], "gzip"), (_GZIP + b"more", "gzip"), (b"\xff\xff", "deflate")],
)  # fmt: skip
async def test_what_cannot_be_unpacked(body: bytes, encoding: str) -> None:
    assert is_unexpected(await ended(CALLS["get"], says("200 OK", body, f"Content-Encoding: {encoding}")))


def _circle(item: object, *cursors: str) -> Callable[[str], Answer]:
    """A list that gives these cursors, over and over."""
    given = iter(cursors * 50)

    def choose(_: str) -> Answer:
        page = {"data": [item], "list_metadata": {"before": None, "after": next(given)}}
        return says("200 OK", json.dumps(page).encode())

    return choose


class _Kept:
    def __init__(self) -> None:
        self.users = 0

    def store_targets(self, users: Any) -> None:
        self.users += len(users)


def _met(target: WorkOSTarget) -> MeteredTarget:
    clock = VirtualClock()
    return MeteredTarget(target, Quota(destination(), clock), clock=clock, rng=random.Random(1))


@pytest.mark.parametrize("cursors", [("a",), ("a", "b"), ("a", "b", "c", "b")])
async def test_a_listing_of_users_in_a_circle(cursors: tuple[str, ...]) -> None:
    async with listening(_circle(ANN, *cursors)) as address:
        target = WorkOSTarget(Destination("client_1", "sk_test_x", address), timeout=20)
        kept = _Kept()
        with pytest.raises(Terminal, match="cursor_loop"):
            await list_all(kept, _met(target), lambda _: None)
        await target.close()
    assert kept.users <= 4


@pytest.mark.parametrize("what", ["redirect_uris", "connections"])
async def test_lists_of_sign_in_in_a_circle(what: str) -> None:
    item = {"id": "conn_1", "name": "x", "organization_id": "org_1", "uri": "https://a.example.com", "default": True}
    async with listening(_circle(item, "a", "b")) as address:
        given = Destination("client_1", "sk_test_x", address)
        target = WorkOSTarget(given, timeout=20)
        workos = WorkOSEnvironment(target, given, meter=_met(target), timeout=20)
        with pytest.raises(Terminal, match="cursor_loop"):
            if what == "redirect_uris":
                await workos.redirect_uris.all()
            await workos.connections.of_organization("org_1")
        await target.close()


def _events_in_a_circle(*ids: str) -> Callable[[bytes], Answer]:
    given = itertools.cycle(ids)

    def choose(_: bytes) -> Answer:
        data = {"id": "user_9", "user_id": "user_9"}
        events = [{"id": next(given), "event": name, "data": data} for name in ("user.deleted", SUCCEEDED)]
        return says("200 OK", json.dumps({"data": events, "list_metadata": {"after": None}}).encode())

    return choose


class _KnowsAll(_Kept):
    def count_known(self) -> int:
        return 1

    def is_known(self, _: str) -> bool:
        return True

    def unlisted(self) -> Iterator[str]:
        return iter(())

    def store_gone(self, workos_ids: Sequence[str]) -> None:
        raise AssertionError(workos_ids)


@pytest.mark.parametrize("ids", [("a",), ("x", "a", "x", "b"), ("x", "a", "x", "b", "x", "c", "x", "b")])
async def test_events_in_a_circle(ids: tuple[str, ...]) -> None:
    """Neither who has reset a password nor who was deleted is known by then."""
    async with listening(_events_in_a_circle(*ids)) as address, asyncio.timeout(10):
        target = WorkOSTarget(Destination("client_1", "sk_test_x", address), timeout=20)
        met = _met(target)
        user = TargetUser("user_1", "a@x.co", False, "a", None, None, {}, created_at="1", updated_at="1")
        met.count_identities = met.count_factors = _none  # type: ignore[method-assign]
        usage = Usage(met, VirtualClock())
        for _ in range(2):
            with pytest.raises(Terminal, match="cursor_loop"):
                await usage.is_used(user, stamp="1")
        met.list_page = _nobody  # type: ignore[method-assign]
        found = await find_departed(_KnowsAll(), met, looked_at=0.0, now=1.0, progress=lambda _: None)
        assert found == "listing"
        await target.close()


async def _none(_: str) -> int:
    return 0


async def _nobody(_: str | None) -> tuple[Sequence[TargetUser], str | None]:
    return (), None
