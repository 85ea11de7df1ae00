"""The ports of sign-in: what is asked of WorkOS's environment and of a provider, whatever stands behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.oauth.answers import Answer
from engine.plan_file.providers import DomainState
from engine.resources.connections.design import Design
from engine.resources.connections.port import HeldConnection
from engine.resources.organizations.port import HeldOrganization, Organization


class ProbeFailed(Exception):
    """A provider was not asked, or did not answer. `code` is a row's of `engine.oauth.checks.unreachable`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ProviderProbe(Protocol):
    """Asks identity providers over HTTPS.

    An implementer must follow no redirect, read no more than 64 KB, wait no longer than 5 s, connect to no private
    address but those of allowed hosts, and connect to the very address that it judged. Raises ProbeFailed alone.
    """

    async def get(self, url: str) -> Answer:
        """One GET, without cookies or credentials."""
        ...

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Answer:
        """One POST of a form; `basic` are user and password of HTTP Basic."""
        ...


class SignInEnvironment(Protocol):
    """The part of a WorkOS environment that signing in rests on.

    Every method raises the errors of `engine.model.call_errors` and no others. What is created is looked for again
    before a creation is repeated.
    """

    async def redirect_uris(self) -> list[str]:
        """The application's redirect URIs, the default one first."""
        ...

    async def create_redirect_uri(self, uri: str) -> None:
        """Add one; nothing where it is there."""
        ...

    async def find_organization(self, external_id: str) -> HeldOrganization | None:
        """As WorkOS holds it."""
        ...

    async def create_organization(self, wanted: Organization) -> HeldOrganization:
        """Make one with its domains. Gives the one that is there, as it is."""
        ...

    async def set_domains(self, organization_id: str, domains: Mapping[str, DomainState]) -> None:
        """Send an organization's domains, all of them."""
        ...

    async def find_connection(self, connection_id: str) -> HeldConnection | None:
        """By WorkOS id."""
        ...

    async def connections(self, organization_id: str) -> list[HeldConnection]:
        """All of an organization."""
        ...

    async def create_connection(self, organization_id: str, design: Design) -> HeldConnection:
        """Make one; WorkOS gives the one of this external ID where it is there, unchanged."""
        ...

    async def update_connection(self, connection_id: str, design: Design) -> HeldConnection:
        """Bring one up to date."""
        ...

    async def sign_in_address(self, redirect_uri: str, **selector: str) -> str | None:
        """Where WorkOS sends somebody who signs in with `provider` or `connection_id`; None where nowhere."""
        ...
