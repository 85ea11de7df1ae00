"""Opens the adapters of one WorkOS environment, but for its users."""

from __future__ import annotations

from engine.plan_file.model import Destination
from engine.quota.metered import MeteredTarget
from engine.workos.connections import WorkOSConnections
from engine.workos.memberships import WorkOSMemberships
from engine.workos.metered_calls import MeteredCalls
from engine.workos.organizations import WorkOSOrganizations
from engine.workos.redirect_uris import WorkOSRedirectUris
from engine.workos.roles import WorkOSRoles
from engine.workos.sessions import WorkOSSessions
from engine.workos.sign_in import WorkOSSignInAddress
from engine.workos.users import WorkOSTarget
from engine.workos.webhooks import WorkOSWebhooks

_TRIES_OF_FEW = 4


class WorkOSEnvironment:
    """One adapter a kind, over the connections of `target` and under the quota of `meter`."""

    def __init__(self, target: WorkOSTarget, destination: Destination, *, meter: MeteredTarget, timeout: float) -> None:
        # A plan has few of these, and people wait for them before the first user is written.
        calls = MeteredCalls(target.client, meter, timeout=timeout, tries=_TRIES_OF_FEW)
        many = MeteredCalls(target.client, meter, timeout=timeout)
        self.redirect_uris = WorkOSRedirectUris(calls)
        self.organizations = WorkOSOrganizations(calls)
        self.roles = WorkOSRoles(calls)
        self.connections = WorkOSConnections(calls)
        self.memberships = WorkOSMemberships(many)
        self.sessions = WorkOSSessions(many)
        self.webhooks = WorkOSWebhooks(calls)
        self.sign_in = WorkOSSignInAddress(target.backend, destination, meter=meter, timeout=timeout)
