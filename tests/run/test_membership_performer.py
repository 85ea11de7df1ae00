"""One membership's change, every way in which its calls can end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model.call_errors import Ambiguous, Terminal
from engine.model.outcomes import Done, NotDone
from engine.resources.memberships.changes import KnownMembership, MembershipChange, Standing
from engine.resources.memberships.decision import MembershipRules
from engine.resources.memberships.performer import MembershipPerformer, MembershipWork
from engine.resources.memberships.placements import DesiredMembership
from engine.resources.memberships.port import HeldMembership, HeldSession
from engine.resources.organizations.port import Organization
from tests.support.fake_target import After
from tests.support.fake_workos import FakeWorkOS

KEY = "pool/ann\tacme"
RULES = MembershipRules(remove_missing=True, disabled="deactivate", left="deactivate")
VERIFIED = Standing(verified=True)
WANTED = DesiredMembership("acme", ("member",))
DISABLED = replace(WANTED, enabled=False)
LOST = Ambiguous("connection_lost")


class Scene:
    def __init__(self) -> None:
        self.fake = FakeWorkOS()
        self.script, self.port = self.fake.script, self.fake.memberships
        self.organization = ""

    async def begin(self) -> None:
        """The organization and a second role are there."""
        made = await self.fake.organizations.create(Organization("acme", "Acme", {}, {}))
        await self.fake.roles.create("admin", "Admin")
        self.organization = made.held.id
        self.performer = MembershipPerformer(
            self.port, self.fake.sessions, RULES, organization={"acme": made.held.id}.get
        )
        self.script.writes.clear()
        self.script.calls.clear()

    def theirs(self, *roles: str, status: Any = "active") -> HeldMembership:
        return self.port.add("user_1", self.organization, status, *roles)

    async def perform(
        self,
        desired: DesiredMembership | None = WANTED,
        known: KnownMembership | None = None,
        standing: Standing = VERIFIED,
        **work: Any,
    ) -> tuple[Any, str]:
        """What was decided without a look, carried out."""
        change = RULES.decide(desired, known, "unknown", standing)
        given = {"organization": "acme", "user_id": "user_1"} | work
        return await self.performer.perform(
            MembershipWork(KEY, change=change, desired=desired, known=known, standing=standing, **given)
        )

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.script.calls]


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.begin()
    return made


def ours(held: HeldMembership, **more: Any) -> KnownMembership:
    return KnownMembership(held.id, held.roles, created_here=True, **more)


async def test_created_after_a_look(scene: Scene) -> None:
    outcome, counted = await scene.perform()
    (held,) = scene.port.held.values()
    detail = {"roles": ["member"], "off": False, "user": "user_1"}
    assert outcome == Done("membership", KEY, held.id, "create", b"", {}, True, 1, detail=detail)
    assert counted == "created" and scene.called == ["memberships.find", "memberships.create"]
    assert (held.status, held.roles) == ("active", ("member",))


@pytest.mark.parametrize(("status", "code"), [("inactive", "membership_inactive"), ("pending", "membership_pending")])
async def test_what_somebody_else_switched_off_stays_off(scene: Scene, status: str, code: str) -> None:
    held = scene.theirs("member", status=status)
    outcome, counted = await scene.perform()
    assert (outcome.status, outcome.code, counted) == ("conflict", code, "conflicts")
    assert scene.port.held == {held.id: held} and scene.script.writes == []


async def test_somebody_elses_active_one_is_recorded_as_theirs(scene: Scene) -> None:
    held = scene.theirs("member")
    outcome, counted = await scene.perform()
    assert (outcome.workos_id, outcome.created_here, counted) == (held.id, False, "unchanged")
    assert scene.script.writes == []


@pytest.mark.parametrize("status", ["active", "pending"])
async def test_what_turns_up_between_the_look_and_the_write_is_theirs(
    scene: Scene, status: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = scene.port.find

    async def late(user_id: str, organization_id: str) -> HeldMembership | None:
        found = await find(user_id, organization_id)
        scene.theirs("admin", status=status)
        return found

    monkeypatch.setattr(scene.port, "find", late)
    outcome, counted = await scene.perform()
    (held,) = scene.port.held.values()
    assert (held.roles, held.status, scene.script.writes) == (("admin",), status, [])
    assert counted == ("skipped" if status == "active" else "conflicts")
    assert not getattr(outcome, "created_here", False)


@pytest.mark.parametrize("call", ["create", "update_roles"])
async def test_one_role_where_the_environment_allows_one(scene: Scene, call: str) -> None:
    both = replace(WANTED, roles=("admin", "member"))
    known = ours(scene.theirs("member")) if call == "update_roles" else None
    outcome, _ = await scene.perform(both, known)
    (held,) = scene.port.held.values()
    # What the plan asks for is kept, so that the next run has nothing to do.
    assert held.roles == ("admin",) and outcome.detail["roles"] == ["admin", "member"]
    assert scene.performer.narrowed == 1 and scene.called.count(f"memberships.{call}") == 2
    # From then on it is known.
    scene.port.held.clear()
    await scene.perform(both)
    assert scene.performer.narrowed == 2
    assert scene.called.count("memberships.create") == (3 if call == "create" else 1)


async def test_who_got_no_role_is_not_among_the_narrowed(scene: Scene) -> None:
    outcome, counted = await scene.perform(replace(WANTED, roles=("nosuch", "member")))
    assert (outcome.code, counted, scene.performer.narrowed) == ("invalid_role", "conflicts", 0)


async def test_several_roles_where_the_environment_allows_them(scene: Scene) -> None:
    scene.port.multiple_roles = True
    await scene.perform(replace(WANTED, roles=("admin", "member")))
    assert [one.roles for one in scene.port.held.values()] == [("admin", "member")]
    assert scene.performer.narrowed == 0


async def test_switched_off_and_on(scene: Scene) -> None:
    held = scene.theirs("member")
    outcome, counted = await scene.perform(DISABLED, ours(held))
    assert (counted, outcome.detail["off"], scene.port.held[held.id].status) == ("deactivated", True, "inactive")
    outcome, counted = await scene.perform(WANTED, ours(held, off=True))
    assert (counted, outcome.detail["off"], scene.port.held[held.id].status) == ("reactivated", False, "active")


async def test_switching_off_keeps_the_stamp_that_it_left(scene: Scene) -> None:
    held = scene.theirs("member")
    outcome, _ = await scene.perform(DISABLED, ours(held))
    stamp = scene.port.held[held.id].updated_at
    assert outcome.detail == {"roles": ["member"], "off": True, "user": "user_1", "stamp": stamp}
    assert stamp is not None and stamp != held.updated_at
    outcome, counted = await scene.perform(WANTED, ours(held, off=True, stamp=stamp))
    assert (counted, outcome.detail) == ("reactivated", {"roles": ["member"], "off": False, "user": "user_1"})


async def test_what_somebody_else_switched_on_and_off_again_stays_off(scene: Scene) -> None:
    held = scene.theirs("member")
    outcome, _ = await scene.perform(DISABLED, ours(held))
    await scene.port.reactivate(held.id)
    theirs = await scene.port.deactivate(held.id)
    scene.script.writes.clear()
    known = ours(held, off=True, stamp=outcome.detail["stamp"])
    outcome, counted = await scene.perform(replace(WANTED, roles=("admin",)), known)
    assert (outcome.status, outcome.code, counted) == ("conflict", "membership_inactive", "conflicts")
    assert scene.port.held == {held.id: theirs} and scene.script.writes == []


@pytest.mark.parametrize("touched", [False, True])
async def test_roles_given_while_it_is_off(scene: Scene, touched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own write moves the stamp that is kept; what others wrote before it still shows."""
    monkeypatch.setattr(scene.performer, "_rules", replace(RULES, disabled="skip"))
    held = scene.theirs("member", status="inactive")
    stamp = "long ago" if touched else held.updated_at
    admin, known = replace(DISABLED, roles=("admin",)), ours(held, off=True, stamp=stamp)
    change = replace(RULES, disabled="skip").decide(admin, known, "unknown", VERIFIED)
    work = MembershipWork(KEY, "acme", "user_1", change, admin, known, VERIFIED)
    outcome, counted = await scene.performer.perform(work)
    now = scene.port.held[held.id]
    assert (counted, now.roles, now.status) == ("updated", ("admin",), "inactive")
    assert outcome.detail["off"] and outcome.detail["stamp"] == (stamp if touched else now.updated_at)


