"""Owns one request's way through the API, without a socket: key, quota, fault, route, work, statistics."""

from __future__ import annotations

import contextlib
import hmac
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model.clock import SystemClock
from engine.model.ports import Clock
from engine.sandbox.authentication import Authentication
from engine.sandbox.authorize import Authorize
from engine.sandbox.clock import SandboxClock
from engine.sandbox.connections import Connections
from engine.sandbox.control import Control
from engine.sandbox.database import TABLES, Database
from engine.sandbox.environment import Environment
from engine.sandbox.errors import ApiError, unauthorized
from engine.sandbox.events import Events
from engine.sandbox.factors import SandboxAuthFactors
from engine.sandbox.faults import BEFORE, FaultPlan, refusal_reply
from engine.sandbox.identifiers import IdMaker
from engine.sandbox.identities import Identities
from engine.sandbox.memberships import Memberships
from engine.sandbox.options import Options
from engine.sandbox.organizations import SandboxOrganizations
from engine.sandbox.password_resets import PasswordResets
from engine.sandbox.permissions import Permissions
from engine.sandbox.quotas import RequestQuotas, ResetQuota
from engine.sandbox.redirect_uris import RedirectUris
from engine.sandbox.requests import Reply, Request, Route, Router
from engine.sandbox.roles import Roles
from engine.sandbox.sessions import Sessions
from engine.sandbox.users import Users

_LOG = logging.getLogger(__name__)
# A browser opens it: no key. Signing in proves itself by client_secret in its body.
_WITHOUT_KEY = frozenset({"/user_management/authorize", "/user_management/authenticate"})


@dataclass(frozen=True, slots=True)
class Handled:
    """What is to be sent, and how the connection must fail while doing it (None: not at all)."""

    reply: Reply
    fault: str | None = None


class Service:
    """The API of one environment. `handle` is called once a request, from the event loop's thread."""

    def __init__(self, options: Options, clock: Clock | None = None) -> None:
        self.clock = SandboxClock(clock or SystemClock())
        self.clock.offset = options.settings.clock_offset_s
        self.quotas = RequestQuotas(options.quotas, self.clock.monotonic)
        self.faults = FaultPlan(options.faults)
        self.requests: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self._database = Database(None if options.null else options.data)
        self.environment = Environment(
            database=self._database,
            clock=self.clock,
            ids=IdMaker(self.clock.now),
            settings=options.settings,
            resets=ResetQuota(options.quotas, self.clock, self._database),
            api_key=options.api_key,
            client_id=options.client_id,
        )
        self._key = f"Bearer {options.api_key}".encode()
        events = Events(self.environment)
        self._roles = Roles(self.environment, events)
        redirect_uris = RedirectUris(self.environment)
        connections = Connections(self.environment, events)
        identities = Identities(self.environment)
        sessions = Sessions(self.environment, events)
        nouns = (
            Users(self.environment, events),
            identities,
            SandboxAuthFactors(self.environment),
            PasswordResets(self.environment, events),
            Authentication(self.environment, events, sessions),
            sessions,
            events,
            SandboxOrganizations(self.environment, events),
            Memberships(self.environment, events, sessions),
            self._roles,
            Permissions(self.environment, events),
            connections,
            redirect_uris,
            Authorize(self.environment, redirect_uris),
        )
        routes = [route for noun in nouns for route in noun.routes()]
        self._router = Router(routes)
        self._control = Router(Control(self, options, connections, identities, sessions).routes())
        self._continue()

    def _continue(self) -> None:
        for table in TABLES:
            if table == "identities":
                continue  # their IDs are the providers'
            row = self._database.row(f"SELECT max(id) FROM {table}")  # noqa: S608 - our own names
            if row[0] is not None:
                self.environment.ids.continue_after(row[0])
        self._roles.seed()

    def is_key(self, authorization: str | None) -> bool:
        """Whether the Authorization header carries our key."""
        return hmac.compare_digest((authorization or "").encode("utf-8", "surrogateescape"), self._key)

    def handle(
        self, method: str, raw_path: str, query: Sequence[tuple[str, str]], body: bytes, authorization: str | None
    ) -> Handled:
        """Do what a request asks for. Raises nothing."""
        if raw_path.startswith("/_sandbox/"):
            return Handled(self._handle_control(method, raw_path, query, body, authorization))
        outcome = self._handle_api(method, raw_path, query, body, authorization)
        self.answers[outcome.reply.status] += 1
        return outcome

    def _handle_control(
        self, method: str, raw_path: str, query: Sequence[tuple[str, str]], body: bytes, authorization: str | None
    ) -> Reply:
        found = self._control.find(method, raw_path)
        try:
            if not self.is_key(authorization):
                raise unauthorized()
            if found is None:
                raise ApiError(404, {"message": "Not Found"})
            return found[0].handler(Request(method, raw_path, query, body, found[1]))
        except ApiError as error:
            return refusal_reply(error)

    def _handle_api(
        self, method: str, raw_path: str, query: Sequence[tuple[str, str]], body: bytes, authorization: str | None
    ) -> Handled:
        found = self._router.find(method, raw_path)
        self.requests[found[0].name if found else "unknown"] += 1
        fault = None
        try:
            if raw_path not in _WITHOUT_KEY and not self.is_key(authorization):
                raise unauthorized()
            self.quotas.admit(method)
            fault = self.faults.draw(method, raw_path)
            if fault in BEFORE:
                return Handled(
                    self.faults.answer(fault) if fault.startswith(("throttled", "error")) else Reply(0), fault
                )
            if found is None:
                raise ApiError(404, {"message": "Not Found", "error": "Not Found"})
            reply = self._work(found[0], Request(method, raw_path, query, body, found[1]))
        except ApiError as error:
            reply = refusal_reply(error)
        except Exception:
            # The route only: a path or a body may hold an address.
            _LOG.exception("%s failed", found[0].name if found else "request")
            reply = Reply(500, b'{"message":"Internal Server Error"}')
        if fault in ("error_after", "timeout_after"):
            reply = self.faults.answer(fault)
        return Handled(reply, fault)

    def _work(self, route: Route, request: Request) -> Reply:
        with self._database.unit() if route.method != "GET" else contextlib.nullcontext():
            return route.handler(request)

    def counts(self) -> dict[str, int]:
        """Rows by noun."""
        return {name: self._database.row(f"SELECT count(*) FROM {name}")[0] for name in TABLES}  # noqa: S608 - our own names

    def wipe(self) -> None:
        """Forget all data but the default role."""
        with self._database.unit():
            for table in TABLES:
                self._database.write(f"DELETE FROM {table}")  # noqa: S608 - our own names
            self._roles.seed()

    def close(self) -> None:
        """Make the data durable."""
        self._database.close()
