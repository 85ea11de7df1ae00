"""The contract of the port `UserTarget`, run on the fake and on the real adapter against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.model.call_errors import Terminal
from engine.model.ports import UserChanges, UserTarget
from engine.plan_file.model import Destination
from engine.sandbox.options import Settings
from engine.workos.users import WorkOSTarget
from tests.support.fake_target import FakeTarget
from tests.support.sandbox_extras import Options, Server

ANN = {
    "email": "ann@example.com", "email_verified": True, "external_id": "ann", "first_name": "Ann", "last_name": "Lee",
    "metadata": {"plan": "pro", "flag": "true"},
}  # fmt: skip


@pytest.fixture(params=["fake", "workos"])
async def target(request: pytest.FixtureRequest) -> AsyncIterator[UserTarget]:
    if request.param == "fake":
        yield FakeTarget()
        return
    async with Server(Options()) as server:
        own = server.options
        adapter = WorkOSTarget(Destination(own.client_id, own.api_key, server.url), timeout=5)
        yield adapter
        await adapter.close()


async def test_create_and_find(target: UserTarget) -> None:
    made = await target.create(ANN)
    assert (made.email, made.email_verified, made.external_id) == ("ann@example.com", True, "ann")
    assert (made.first_name, made.last_name, dict(made.metadata)) == ("Ann", "Lee", ANN["metadata"])
    for found in (
        await target.get(made.id),
        await target.find_by_external_id("ann"),
        await target.find_by_email("ann@example.com"),
        await target.find_by_email(" ANN@Example.com "),
    ):
        assert found == made


async def test_nobody(target: UserTarget) -> None:
    assert await target.get("user_nobody") is None
    assert await target.find_by_external_id("nobody") is None
    assert await target.find_by_email("nobody@example.com") is None
    assert await target.list_page(None) == ([], None)


async def test_the_least(target: UserTarget) -> None:
    made = await target.create({"email": " Bob@Example.com ", "email_verified": False})
    assert (made.email, made.email_verified, made.external_id, made.first_name, dict(made.metadata)) == (
        "bob@example.com", False, None, None, {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"email": "ANN@example.com", "external_id": "other"}, "email_not_available"),
        ({"email": "other@example.com", "external_id": "ann"}, "external_id_already_used"),
    ],
)
async def test_addresses_and_external_ids_are_unique(target: UserTarget, other: dict[str, Any], code: str) -> None:
    await target.create(ANN)
    with pytest.raises(Terminal) as refused:
        await target.create(other)
    assert (refused.value.code, refused.value.status) == (code, 400)
    made = await target.create({"email": "third@example.com", "external_id": "third"})
    with pytest.raises(Terminal) as refused:
        await target.update(
            made.id, UserChanges(email="ann@example.com") if "not" in code else UserChanges(external_id="ann")
        )
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert await target.get(made.id) == made


async def test_an_update_changes_what_it_carries(target: UserTarget) -> None:
    made = await target.create(ANN)
    changed = await target.update(made.id, UserChanges(first_name="Anna"))
    assert (changed.first_name, changed.last_name, changed.email_verified) == ("Anna", "Lee", True)
    changes = UserChanges(email="new@example.com", email_verified=False, external_id="new")
    changed = await target.update(made.id, changes)
    assert (changed.email, changed.email_verified, changed.external_id) == ("new@example.com", False, "new")
    assert await target.get(made.id) == changed and await target.find_by_external_id("ann") is None


async def test_metadata_merges_and_none_removes(target: UserTarget) -> None:
    made = await target.create(ANN)
    changed = await target.update(made.id, UserChanges(metadata={"plan": None, "tier": "gold"}))
    assert dict(changed.metadata) == {"flag": "true", "tier": "gold"}


async def test_updating_nobody(target: UserTarget) -> None:
    with pytest.raises(Terminal) as refused:
        await target.update("user_nobody", UserChanges(first_name="x"))
    assert refused.value.status == 404


async def test_listing_oldest_first(target: UserTarget) -> None:
    made = [await target.create({"email": f"u{number}@example.com"}) for number in range(205)]
    listed: list[str] = []
    after, pages = None, 0
    while pages == 0 or after is not None:
        users, after = await target.list_page(after)
        listed += [user.id for user in users]
        pages += 1
    assert listed == [user.id for user in made] and pages == 3


async def test_an_external_id_is_taken_off(target: UserTarget) -> None:
    made = await target.create(ANN)
    changed = await target.update(made.id, UserChanges(metadata={"flag": None}, clear_external_id=True))
    assert (changed.external_id, dict(changed.metadata)) == (None, {"plan": "pro"})
    assert await target.find_by_external_id("ann") is None
    assert (await target.create({"email": "other@example.com", "external_id": "ann"})).external_id == "ann"


async def test_a_deletion_and_one_of_nobody(target: UserTarget) -> None:
    made = await target.create(ANN)
    await target.delete(made.id)
    assert await target.get(made.id) is None
    with pytest.raises(Terminal) as refused:
        await target.delete(made.id)
    assert refused.value.status == 404


async def test_workos_may_refuse_a_deletion() -> None:
    async with Server(Options(settings=Settings(user_deletion_allowed=False))) as server:
        own = server.options
        adapter = WorkOSTarget(Destination(own.client_id, own.api_key, server.url), timeout=5)
        made = await adapter.create(ANN)
        with pytest.raises(Terminal) as refused:
            await adapter.delete(made.id)
        assert (refused.value.status, refused.value.code) == (409, "user_deletion_not_allowed")
        assert await adapter.get(made.id) == made
        await adapter.close()
