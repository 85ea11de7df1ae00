"""Owns the roles of the environment and what they permit; `member` is there from the start, as in a new one."""

from __future__ import annotations

import re
from typing import Any

import orjson

from engine.sandbox.bodies import Field, check_texts, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import invalid_parameters, not_found, refused
from engine.sandbox.events import Events
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply

_CREATE = {
    "slug": Field(str, required=True, longest=48),
    "name": Field(str, required=True, longest=48),
    "description": Field(str, nullable=True, longest=150),
    "resource_type_slug": Field(str, longest=48),
}
_UPDATE = {"name": Field(str, longest=48), "description": Field(str, nullable=True, longest=150)}
_SET = {"permissions": Field(list, required=True)}
_ADD = {"slug": Field(str, required=True)}
# Docs, create a role.
_SLUG = re.compile(r"[a-z0-9_-]+\Z")
DEFAULT_ROLE = "member"
RESOURCE = "organization"
"""The type of resource that memberships are of; roles of others are not for them."""


class Roles:
    """SandboxEnvironment roles, listed oldest first, all at once."""

    def __init__(self, environment: SandboxEnvironment, events: Events) -> None:
        self._environment = environment
        self._events = events

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/authorization/roles", self.list_page),
            Route("POST", "/authorization/roles", self.create),
            Route("GET", "/authorization/roles/{slug}", self.get),
            Route("PATCH", "/authorization/roles/{slug}", self.update),
            Route("PUT", "/authorization/roles/{slug}/permissions", self.set_permissions),
            Route("POST", "/authorization/roles/{slug}/permissions", self.add_permission),
        ]

    def seed(self) -> None:
        """Make the default role where it is missing."""
        if self._find(DEFAULT_ROLE) is None:
            self._insert({"slug": DEFAULT_ROLE, "name": "Member"})

    def list_page(self, _: SandboxRequest) -> Reply:
        rows = self._environment.database.rows("SELECT * FROM roles ORDER BY seq")
        return reply(200, {"object": "list", "data": [_shape(row) for row in rows]})

    def create(self, request: SandboxRequest) -> Reply:
        given = read_body(request.body, _CREATE)
        if not _SLUG.match(given["slug"]) or not given["name"]:
            raise invalid_parameters([("slug", "invalid_slug", "slug or name is not one that a role may have")])
        if self._find(given["slug"]) is not None:
            raise refused(409, "role_slug_conflict")
        self._insert(given)
        return self._done(given["slug"], 201, "role.created")

    def get(self, request: SandboxRequest) -> Reply:
        return reply(200, _shape(self._one(request.parameters["slug"])))

    def update(self, request: SandboxRequest) -> Reply:
        given = read_body(request.body, _UPDATE)
        row = self._one(request.parameters["slug"])
        own = self._environment
        own.database.write(
            "UPDATE roles SET name = ?, description = ?, updated_at = ? WHERE slug = ?",
            (
                given.get("name", row["name"]),
                given.get("description", row["description"]),
                own.clock.stamp(),
                row["slug"],
            ),
        )
        return self._done(row["slug"], 200, "role.updated")

    def set_permissions(self, request: SandboxRequest) -> Reply:
        """Replace all of a role's."""
        given = read_body(request.body, _SET)
        row = self._one(request.parameters["slug"])
        return self._permit(row["slug"], check_texts(given["permissions"], "permissions"))

    def add_permission(self, request: SandboxRequest) -> Reply:
        """Add one; without effect where the role has it."""
        slug = read_body(request.body, _ADD)["slug"]
        row = self._one(request.parameters["slug"])
        return self._permit(row["slug"], [*orjson.loads(row["permissions"]), slug])

    def _permit(self, role: str, slugs: list[str]) -> Reply:
        own = self._environment
        for slug in slugs:
            if own.database.row("SELECT 1 FROM permissions WHERE slug = ?", (slug,)) is None:
                raise not_found("Permission", slug)
        permissions = orjson.dumps(list(dict.fromkeys(slugs))).decode()
        values = (permissions, own.clock.stamp(), role)
        own.database.write("UPDATE roles SET permissions = ?, updated_at = ? WHERE slug = ?", values)
        return self._done(role, 200, "role.updated")

    def _insert(self, given: dict[str, Any]) -> None:
        own = self._environment
        now = own.clock.stamp()
        own.database.write(
            "INSERT INTO roles (id, slug, name, description, resource_type_slug, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                own.ids.new("role_"),
                given["slug"],
                given["name"],
                given.get("description"),
                given.get("resource_type_slug", RESOURCE),
                now,
                now,
            ),
        )

    def _done(self, slug: str, status: int, event: str) -> Reply:
        shape = _shape(self._one(slug))
        kept = ("object", "slug", "resource_type_slug", "permissions", "created_at", "updated_at")
        self._events.record(event, {name: shape[name] for name in kept})
        return reply(status, shape)

    def _find(self, slug: str) -> Any:
        return self._environment.database.row("SELECT * FROM roles WHERE slug = ?", (slug,))

    def _one(self, slug: str) -> Any:
        row = self._find(slug)
        if row is None:
            raise not_found("Role", slug)
        return row


def _shape(row: Any) -> dict[str, Any]:
    return {
        "object": "role",
        "id": row["id"],
        "slug": row["slug"],
        "name": row["name"],
        "description": row["description"],
        "type": "EnvironmentRole",
        "resource_type_slug": row["resource_type_slug"],
        "permissions": orjson.loads(row["permissions"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
