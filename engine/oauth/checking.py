"""`migrate oauth check`: asks WorkOS and the providers, and has the rules judge the answers. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson

from engine.model.identity_providers import IdentityProvider, Offer, endpoints_of, offer_for
from engine.oauth import checks
from engine.oauth.answers import Answer, Reading, TokenReading, read_authorization, read_token
from engine.oauth.checks import Check, Redirect
from engine.oauth.handling import UNMET, Problem, ProviderUse
from engine.oauth.ports import ProbeFailed, ProviderProbe, SignInAddressPort
from engine.plan_file.providers import OAuthChecks, ProviderSpec
from engine.resources.connections.design import DISCOVERY
from engine.resources.connections.directions import read_directions
from engine.resources.organizations.organization import Addresses
from engine.resources.organizations.port import HeldOrganization, Organization

# Reserved for such purposes (RFC 2606): a redirect URI that is nobody's, a code and a secret that cannot exist.
NOBODYS_URI = "https://cognito-workos-migrate.invalid/callback"
NO_CODE = "cognito-workos-migrate-no-such-code"
NO_SECRET = "cognito-workos-migrate-no-such-secret"  # noqa: S105 - it is one by name alone


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorization: str
    token: str
    basic: bool = False  # the token endpoint takes client_secret_basic alone


class Checking:
    """Checks every provider of a plan. `pool` is None where it could not be asked; `known` are WorkOS
    ids of connections by provider, from the state.

    `redirect_uris` are the application's that WorkOS knows, without which it lets nobody begin to sign in; `coming`
    is whether `apply` adds one. `problems` are what `apply` refuses by, `organizations` those of the connections by
    provider, as planned and as held.
    """

    def __init__(
        self,
        *,
        plan: Mapping[str, ProviderSpec],
        options: OAuthChecks,
        pool: Sequence[IdentityProvider] | None,
        known: Mapping[str, str],
        redirect_uris: Sequence[str],
        sign_in: SignInAddressPort,
        probe: ProviderProbe,
        staging: bool,
        coming: bool = False,
        problems: Sequence[Problem] = (),
        organizations: Mapping[str, tuple[Organization, HeldOrganization | None]] | None = None,
        addresses: Addresses | None = None,
    ) -> None:
        self._plan = plan
        self._options = options
        self._pool = {one.name: one for one in pool} if pool is not None else None
        self._known = known
        self._redirect_uris = redirect_uris
        self._sign_in = sign_in
        self._probe = probe
        self._staging = staging
        self._coming = coming
        self._problems = {one.provider: one for one in problems}
        self._organizations = organizations or {}
        self._addresses = addresses or Addresses()

    async def run(self, uses: Sequence[ProviderUse]) -> list[Check]:
        """All rows, by provider. Raises the errors of `engine.model.call_errors`."""
        rows: list[Check] = []
        for use in uses:
            rows.append(_planned(use, self._problems.get(use.name)))
            provider = (self._pool or {}).get(use.name)
            wanted = self._plan.get(use.name)
            if wanted is None or use.handling not in ("provider", "connection"):
                continue
            pin = checks.check_pin(use.name, wanted.client_id, provider)
            if pin is not None:
                rows.append(pin)
            client_id = provider.client_id if provider else wanted.client_id
            offer = offer_for(provider.kind if provider else use.kind or "", provider.issuer if provider else None)
            if use.handling == "connection":
                if provider is not None:
                    rows += await self._check_connection(provider)
                if use.name in self._organizations:
                    rows.append(checks.check_domains(use.name, *self._organizations[use.name], self._addresses))
            elif wanted.reuse_credentials and offer is not None:
                rows += await self._check_offer(use.name, offer, client_id, provider)
        return rows

    async def _check_offer(
        self, name: str, offer: Offer, client_id: str | None, provider: IdentityProvider | None
    ) -> list[Check]:
        redirect = await self._redirect(provider=offer.workos)
        rows = [checks.check_client(name, offer, client_id, redirect, staging=self._staging)]
        if not self._redirect_uris:
            rows = [self._no_redirect_uri(name, "workos_client")]
        authorization, token = endpoints_of(offer, provider.issuer if provider else None)
        uri = redirect.redirect_uri if redirect is not None else None
        if uri is not None and client_id is not None:
            rows.append(await self._check_uri(name, _Endpoints(authorization, token), client_id, uri, offer))
        if offer.workos == "AppleOAuth":
            why = "Apple's secret is signed with a private key, and Cognito does not give it out"
            rows.append(checks.check_secret(name, None, None, why))
        elif provider is not None:
            rows.append(await self._check_secret(provider, _Endpoints(authorization, token), uri))
        scopes = checks.check_scopes(name, provider.scopes if provider else (), redirect)
        return [*rows, scopes] if scopes is not None else rows

    async def _check_connection(self, provider: IdentityProvider) -> list[Check]:
        known = self._known.get(provider.name)
        location = None
        if known is not None and self._redirect_uris:
            location = await self._sign_in.find(self._redirect_uris[0], connection_id=known)
        directions = read_directions(location)
        if not self._redirect_uris:
            rows = [self._no_redirect_uri(provider.name, "connection")]
        elif known is None:
            rows = [Check(provider.name, "connection", "cannot-tell", "not_created", "the connection is not made yet",
                          "`migrate apply` makes it")]  # fmt: skip
        elif directions:
            told = ", ".join(f"{name} {value}" for name, value in directions.items())
            rows = [Check(provider.name, "connection", "pass", "created", f"the identity provider needs: {told}")]
        else:
            rows = [Check(provider.name, "connection", "cannot-tell", "no_directions",
                          "WorkOS did not say what the identity provider has to be told",
                          "see the connection in the WorkOS dashboard")]  # fmt: skip
        if provider.kind != "OIDC":
            return rows
        if not self._options.probe:
            return [*rows, checks.check_secret(provider.name, None, None, _NOT_ASKED)]
        try:
            endpoints = await self._discover(provider.issuer or "")
        except ProbeFailed as error:
            return [*rows, checks.unreachable(provider.name, "secret", error.code)]
        uri = directions.get("redirect_uri")
        if uri is not None and provider.client_id is not None:
            rows.append(await self._check_uri(provider.name, endpoints, provider.client_id, uri, None))
        return [*rows, await self._check_secret(provider, endpoints, uri)]

    def _no_redirect_uri(self, name: str, check: str) -> Check:
        code, message = "no_application_redirect_uri", "WorkOS knows no redirect URI of the application"
        if self._coming:
            remedy = "`migrate apply` adds the plan's; run the check again afterwards"
            return Check(name, check, "cannot-tell", code, f"{message} yet", remedy)
        remedy = "list it under destination.workos.redirect_uris and apply, or add it in the dashboard"
        return Check(name, check, "fail", code, f"{message}, so nobody can begin to sign in", remedy)

    async def _redirect(self, **selector: str) -> Redirect | None:
        if not self._redirect_uris:
            return None
        location = await self._sign_in.find(self._redirect_uris[0], **selector)
        return checks.read_redirect(location) if location is not None else None

    async def _discover(self, issuer: str) -> _Endpoints:
        """The endpoints of an issuer's discovery document. Raises ProbeFailed."""
        answer = await self._probe.get(issuer.rstrip("/") + DISCOVERY)
        content: Any = None
        with suppress(orjson.JSONDecodeError):
            content = orjson.loads(answer.body)
        if answer.status != 200 or not isinstance(content, dict):
            raise ProbeFailed("bad_discovery")
        authorization, token = content.get("authorization_endpoint"), content.get("token_endpoint")
        # Discovery 4.3: the issuer must be the very one that was asked.
        same = isinstance(content.get("issuer"), str) and content["issuer"].rstrip("/") == issuer.rstrip("/")
        if not same or not isinstance(authorization, str) or not isinstance(token, str):
            raise ProbeFailed("bad_discovery")
        methods = content.get("token_endpoint_auth_methods_supported") or ["client_secret_post"]
        return _Endpoints(authorization, token, basic="client_secret_post" not in methods)

    async def _check_uri(
        self, name: str, endpoints: _Endpoints, client_id: str, uri: str, offer: Offer | None
    ) -> Check:
        where = offer.console if offer else "the client's redirect URIs"
        if not self._options.probe:
            return checks.check_redirect_uri(name, uri, where, None, None)
        workos = offer.workos if offer else None
        try:
            real = await self._authorize(endpoints, client_id, uri, workos)
            control = await self._authorize(endpoints, client_id, NOBODYS_URI, workos) if real[1] == "unclear" else None
        except ProbeFailed as error:
            row = checks.unreachable(name, "redirect_uri", error.code)
            return replace(row, message=f"{row.message}; WorkOS's redirect URI is {uri}")
        return checks.check_redirect_uri(name, uri, where, real, control)

    async def _authorize(
        self, endpoints: _Endpoints, client_id: str, uri: str, workos: str | None
    ) -> tuple[Answer, Reading]:
        # prompt=none: a provider of OpenID Connect then answers at once, at the redirect URI if it knows it.
        query = {"client_id": client_id, "redirect_uri": uri, "response_type": "code", "scope": "openid email",
                 "prompt": "none", "state": "check"}  # fmt: skip
        if workos in _NO_OPENID:
            query |= {"scope": _NO_OPENID[workos or ""]}
            del query["prompt"]
        answer = await self._probe.get(_with_query(endpoints.authorization, query))
        return answer, read_authorization(answer, uri, workos)

    async def _check_secret(self, provider: IdentityProvider, endpoints: _Endpoints, uri: str | None) -> Check:
        if not self._options.probe:
            return checks.check_secret(provider.name, None, None, _NOT_ASKED)
        if not provider.client_id or not provider.client_secret:
            return checks.check_secret(provider.name, None, None, "the pool has no secret for this provider")
        try:
            real = await self._exchange(endpoints, provider.client_id, provider.client_secret, uri)
            control: TokenReading | None = None
            if real == "wrong_code":
                control = await self._exchange(endpoints, provider.client_id, NO_SECRET, uri)
        except ProbeFailed as error:
            return checks.unreachable(provider.name, "secret", error.code)
        return checks.check_secret(provider.name, real, control)

    async def _exchange(self, endpoints: _Endpoints, client_id: str, secret: str, uri: str | None) -> TokenReading:
        form = {"grant_type": "authorization_code", "code": NO_CODE, "redirect_uri": uri or NOBODYS_URI}
        if endpoints.basic:
            return read_token(await self._probe.post(endpoints.token, form, basic=(client_id, secret)))
        form |= {"client_id": client_id, "client_secret": secret}
        return read_token(await self._probe.post(endpoints.token, form))


_NOT_ASKED = "the provider was not asked: oauth.probe is not true"
# No OpenID Connect: their own scopes, and no prompt. Apple takes no scope without response_mode=form_post.
_NO_OPENID = {"GitHubOAuth": "read:user", "AppleOAuth": ""}


def _planned(use: ProviderUse, problem: Problem | None) -> Check:
    """Whether the plan says what becomes of the provider's users: what `apply` refuses by, fails."""

    def row(verdict: checks.CheckVerdict, message: str, remedy: str = "") -> Check:
        return Check(use.name, "plan", verdict, use.handling, message, remedy)

    if problem is not None:
        return row("fail", problem.message, problem.remedy)
    if use.handling in UNMET:
        return row("pass", "nobody signs in with it, so nothing has to be planned")
    if use.handling == "skip":
        return row("pass", "its users are excluded, as the plan says")
    if use.handling == "password_reset":
        return row("pass", "its users get a password reset, as the plan says")
    if use.handling == "connection":
        return row("pass", "its users sign in through an SSO connection")
    return row("pass", f"its users sign in through WorkOS's {use.workos or 'provider'}")


def _with_query(address: str, query: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode({k: v for k, v in query.items() if v})}"
