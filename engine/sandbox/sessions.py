"""Owns the sessions: who is signed in, listed and revoked. Access tokens and their renewal are nobody's here."""

from __future__ import annotations

from typing import Any

from engine.sandbox.bodies import Field, read_body
from engine.sandbox.clock import iso
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import ApiError
from engine.sandbox.events import Events
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest

# The default of a new environment (docs, sessions: maximum session length).
_LONGEST_S = 365 * 86400
_REVOKE = {"session_id": Field(str, required=True), "return_to": Field(str)}


class Sessions:
    """The sessions of the environment's users."""

    def __init__(self, environment: SandboxEnvironment, events: Events) -> None:
        self._environment = environment
        self._events = events

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/user_management/users/{id}/sessions", self.list_page),
            Route("POST", "/user_management/sessions/revoke", self.revoke),
        ]

    def open(self, user_id: str, auth_method: str) -> dict[str, Any]:
        """Somebody signs in: into the organization that they are an active member of, where it is one alone."""
        own = self._environment
        sql = "SELECT organization_id FROM memberships WHERE user_id = ? AND status = 'active' LIMIT 2"
        organizations = own.database.rows(sql, (user_id,))
        # Of several WorkOS has the person choose (organization_selection_required); nobody chooses here.
        organization = organizations[0]["organization_id"] if len(organizations) == 1 else None
        now, end = own.clock.stamp(), iso(own.clock.now() + _LONGEST_S)
        identifier = own.ids.new("session_")
        own.database.write(
            "INSERT INTO sessions (id, user_id, organization_id, auth_method, expires_at, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (identifier, user_id, organization, auth_method, end, now, now),
        )
        shape = session_shape(own.one("sessions", "Session", identifier))
        self._events.record("session.created", shape, organization)
        return shape

    def list_page(self, request: SandboxRequest) -> Reply:
        """Active ones only (API description)."""
        own = self._environment
        user = own.one("users", "User", request.parameters["id"])
        conditions: list[tuple[str, Any]] = [("user_id = ?", user["id"]), ("expires_at > ?", own.clock.stamp())]
        return list_rows(own.database, "sessions", read_page(request), conditions, session_shape)

    def revoke(self, request: SandboxRequest) -> Reply:
        """End one. 200 without a body; 400 with a message alone where there is none (API description)."""
        own = self._environment
        session_id = read_body(request.body, _REVOKE)["session_id"]
        row = own.database.row("SELECT * FROM sessions WHERE id = ?", (session_id,))
        if row is None:
            raise ApiError(400, {"message": f"Session not found: '{session_id}'."})
        self._end(row)
        return Reply(200)

    def end_of(self, user_id: str, organization_id: str) -> None:
        """End those of a membership that is switched off (docs, membership management)."""
        sql = "SELECT * FROM sessions WHERE user_id = ? AND organization_id = ?"
        for row in self._environment.database.rows(sql, (user_id, organization_id)):
            self._end(row)

    def _end(self, row: Any) -> None:
        own = self._environment
        now = own.clock.stamp()
        own.database.write("DELETE FROM sessions WHERE id = ?", (row["id"],))
        ended = session_shape(row) | {"status": "revoked", "ended_at": now, "updated_at": now}
        self._events.record("session.revoked", ended, row["organization_id"])


def session_shape(row: Any) -> dict[str, Any]:
    """A row of sessions as the API shows it."""
    shape = {
        "object": "session",
        "id": row["id"],
        "user_id": row["user_id"],
        "ip_address": None,
        "user_agent": None,
        "auth_method": row["auth_method"],
        "status": "active",
        "expires_at": row["expires_at"],
        "ended_at": None,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    if row["organization_id"] is not None:
        shape["organization_id"] = row["organization_id"]
    return shape
