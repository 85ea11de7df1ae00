"""Owns the endpoints under /_sandbox/: what the sandbox has seen, and how it is told to behave from now on.

They take the same key, are never counted, never slowed down and never made to fail. A PUT changes the fields that it
carries and leaves the others; it answers with all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson

from engine.sandbox.bodies import Field, read_body, read_object
from engine.sandbox.connections import connection_shape
from engine.sandbox.database import TABLES
from engine.sandbox.errors import invalid_parameters
from engine.sandbox.events import Events
from engine.sandbox.options import Quotas, Settings, changed
from engine.sandbox.requests import Reply, Route, SandboxRequest, reply
from engine.sandbox.roles import Roles
from engine.sandbox.service import Service
from engine.sandbox.sessions import Sessions
from tests.support.sandbox_extras.faults import FaultPlan
from tests.support.sandbox_extras.options import Faults, Options, changed_faults

_PARTS = ("data", "stats", "faults", "quotas", "settings")
# API description, identities of a user.
_PROVIDERS = frozenset(
    {
        *("AppleOAuth", "BitbucketOAuth", "DiscordOAuth", "GithubOAuth", "GitLabOAuth", "GoogleOAuth", "IntuitOAuth"),
        *("LinkedInOAuth", "MicrosoftOAuth", "SalesforceOAuth", "SlackOAuth", "VercelMarketplaceOAuth", "VercelOAuth"),
        "XeroOAuth",
    }
)
_IDENTITY = {
    "user_id": Field(str, required=True),
    "provider": Field(str, required=True, choices=_PROVIDERS),
    "idp_id": Field(str, required=True),
}
_SESSION = {"user_id": Field(str, required=True)}


class Control:
    """The control endpoints of one service."""

    def __init__(self, service: Service, options: Options, faults: FaultPlan) -> None:
        self._service = service
        self._options = options
        self._faults = faults

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/_sandbox/stats", self.stats),
            Route("PUT", "/_sandbox/faults", self.put_faults),
            Route("PUT", "/_sandbox/quotas", self.put_quotas),
            Route("PUT", "/_sandbox/settings", self.put_settings),
            Route("POST", "/_sandbox/reset", self.reset),
            Route("GET", "/_sandbox/connections/{id}", self.connection),
            Route("POST", "/_sandbox/identities", self.link_identity),
            Route("POST", "/_sandbox/sessions", self.open_session),
        ]

    def stats(self, _: SandboxRequest) -> Reply:
        service = self._service
        requests = dict(service.requests)
        reads = sum(count for name, count in requests.items() if name.startswith("GET "))
        return reply(
            200,
            {
                "requests": requests,
                "reads": reads,
                "writes": sum(requests.values()) - reads,
                "answers": {str(status): count for status, count in sorted(service.answers.items())},
                "windows": service.quotas.seen(),
                "faults": dict(self._faults.happened),
                "faults_pending": self._faults.pending(),
                "data": counts(service),
            },
        )

    def put_faults(self, request: SandboxRequest) -> Reply:
        faults = _changed(changed_faults, self._faults.faults, request)
        if self._options.null and faults != Faults():
            raise invalid_parameters([("rates", "null_mode", "null mode knows no faults")])
        self._faults.replace(faults)
        return reply(200, asdict(faults))

    def put_quotas(self, request: SandboxRequest) -> Reply:
        return self._set_quotas(_changed(changed, self._service.quotas.quotas, request))

    def put_settings(self, request: SandboxRequest) -> Reply:
        return self._set_settings(_changed(changed, self._service.environment.settings, request))

    def reset(self, request: SandboxRequest) -> Reply:
        """Back to the start: all of it, or with {"only": [...]} some of data, stats, faults, quotas, settings."""
        given = read_object(request.body) if request.body else {}
        parts = given.get("only", list(_PARTS))
        if given.keys() - {"only"} or not isinstance(parts, list) or not all(part in _PARTS for part in parts):
            raise invalid_parameters([("only", "invalid_value", f"only must be a list of {', '.join(_PARTS)}")])
        service = self._service
        if "data" in parts:
            wipe(service)
        if "stats" in parts:
            service.quotas.clear()
            for counter in (service.requests, service.answers, self._faults.happened):
                counter.clear()
        if "faults" in parts:
            self._faults.replace(self._options.faults)
        if "quotas" in parts:
            self._set_quotas(self._options.quotas)
        if "settings" in parts:
            self._set_settings(self._options.settings)
        return reply(200, {"reset": parts})

    def connection(self, request: SandboxRequest) -> Reply:
        """What the API never shows again; secrets as sha256 digests."""
        row = self._service.environment.one("connections", "Connection", request.parameters["id"])
        maps, options = orjson.Fragment(row["attribute_maps"]), orjson.Fragment(row["options"])
        more = {"external_id": row["external_id"], "options": options, "attribute_maps": maps}
        return reply(200, connection_shape(row) | more)

    def link_identity(self, request: SandboxRequest) -> Reply:
        """What somebody's sign-in by a provider leaves behind, nothing else of it."""
        own = self._service.environment
        given = read_body(request.body, _IDENTITY)
        user = own.one("users", "User", given["user_id"])
        with own.database.unit():
            own.database.write(
                "INSERT OR REPLACE INTO identities (id, user_id, provider) VALUES (?, ?, ?)",
                (given["idp_id"], user["id"], given["provider"]),
            )
        return reply(201, {"idp_id": given["idp_id"], "type": "OAuth", "provider": given["provider"]})

    def open_session(self, request: SandboxRequest) -> Reply:
        """Somebody signs in, whatever with."""
        own = self._service.environment
        user = own.one("users", "User", read_body(request.body, _SESSION)["user_id"])
        with own.database.unit():
            return reply(201, Sessions(own, Events(own)).open(user["id"], "oauth"))

    def _set_quotas(self, quotas: Quotas) -> Reply:
        self._service.quotas.quotas = quotas
        self._service.environment.resets.quotas = quotas
        return reply(200, asdict(quotas))

    def _set_settings(self, settings: Settings) -> Reply:
        self._service.environment.settings = settings
        self._service.clock.offset = settings.clock_offset_s
        return reply(200, asdict(settings))


def counts(service: Service) -> dict[str, int]:
    """Rows by noun."""
    database = service.environment.database
    return {name: database.row(f"SELECT count(*) FROM {name}")[0] for name in TABLES}


def wipe(service: Service) -> None:
    """Forget all data but the default role."""
    own = service.environment
    with own.database.unit():
        for table in TABLES:
            own.database.write(f"DELETE FROM {table}")
        Roles(own, Events(own)).seed()


def _changed(change: Callable[[Any, Any], Any], part: Any, request: SandboxRequest) -> Any:
    try:
        return change(part, read_object(request.body))
    except ValueError as error:
        raise invalid_parameters([("", "invalid_value", str(error))]) from error
