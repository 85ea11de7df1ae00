"""Decides what becomes of one membership: desired, known, found in WorkOS: change (rules 17 to 19). Pure.

`plan` and `apply` both call `decide`, and `apply` calls it again upon what it sees just before a write.
**Always**: a membership that this plan did not make is never removed, re-roled, switched on or off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from engine.resources.memberships.changes import FoundMembership, KnownMembership, MembershipChange, Standing
from engine.resources.memberships.placements import DesiredMembership
from engine.resources.memberships.port import HeldMembership

# WorkOS's clock and ours may be that far apart, in seconds, and a membership still be the one that was just begun.
_CLOCKS_APART = 2.0


@dataclass(frozen=True, slots=True)
class MembershipRules:
    """What the plan file says of all memberships."""

    remove_missing: bool = False
    unverified: bool = False
    disabled: Literal["skip", "deactivate"] = "skip"
    left: Literal["report", "deactivate"] = "report"

    def decide(
        self,
        desired: DesiredMembership | None,
        known: KnownMembership | None,
        found: FoundMembership,
        standing: Standing,
    ) -> MembershipChange:
        """The one change; same input, same change. `desired` is None where nothing asks for the membership."""
        if standing.waits:
            return _stays(known)
        if known is not None:
            # Removed by us, as was begun: asked for anew, it is made anew.
            removed = known.claimed == "remove" and found == "absent" and desired is not None
            known = None if removed else _settled(known, found)
        if known is None or not known.workos_id:
            return self._place(desired, found, standing)
        if known.gone or found == "absent":
            return self._gone(desired, known)
        if not known.created_here:
            return _of_others(desired, known, found)
        if standing.left is not None:
            return self._leave(known, found, standing)
        if desired is None:
            return self._unasked(known)
        if not desired.enabled and self.disabled == "deactivate":
            return _switch_off(known, found)
        return self._keep(desired, known, found, standing)

    def _place(self, desired: DesiredMembership | None, found: FoundMembership, standing: Standing) -> MembershipChange:
        """A membership that the state does not know: create it, or leave alone what is there."""
        if desired is None or standing.left is not None:
            return MembershipChange("unchanged")
        if (code := _missing(standing)) is not None:
            return MembershipChange("skip", code=code)
        if isinstance(found, HeldMembership):
            return _found(desired, found)
        if not desired.enabled:
            return MembershipChange("skip", code="disabled")
        if not self._vouched(standing):
            # Whom only a connection would make a member may still sign in through it: that is no conflict.
            return MembershipChange("skip" if desired.implied else "conflict", code="unverified_member")
        return MembershipChange("create", roles=desired.roles, created_here=True, wanted=desired.roles)

    def _keep(
        self, desired: DesiredMembership, known: KnownMembership, found: FoundMembership, standing: Standing
    ) -> MembershipChange:
        """Ours, and asked for: roles where the plan or Cognito changed them, and on again where we switched it off."""
        if (code := _missing(standing)) is not None:
            # Of a user in conflict nobody knows whose the account is: it gets nothing more.
            return replace(_of(known), action="skip", code=code)
        finished = known.claimed == "create"
        changed = desired.roles != known.roles and not _holds(found, desired.roles)
        if changed and not desired.roles:
            # WorkOS takes no membership without a role, and which one is the default it does not tell.
            if not (known.off and desired.enabled):
                return _conflict(known, "last_role")
            # On again first, with the roles that it had: the next run says that.
            desired, changed = replace(desired, roles=known.roles), False
        roles = desired.roles if changed else None
        stays = replace(_of(known), wanted=desired.roles, finished=finished)
        untouched = _untouched(known, found)
        if known.off and isinstance(found, HeldMembership) and untouched:
            stays = replace(stays, stamp=found.updated_at)
        record = desired.roles != known.roles or known.claimed is not None
        if known.off and desired.enabled:
            if isinstance(found, HeldMembership) and found.status == "active":
                # Somebody has switched it on already.
                return replace(stays, action="update", roles=roles, off=False, stamp=None)
            if not self._vouched(standing):
                return _conflict(known, "unverified_member")
            if not untouched:
                # Switched on and off again by somebody else, perhaps: then it is theirs to switch on.
                return _conflict(known, "membership_inactive")
            return replace(stays, action="reactivate", roles=roles, off=False, stamp=None)
        return replace(stays, action="update", roles=roles) if record else stays

    def _leave(self, known: KnownMembership, found: FoundMembership, standing: Standing) -> MembershipChange:
        """Of somebody whom the plan no longer selects. Who was only filtered out since has not left."""
        if self.left == "report" or standing.left == "filtered":
            return replace(_of(known), code="left_source")
        change = _switch_off(known, found)
        return replace(change, revoke=change.action == "deactivate")

    def _unasked(self, known: KnownMembership) -> MembershipChange:
        if self.remove_missing:
            return replace(_of(known), action="remove")
        return replace(_of(known), code="not_asked_for")

    def _gone(self, desired: DesiredMembership | None, known: KnownMembership) -> MembershipChange:
        """Deleted in WorkOS: never made again by itself, since somebody may have meant it (rule 10)."""
        if desired is None:
            return replace(_of(known), action="remove" if known.claimed == "remove" else "unchanged")
        return _conflict(known, "membership_gone")

    def _vouched(self, standing: Standing) -> bool:
        return self.unverified or standing.verified or standing.inside


def _stays(known: KnownMembership | None) -> MembershipChange:
    """Whatever is asked for: of who waits, nothing is written or noted."""
    if known is None or known.workos_id is None or known.claimed is not None:
        return MembershipChange("wait")
    return _of(known)


def _settled(known: KnownMembership, found: FoundMembership) -> KnownMembership | None:
    """What is known once an operation that a run began is held against what WorkOS shows now."""
    if not isinstance(found, HeldMembership):
        return known
    if known.workos_id is None:
        if known.claimed != "create":
            return known
        ours = known.begun_at is not None and made_at(found) >= known.begun_at - _CLOCKS_APART
        return replace(known, workos_id=found.id, created_here=True) if ours else None
    if found.id != known.workos_id:
        # Ours is gone, and another one stands in its place: whoever made it.
        return None
    if known.claimed == "deactivate" and found.status == "inactive":
        return replace(known, off=True)
    if known.claimed == "reactivate" and found.status == "active":
        # On again by us: whoever is disabled since is switched off anew.
        return replace(known, off=False, stamp=None)
    return known


def _untouched(known: KnownMembership, found: FoundMembership) -> bool:
    """Whether nobody is known to have changed it since we switched it off."""
    if not isinstance(found, HeldMembership) or known.stamp is None:
        # Without a stamp (older states, a switch-off whose end no run saw) what the state says is all that is known,
        # and it says ours. Otherwise nobody whom such a run switched off could be enabled again but by hand.
        return True
    # A write that we began, and whose end is not known, may have moved the stamp itself.
    return found.updated_at == known.stamp or known.claimed == "update"


def _missing(standing: Standing) -> str | None:
    """What a membership lacks, where that is reported by itself already."""
    if not standing.ours:
        return "no_user"
    return None if standing.organization else "no_organization"


def made_at(found: HeldMembership) -> float:
    """When WorkOS says it was made; long ago where it does not say."""
    try:
        return datetime.fromisoformat(found.created_at or "").timestamp()
    except ValueError:
        return 0.0


def _holds(found: FoundMembership, roles: tuple[str, ...]) -> bool:
    return isinstance(found, HeldMembership) and set(found.roles) == set(roles)


def _found(desired: DesiredMembership, found: HeldMembership) -> MembershipChange:
    """Somebody else's: it is left as it is, and what it lacks is said."""
    left = MembershipChange("unchanged", found.id, wanted=found.roles)
    if found.status == "active":
        return left if _same(desired.roles, found.roles) else replace(left, action="skip", code="other_roles")
    if not desired.enabled:
        return replace(left, action="skip", code="disabled")
    return replace(left, action="conflict", code=f"membership_{found.status}")


