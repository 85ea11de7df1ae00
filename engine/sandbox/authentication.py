"""Owns signing in with a password, so that a reset can be proven; no other grant is known here."""

from __future__ import annotations

import secrets
from typing import Any

from engine.sandbox.bodies import Field, read_body
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import ApiError, refused
from engine.sandbox.events import Events
from engine.sandbox.passwords import is_password
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply
from engine.sandbox.sessions import Sessions
from engine.sandbox.users import user_shape

_OPTIONAL = ("ip_address", "user_agent", "device_id", "invitation_token", "signals_id", "radar_auth_attempt_id")
_PASSWORD = {
    **{name: Field(str, required=True) for name in ("client_id", "client_secret", "grant_type", "email", "password")},
    **{name: Field(str, nullable=True) for name in _OPTIONAL},
}


class Authentication:
    """POST /user_management/authenticate with grant_type password."""

    def __init__(self, environment: SandboxEnvironment, events: Events, sessions: Sessions) -> None:
        self._environment = environment
        self._events = events
        self._sessions = sessions

    def routes(self) -> list[Route]:
        return [Route("POST", "/user_management/authenticate", self.authenticate)]

    def authenticate(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = read_body(request.body, _PASSWORD)
        if given["grant_type"] != "password":
            raise _oauth_error("unsupported_grant_type", "The sandbox knows the grant type password alone.")
        if given["client_id"] != own.client_id or given["client_secret"] != own.api_key:
            raise _oauth_error("invalid_client", "Invalid client ID or secret.")
        if not own.settings.email_password_auth:
            raise refused(403, "email_password_auth_disabled")
        email = given["email"].strip().lower()
        row = own.database.row("SELECT * FROM users WHERE email = ?", (email,))
        attempt = {
            "type": "password",
            "ip_address": given.get("ip_address"),
            "user_agent": given.get("user_agent"),
            "user_id": row["id"] if row else None,
            "email": email,
        }
        if row is None or not is_password(given["password"], row["password"]):
            error = {"code": "invalid_credentials", "message": "Invalid credentials."}
            self._events.record("authentication.password_failed", {**attempt, "status": "failed", "error": error})
            raise refused(400, "invalid_credentials", "Invalid credentials.")
        if own.settings.email_verification_required and not row["email_verified"]:
            body = {
                "code": "email_verification_required",
                "message": "Email ownership must be verified before authentication.",
                "email": email,
                "email_verification_id": own.ids.new("email_verification_"),
                "pending_authentication_token": secrets.token_urlsafe(18),
            }
            raise ApiError(403, body)
        own.database.write("UPDATE users SET last_sign_in_at = ? WHERE id = ?", (own.clock.stamp(), row["id"]))
        self._events.record("authentication.password_succeeded", {**attempt, "status": "succeeded"})
        session = self._sessions.open(row["id"], "password")
        answer: dict[str, Any] = {
            "user": _without_metadata(user_shape(own.one("users", "User", row["id"]))),
            "access_token": f"sandbox.{secrets.token_urlsafe(24)}",
            "refresh_token": secrets.token_urlsafe(24),
            "authentication_method": "Password",
        }
        if "organization_id" in session:
            answer["organization_id"] = session["organization_id"]
        return reply(200, answer)


def _without_metadata(user: dict[str, Any]) -> dict[str, Any]:
    """Answers to a sign-in leave metadata out (docs, AuthKit metadata)."""
    return {name: value for name, value in user.items() if name != "metadata"}


def _oauth_error(error: str, description: str) -> ApiError:
    return ApiError(400, {"error": error, "error_description": description})
