"""Owns one request's way through the API, without a socket: key, quota, route, work, statistics."""

from __future__ import annotations

import contextlib
import hmac
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from engine.model.clock import SystemClock
from engine.model.ports import Clock
from engine.sandbox.authentication import Authentication
from engine.sandbox.authorize import Authorize
from engine.sandbox.clock import SandboxClock
from engine.sandbox.connections import Connections
from engine.sandbox.database import TABLES, Database
from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import ApiError, unauthorized
from engine.sandbox.events import Events
from engine.sandbox.extension import Extension
from engine.sandbox.factors import SandboxAuthFactors
from engine.sandbox.identifiers import IdMaker
from engine.sandbox.identities import Identities
from engine.sandbox.memberships import SandboxMemberships
from engine.sandbox.options import Options
from engine.sandbox.organizations import SandboxOrganizations
from engine.sandbox.password_resets import PasswordResets
from engine.sandbox.permissions import Permissions
from engine.sandbox.quotas import RequestQuotas, ResetQuota
from engine.sandbox.redirect_uris import RedirectUris
from engine.sandbox.requests import Handled, Reply, Router, SandboxRequest, refusal_reply
from engine.sandbox.roles import Roles
from engine.sandbox.sessions import Sessions
from engine.sandbox.users import Users
from engine.sandbox.webhooks import Webhooks

_LOG = logging.getLogger(__name__)
# A browser opens it: no key. Signing in proves itself by client_secret in its body.
_WITHOUT_KEY = frozenset({"/user_management/authorize", "/user_management/authenticate"})


class Service:
    """The API of one environment. `handle` is called once a request, from the event loop's thread."""

    def __init__(self, options: Options, clock: Clock | None = None, extension: Extension | None = None) -> None:
        self.extension = extension or Extension()
        self.clock = SandboxClock(clock or SystemClock())
        self.clock.offset = options.settings.clock_offset_s
        self.quotas = RequestQuotas(options.quotas, self.clock.monotonic)
        self.requests: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self._database = Database(None if options.null else options.data)
        self.environment = SandboxEnvironment(
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
        sessions = Sessions(self.environment, events)
        nouns = (
            Users(self.environment, events),
            Identities(self.environment),
            SandboxAuthFactors(self.environment),
            PasswordResets(self.environment, events),
            Authentication(self.environment, events, sessions),
            sessions,
            events,
            SandboxOrganizations(self.environment, events),
            SandboxMemberships(self.environment, events, sessions),
            self._roles,
            Permissions(self.environment, events),
            Connections(self.environment, events),
            redirect_uris,
            Authorize(self.environment, redirect_uris),
            Webhooks(self.environment),
        )
        routes = [route for noun in nouns for route in noun.routes()]
        self._router = Router(routes)
        self._beside = Router(self.extension.routes(self))
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
        request = SandboxRequest(method, raw_path, query, body)
        if self.is_beside(method, raw_path):
            return Handled(self._handle_beside(request, authorization))
        handled = self._handle_api(request, authorization)
        self.answers[handled.reply.status] += 1
        return handled

    def is_beside(self, method: str, raw_path: str) -> bool:
        """Whether the extension answers this, not the API."""
        return self._beside.find(method, raw_path) is not None

    def _handle_beside(self, request: SandboxRequest, authorization: str | None) -> Reply:
        try:
            if not self.is_key(authorization):
                raise unauthorized()
            return self._reply(self._beside, request)
        except ApiError as error:
            return refusal_reply(error)

    def _handle_api(self, request: SandboxRequest, authorization: str | None) -> Handled:
        found = self._router.find(request.method, request.path)
        self.requests[found[0].name if found else "unknown"] += 1
        try:
            if request.path not in _WITHOUT_KEY and not self.is_key(authorization):
                raise unauthorized()
            self.quotas.admit(request.method, request.path)
        except ApiError as error:
            return Handled(refusal_reply(error))
        return self.extension.perform(request.method, request.path, lambda: self._work(request))

    def _work(self, request: SandboxRequest) -> Reply:
        try:
            with self._database.unit() if request.method != "GET" else contextlib.nullcontext():
                return self._reply(self._router, request)
        except ApiError as error:
            return refusal_reply(error)
        except Exception:
            found = self._router.find(request.method, request.path)
            # The route only: a path or a body may hold an address.
            _LOG.exception("%s failed", found[0].name if found else "request")
            return Reply(500, b'{"message":"Internal Server Error"}')

    def _reply(self, router: Router, request: SandboxRequest) -> Reply:
        found = router.find(request.method, request.path)
        if found is None:
            raise ApiError(404, {"message": "Not Found", "error": "Not Found"})
        route, parameters = found
        return route.handler(replace(request, parameters=parameters))

    def close(self) -> None:
        """Make the data durable."""
        self._database.close()
