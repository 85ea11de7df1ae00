"""WorkOS's environment roles and permissions behind `RolePort`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.call_errors import Ambiguous, Terminal
from engine.model.creations import Made
from engine.model.paging import every_page
from engine.resources.roles.port import HeldPermission, HeldRole
from engine.workos.calls import identifier, items, optional_text, text
from engine.workos.metered_calls import MeteredCalls

_ROLES = ("authorization", "roles")
_PERMISSIONS = ("authorization", "permissions")
# Roles of finer resources cannot be given to memberships (API description, sub_resource_scoped_role_not_allowed).
_RESOURCE = "organization"


class WorkOSRoles:
    """`RolePort` on one WorkOS environment."""

    def __init__(self, calls: MeteredCalls) -> None:
        self._calls = calls

    async def all(self) -> list[HeldRole]:
        """See the port."""

        async def fetch(after: str | None) -> tuple[list[Mapping[str, Any]], str | None]:
            # All come in one answer (API description); the vendor's emulator gives ten and a cursor.
            answer = await self._calls.read(_ROLES, {"after": after} if after else None)
            more = answer.get("list_metadata")
            return items(answer.get("data")), optional_text(more.get("after")) if isinstance(more, Mapping) else None

        found = [one async for page in every_page(fetch) for one in page]
        return [_role(one) for one in found if one.get("resource_type_slug", _RESOURCE) == _RESOURCE]

    async def create(self, slug: str, name: str) -> Made[HeldRole]:
        """See the port."""

        async def create() -> HeldRole:
            return _role(await self._calls.send("post", _ROLES, {"slug": slug, "name": name}))

        return await self._calls.create(create, lambda: self._find(slug))

    async def set_permissions(self, slug: str, permissions: Sequence[str]) -> HeldRole:
        """See the port."""
        body = {"permissions": list(permissions)}

        async def put() -> HeldRole:
            return _role(await self._calls.send("put", (*_ROLES, slug, "permissions"), body))

        held = await self._calls.write(put)
        if set(held.permissions) != set(permissions):
            raise Terminal("permissions_not_kept")
        return held

    async def permissions(self) -> list[HeldPermission]:
        """See the port."""
        return [_permission(one) for one in await self._calls.all(_PERMISSIONS)]

    async def create_permission(self, slug: str, name: str) -> Made[HeldPermission]:
        """See the port."""

        async def create() -> HeldPermission:
            return _permission(await self._calls.send("post", _PERMISSIONS, {"slug": slug, "name": name}))

        async def find() -> HeldPermission | None:
            found = await self._calls.find((*_PERMISSIONS, slug))
            return _permission(found) if found is not None else None

        return await self._calls.create(create, find)

    async def _find(self, slug: str) -> HeldRole | None:
        found = await self._calls.find((*_ROLES, slug))
        return _role(found) if found is not None else None


def _role(given: Mapping[str, Any]) -> HeldRole:
    permissions = given.get("permissions", [])
    if not isinstance(permissions, list):
        raise Ambiguous("unexpected_answer")
    return HeldRole(
        id=identifier(given.get("id")),
        slug=identifier(given.get("slug")),
        name=text(given.get("name")),
        permissions=tuple(text(one) for one in permissions),
    )


def _permission(given: Mapping[str, Any]) -> HeldPermission:
    return HeldPermission(identifier(given.get("id")), identifier(given.get("slug")), text(given.get("name")))
