"""Owns the users: create, look up, list, update, delete, as /user_management/users answers."""

from __future__ import annotations

import re
from typing import Any

import orjson

from engine.sandbox.bodies import Field, check_metadata, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import invalid_parameters, listed, not_found, refused
from engine.sandbox.events import Events
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.passwords import HASH_TYPES, new_password
from engine.sandbox.requests import Reply, Route, SandboxRequest

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+\Z")
_EMAIL_TAKEN = ("email_not_available", "This email is not available.")
_EXTERNAL_ID_TAKEN = ("external_id_already_used", "The external_id provided has already been used.")

_PASSWORD = {
    "password_hash": Field(str),
    "password_hash_type": Field(str, choices=HASH_TYPES),
    "password_salt_position": Field(str),
}
# The SDK (10.8) sends more than the vendor's API description lists: name, signals_id, ip_address, user_agent.
_CREATE = {
    "email": Field(str, required=True),
    "first_name": Field(str, nullable=True),
    "last_name": Field(str, nullable=True),
    "name": Field(str, nullable=True),
    "email_verified": Field(bool, nullable=True),
    "metadata": Field(dict, nullable=True),
    "external_id": Field(str, nullable=True),
    "password": Field(str, nullable=True),
    "signals_id": Field(str),
    "ip_address": Field(str, nullable=True),
    "user_agent": Field(str, nullable=True),
    **_PASSWORD,
}
_UPDATE = {
    "email": Field(str),
    "first_name": Field(str),
    "last_name": Field(str),
    "name": Field(str),
    "email_verified": Field(bool),
    "metadata": Field(dict, nullable=True),
    "external_id": Field(str, nullable=True),
    "locale": Field(str, nullable=True),
    "password": Field(str),
    **_PASSWORD,
}