async def test_what_somebody_else_switched_off_is_not_ours_to_switch_on(scene: Scene) -> None:
    held = scene.theirs("member", status="inactive")
    outcome, counted = await scene.perform(DISABLED, ours(held))
    assert (counted, outcome.detail["off"], scene.script.writes) == ("unchanged", False, [])


async def test_who_leaves_is_signed_out(scene: Scene) -> None:
    held = scene.theirs("member")
    scene.fake.sessions.held = [HeldSession(f"session_{name}", name, None) for name in ("user_1", "user_2")]
    gone = Standing(left="deleted")
    outcome, counted = await scene.perform(None, ours(held), gone)
    assert (counted, outcome.detail["off"]) == ("deactivated", True)
    assert scene.script.writes == [f"deactivate {held.id}", "revoke session_user_1"]


@pytest.mark.parametrize("error", [LOST, Terminal("invalid", status=400), Terminal("entity_not_found", status=404)])
async def test_signing_out_is_done_again_where_it_failed(scene: Scene, error: Any) -> None:
    held, gone = scene.theirs("member"), Standing(left="deleted")
    scene.fake.sessions.held = [HeldSession("session_1", "user_1", None)]
    scene.script.fail("sessions.revoke", error)
    outcome, counted = await scene.perform(None, ours(held), gone)
    # Open, not failed: what is inactive by then must not look like somebody else's doing.
    assert (outcome.status, outcome.code, counted) == ("claimed", error.code, "failed")
    outcome, counted = await scene.perform(None, ours(held, claimed="deactivate", begun_at=0.0), gone)
    assert (counted, outcome.detail["off"], scene.fake.sessions.held) == ("deactivated", True, [])


