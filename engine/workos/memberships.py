"""WorkOS's organization memberships behind `MembershipPort`.

Answers are read by ourselves: the SDK's models want the user and the list of roles in them, and the API description
promises the second nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from engine.model.call_errors import Ambiguous, CallFailed, Terminal
from engine.model.creations import Made
from engine.resources.memberships.port import HeldMembership, Status
from engine.workos.calls import identifier, items, optional_text
from engine.workos.metered_calls import Body, MeteredCalls

_PATH = ("user_management", "organization_memberships")
_STATUSES: tuple[Status, ...] = ("active", "inactive", "pending")


class WorkOSMemberships:
    """`MembershipPort` on one WorkOS environment."""

    def __init__(self, calls: MeteredCalls) -> None:
        self._calls = calls

    async def find(self, user_id: str, organization_id: str) -> HeldMembership | None:
        """See the port."""
        page, _ = await self.list_page(None, user_id=user_id, organization_id=organization_id)
        # One at most (docs); the vendor's emulator keeps inactive ones beside: what lets somebody in counts first.
        return min(page, key=lambda one: ("active", "pending", "inactive").index(one.status), default=None)

    async def get(self, membership_id: str) -> HeldMembership | None:
        """See the port."""
        found = await self._calls.find((*_PATH, membership_id))
        return _held(found) if found is not None else None

    async def list_page(
        self, after: str | None, *, user_id: str | None = None, organization_id: str | None = None
    ) -> tuple[Sequence[HeldMembership], str | None]:
        """See the port. Without `statuses` WorkOS lists active ones only (API description)."""
        wanted = {"user_id": user_id, "organization_id": organization_id}
        filters = {name: value for name, value in wanted.items() if value is not None}
        try:
            page = await self._calls.page(_PATH, after, statuses=",".join(_STATUSES), **filters)
        except Terminal as error:
            if error.status == 404:  # no such user or organization
                return [], None
            raise
        found = [_held(one) for one in page.items]
        # Compared here as well: a server that does not know a filter answers with everybody's.
        return [
            one for one in found if user_id in (None, one.user_id) and organization_id in (None, one.organization_id)
        ], page.after

    async def create(self, user_id: str, organization_id: str, roles: Sequence[str] = ()) -> Made[HeldMembership]:
        """See the port."""
        body: Body = {"user_id": user_id, "organization_id": organization_id, **_roles(roles)}

        async def create() -> HeldMembership:
            held = _held(await self._calls.send("post", _PATH, body))
            if (held.user_id, held.organization_id, held.status) != (user_id, organization_id, "active"):
                raise Ambiguous("unexpected_answer")
            return held

        made = await self._calls.create(create, lambda: self.find(user_id, organization_id))
        # POST makes active ones: another is somebody else's.
        return Made(made.held, ours=made.ours and made.held.status == "active")

    async def update_roles(self, membership_id: str, roles: Sequence[str]) -> HeldMembership:
        """See the port."""

        async def update() -> HeldMembership:
            return _held(await self._calls.send("put", (*_PATH, membership_id), _roles(roles)))

        held = await self._calls.write(update)
        if set(held.roles) != set(roles):
            # The vendor's emulator leaves lists of roles unread.
            raise Terminal("roles_not_kept")
        return held

    async def deactivate(self, membership_id: str) -> HeldMembership:
        """See the port."""
        return await self._move(membership_id, "deactivate", "inactive")

    async def reactivate(self, membership_id: str) -> HeldMembership:
        """See the port."""
        return await self._move(membership_id, "reactivate", "active")

    async def delete(self, membership_id: str) -> None:
        """See the port."""
        await self._calls.delete((*_PATH, membership_id), lambda: self.get(membership_id))

    async def _move(self, membership_id: str, verb: str, status: Literal["active", "inactive"]) -> HeldMembership:
        async def move() -> HeldMembership:
            held = _held(await self._calls.send("put", (*_PATH, membership_id, verb)))
            if held.status != status:
                raise Ambiguous("unexpected_answer")
            return held

        async def look(_: CallFailed) -> HeldMembership | None:
            # The vendor's emulator refuses what is done already.
            held = await self.get(membership_id)
            return held if held is not None and held.status == status else None

        return await self._calls.write(move, look)


def _roles(slugs: Sequence[str]) -> Body:
    # One goes as `role_slug`, which environments with one role and with several take alike.
    if not slugs:
        return {}
    return {"role_slug": slugs[0]} if len(slugs) == 1 else {"role_slugs": list(slugs)}


def _held(given: Mapping[str, Any]) -> HeldMembership:
    status = given.get("status")
    if status not in _STATUSES:
        raise Ambiguous("unexpected_answer")
    # `role` is the first of `roles` (docs); the API description knows it alone.
    found = items(given["roles"]) if given.get("roles") else items([given.get("role")])
    return HeldMembership(
        id=identifier(given.get("id")),
        user_id=identifier(given.get("user_id")),
        organization_id=identifier(given.get("organization_id")),
        status=cast(Status, status),
        roles=tuple(identifier(one.get("slug")) for one in found),
        created_at=optional_text(given.get("created_at")),
        updated_at=optional_text(given.get("updated_at")),
        directory_managed=given.get("directory_managed") is True,
    )