class Users:
    """The users of the environment; addresses are kept trimmed and lower-cased, unique as such."""

    def __init__(self, environment: SandboxEnvironment, events: Events) -> None:
        self._environment = environment
        self._events = events

    def routes(self) -> list[Route]:
        base = "/user_management/users"
        return [
            Route("POST", base, self.create),
            Route("GET", base, self.list_page),
            Route("GET", f"{base}/external_id/{{external_id}}", self.get_by_external_id),
            Route("GET", f"{base}/{{id}}", self.get),
            Route("PUT", f"{base}/{{id}}", self.update),
            Route("DELETE", f"{base}/{{id}}", self.delete),
        ]

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _CREATE)
        email = given["email"].strip().lower()
        if not _EMAIL.match(email):
            raise listed("user_creation_error", [("invalid_email", "The email is not a valid email address.")])
        external_id = self._external_id(given)
        metadata = check_metadata(given.get("metadata") or {}, {}, own.settings.metadata_keys)
        password = new_password(given)
        clashes = self._clashes(email, external_id, except_id="")
        if clashes:
            raise listed("user_creation_error", clashes)
        now = own.clock.stamp()
        user = {
            "object": "user",
            "id": own.ids.new("user_"),
            "email": email,
            "email_verified": bool(given.get("email_verified")),
            "first_name": given.get("first_name"),
            "last_name": given.get("last_name"),
            "name": _full_name(given.get("name"), given.get("first_name"), given.get("last_name")),
            "profile_picture_url": None,
            "external_id": external_id,
            "metadata": metadata,
            "last_sign_in_at": None,
            "locale": None,
            "created_at": now,
            "updated_at": now,
        }
        own.database.write(
            "INSERT INTO users (id, email, email_verified, first_name, last_name, name, external_id, metadata,"
            " password, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(user[name] for name in ("id", "email", "email_verified", "first_name", "last_name")),
                *(given.get("name"), external_id, orjson.dumps(metadata).decode(), password, now, now),
            ),
        )
        body = orjson.dumps(user)
        self._events.record("user.created", body)
        return Reply(201, body)

    def get(self, request: SandboxRequest) -> Reply:
        return _found(self._environment.one("users", "User", request.parameters["id"]))

    def get_by_external_id(self, request: SandboxRequest) -> Reply:
        external_id = request.parameters["external_id"]
        row = self._environment.database.row("SELECT * FROM users WHERE external_id = ?", (external_id,))
        if row is None:
            raise not_found("User", external_id)
        return _found(row)

    def list_page(self, request: SandboxRequest) -> Reply:
        conditions: list[tuple[str, Any]] = []
        email = request.argument("email")
        if email is not None:
            conditions.append(("email = ?", email.strip().lower()))
        organization = request.argument("organization_id") or request.argument("organization")
        if organization is not None:
            member = "id IN (SELECT user_id FROM memberships WHERE organization_id = ? AND status = 'active')"
            conditions.append((member, organization))
        return list_rows(self._environment.database, "users", read_page(request), conditions, user_shape)

    def update(self, request: SandboxRequest) -> Reply:
        """Change the fields given. A new address without email_verified becomes unverified."""
        own = self._environment
        given = read_body(request.body, _UPDATE)
        row = own.one("users", "User", request.parameters["id"])
        changes: dict[str, Any] = {
            name: given[name]
            for name in ("first_name", "last_name", "name", "email_verified", "locale")
            if name in given
        }
        if "email" in given:
            changes |= self._new_email(row, given)
        if "external_id" in given:
            changes["external_id"] = self._external_id(given)
        if given.get("metadata") is not None:
            held = orjson.loads(row["metadata"])
            metadata = check_metadata(given["metadata"], held, own.settings.metadata_keys)
            changes["metadata"] = orjson.dumps(metadata).decode()
        password = new_password(given)
        if password is not None:
            changes["password"] = password
        clashes = self._clashes(changes.get("email"), changes.get("external_id"), except_id=row["id"])
        if clashes:
            raise refused(400, *clashes[0])
        changes["updated_at"] = own.clock.stamp()
        columns = ", ".join(f"{name} = ?" for name in changes)
        own.database.write(f"UPDATE users SET {columns} WHERE id = ?", (*changes.values(), row["id"]))  # noqa: S608 - our own names
        reply = _found(own.one("users", "User", row["id"]))
        self._events.record("user.updated", reply.body)
        return reply

    def delete(self, request: SandboxRequest) -> Reply:
        own = self._environment
        row = own.one("users", "User", request.parameters["id"])
        if not own.settings.user_deletion_allowed:
            raise refused(409, "user_deletion_not_allowed")
        for membership in own.database.rows(
            "SELECT id, organization_id FROM memberships WHERE user_id = ?", (row["id"],)
        ):
            data = {"object": "organization_membership", "user_id": row["id"], **dict(membership)}
            self._events.record("organization_membership.deleted", data, membership["organization_id"])
        for table in ("memberships", "password_resets", "identities", "auth_factors", "sessions"):
            own.database.write(f"DELETE FROM {table} WHERE user_id = ?", (row["id"],))  # noqa: S608 - our own names
        own.database.write("DELETE FROM users WHERE id = ?", (row["id"],))
        self._events.record("user.deleted", user_shape(row))
        return Reply(200)

    def _external_id(self, given: dict[str, Any]) -> str | None:
        value: str | None = given.get("external_id")
        longest = self._environment.settings.external_id_length
        if value is not None and not 1 <= len(value) <= longest:
            message = f"external_id must be 1 to {longest} characters long"
            raise invalid_parameters([("external_id", "invalid_length", message)])
        return value

    def _new_email(self, row: Any, given: dict[str, Any]) -> dict[str, Any]:
        email = given["email"].strip().lower()
        if not _EMAIL.match(email):
            raise refused(400, "invalid_email")
        if email == row["email"]:
            return {}
        if not self._environment.settings.email_change_allowed:
            raise refused(400, "email_change_not_allowed")
        return {"email": email, "email_verified": given.get("email_verified", False)}

    def _clashes(self, email: str | None, external_id: str | None, *, except_id: str) -> list[tuple[str, str]]:
        clashes = []
        for column, value, clash in (("email", email, _EMAIL_TAKEN), ("external_id", external_id, _EXTERNAL_ID_TAKEN)):
            if value is not None:
                sql = f"SELECT 1 FROM users WHERE {column} = ? AND id != ?"  # noqa: S608 - our own names
                if self._environment.database.row(sql, (value, except_id)):
                    clashes.append(clash)
        return clashes


def _full_name(name: str | None, first_name: str | None, last_name: str | None) -> str | None:
    return name or " ".join(part for part in (first_name, last_name) if part) or None


def user_shape(row: Any) -> dict[str, Any]:
    """A row of users as the API shows it."""
    return {
        "object": "user",
        "id": row["id"],
        "email": row["email"],
        "email_verified": bool(row["email_verified"]),
        "first_name": row["first_name"],
        "last_name": row["last_name"],
        "name": _full_name(row["name"], row["first_name"], row["last_name"]),
        "profile_picture_url": None,
        "external_id": row["external_id"],
        "metadata": orjson.Fragment(row["metadata"]),
        "last_sign_in_at": row["last_sign_in_at"],
        "locale": row["locale"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _found(row: Any) -> Reply:
    return Reply(200, orjson.dumps(user_shape(row)))
