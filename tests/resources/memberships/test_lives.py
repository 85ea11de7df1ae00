"""What becomes of a membership over random lives of it: runs, and what others do in WorkOS between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.resources.memberships.changes import KnownMembership, MembershipChange, Standing
from engine.resources.memberships.decision import MembershipRules
from engine.resources.memberships.placements import DesiredMembership
from engine.resources.memberships.port import HeldMembership
from tests.resources.memberships.test_decision import DISABLED, OURS, PLAN, SWITCHING, THEIRS, VERIFIED, WANTED, held


@dataclass
class Life:
    """One user in one organization: what WorkOS holds, who did what, and what the state says."""

    plan: MembershipRules
    now: HeldMembership | None = None
    known: KnownMembership | None = None
    made: int = 0
    writes: int = 0
    made_by_others: bool = False
    off_by_others: bool = False

    def write(self, held: HeldMembership, **values: Any) -> None:
        """Anybody's write: it moves the stamp."""
        self.writes += 1
        self.now = replace(held, updated_at=f"t{self.writes}", **values)

    def by_others(self, what: str) -> None:
        if what == "make" and self.now is None:
            self.made += 1
            self.write(held("active", "owner", id=f"om_{self.made}"))
            self.made_by_others = True
        elif self.now is not None and what == "off" and self.now.status == "active":
            self.write(self.now, status="inactive")
            self.off_by_others = True
        elif self.now is not None and what == "on" and self.now.status == "inactive":
            self.write(self.now, status="active")
            self.off_by_others = False
        elif self.now is not None and what == "roles":
            self.write(self.now, roles=("owner",))
        elif what == "delete":
            self.now, self.made_by_others, self.off_by_others = None, False, False

    def run(self, desired: DesiredMembership | None, standing: Standing) -> MembershipChange:
        """Plan, look where it has to be looked, decide again, carry out, record."""
        change = self.plan.decide(desired, self.known, "unknown", standing)
        seen = self.now if change.look_first else None
        if change.look_first:
            change = self.plan.decide(desired, self.known, self.now or "absent", standing)
        self.check(change, desired, standing)
        self.carry_out(change, seen)
        return change

    def check(self, change: MembershipChange, desired: DesiredMembership | None, standing: Standing) -> None:
        theirs = self.now is not None and self.made_by_others
        writes = change.action in ("create", "deactivate", "reactivate", "remove") or change.roles is not None
        if theirs and writes and change.workos_id == (self.now.id if self.now else None):
            raise AssertionError("another's membership is left alone")
        if change.action == "create":
            assert self.now is None, "creating one activates one that is there"
        if change.action in ("create", "reactivate"):
            assert desired is not None and desired.enabled and standing.left is None
            assert standing.verified or standing.inside or self.plan.unverified
            assert standing.ours and standing.organization
            assert not self.off_by_others, "what others switched off stays off"
        if change.action == "remove":
            assert self.plan.remove_missing and desired is None and standing.left is None
        if change.action == "deactivate":
            assert "deactivate" in (self.plan.disabled, self.plan.left)

    def carry_out(self, change: MembershipChange, seen: HeldMembership | None) -> None:
        known_id = self.known.workos_id if self.known is not None else None
        target = self.now if self.now is not None and self.now.id == change.workos_id else None
        if change.action == "create":
            self.made += 1
            self.write(held("active", *(change.roles or ("member",)), id=f"om_{self.made}"))
            change = replace(change, workos_id=f"om_{self.made}")
        elif change.action in ("conflict", "skip") or (change.action, change.workos_id) == ("unchanged", known_id):
            return
        elif change.workos_id is not None and target is None and change.action != "unchanged":
            # WorkOS answers 404: deleted meanwhile.
            self.known = None if change.action == "remove" else replace(self.known or OURS, gone=True)
            return
        elif change.action == "remove":
            self.now, self.known, self.off_by_others = None, None, False
            return
        elif target is not None and change.action in ("update", "reactivate", "deactivate"):
            status = {"deactivate": "inactive", "reactivate": "active"}.get(change.action, target.status)
            if change.roles or status != target.status:
                self.write(target, roles=change.roles or target.roles, status=status)
            assert self.now is not None
            change = change.after(seen, self.now)
        if change.workos_id is not None:
            self.known = KnownMembership(
                change.workos_id, change.wanted, change.created_here, change.off, stamp=change.stamp
            )


