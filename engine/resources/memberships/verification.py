"""What WorkOS should hold of a membership against what it holds: missing, different, drift or equal (rule 11). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.resources.memberships.placements import DesiredMembership
from engine.resources.memberships.port import HeldMembership

MembershipVerdict = Literal["equal", "different", "missing", "drift"]


@dataclass(frozen=True, slots=True)
class ComparedMembership:
    """`field` is what differs: status, roles, or empty for the whole."""

    verdict: MembershipVerdict
    field: str = ""


def compare_membership(
    desired: DesiredMembership, held: HeldMembership | None, *, vouched: bool, created_here: bool
) -> ComparedMembership:
    """`vouched`: the address is verified, or needs not be (rule 18). `created_here`: this plan made the membership."""
    if not desired.enabled:
        # Active where it must not be, but for what others have made (rule 19).
        on = held is not None and held.status == "active" and created_here
        return ComparedMembership("different", "status") if on else ComparedMembership("equal")
    if held is None:
        # Nobody becomes a member by an address that is nobody's proven own: `apply` says so.
        return ComparedMembership("missing") if vouched else ComparedMembership("equal")
    if held.status != "active":
        # What somebody else has switched off stays off (rule 18).
        return ComparedMembership("different" if created_here else "drift", "status")
    if desired.roles and set(held.roles) != set(desired.roles) and held.roles != desired.roles[:1]:
        return ComparedMembership("different" if created_here else "drift", "roles")
    return ComparedMembership("equal")
