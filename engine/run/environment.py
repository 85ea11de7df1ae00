"""The ports of one WorkOS environment, but for its users: what the kinds of resources work with."""

from __future__ import annotations

from typing import Protocol

from engine.model.webhooks import WebhookPort
from engine.oauth.ports import SignInAddressPort
from engine.resources.connections.port import ConnectionPort
from engine.resources.memberships.port import MembershipPort, SessionPort
from engine.resources.organizations.port import OrganizationPort
from engine.resources.redirect_uris.port import RedirectUriPort
from engine.resources.roles.port import RolePort


class WorkOSPorts(Protocol):
    """One port a kind; all share one quota."""

    @property
    def redirect_uris(self) -> RedirectUriPort: ...
    @property
    def organizations(self) -> OrganizationPort: ...
    @property
    def roles(self) -> RolePort: ...
    @property
    def connections(self) -> ConnectionPort: ...
    @property
    def memberships(self) -> MembershipPort: ...
    @property
    def sessions(self) -> SessionPort: ...
    @property
    def webhooks(self) -> WebhookPort: ...
    @property
    def sign_in(self) -> SignInAddressPort: ...
