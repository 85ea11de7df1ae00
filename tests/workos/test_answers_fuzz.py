"""Answers that nobody at WorkOS would give, at random: every call ends as the port says, soon, in bounded memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import resource
from typing import Any

import pytest

from engine.model.call_errors import CallFailed
from engine.model.ports import UserChanges
from engine.model.users import TargetUser
from engine.plan_file.model import Destination
from engine.quota.budget import Quota
from engine.quota.metered import CallsStopped, MeteredTarget
from engine.resets.history import read_history
from engine.resources.organizations.port import Organization, OrganizationChanges
from engine.resources.users.discovery import list_all
from engine.workos.environment import WorkOSEnvironment
from engine.workos.resets import WorkOSResets
from engine.workos.users import WorkOSTarget
from tests.support.answering import Answer, listening, says
from tests.support.metered import destination
from tests.support.virtual_clock import VirtualClock
from tests.workos.test_odd_answers import ANN

_STATUSES = ("200 OK",) * 8 + (
    "201 Created", "204 No Content", "302 Found", "400 Bad", "401 No", "404 No", "408 Late", "409 Taken", "422 Bad",
    "425 Early", "429 Slow", "500 Oops", "503 Busy", "599 Odd",
)  # fmt: skip
_TEXTS = ("", "a", "user_1", "\ud800", "x" * 5000, "\x00", "sk_live_abcdefghijkl", "2024-01-01T00:00:00.000Z", "\u202e")
_NUMBERS = (0, -1, 1.5, 2**63, -(2**64), 10**30, float("nan"), float("inf"))


def _value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(8 if depth < 3 else 5)
    if kind < 2:
        return draw.choice(_TEXTS)
    if kind == 2:
        return draw.choice(_NUMBERS)
    if kind < 5:
        return draw.choice((None, True, False))
    if kind == 5:
        return [_value(draw, depth + 1) for _ in range(draw.randrange(4))]
    names = (*ANN, "data", "list_metadata", "after", "code", "error", "errors", "uri", "name", "event", "created_at")
    return {draw.choice(names): _value(draw, depth + 1) for _ in range(draw.randrange(6))}


def _bent(draw: random.Random, content: Any) -> Any:
    """The content with one place of it replaced or taken away."""
    if isinstance(content, dict) and content and draw.random() < 0.8:
        key = draw.choice(list(content))
        if draw.random() < 0.2:
            return {name: value for name, value in content.items() if name != key}
        return content | {key: _bent(draw, content[key])}
    if isinstance(content, list) and content and draw.random() < 0.8:
        at = draw.randrange(len(content))
        return [*content[:at], _bent(draw, content[at]), *content[at + 1 :]]
    return _value(draw)


def _answer(draw: random.Random) -> Answer:
    event = {"event": "password_reset.succeeded", "created_at": "2024-01-01T00:00:00.000Z", "data": {"user_id": "u"}}
    item = draw.choice([ANN, event, {"id": "conn_1", "name": "x", "organization_id": "org_1"}, {"uri": "https://a/"}])
    page = {"object": "list", "data": [item] * draw.randrange(4), "list_metadata": {"after": draw.choice([None, "c"])}}
    content = draw.choice([item, page, page, {"code": "x", "message": "m", "errors": [{"code": "y"}]}])
    for _ in range(draw.randrange(3)):
        content = _bent(draw, content)
    body = json.dumps(content).encode()
    headers = []
    if draw.random() < 0.1:
        body = draw.choice([b"", b"<html>", b"[" * 20_000, b"\xff\xfe", b"9" * 5000, body[: len(body) // 2]])
    if draw.random() < 0.1:
        headers.append(
            "Retry-After: " + draw.choice(["0", "1", "86400", "nan", "-1", "1e99", "Sun, 99 Nov", "9" * 400])
        )
    if draw.random() < 0.1:
        headers.append("Content-Encoding: " + draw.choice(["gzip", "deflate", "br", "gzip, gzip", "nonsense"]))
        body = draw.choice([body, gzip.compress(body), gzip.compress(b" " * 2**24)])
    return says(draw.choice(_STATUSES), body, *headers, chunked=draw.random() < 0.3)


class _Kept:
    def __init__(self) -> None:
        self.users: list[TargetUser] = []

    def store_targets(self, users: Any) -> None:
        self.users += users


async def _case(seed: int) -> None:
    draw = random.Random(seed)
    clock, kept = VirtualClock(), _Kept()
    async with listening(lambda _: _answer(draw)) as address:
        given = Destination("client_1", "sk_test_x", address)
        target, resets = WorkOSTarget(given, timeout=20), WorkOSResets(given, timeout=20, clock=clock)
        met = MeteredTarget(target, Quota(destination(), clock), clock=clock, rng=random.Random(seed))
        met.read_tries = 2
        workos = WorkOSEnvironment(target, given, meter=met, timeout=20)
        calls = [
            lambda: met.create({"email": "ann@example.com", "email_verified": True}),
            lambda: met.update("user_1", UserChanges(first_name="x")),
            lambda: met.get("user_1"),
            lambda: met.find_by_external_id("ann"),
            lambda: met.find_by_email("ann@example.com"),
            lambda: list_all(kept, met, lambda _: None),
            workos.redirect_uris.all,
            lambda: workos.redirect_uris.create("https://a.example.com"),
            lambda: workos.connections.of_organization("org_1"),
            lambda: workos.organizations.find("acme"),
            lambda: workos.organizations.list_page(None),
            lambda: workos.organizations.create(Organization("acme", "Acme")),
            lambda: workos.organizations.update("org_1", OrganizationChanges(name="Acme")),
            lambda: workos.organizations.delete("org_1"),
            workos.roles.all,
            workos.webhooks.all,
            workos.roles.permissions,
            lambda: workos.roles.create("admin", "Admin"),
            lambda: workos.roles.set_permissions("admin", ["x:read"]),
            lambda: workos.memberships.find("user_1", "org_1"),
            lambda: workos.memberships.create("user_1", "org_1", ["admin"]),
            lambda: workos.memberships.update_roles("om_1", ["admin"]),
            lambda: workos.memberships.deactivate("om_1"),
            lambda: workos.memberships.delete("om_1"),
            lambda: workos.sessions.active("user_1"),
            lambda: workos.sessions.revoke("user_1", ["session_1"]),
            lambda: workos.sign_in.find("https://a.example.com", provider="GoogleOAuth"),
            lambda: resets.request("ann@example.com", None),
            lambda: read_history(resets, met, ("password_reset.succeeded",), since=clock.now() - 1, now=clock.now()),
        ]
        try:
            found = await draw.choice(calls)()
        except (CallFailed, CallsStopped) as error:
            assert "sk_live" not in str(error) or error.code.startswith("sk_"), error
        else:
            if isinstance(found, TargetUser):
                kept.users.append(found)
        finally:
            await target.close()
            await resets.close()
    for user in kept.users:
        # Whatever passed can be kept: SQLite takes no lone surrogate, and nothing but text stands where text belongs.
        texts = [user.id, user.email, user.external_id, user.first_name, user.last_name, *user.metadata.values()]
        assert user.id and user.email and isinstance(user.email_verified, bool)
        assert all(one is None or isinstance(one.encode(), bytes) for one in [*texts, *user.metadata])


async def _cases(seeds: range) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        try:
            await asyncio.wait_for(_case(seed), 30)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 150_000, f"{grown} KB"


async def test_odd_answers() -> None:
    await _cases(range(60))


@pytest.mark.long
async def test_many_odd_answers() -> None:
    await _cases(range(60, 2060))
