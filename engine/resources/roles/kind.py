"""Roles in the pipeline: those that the plan gives to members. Missing ones are refused, or made with permissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from engine.model.keys import ROLE
from engine.model.outcomes import Done, ResourceRow
from engine.plan_file.organizations import Organizations
from engine.resources.kind import ResourceChange
from engine.resources.roles.decision import KnownRole, RoleChange, decide_roles, missing_permissions, named_roles
from engine.resources.roles.port import RolePort


class RolesKind:
    """See `Kind`. `foresee` raises GuardRefused (`role_missing`)."""

    name = ROLE

    def __init__(self, section: Organizations, port: RolePort) -> None:
        self._section = section
        self._port = port
        self._decided: dict[str, RoleChange] = {}
        self._permissions: set[str] | None = None

    async def foresee(self, known: Mapping[str, ResourceRow]) -> Sequence[ResourceChange]:
        """See `Kind`."""
        if not named_roles(self._section):
            return []
        held = await self._port.all()
        decided = decide_roles(self._section, {slug: _known(row) for slug, row in known.items()}, held)
        ids = {one.slug: one.id for one in held}
        self._decided = {one.slug: one for one in decided}
        return [
            ResourceChange(
                self.name,
                one.slug,
                one.action,
                ids.get(one.slug),
                send={} if one.action == "unchanged" else {"name": one.name, "permissions": one.permissions},
                created_here=one.created_here,
            )
            for one in decided
        ]

    async def carry_out(self, change: ResourceChange) -> tuple[Done, str]:
        """See `Kind`. A role without its permissions is not done: the next run finds it as its own."""
        decided, workos_id, ours = self._decided[change.key], change.workos_id, change.created_here
        for slug in missing_permissions([decided], await self._held_permissions()):
            await self._port.create_permission(slug, slug)
            (await self._held_permissions()).add(slug)
        if decided.action == "create":
            made = await self._port.create(decided.slug, decided.name)
            workos_id, ours = made.held.id, made.ours
        if decided.permissions is not None and ours:
            await self._port.set_permissions(decided.slug, decided.permissions)
        spec = self._section.roles.get(change.key)
        detail = {"permissions": list(spec.permissions) if spec else []}
        done = Done(self.name, change.key, workos_id or "", decided.action, b"", {}, ours, 1, detail=detail)
        return done, "created" if decided.action == "create" else "updated"

    async def _held_permissions(self) -> set[str]:
        if self._permissions is None:
            self._permissions = {one.slug for one in await self._port.permissions()}
        return self._permissions


def _known(row: ResourceRow) -> KnownRole:
    detail = orjson.loads(row.detail) if row.detail else {}
    return KnownRole(
        tuple(detail.get("permissions", ())),
        bool(row.created_here),
        row.operation if row.status == "claimed" else None,
    )
