"""Owns the permissions of the environment; which role has which is the roles' business."""

from __future__ import annotations

import re
from typing import Any

import orjson

from engine.sandbox.bodies import Field, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import invalid_parameters, not_found, refused
from engine.sandbox.events import Events
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply

_BASE = "/authorization/permissions"
_CREATE = {
    "slug": Field(str, required=True, longest=48),
    "name": Field(str, required=True, longest=48),
    "description": Field(str, nullable=True, longest=150),
    "resource_type_slug": Field(str, longest=48),
}
_UPDATE = {"name": Field(str, longest=48), "description": Field(str, nullable=True, longest=150)}
# Docs, create a permission.
_SLUG = re.compile(r"[a-z0-9_:.*-]+\Z")


class Permissions:
    """The permissions of the environment; slugs are unique and never change."""

    def __init__(self, environment: SandboxEnvironment, events: Events) -> None:
        self._environment = environment
        self._events = events

    def routes(self) -> list[Route]:
        return [
            Route("GET", _BASE, self.list_page),
            Route("POST", _BASE, self.create),
            Route("GET", f"{_BASE}/{{slug}}", self.get),
            Route("PATCH", f"{_BASE}/{{slug}}", self.update),
            Route("DELETE", f"{_BASE}/{{slug}}", self.delete),
        ]

    def list_page(self, request: SandboxRequest) -> Reply:
        return list_rows(self._environment.database, "permissions", read_page(request), [], _shape)

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _CREATE)
        slug, name = given["slug"], given["name"]
        if not _SLUG.match(slug) or not name:
            raise invalid_parameters([("slug", "invalid_slug", "slug or name is not one that a permission may have")])
        if self._find(slug) is not None:
            raise refused(409, "permission_slug_conflict")
        now = own.clock.stamp()
        own.database.write(
            "INSERT INTO permissions (id, slug, name, description, resource_type_slug, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(own.ids.new("perm_"), slug, name, given.get("description")),
                *(given.get("resource_type_slug", "organization"), now, now),
            ),
        )
        return self._done(slug, 201, "permission.created")

    def get(self, request: SandboxRequest) -> Reply:
        return reply(200, _shape(self._one(request)))

    def update(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _UPDATE)
        row = self._one(request)
        values = (given.get("name", row["name"]), given.get("description", row["description"]), own.clock.stamp())
        sql = "UPDATE permissions SET name = ?, description = ?, updated_at = ? WHERE slug = ?"
        own.database.write(sql, (*values, row["slug"]))
        return self._done(row["slug"], 200, "permission.updated")

    def delete(self, request: SandboxRequest) -> Reply:
        own = self._environment
        row = self._one(request)
        for role in own.database.rows("SELECT slug, permissions FROM roles"):
            left = [slug for slug in orjson.loads(role["permissions"]) if slug != row["slug"]]
            values = (orjson.dumps(left).decode(), role["slug"])
            own.database.write("UPDATE roles SET permissions = ? WHERE slug = ?", values)
        own.database.write("DELETE FROM permissions WHERE slug = ?", (row["slug"],))
        self._events.record("permission.deleted", _shape(row))
        return Reply(204)

    def _done(self, slug: str, status: int, event: str) -> Reply:
        shape = _shape(self._find(slug))
        self._events.record(event, shape)
        return reply(status, shape)

    def _find(self, slug: str) -> Any:
        return self._environment.database.row("SELECT * FROM permissions WHERE slug = ?", (slug,))

    def _one(self, request: SandboxRequest) -> Any:
        slug = request.parameters["slug"]
        row = self._find(slug)
        if row is None:
            raise not_found("Permission", slug)
        return row


def _shape(row: Any) -> dict[str, Any]:
    return {
        "object": "permission",
        "id": row["id"],
        "slug": row["slug"],
        "name": row["name"],
        "description": row["description"],
        "system": False,
        "resource_type_slug": row["resource_type_slug"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
