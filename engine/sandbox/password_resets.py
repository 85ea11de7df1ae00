"""Owns password resets: making one (which in WorkOS sends the e-mail), reading it, and confirming it."""

from __future__ import annotations

import secrets
from typing import Any

from engine.sandbox.bodies import Field, read_body
from engine.sandbox.clock import iso
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import listed, not_found, refused
from engine.sandbox.events import Events
from engine.sandbox.passwords import hash_password
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply
from engine.sandbox.users import user_shape

_VALID_S = 3600
_CREATE = {"email": Field(str, required=True), "locale": Field(str, nullable=True)}
_CONFIRM = {"token": Field(str, required=True), "new_password": Field(str, required=True)}


class PasswordResets:
    """The resets of the environment."""

    def __init__(self, environment: SandboxEnvironment, events: Events) -> None:
        self._environment = environment
        self._events = events

    def routes(self) -> list[Route]:
        base = "/user_management/password_reset"
        return [
            Route("POST", base, self.create),
            Route("POST", f"{base}/confirm", self.confirm),
            Route("GET", f"{base}/{{id}}", self.get),
        ]

    def create(self, request: SandboxRequest) -> Reply:
        own = self._environment
        email = read_body(request.body, _CREATE)["email"].strip().lower()
        self._check_enabled()
        if not own.settings.password_reset_allowed:
            raise refused(403, "password_reset_not_allowed")
        user = own.database.row("SELECT id FROM users WHERE email = ?", (email,))
        if user is None:
            raise not_found("User", email)
        own.resets.admit(email)
        now = own.clock.now()
        values = (
            own.ids.new("password_reset_"),
            user["id"],
            email,
            secrets.token_urlsafe(18),
            iso(now + _VALID_S),
            iso(now),
        )
        own.database.write(
            "INSERT INTO password_resets (id, user_id, email, token, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            values,
        )
        row = own.one("password_resets", "Password reset", values[0])
        self._events.record("password_reset.created", _event(row))
        return reply(201, _shape(row))

    def get(self, request: SandboxRequest) -> Reply:
        return reply(200, _shape(self._environment.one("password_resets", "Password reset", request.parameters["id"])))

    def confirm(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _CONFIRM)
        self._check_enabled()
        row = own.database.row("SELECT * FROM password_resets WHERE token = ?", (given["token"],))
        if row is None:
            raise not_found("Password reset", "token")
        if row["used"] or row["expires_at"] <= own.clock.stamp():
            code = "password_reset_token_used" if row["used"] else "password_reset_token_expired"
            raise listed("password_reset_error", [(code, "The password reset token is no longer valid.")])
        password = hash_password(given["new_password"], "password_reset_error")
        own.database.write("UPDATE password_resets SET used = 1 WHERE id = ?", (row["id"],))
        own.database.write(
            "UPDATE users SET password = ?, updated_at = ? WHERE id = ?", (password, own.clock.stamp(), row["user_id"])
        )
        self._events.record("password_reset.succeeded", _event(row))
        return reply(200, {"user": user_shape(own.one("users", "User", row["user_id"]))})

    def _check_enabled(self) -> None:
        if not self._environment.settings.email_password_auth:
            raise refused(403, "email_password_auth_disabled")


def _event(row: Any) -> dict[str, Any]:
    # Events never carry the token: whoever reads events must not be able to take an account over.
    return {
        "object": "password_reset",
        "id": row["id"],
        "user_id": row["user_id"],
        "email": row["email"],
        "expires_at": row["expires_at"],
        "created_at": row["created_at"],
    }


def _shape(row: Any) -> dict[str, Any]:
    return _event(row) | {
        "password_reset_token": row["token"],
        "password_reset_url": f"https://auth.sandbox.invalid/reset-password?token={row['token']}",
    }