Step = tuple[DesiredMembership | None, Standing, str]
ROLES = st.sampled_from([(), ("admin",), ("member",), ("admin", "member")])
DESIRED = st.none() | st.builds(DesiredMembership, st.just("acme"), ROLES, st.booleans())
STANDING = st.builds(
    Standing, ours=st.sampled_from([True, True, True, False]), verified=st.sampled_from([True, True, False]),
    inside=st.booleans(), left=st.sampled_from([None, None, None, "deleted", "disabled", "filtered"]),
)  # fmt: skip
STEPS = st.lists(
    st.tuples(DESIRED, STANDING, st.sampled_from(["", "", "make", "off", "on", "roles", "delete"])), max_size=8
)
PLANS = st.builds(
    MembershipRules, remove_missing=st.booleans(), unverified=st.booleans(),
    disabled=st.sampled_from(["skip", "deactivate"]), left=st.sampled_from(["report", "deactivate"]),
)  # fmt: skip


def live_through(plan: MembershipRules, steps: list[Step]) -> None:
    life, interfered = Life(plan), False
    for wanted, standing, others in steps:
        # Who has left is not selected: nothing of theirs is asked for.
        desired = None if standing.left is not None else wanted
        life.by_others(others)
        life.run(desired, standing)
        # The second run writes nothing.
        again = life.run(desired, standing)
        assert again.action in ("unchanged", "conflict", "skip"), again
        assert again.roles is None
        interfered = interfered or others != ""
        if not interfered and desired is not None and standing == VERIFIED:
            # Nobody else's hand in it: WorkOS holds what is asked for.
            is_on = life.now is not None and life.now.status == "active"
            if desired.enabled:
                assert is_on
                assert again.code == "last_role" or not desired.roles or life.now.roles == desired.roles  # type: ignore[union-attr]
            elif plan.disabled == "deactivate":
                assert not is_on


# The same lives every time, so that a rare new one turns up for whoever looks for it, and not for whoever changes
# something else. To look: `settings(max_examples=5000)(given(PLANS, STEPS)(live_through))()`.
@given(PLANS, STEPS)
@settings(max_examples=600, deadline=None, derandomize=True)
def test_over_a_life(plan: MembershipRules, steps: list[Step]) -> None:
    live_through(plan, steps)


@pytest.mark.parametrize("again", [None, ("admin",), ("member",)])
def test_what_others_switched_on_and_off_again_unseen_stays_off(again: tuple[str, ...] | None) -> None:
    """Also where the plan gives other roles meanwhile: our own write must not hide what was before it."""
    life = Life(SWITCHING)
    life.run(WANTED, VERIFIED)
    assert life.run(DISABLED, VERIFIED).action == "deactivate"
    life.by_others("on")
    life.by_others("off")
    if again is not None:
        life.plan = PLAN
        life.run(DesiredMembership("acme", again, enabled=False), VERIFIED)
    for _ in range(2):
        change = life.run(DesiredMembership("acme", again or ("admin",)), VERIFIED)
        assert (change.action, change.code) == ("conflict", "membership_inactive")
    # The way out that the conflict names.
    life.by_others("on")
    assert life.run(WANTED, VERIFIED).action == "update"
    assert life.run(DISABLED, VERIFIED).action == ("unchanged" if life.plan is PLAN else "deactivate")


def test_our_own_write_to_what_we_switched_off_does_not_lock_it() -> None:
    life = Life(SWITCHING)
    life.run(WANTED, VERIFIED)
    life.run(DISABLED, VERIFIED)
    life.plan = PLAN
    member = DesiredMembership("acme", ("member",), enabled=False)
    change = life.run(member, VERIFIED)
    assert (change.action, change.roles) == ("update", ("member",))
    assert life.run(replace(member, enabled=True), VERIFIED).action == "reactivate"
    assert life.now is not None and (life.now.status, life.now.roles) == ("active", ("member",))


@given(PLANS, DESIRED, STANDING, ROLES, st.sampled_from(["active", "inactive", "pending"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_others_made_is_never_written(
    plan: MembershipRules, desired: DesiredMembership | None, standing: Standing, roles: tuple[str, ...], status: str,
    known: bool,
) -> None:  # fmt: skip
    state = THEIRS if known else None
    for found in (held(status, *roles), "unknown") if known else (held(status, *roles),):
        change = plan.decide(desired, state, found, standing)
        assert change.action in ("unchanged", "skip", "conflict")
        assert (change.roles, change.created_here, change.off, change.revoke) == (None, False, False, False)
