"""Owns GET /user_management/authorize: the redirect to an OAuth provider, which tells whose client ID is in use."""

from __future__ import annotations

import base64
import hashlib
import secrets
import zlib
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

import orjson

from engine.sandbox.environment import SandboxEnvironment
from engine.sandbox.errors import invalid_parameters
from engine.sandbox.redirect_uris import RedirectUris
from engine.sandbox.requests import Reply, Route, SandboxRequest

_PROVIDERS = (
    *("AppleOAuth", "BitbucketOAuth", "GitHubOAuth", "GitLabOAuth", "GoogleOAuth", "IntuitOAuth", "LinkedInOAuth"),
    *("MicrosoftOAuth", "SalesforceOAuth", "SlackOAuth", "VercelMarketplaceOAuth", "VercelOAuth", "XeroOAuth"),
)
_REQUIRED = ("client_id", "redirect_uri", "response_type")


class Authorize:
    """302 to the provider as the dashboard configures it, or back to the application with an error.

    Facts of the real one: the provider's address carries the client ID in use and WorkOS's own redirect URI. Its
    exact error codes are documented for SSO only; those here have the same form, and nobody should rest on more.
    """

    def __init__(self, environment: SandboxEnvironment, redirect_uris: RedirectUris) -> None:
        self._environment = environment
        self._redirect_uris = redirect_uris

    def routes(self) -> list[Route]:
        return [Route("GET", "/user_management/authorize", self.authorize)]

    def authorize(self, request: SandboxRequest) -> Reply:
        own = self._environment
        given = {name: request.argument(name) or "" for name in (*_REQUIRED, "provider", "connection_id", "state")}
        missing = [(name, f"{name}_required", f"{name} is required") for name in _REQUIRED if not given[name]]
        if missing:
            raise invalid_parameters(missing)
        if given["client_id"] != own.client_id:
            return _redirect("https://error.workos.com/sso/client-id-invalid", [("client_id", given["client_id"])])
        # Never send an error to an address that the environment does not know: that is an open redirect.
        if own.settings.check_redirect_uri and not self._redirect_uris.knows(given["redirect_uri"]):
            address = [("redirect_uri", given["redirect_uri"])]
            return _redirect("https://error.workos.com/sso/redirect-uri-invalid", address)
        if given["response_type"] != "code":
            return _back(given, "unsupported_response_type", "The response type must be code.")
        if given["connection_id"]:
            return self._to_connection(given)
        if given["provider"] == "authkit":
            return _redirect(
                "https://auth.sandbox.invalid/",
                [(name, given[name]) for name in ("client_id", "redirect_uri", "state")],
            )
        if given["provider"] not in _PROVIDERS:
            return _back(given, "invalid_connection_selector", "A valid provider must be given.")
        provider = own.settings.providers.get(given["provider"])
        if provider is None:
            return _back(given, "connection_invalid", f"{given['provider']} is not configured for this environment.")
        query = [
            ("client_id", provider.client_id),
            ("redirect_uri", provider.redirect_uri or _callback(given["provider"], own.client_id)),
            ("response_type", "code"),
            ("scope", " ".join((*provider.scopes, *request.arguments("provider_scopes")))),
            ("state", secrets.token_urlsafe(24)),
        ]
        return _redirect(provider.authorization_url, query)

    def _to_connection(self, given: dict[str, str]) -> Reply:
        """To the connection's identity provider, by OIDC or by a SAML request in the redirect (SAML Bindings 3.4.4).

        The sandbox reads no discovery documents, so the OIDC address is the issuer's and `/authorize`.
        """
        own = self._environment
        row = own.database.row("SELECT * FROM connections WHERE id = ?", (given["connection_id"],))
        if row is None:
            return _back(given, "connection_invalid", "A valid connection must be given.")
        options = orjson.loads(row["options"])
        if row["connection_type"].endswith("OIDC"):
            issuer = options["discovery_endpoint"].removesuffix("/.well-known/openid-configuration")
            callback = _callback("oidc", row["id"])
            query = [("client_id", options["client_id"]), ("redirect_uri", callback), ("response_type", "code")]
            return _redirect(f"{issuer}/authorize", [*query, ("scope", "openid email profile")])
        assertion = 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
        request = (
            f'<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" {assertion}'
            f' AssertionConsumerServiceURL="https://auth.workos.com/sso/saml/acs/{row["id"]}">'
            f"<saml:Issuer>https://auth.workos.com/{row['id']}</saml:Issuer></samlp:AuthnRequest>"
        )
        deflate = zlib.compressobj(wbits=-15)
        encoded = base64.b64encode(deflate.compress(request.encode()) + deflate.flush()).decode()
        return _redirect(options.get("idp_sso_url") or options["idp_metadata_url"], [("SAMLRequest", encoded)])


def _callback(provider: str, client_id: str) -> str:
    # The part in the middle is opaque and differs by environment; stable here, so that runs can be compared.
    opaque = hashlib.sha256(f"{client_id}/{provider}".encode()).hexdigest()[:26]
    return f"https://auth.workos.com/sso/oauth/{provider.removesuffix('OAuth').lower()}/{opaque}/callback"


def _back(given: dict[str, str], error: str, description: str) -> Reply:
    query = [("error", error), ("error_description", description)]
    if given["state"]:
        query.append(("state", given["state"]))
    return _redirect(given["redirect_uri"], query)


def _redirect(address: str, query: Sequence[tuple[str, str]]) -> Reply:
    joint = "&" if urlsplit(address).query else "?"
    return Reply(302, b"", (("Location", f"{address}{joint}{urlencode(query)}"),))
