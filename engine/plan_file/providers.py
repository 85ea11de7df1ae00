"""The plan's `oauth` and `oauth_providers` sections as frozen values, and how they are built. Checks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.plan_file.references import Opaque
from engine.plan_file.section import section

Fallback = Literal["password_reset", "skip", "error"]
DomainState = Literal["pending", "verified"]


@dataclass(frozen=True, slots=True)
class OAuthChecks:
    """`require` gates apply; `probe` lets providers be asked; `allow_hosts` may have private addresses."""

    require: bool = False
    probe: bool = False
    allow_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """A domain of an organization, lower-cased. `verified` is the plan author's word that it is the organization's."""

    name: str
    state: DomainState = "pending"


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """The organization (its external ID) that a provider's SSO connection belongs to.

    `members`: the users of the connection are members of the organization.
    """

    organization: str
    organization_name: str | None = None
    domains: tuple[DomainSpec, ...] = ()
    members: bool = True


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """What the plan says of one identity provider of the pool. `client_id` is the pinned one, None: not pinned."""

    reuse_credentials: bool = False
    client_id: str | None = None
    fallback: Fallback | None = None
    connection: ConnectionSpec | None = None
    trust_email: bool = False


def build_checks(data: Mapping[str, Any]) -> OAuthChecks:
    """The section `oauth`."""
    written = section(data, "oauth")
    return OAuthChecks(
        require=written.get("require") is True,
        probe=written.get("probe") is True,
        allow_hosts=tuple(str(one).lower().rstrip(".") for one in written.get("allow_hosts") or ()),
    )


def build_providers(data: Mapping[str, Any]) -> dict[str, ProviderSpec] | None:
    """The section `oauth_providers` by provider name; None where the plan has none."""
    if data.get("oauth_providers") is None:
        return None
    return {str(name): _provider(one or {}) for name, one in section(data, "oauth_providers").items()}


def providers_with(providers: Mapping[str, ProviderSpec] | None, fallback: Fallback) -> frozenset[str]:
    """Names of the providers with that fallback."""
    return frozenset(name for name, one in (providers or {}).items() if one.fallback == fallback)


def _provider(written: Mapping[str, Any]) -> ProviderSpec:
    connection = section(written, "connection")
    fallback: Any = _text(written.get("fallback"))
    return ProviderSpec(
        reuse_credentials=written.get("reuse_credentials") is True,
        client_id=_text(written.get("client_id")),
        fallback=fallback,
        connection=_connection(connection) if connection else None,
        trust_email=written.get("trust_email") is True,
    )


def _connection(written: Mapping[str, Any]) -> ConnectionSpec:
    return ConnectionSpec(
        organization=str(written["organization"]),
        organization_name=_text(written.get("organization_name")),
        domains=build_domains(written.get("domains")),
        members=written.get("members") is not False,
    )


def build_domains(written: Any) -> tuple[DomainSpec, ...]:
    """A list of domains, each a text or a mapping."""
    return tuple(_domain(one) for one in written or ())


def _domain(written: Any) -> DomainSpec:
    if not isinstance(written, Mapping):
        return DomainSpec(str(written).lower())
    return DomainSpec(str(written["domain"]).lower(), "verified" if written.get("state") == "verified" else "pending")


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and not isinstance(value, Opaque) else None
