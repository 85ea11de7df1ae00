"""Owns organization memberships: one a user and organization, with roles that exist, switched on and off."""

from __future__ import annotations

from typing import Any

import orjson

from engine.sandbox.bodies import Field, check_texts, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import ApiError, invalid_parameters, refused
from engine.sandbox.events import Events
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply
from engine.sandbox.roles import DEFAULT_ROLE, RESOURCE
from engine.sandbox.sessions import Sessions
from engine.sandbox.users import user_shape

_BASE = "/user_management/organization_memberships"
_UPDATE = {"role_slug": Field(str), "role_slugs": Field(list)}
_CREATE = {"user_id": Field(str, required=True), "organization_id": Field(str, required=True), **_UPDATE}
_STATUSES = frozenset({"active", "inactive", "pending"})


class SandboxMemberships:
    """The memberships of the environment."""

    def __init__(self, environment: SandboxEnvironment, events: Events, sessions: Sessions) -> None:
        self._environment = environment
        self._events = events
        self._sessions = sessions

    def routes(self) -> list[Route]:
        return [
            Route("POST", _BASE, self.create),
            Route("GET", _BASE, self.list_page),
            Route("GET", f"{_BASE}/{{id}}", self.get),
            Route("PUT", f"{_BASE}/{{id}}", self.update),
            Route("DELETE", f"{_BASE}/{{id}}", self.delete),
            Route("PUT", f"{_BASE}/{{id}}/deactivate", self.deactivate),
            Route("PUT", f"{_BASE}/{{id}}/reactivate", self.reactivate),
        ]

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _CREATE)
        user = own.one("users", "User", given["user_id"])
        organization = own.one("organizations", "Organization", given["organization_id"])
        roles = self._roles(given) or [DEFAULT_ROLE]
        sql = "SELECT * FROM memberships WHERE user_id = ? AND organization_id = ?"
        held = own.database.row(sql, (user["id"], organization["id"]))
        if held is not None and held["status"] == "inactive":
            # API description: activated, with the roles named; without any, that of a new one.
            self._set(held["id"], status="active", roles=orjson.dumps(roles).decode())
            return self._done(held["id"], 201, "organization_membership.updated")
        if held is not None and held["status"] == "pending":
            raise refused(400, "cannot_reactivate_pending_organization_membership")
        if held is not None:
            # 409 was seen on the real API; its code is documented nowhere.
            message = "The user is already a member of the organization."
            raise ApiError(409, {"code": "organization_membership_already_exists", "message": message})
        now = own.clock.stamp()
        identifier = own.ids.new("om_")
        own.database.write(
            "INSERT INTO memberships (id, user_id, organization_id, status, roles, created_at, updated_at)"
            " VALUES (?, ?, ?, 'active', ?, ?, ?)",
            (identifier, user["id"], organization["id"], orjson.dumps(roles).decode(), now, now),
        )
        return self._done(identifier, 201, "organization_membership.created")

    def get(self, request: SandboxRequest) -> Reply:
        return reply(200, self._shape(self._one(request)))

    def list_page(self, request: SandboxRequest) -> Reply:
        conditions: list[tuple[str, Any]] = []
        for name in ("user_id", "organization_id"):
            value = request.argument(name)
            if value is not None:
                conditions.append((f"{name} = ?", value))
        if not conditions:
            raise refused(400, "missing_user_id_or_organization_id")
        for name, value in conditions:
            # 404 is among the answers of the API description, for what is said nowhere: what else could be missing?
            self._environment.one(*(("users", "User") if "user" in name else ("organizations", "Organization")), value)
        # "By default only active memberships are returned" (API description).
        statuses = request.arguments("statuses") or ["active"]
        if not _STATUSES.issuperset(statuses):
            raise refused(400, "invalid_request_parameters", "statuses must be active, inactive or pending")
        conditions.append(("status IN (SELECT value FROM json_each(?))", orjson.dumps(statuses).decode()))
        return list_rows(self._environment.database, "memberships", read_page(request), conditions, self._shape)

    def update(self, request: SandboxRequest) -> Reply:
        given = read_body(request.body, _UPDATE)
        row = self._one(request)
        roles = self._roles(given)
        if roles:
            self._set(row["id"], roles=orjson.dumps(roles).decode())
        return self._done(row["id"], 200, "organization_membership.updated")

    def deactivate(self, request: SandboxRequest) -> Reply:
        row = self._one(request)
        if row["status"] == "pending":
            raise refused(400, "cannot_deactivate_pending_organization_membership")
        self._sessions.end_of(row["user_id"], row["organization_id"])
        return self._move(row, "inactive")

    def reactivate(self, request: SandboxRequest) -> Reply:
        row = self._one(request)
        if row["status"] == "pending":
            raise refused(400, "cannot_reactivate_pending_organization_membership")
        return self._move(row, "active")

    def delete(self, request: SandboxRequest) -> Reply:
        row = self._one(request)
        self._environment.database.write("DELETE FROM memberships WHERE id = ?", (row["id"],))
        self._events.record("organization_membership.deleted", _bare(row), row["organization_id"])
        return Reply(200)

    def _move(self, row: Any, status: str) -> Reply:
        if row["status"] == status:
            # Nothing happens, and no event says so (API description).
            return reply(200, self._shape(row))
        self._set(row["id"], status=status)
        return self._done(row["id"], 200, "organization_membership.updated")

    def _set(self, identifier: str, **values: str) -> None:
        own = self._environment
        columns = ", ".join(f"{name} = ?" for name in values)
        sql = f"UPDATE memberships SET {columns}, updated_at = ? WHERE id = ?"  # noqa: S608 - our own names
        own.database.write(sql, (*values.values(), own.clock.stamp(), identifier))

    def _one(self, request: SandboxRequest) -> Any:
        return self._environment.one("memberships", "Organization membership", request.parameters["id"])

    def _done(self, identifier: str, status: int, event: str) -> Reply:
        row = self._environment.one("memberships", "Organization membership", identifier)
        self._events.record(event, _bare(row), row["organization_id"])
        return reply(status, self._shape(row))

    def _roles(self, given: dict[str, Any]) -> list[str]:
        """The roles named, none where the body names none. Raises ApiError 422."""
        if "role_slug" in given and "role_slugs" in given:
            raise invalid_parameters([("role_slug", "conflict", "give role_slug or role_slugs, not both")])
        single = [given["role_slug"]] if "role_slug" in given else []
        slugs = single or check_texts(given.get("role_slugs", []), "role_slugs")
        if "role_slugs" in given and not slugs:
            raise invalid_parameters([("role_slugs", "role_slugs_required", "a membership has at least one role")])
        if len(slugs) > 1 and not self._environment.settings.multiple_roles:
            raise refused(422, "multiple_roles_not_enabled", "Multiple roles are not enabled for this environment.")
        for slug in slugs:
            role = self._environment.database.row("SELECT resource_type_slug FROM roles WHERE slug = ?", (slug,))
            if role is None:
                raise refused(422, "invalid_role", f"Role '{slug}' is not a valid role.")
            if role["resource_type_slug"] != RESOURCE:
                message = f"Role '{slug}' is scoped to a finer resource than an organization."
                body = {"code": "sub_resource_scoped_role_not_allowed", "message": message, "role_slug": slug}
                raise ApiError(422, body)
        return slugs

    def _shape(self, row: Any) -> dict[str, Any]:
        own = self._environment
        return _bare(row) | {
            "organization_name": own.one("organizations", "Organization", row["organization_id"])["name"],
            "user": user_shape(own.one("users", "User", row["user_id"])),
        }


def _bare(row: Any) -> dict[str, Any]:
    roles = [{"slug": slug} for slug in orjson.loads(row["roles"])]
    return {
        "object": "organization_membership",
        "id": row["id"],
        "user_id": row["user_id"],
        "organization_id": row["organization_id"],
        "status": row["status"],
        "role": roles[0],
        "roles": roles,
        "directory_managed": False,
        "custom_attributes": {},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
