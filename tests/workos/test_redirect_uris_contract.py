"""The contract of `RedirectUriPort`, and what only the real adapter is faced with."""

from __future__ import annotations

import pytest

from engine.model.call_errors import Terminal
from engine.run.environment import WorkOSPorts
from tests.support.sandbox_extras import ScriptedFault
from tests.workos.conftest import failing


async def test_the_first_is_the_default(workos: WorkOSPorts) -> None:
    assert await workos.redirect_uris.all() == []
    made = [await workos.redirect_uris.create(uri) for uri in ("https://a/cb", "https://b/cb", "https://c/cb")]
    assert [one.ours for one in made] == [True] * 3
    held = await workos.redirect_uris.all()
    assert held == [one.held for one in made]
    assert [(one.uri, one.default) for one in held] == [
        ("https://a/cb", True), ("https://b/cb", False), ("https://c/cb", False),
    ]  # fmt: skip


async def test_one_that_is_there_is_not_ours(workos: WorkOSPorts) -> None:
    made = await workos.redirect_uris.create("https://a/cb")
    again = await workos.redirect_uris.create("https://a/cb")
    assert (again.held, again.ours) == (made.held, False)


async def test_deleting(workos: WorkOSPorts) -> None:
    first, second = [(await workos.redirect_uris.create(uri)).held for uri in ("https://a/cb", "https://b/cb")]
    await workos.redirect_uris.delete(second.id)
    await workos.redirect_uris.delete(second.id)
    assert await workos.redirect_uris.all() == [first]
    with pytest.raises(Terminal) as refused:
        await workos.redirect_uris.delete(first.id)
    assert refused.value.status == 409


async def test_a_list_that_fails_is_asked_for_again() -> None:
    async with failing(ScriptedFault("GET", "/redirect_uris", "error_before", times=2)) as (workos, _):
        await workos.redirect_uris.create("https://a/cb")
        assert [one.uri for one in await workos.redirect_uris.all()] == ["https://a/cb"]


async def test_what_workos_never_takes_is_said_at_once() -> None:
    async with failing() as (workos, _):
        with pytest.raises(Terminal):
            await workos.redirect_uris.create("nowhere")
