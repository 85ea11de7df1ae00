"""Owns users' second factors: TOTP, enrolled and listed as /user_management/users/{id}/auth_factors answers."""

from __future__ import annotations

import base64
import re
import secrets
from typing import Any
from urllib.parse import quote, urlencode

from engine.sandbox.bodies import Field, read_body
from engine.sandbox.clock import iso
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import invalid_parameters
from engine.sandbox.paging import list_rows, read_page
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply

_ENROLL = {
    "type": Field(str, required=True, choices=frozenset({"totp"})),
    "totp_issuer": Field(str),
    "totp_user": Field(str),
    "totp_secret": Field(str),
}
_SECRET = re.compile(r"[A-Z2-7]+\Z")
_CHALLENGE_S = 600
# A picture of one pixel: the sandbox draws no QR codes, and `uri` holds all that one would.
_PICTURE = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class SandboxAuthFactors:
    """The second factors of the environment's users (API description, auth_factors)."""

    def __init__(self, environment: SandboxEnvironment) -> None:
        self._environment = environment

    def routes(self) -> list[Route]:
        path = "/user_management/users/{id}/auth_factors"
        return [Route("POST", path, self.enroll), Route("GET", path, self.list_page)]

    def enroll(self, request: SandboxRequest) -> Reply:
        """The secret is shown here and never again; the challenge proves that the person's app has it."""
        own = self._environment
        given = read_body(request.body, _ENROLL)
        user = own.one("users", "User", request.parameters["id"])
        secret = given.get("totp_secret") or base64.b32encode(secrets.token_bytes(20)).decode()
        if not _SECRET.match(secret):
            raise invalid_parameters([("totp_secret", "invalid_value", "totp_secret must be Base32")])
        issuer, account = given.get("totp_issuer") or "Sandbox", given.get("totp_user") or user["email"]
        now = own.clock.stamp()
        own.database.write(
            "INSERT INTO auth_factors (id, user_id, issuer, account, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
            (own.ids.new("auth_factor_"), user["id"], issuer, account, now, now),
        )
        row = own.database.row("SELECT * FROM auth_factors ORDER BY seq DESC LIMIT 1")
        factor = _shape(row)
        query = urlencode({"secret": secret, "issuer": issuer})
        factor["totp"] |= {
            "secret": secret,
            "qr_code": _PICTURE,
            "uri": f"otpauth://totp/{quote(issuer)}:{quote(account)}?{query}",
        }
        challenge = {
            "object": "authentication_challenge",
            "id": own.ids.new("auth_challenge_"),
            "authentication_factor_id": factor["id"],
            "expires_at": iso(own.clock.now() + _CHALLENGE_S),
            "created_at": now,
            "updated_at": now,
        }
        return reply(201, {"authentication_factor": factor, "authentication_challenge": challenge})

    def list_page(self, request: SandboxRequest) -> Reply:
        own = self._environment
        user = own.one("users", "User", request.parameters["id"])
        return list_rows(own.database, "auth_factors", read_page(request), [("user_id = ?", user["id"])], _shape)


def _shape(row: Any) -> dict[str, Any]:
    return {
        "object": "authentication_factor",
        "id": row["id"],
        "type": "totp",
        "user_id": row["user_id"],
        "totp": {"issuer": row["issuer"], "user": row["account"]},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
