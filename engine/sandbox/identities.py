"""Owns the identities that providers' sign-ins leave at a user; the sign-in itself is a provider's and a browser's."""

from __future__ import annotations

from engine.sandbox.bodies import Field, read_body
from engine.sandbox.environment import Environment
from engine.sandbox.requests import Reply, Request, Route, reply

# API description, identities of a user.
_PROVIDERS = frozenset(
    {
        *("AppleOAuth", "BitbucketOAuth", "DiscordOAuth", "GithubOAuth", "GitLabOAuth", "GoogleOAuth", "IntuitOAuth"),
        *("LinkedInOAuth", "MicrosoftOAuth", "SalesforceOAuth", "SlackOAuth", "VercelMarketplaceOAuth", "VercelOAuth"),
        "XeroOAuth",
    }
)
_LINK = {
    "user_id": Field(str, required=True),
    "provider": Field(str, required=True, choices=_PROVIDERS),
    "idp_id": Field(str, required=True),
}


class Identities:
    """The linked identities of the environment's users."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def routes(self) -> list[Route]:
        return [Route("GET", "/user_management/users/{id}/identities", self.list_all)]

    def list_all(self, request: Request) -> Reply:
        """A bare array (API description)."""
        own = self._environment
        user = own.one("users", "User", request.parameters["id"])
        rows = own.database.rows("SELECT * FROM identities WHERE user_id = ? ORDER BY seq", (user["id"],))
        return reply(200, [{"idp_id": row["id"], "type": "OAuth", "provider": row["provider"]} for row in rows])

    def link(self, request: Request) -> Reply:
        """POST /_sandbox/identities: what somebody's sign-in by a provider leaves behind, nothing else of it."""
        own = self._environment
        given = read_body(request.body, _LINK)
        user = own.one("users", "User", given["user_id"])
        with own.database.unit():
            own.database.write(
                "INSERT OR REPLACE INTO identities (id, user_id, provider) VALUES (?, ?, ?)",
                (given["idp_id"], user["id"], given["provider"]),
            )
        return reply(201, {"idp_id": given["idp_id"], "type": "OAuth", "provider": given["provider"]})
