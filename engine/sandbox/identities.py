"""Owns the identities that providers' sign-ins leave at a user; the sign-in itself is a provider's and a browser's."""

from __future__ import annotations

from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply


class Identities:
    """The linked identities of the environment's users."""

    def __init__(self, environment: SandboxEnvironment) -> None:
        self._environment = environment

    def routes(self) -> list[Route]:
        return [Route("GET", "/user_management/users/{id}/identities", self.list_all)]

    def list_all(self, request: SandboxRequest) -> Reply:
        """A bare array (API description)."""
        own = self._environment
        user = own.one("users", "User", request.parameters["id"])
        rows = own.database.rows("SELECT * FROM identities WHERE user_id = ? ORDER BY seq", (user["id"],))
        return reply(200, [{"idp_id": row["id"], "type": "OAuth", "provider": row["provider"]} for row in rows])
