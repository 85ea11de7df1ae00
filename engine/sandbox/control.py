"""Owns the endpoints under /_sandbox/: what the sandbox has seen, and how it is told to behave from now on.

They take the same key, are never counted, never slowed down and never made to fail. A PUT changes the fields that it
carries and leaves the others; it answers with all of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from engine.sandbox.bodies import read_object
from engine.sandbox.errors import invalid_parameters
from engine.sandbox.options import Faults, Options, Quotas, Settings, as_json, changed
from engine.sandbox.requests import Reply, Request, Route, reply

if TYPE_CHECKING:
    from engine.sandbox.connections import Connections
    from engine.sandbox.identities import Identities
    from engine.sandbox.service import Service
    from engine.sandbox.sessions import Sessions

T = TypeVar("T", Quotas, Faults, Settings)

_PARTS = ("data", "stats", "faults", "quotas", "settings")


class Control:
    """The control endpoints of one service."""

    def __init__(
        self,
        service: Service,
        options: Options,
        connections: Connections,
        identities: Identities,
        sessions: Sessions,
    ) -> None:
        self._service = service
        self._options = options
        self._connections = connections
        self._identities = identities
        self._sessions = sessions

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/_sandbox/stats", self.stats),
            Route("PUT", "/_sandbox/faults", self.put_faults),
            Route("PUT", "/_sandbox/quotas", self.put_quotas),
            Route("PUT", "/_sandbox/settings", self.put_settings),
            Route("POST", "/_sandbox/reset", self.reset),
            Route("GET", "/_sandbox/connections/{id}", self._connections.configuration),
            Route("POST", "/_sandbox/identities", self._identities.link),
            Route("POST", "/_sandbox/sessions", self._sessions.control),
        ]

    def stats(self, _: Request) -> Reply:
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
                "faults": dict(service.faults.happened),
                "faults_pending": service.faults.pending(),
                "data": service.counts(),
            },
        )

    def put_faults(self, request: Request) -> Reply:
        faults = _changed(self._service.faults.faults, request)
        if self._options.null and (faults.rates or faults.next):
            raise invalid_parameters([("rates", "null_mode", "null mode knows no faults but latency_ms and jitter_ms")])
        for one in faults.next:
            try:
                re.compile(one.path)
            except re.error as error:
                raise invalid_parameters(
                    [("next", "invalid_value", f"path is no regular expression: {error}")]
                ) from error
        self._service.faults.replace(faults)
        return reply(200, as_json(faults))

    def put_quotas(self, request: Request) -> Reply:
        return self._set_quotas(_changed(self._service.quotas.quotas, request))

    def put_settings(self, request: Request) -> Reply:
        return self._set_settings(_changed(self._service.environment.settings, request))

    def reset(self, request: Request) -> Reply:
        """Back to the start: all of it, or with {"only": [...]} some of data, stats, faults, quotas, settings."""
        given = read_object(request.body) if request.body else {}
        parts = given.get("only", list(_PARTS))
        if given.keys() - {"only"} or not isinstance(parts, list) or not all(part in _PARTS for part in parts):
            raise invalid_parameters([("only", "invalid_value", f"only must be a list of {', '.join(_PARTS)}")])
        service = self._service
        if "data" in parts:
            service.wipe()
        if "stats" in parts:
            service.quotas.clear()
            for counter in (service.requests, service.answers, service.faults.happened):
                counter.clear()
        if "faults" in parts:
            service.faults.replace(self._options.faults)
        if "quotas" in parts:
            self._set_quotas(self._options.quotas)
        if "settings" in parts:
            self._set_settings(self._options.settings)
        return reply(200, {"reset": parts})

    def _set_quotas(self, quotas: Quotas) -> Reply:
        self._service.quotas.quotas = quotas
        self._service.environment.resets.quotas = quotas
        return reply(200, as_json(quotas))

    def _set_settings(self, settings: Settings) -> Reply:
        self._service.environment.settings = settings
        self._service.clock.offset = settings.clock_offset_s
        return reply(200, as_json(settings))


def _changed(part: T, request: Request) -> T:
    try:
        return changed(part, read_object(request.body))
    except ValueError as error:
        raise invalid_parameters([("", "invalid_value", str(error))]) from error
