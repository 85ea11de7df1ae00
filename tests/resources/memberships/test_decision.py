"""What becomes of one membership: rules 17 to 19, case by case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.resources.memberships.changes import FoundMembership, KnownMembership, MembershipChange, Standing
from engine.resources.memberships.decision import MembershipRules
from engine.resources.memberships.placements import DesiredMembership
from engine.resources.memberships.port import HeldMembership

PLAN = MembershipRules()
SWITCHING = MembershipRules(disabled="deactivate", left="deactivate")
REMOVING = MembershipRules(remove_missing=True)
VERIFIED = Standing(verified=True)
WANTED = DesiredMembership("acme", ("admin",))
DISABLED = DesiredMembership("acme", ("admin",), enabled=False)
OURS = KnownMembership("om_1", ("admin",), created_here=True)
OFF = replace(OURS, off=True)
STAMPED = replace(OFF, stamp="t1")
THEIRS = KnownMembership("om_1", ("member",))


def held(status: str = "active", *roles: str, **rest: Any) -> HeldMembership:
    return HeldMembership(
        rest.pop("id", "om_1"), "user_1", "org_1", status, roles or ("admin",), **rest  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "desired", "known", "found", "standing", "action", "code"),
    [
        # Nothing is known.
        (PLAN, WANTED, None, "unknown", VERIFIED, "create", None),
        (PLAN, WANTED, None, "absent", VERIFIED, "create", None),
        (PLAN, None, None, "unknown", VERIFIED, "unchanged", None),
        (PLAN, WANTED, None, "absent", Standing(inside=True), "create", None),
        (PLAN, WANTED, None, "absent", Standing(), "conflict", "unverified_member"),
        (MembershipRules(unverified=True), WANTED, None, "absent", Standing(), "create", None),
        (PLAN, WANTED, None, "absent", replace(VERIFIED, ours=False), "skip", "no_user"),
        (PLAN, WANTED, None, "absent", replace(VERIFIED, organization=False), "skip", "no_organization"),
        (PLAN, DISABLED, None, "absent", VERIFIED, "skip", "disabled"),
        (SWITCHING, DISABLED, None, "absent", VERIFIED, "skip", "disabled"),
        # It is not their turn: whatever is asked for, or is asked for no more.
        (PLAN, WANTED, None, "absent", replace(VERIFIED, waits=True), "wait", None),
        (REMOVING, None, OURS, "unknown", replace(VERIFIED, waits=True), "unchanged", None),
        (SWITCHING, DISABLED, OURS, held(), replace(VERIFIED, waits=True), "unchanged", None),
        (SWITCHING, WANTED, STAMPED, held("inactive"), replace(VERIFIED, waits=True), "unchanged", None),
        (PLAN, WANTED, replace(OURS, claimed="create"), held(), replace(VERIFIED, waits=True), "wait", None),
        # Somebody else has made one.
        (PLAN, WANTED, None, held(), VERIFIED, "unchanged", None),
        (PLAN, WANTED, None, held("active", "member"), VERIFIED, "skip", "other_roles"),
        (PLAN, WANTED, None, held("active", "admin", "member"), VERIFIED, "skip", "other_roles"),
        (PLAN, DesiredMembership("acme"), None, held("active", "owner"), VERIFIED, "unchanged", None),
        (PLAN, WANTED, None, held("inactive"), VERIFIED, "conflict", "membership_inactive"),
        (PLAN, WANTED, None, held("pending"), VERIFIED, "conflict", "membership_pending"),
        (SWITCHING, DISABLED, None, held(), VERIFIED, "unchanged", None),
        (SWITCHING, DISABLED, None, held("inactive"), VERIFIED, "skip", "disabled"),
        (PLAN, WANTED, None, held(), Standing(), "unchanged", None),
        # Somebody else's, known.
        (PLAN, WANTED, THEIRS, "unknown", VERIFIED, "skip", "other_roles"),
        (PLAN, DesiredMembership("acme", ("member",)), THEIRS, "unknown", VERIFIED, "unchanged", None),
        (PLAN, WANTED, THEIRS, held(), VERIFIED, "unchanged", None),
        (PLAN, WANTED, THEIRS, held("inactive"), VERIFIED, "conflict", "membership_inactive"),
        (PLAN, WANTED, THEIRS, "absent", VERIFIED, "conflict", "membership_gone"),
        (REMOVING, None, THEIRS, "unknown", VERIFIED, "unchanged", None),
        (SWITCHING, None, THEIRS, held(), Standing(left="deleted"), "unchanged", None),
        (SWITCHING, DISABLED, THEIRS, held("active", "member"), VERIFIED, "skip", "other_roles"),
        # Ours.
        (PLAN, WANTED, OURS, "unknown", VERIFIED, "unchanged", None),
        (PLAN, WANTED, OURS, "unknown", Standing(), "unchanged", None),
        (PLAN, DesiredMembership("acme", ("member",)), OURS, "unknown", VERIFIED, "update", None),
        (PLAN, DesiredMembership("acme", ("admin", "member")), OURS, "unknown", VERIFIED, "update", None),
        (PLAN, DesiredMembership("acme"), OURS, "unknown", VERIFIED, "conflict", "last_role"),
        (PLAN, WANTED, OURS, held("active", "owner"), VERIFIED, "unchanged", None),  # changed in WorkOS: left
        (PLAN, WANTED, OURS, held("inactive"), VERIFIED, "unchanged", None),
        (PLAN, WANTED, OURS, "absent", VERIFIED, "conflict", "membership_gone"),
        (PLAN, WANTED, replace(OURS, gone=True), "unknown", VERIFIED, "conflict", "membership_gone"),
        (PLAN, None, OURS, "unknown", VERIFIED, "unchanged", "not_asked_for"),
        (REMOVING, None, OURS, "unknown", VERIFIED, "remove", None),
        (REMOVING, None, OURS, "absent", VERIFIED, "unchanged", None),
        (PLAN, WANTED, OURS, "unknown", replace(VERIFIED, ours=False), "skip", "no_user"),
        # Ours was deleted, and somebody has made another one.
        (PLAN, WANTED, OURS, held(id="om_2"), VERIFIED, "unchanged", None),
        (REMOVING, None, OURS, held(id="om_2"), VERIFIED, "unchanged", None),
        # Disabled and enabled again.
        (PLAN, DISABLED, OURS, "unknown", VERIFIED, "unchanged", None),
        (SWITCHING, DISABLED, OURS, "unknown", VERIFIED, "deactivate", None),
        (SWITCHING, DISABLED, OURS, held(), VERIFIED, "deactivate", None),
        (SWITCHING, DISABLED, OURS, held("inactive"), VERIFIED, "unchanged", None),  # by somebody else
        (SWITCHING, DISABLED, OFF, "unknown", VERIFIED, "unchanged", None),
        (SWITCHING, DISABLED, OFF, held(), VERIFIED, "unchanged", None),  # switched on by somebody else
        (SWITCHING, WANTED, OFF, "unknown", VERIFIED, "reactivate", None),
        (SWITCHING, WANTED, OFF, held("inactive"), VERIFIED, "reactivate", None),
        (SWITCHING, WANTED, OFF, held(), VERIFIED, "update", None),
        (SWITCHING, WANTED, OFF, held("inactive"), Standing(), "conflict", "unverified_member"),
        (PLAN, WANTED, OFF, "unknown", VERIFIED, "reactivate", None),
        (SWITCHING, WANTED, STAMPED, "unknown", VERIFIED, "reactivate", None),
        (SWITCHING, WANTED, STAMPED, held("inactive", updated_at="t1"), VERIFIED, "reactivate", None),
        (SWITCHING, WANTED, STAMPED, held("inactive", updated_at="t2"), VERIFIED, "conflict", "membership_inactive"),
        (SWITCHING, WANTED, STAMPED, held("inactive"), VERIFIED, "conflict", "membership_inactive"),
        (SWITCHING, WANTED, OFF, held("inactive", updated_at="t2"), VERIFIED, "reactivate", None),  # an older state
        (SWITCHING, WANTED, STAMPED, held(updated_at="t2"), VERIFIED, "update", None),
        (PLAN, DISABLED, OFF, "unknown", VERIFIED, "unchanged", None),
        # Left.
        (PLAN, None, OURS, "unknown", Standing(left="deleted"), "unchanged", "left_source"),
        (REMOVING, None, OURS, "unknown", Standing(left="deleted"), "unchanged", "left_source"),
        (SWITCHING, None, OURS, "unknown", Standing(left="deleted"), "deactivate", None),
        (SWITCHING, None, OURS, "unknown", Standing(left="disabled"), "deactivate", None),
        (SWITCHING, None, OURS, "unknown", Standing(left="filtered"), "unchanged", "left_source"),
        (SWITCHING, None, OFF, "unknown", Standing(left="deleted"), "unchanged", None),
    ],
)
def test_one_membership(
    plan: MembershipRules, desired: DesiredMembership | None, known: KnownMembership | None, found: FoundMembership,
    standing: Standing, action: str, code: str | None,
) -> None:  # fmt: skip
    change = plan.decide(desired, known, found, standing)
    assert (change.action, change.code) == (action, code)
    # Each is decided the same way upon the look before the write.
    assert plan.decide(desired, known, found, standing) == change


def test_what_goes_with_a_change() -> None:
    created = PLAN.decide(WANTED, None, "absent", VERIFIED)
    assert created == MembershipChange("create", None, ("admin",), created_here=True, wanted=("admin",))
    roles = DesiredMembership("acme", ("member",))
    assert PLAN.decide(roles, OURS, "unknown", VERIFIED).roles == ("member",)
    # WorkOS has them already: recorded, and not sent again.
    change = PLAN.decide(roles, OURS, held("active", "member"), VERIFIED)
    assert (change.action, change.roles, change.wanted) == ("update", None, ("member",))
    # Roles that changed meanwhile go along, so that nobody is active with the old ones.
    change = SWITCHING.decide(roles, OFF, held("inactive"), VERIFIED)
    assert (change.action, change.roles, change.off) == ("reactivate", ("member",), False)
    change = SWITCHING.decide(None, OURS, "unknown", Standing(left="deleted"))
    assert (change.revoke, change.off) == (True, True)
    assert not SWITCHING.decide(DISABLED, OURS, "unknown", VERIFIED).revoke


BEGUN = KnownMembership(None, claimed="create", begun_at=1_700_000_000.5)
AFTER = "2023-11-14T22:13:20.900Z"
BEFORE = "2023-11-14T22:13:10.000Z"


@pytest.mark.parametrize(
    ("desired", "found", "expected"),
    [
        # WorkOS made it, and the run did not see the end.
        (WANTED, held(created_at=AFTER), ("update", None, True)),
        (WANTED, held("active", "member", created_at=AFTER), ("update", ("admin",), True)),
        # It was there before: somebody else's, whatever the claim says.
        (WANTED, held(created_at=BEFORE), ("unchanged", None, False)),
        (WANTED, held("inactive", created_at=BEFORE), ("conflict", None, False)),
        (WANTED, held(), ("unchanged", None, False)),
        (WANTED, held(created_at="yesterday"), ("unchanged", None, False)),
        # Made by us and switched off by somebody since: it stays off.
        (WANTED, held("inactive", created_at=AFTER), ("update", None, True)),
        (WANTED, "absent", ("create", ("admin",), True)),
        # Nothing asks for it any more, and it is ours all the same.
        (None, held(created_at=AFTER), ("remove", None, True)),
        (None, "absent", ("unchanged", None, False)),
    ],
)
def test_a_creation_that_a_run_began(
    desired: DesiredMembership | None, found: FoundMembership, expected: tuple[str, tuple[str, ...] | None, bool]
) -> None:
    change = REMOVING.decide(desired, BEGUN, found, VERIFIED)
    assert (change.action, change.roles, change.created_here) == expected
    assert change.finished is (change.action == "update")


@pytest.mark.parametrize(
    ("known", "desired", "found", "action"),
    [
        (replace(OURS, claimed="deactivate"), DISABLED, held("inactive"), "deactivate"),
        (replace(OURS, claimed="deactivate"), DISABLED, held(), "deactivate"),
        (replace(OURS, claimed="deactivate"), WANTED, held("inactive"), "reactivate"),
        (replace(OURS, claimed="deactivate"), WANTED, held(), "update"),
        (replace(OFF, claimed="reactivate"), WANTED, held(), "update"),
        (replace(OFF, claimed="reactivate"), WANTED, held("inactive"), "reactivate"),
        (replace(OFF, claimed="reactivate"), DISABLED, held("inactive"), "unchanged"),
        (replace(OFF, claimed="reactivate"), DISABLED, held(), "deactivate"),
        (replace(STAMPED, claimed="reactivate"), WANTED, held("inactive", updated_at="t1"), "reactivate"),
        # Done, and switched off by somebody since.
        (replace(STAMPED, claimed="reactivate"), WANTED, held("inactive", updated_at="t2"), "conflict"),
        # Our own write may have moved the stamp.
        (replace(STAMPED, claimed="update"), WANTED, held("inactive", updated_at="t2"), "reactivate"),
        (replace(OURS, claimed="update"), WANTED, held("active", "member"), "update"),
        (replace(OURS, claimed="remove"), None, "absent", "remove"),
        (replace(OURS, claimed="remove"), None, held(), "remove"),
        (replace(OURS, claimed="remove"), WANTED, "absent", "create"),
        (replace(OURS, claimed="remove"), WANTED, held(), "update"),
    ],
)
def test_other_writes_that_a_run_began(
    known: KnownMembership, desired: DesiredMembership | None, found: FoundMembership, action: str
) -> None:
    plan = MembershipRules(remove_missing=True, disabled="deactivate")
    assert plan.decide(desired, known, found, VERIFIED).action == action