def _of_others(desired: DesiredMembership | None, known: KnownMembership, found: FoundMembership) -> MembershipChange:
    """Known, and made by somebody else."""
    if desired is None:
        return MembershipChange("unchanged", known.workos_id)
    if isinstance(found, HeldMembership):
        return _found(desired, found)
    left = MembershipChange("unchanged", known.workos_id, wanted=known.roles)
    return left if _same(desired.roles, known.roles) else replace(left, action="skip", code="other_roles")


def _same(wanted: tuple[str, ...], held: tuple[str, ...]) -> bool:
    # No role asked for means the default one, whatever that is.
    return not wanted or set(wanted) == set(held)


def _switch_off(known: KnownMembership, found: FoundMembership) -> MembershipChange:
    if known.claimed == "deactivate":
        # Begun by us: it may be done, and what comes after it not.
        return replace(_of(known), action="deactivate", off=True)
    inactive = isinstance(found, HeldMembership) and found.status != "active"
    if known.off or inactive:
        # Switched off by somebody else: then it is theirs to switch on.
        return _of(known)
    return replace(_of(known), action="deactivate", off=True)


def _of(known: KnownMembership) -> MembershipChange:
    return MembershipChange(
        "unchanged", known.workos_id, created_here=known.created_here, off=known.off, wanted=known.roles,
        stamp=known.stamp,
    )  # fmt: skip


def _conflict(known: KnownMembership, code: str) -> MembershipChange:
    return replace(_of(known), action="conflict", code=code)