async def test_removed(scene: Scene) -> None:
    held = scene.theirs("member")
    assert await scene.perform(None, ours(held)) == (NotDone("membership", KEY, "removed", None), "removed")
    assert scene.port.held == {}
    # Gone already is as good.
    assert (await scene.perform(None, ours(held)))[1] == "removed"


@pytest.mark.parametrize("call", ["create", "deactivate", "reactivate", "update_roles", "delete"])
@pytest.mark.parametrize("done", [False, True])
async def test_an_end_that_is_not_known_leaves_a_claim(scene: Scene, call: str, done: bool) -> None:
    """The next run looks, and ends with the same membership."""
    scene.script.fail(f"memberships.{call}", After(LOST) if done else LOST)
    off = call == "reactivate"
    held = None if call == "create" else scene.theirs("member", status="inactive" if off else "active")
    known = ours(held, off=off) if held else None
    desired = {"deactivate": DISABLED, "update_roles": replace(WANTED, roles=("admin",)), "delete": None}.get(
        call, WANTED
    )
    outcome, counted = await scene.perform(desired, known)
    assert (outcome.status, outcome.code, counted) == ("claimed", "connection_lost", "failed")

    claimed = {"delete": "remove", "update_roles": "update"}.get(call, call)
    known = replace(known or KnownMembership(None), claimed=claimed, begun_at=0.0)
    found = await scene.port.find("user_1", scene.organization)
    change = RULES.decide(desired, known, found or "absent", VERIFIED)
    work = MembershipWork(KEY, "acme", "user_1", change, desired, known, VERIFIED)
    outcome, counted = await scene.performer.perform(work)
    if call == "delete":
        assert (outcome.status, scene.port.held) == ("removed", {})
        return
    (left,) = scene.port.held.values()
    assert (outcome.workos_id, outcome.created_here) == (left.id, True)
    assert (left.status, left.roles) == ("inactive" if call == "deactivate" else "active", desired.roles)  # type: ignore[union-attr]
    assert outcome.detail["off"] == (call == "deactivate")
    assert counted == ("created" if call == "create" else {"update": "updated"}.get(claimed, f"{claimed}d")) or done


async def test_404_says_that_something_is_gone(scene: Scene) -> None:
    scene.port.users = set()
    outcome, counted = await scene.perform()
    assert (outcome.status, outcome.code, counted) == ("failed", "unsettled", "failed")
    held = ours(scene.theirs("member"))
    scene.port.held.clear()
    outcome, counted = await scene.perform(replace(WANTED, roles=("admin",)), held)
    assert (outcome.status, outcome.code, counted) == ("failed", "unsettled", "failed")
    # Gone before the look: never made again by itself.
    outcome, counted = await scene.perform(WANTED, replace(held, off=True))
    assert (outcome.status, outcome.code, counted) == ("conflict", "membership_gone", "conflicts")
    assert scene.port.held == {}


@pytest.mark.parametrize("without", [{"user_id": None}, {"organization": "nosuch"}])
async def test_without_a_user_or_an_organization_it_waits(scene: Scene, without: dict[str, Any]) -> None:
    assert await scene.perform(**without) == (NotDone("membership", KEY, "released", None), "pending")
    assert scene.called == []


async def test_a_refused_role_is_a_conflict(scene: Scene) -> None:
    outcome, counted = await scene.perform(replace(WANTED, roles=("nosuch",)))
    assert (outcome.status, outcome.code, counted) == ("conflict", "invalid_role", "conflicts")


async def test_another_refusal_is_a_failure(scene: Scene) -> None:
    scene.script.fail("memberships.create", Terminal("conflict", status=409))
    outcome, counted = await scene.perform()
    assert (outcome.status, outcome.code, counted) == ("failed", "conflict", "failed")


async def test_a_change_that_writes_nothing_is_recorded(scene: Scene) -> None:
    held = scene.theirs("member")
    change = MembershipChange("update", held.id, created_here=True, wanted=("member",), finished=True)
    work = MembershipWork(KEY, "acme", "user_1", change, WANTED, KnownMembership(None, claimed="create"), VERIFIED)
    outcome, counted = await scene.performer.perform(work)
    assert (outcome.workos_id, counted, scene.called) == (held.id, "created", [])
    # Killed before it is recorded, the next run must still know it for a creation.
    assert work.operation == "create"
