"""The fake of `RolePort`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.model.call_errors import Terminal
from engine.model.creations import Made
from engine.resources.roles.port import HeldPermission, HeldRole
from tests.support.fake_script import Script


class FakeRoles:
    """`held` and `held_permissions` by slug; `member` is there from the start."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.held = {"member": HeldRole("role_0", "member", "Member")}
        self.held_permissions: dict[str, HeldPermission] = {}

    async def all(self) -> list[HeldRole]:
        return self._script.read("roles.all", None, list(self.held.values()))

    async def create(self, slug: str, name: str) -> Made[HeldRole]:
        if slug in self.held:
            return Made(self.held[slug], ours=False)
        after = self._script.begin("roles.create", f"role {slug} {name}")
        self.held[slug] = HeldRole(self._script.new_id("role"), slug, name)
        return self._script.end(after, Made(self.held[slug], ours=True))

    async def set_permissions(self, slug: str, permissions: Sequence[str]) -> HeldRole:
        after = self._script.begin("roles.set_permissions", f"permissions {slug} {' '.join(permissions)}")
        if slug not in self.held or not self.held_permissions.keys() >= set(permissions):
            raise Terminal("entity_not_found", status=404)
        self.held[slug] = replace(self.held[slug], permissions=tuple(permissions))
        return self._script.end(after, self.held[slug])

    async def permissions(self) -> list[HeldPermission]:
        return self._script.read("roles.permissions", None, list(self.held_permissions.values()))

    async def create_permission(self, slug: str, name: str) -> Made[HeldPermission]:
        if slug in self.held_permissions:
            return Made(self.held_permissions[slug], ours=False)
        after = self._script.begin("roles.create_permission", f"permission {slug} {name}")
        self.held_permissions[slug] = HeldPermission(self._script.new_id("perm"), slug, name)
        return self._script.end(after, Made(self.held_permissions[slug], ours=True))
