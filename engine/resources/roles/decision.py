"""Decides about the roles that a plan names: there, to be made, or missing, before anything is written. Pure.

Roles are found by slug. One that this plan made gets and loses permissions as the plan does; all others are left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.model.errors import GuardRefused
from engine.plan_file.organizations import Organizations
from engine.resources.roles.port import HeldRole


@dataclass(frozen=True, slots=True)
class KnownRole:
    """What the state says: the permissions that the plan gave the role when it was last written."""

    permissions: tuple[str, ...] = ()
    created_here: bool = False
    claimed: str | None = None


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What to do for one role. `permissions` are all that it is to have, None where they stay."""

    action: Literal["create", "update", "unchanged"]
    slug: str
    name: str
    permissions: tuple[str, ...] | None = None
    created_here: bool = False


def named_roles(section: Organizations) -> list[str]:
    """Every role that the plan gives to somebody, by slug, whether or not anybody gets it today."""
    placements = [one.placement for one in section.rules] + ([section.default] if section.default else [])
    return sorted({role for one in placements for role in one.roles})


def decide_roles(section: Organizations, known: Mapping[str, KnownRole], held: Iterable[HeldRole]) -> list[RoleChange]:
    """One change a role that the plan names, by slug. Raises GuardRefused (`role_missing`)."""
    there = {one.slug: one for one in held}
    missing = [slug for slug in named_roles(section) if slug not in there]
    if missing and not section.create_roles:
        listed = ", ".join(missing)
        raise GuardRefused(
            f"WorkOS has no {'role' if len(missing) == 1 else 'roles'} {listed}, and organizations.map gives "
            f"{'it' if len(missing) == 1 else 'them'} to users",
            remedy="correct the slugs, make the roles in WorkOS, or set organizations.create_roles to true",
            code="role_missing",
        )
    return [_decide(slug, section, known.get(slug), there.get(slug)) for slug in named_roles(section)]


def missing_permissions(changes: Iterable[RoleChange], held: Collection[str]) -> list[str]:
    """Slugs of the permissions that have to be made before these changes."""
    return sorted({slug for one in changes for slug in one.permissions or ()} - set(held))


def _decide(slug: str, section: Organizations, known: KnownRole | None, held: HeldRole | None) -> RoleChange:
    spec = section.roles.get(slug)
    name, wanted = (spec.name, spec.permissions) if spec else (slug, ())
    if held is None:
        return RoleChange("create", slug, name, wanted or None, created_here=True)
    begun = known is not None and known.claimed == "create"
    ours = known is not None and (known.created_here or begun)
    if known is None or not ours or not section.create_roles:
        return RoleChange("unchanged", slug, held.name, created_here=ours)
    if not begun and known.claimed is None and set(wanted) == set(known.permissions):
        return RoleChange("unchanged", slug, held.name, created_here=True)
    # What others have added in WorkOS stays; what the plan no longer gives goes.
    permissions = (set(held.permissions) - set(known.permissions)) | set(wanted)
    changed = permissions != set(held.permissions)
    return RoleChange("update", slug, held.name, tuple(sorted(permissions)) if changed else None, created_here=True)
