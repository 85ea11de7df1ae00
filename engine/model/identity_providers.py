"""The words for a pool's identity provider, and which provider of WorkOS it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SOCIAL = frozenset({"Google", "Facebook", "LoginWithAmazon", "SignInWithApple"})
"""Kinds whose name in Cognito is the kind itself (botocore, CreateIdentityProvider)."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One identity provider as DescribeIdentityProvider gives it. No secret is in its repr.

    `attributes` is Cognito's AttributeMapping: user pool attribute to the provider's claim.
    """

    name: str
    kind: str  # Google, Facebook, LoginWithAmazon, SignInWithApple, OIDC, SAML
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ()
    issuer: str | None = None
    metadata_url: str | None = None
    metadata_file: str | None = field(default=None, repr=False)
    sso_url: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider that WorkOS has, by its name in WorkOS's API. Endpoints are those that the provider publishes.

    `{tenant}` stands for Microsoft's directory. `console` is where its redirect URIs are kept.
    """

    workos: str
    authorization: str
    token: str
    console: str
    hosts: tuple[str, ...]  # of issuers that mean this provider


_OFFERS = (
    Offer(
        "GoogleOAuth",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "Google Cloud console, APIs & Services, Credentials, the OAuth client, Authorised redirect URIs",
        ("accounts.google.com",),
    ),
    Offer(
        "AppleOAuth",
        "https://appleid.apple.com/auth/authorize",
        "https://appleid.apple.com/auth/token",
        "Apple Developer, Identifiers, the Services ID, Sign in with Apple, Return URLs",
        ("appleid.apple.com", "account.apple.com"),
    ),
    Offer(
        "MicrosoftOAuth",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        "Microsoft Entra admin centre, App registrations, the application, Authentication, Redirect URIs",
        ("login.microsoftonline.com", "sts.windows.net"),
    ),
    Offer(
        "GitHubOAuth",
        "https://github.com/login/oauth/authorize",
        "https://github.com/login/oauth/access_token",
        "GitHub, Settings, Developer settings, OAuth Apps, Authorization callback URL (it holds one alone)",
        ("github.com",),
    ),
    Offer(
        "GitLabOAuth",
        "https://gitlab.com/oauth/authorize",
        "https://gitlab.com/oauth/token",
        "GitLab, Applications, the application, Redirect URI (one a line)",
        ("gitlab.com",),
    ),
    Offer(
        "LinkedInOAuth",
        "https://www.linkedin.com/oauth/v2/authorization",
        "https://www.linkedin.com/oauth/v2/accessToken",
        "LinkedIn Developers, the app, Auth, Authorized redirect URLs",
        ("www.linkedin.com", "linkedin.com"),
    ),
    Offer(
        "SlackOAuth",
        "https://slack.com/openid/connect/authorize",
        "https://slack.com/api/openid.connect.token",
        "Slack API, Your Apps, the app, OAuth & Permissions, Redirect URLs",
        ("slack.com",),
    ),
)
_BY_KIND = {"Google": _OFFERS[0], "SignInWithApple": _OFFERS[1]}


def offer_for(kind: str, issuer: str | None = None) -> Offer | None:
    """The provider of WorkOS that a kind (and, for OIDC, its issuer) means; None where WorkOS has none.

    An issuer counts by its host alone: a self-managed GitLab or a bridge of one's own before GitHub is neither.
    """
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if kind != "OIDC" or not issuer:
        return None
    try:
        parts = urlsplit(issuer)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if parts.scheme != "https":
        return None
    return next((offer for offer in _OFFERS if host in offer.hosts), None)


def endpoints_of(offer: Offer, issuer: str | None) -> tuple[str, str]:
    """The provider's published authorization and token endpoints."""
    tenant = urlsplit(issuer or "").path.strip("/").split("/")[0] or "common"
    return offer.authorization.replace("{tenant}", tenant), offer.token.replace("{tenant}", tenant)


def kind_by_name(name: str) -> str | None:
    """The kind, where the name alone tells it: what is known of a provider without access to the pool."""
    return name if name in SOCIAL else None
