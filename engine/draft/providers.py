"""What a plan should say of each identity provider: proposed by its kind and what WorkOS has. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.draft.findings import Findings
from engine.model.identity_providers import IdentityProvider, offer_for
from engine.model.redaction import looks_secret

_ENTERPRISE = frozenset({"OIDC", "SAML"})
_CLIENT_ID = re.compile(r"[\w.-]{1,256}", re.ASCII)
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class ProviderProposal:
    """One entry of `oauth_providers`: exactly one of `reuse`, `fallback` and `organization` is set.

    `notes` are for the author. `connection` is the organization's external ID in an entry that the author has to fill
    in and put in the place of the fallback. With `why` the entry is left out altogether.
    """

    name: str
    kind: str
    users: int | None
    reuse: bool = False
    client_id: str | None = None
    fallback: str | None = None
    organization: str | None = None
    connection: bool = False
    notes: tuple[str, ...] = ()
    why: str = ""

    @property
    def handling(self) -> str:
        """The proposal in one word, for machines."""
        if self.why:
            return "left_out"
        return "reuse" if self.reuse else "connection" if self.organization is not None else str(self.fallback)


def propose_providers(findings: Findings, organizations: Mapping[str, str] | None = None) -> list[ProviderProposal]:
    """Every provider of the pool and of its users, by name. `organizations`: external IDs that are decided already."""
    pool = {one.name: one for one in findings.providers or ()}
    uses = {one.name: one for one in findings.census.providers} if findings.census else {}
    proposals = []
    for name in sorted({*pool, *uses}):
        kind = pool[name].kind if name in pool else uses[name].kind
        users = uses[name].users if name in uses else 0 if findings.census else None
        gone = findings.providers is not None and name not in pool
        organization = (organizations or {}).get(name)
        proposals.append(_propose(name, kind, users, pool.get(name), findings, gone=gone, organization=organization))
    return proposals


def _propose(
    name: str,
    kind: str,
    users: int | None,
    provider: IdentityProvider | None,
    findings: Findings,
    *,
    gone: bool,
    organization: str | None,
) -> ProviderProposal:
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        return ProviderProposal(name, kind, users, why="no name that Cognito gives a provider")
    if looks_secret(name):
        return ProviderProposal(name, kind, users, why="its name looks like a key, which no plan may hold")
    offer = offer_for(kind, provider.issuer if provider else None)
    deleted = ("no longer in the pool: nobody signs in with it today",) if gone else ()
    if offer is not None:
        notes = (*deleted, f"WorkOS's {offer.workos}: paste the same client ID and secret into its dashboard")
        return ProviderProposal(name, kind, users, reuse=True, client_id=_client_id(provider), notes=notes)
    if kind not in _ENTERPRISE or gone:
        notes = deleted or (f"WorkOS has no {kind or 'such provider'}",)
        notes = (*notes, "password_reset: they get a password; skip: they stay behind; error: apply refuses")
        return ProviderProposal(name, kind, users, fallback="password_reset", notes=notes)
    if not findings.live:
        note = "a connection is made from the pool's provider, and an export has none: read the pool itself"
        return ProviderProposal(
            name, kind, users, fallback="error", notes=("apply refuses until this is decided", note)
        )
    if organization is not None:
        note = "WorkOS lets in nobody whose address is outside the organization's verified domains: add domains"
        return ProviderProposal(name, kind, users, organization=organization, notes=(note,))
    return ProviderProposal(
        name, kind, users, fallback="error", connection=True, notes=("apply refuses until this is decided",)
    )


def _client_id(provider: IdentityProvider | None) -> str | None:
    """The pool's client ID where it can be nothing but one: it is public, and pinning it notices a change."""
    found = provider.client_id if provider else None
    return found if found and _CLIENT_ID.fullmatch(found) and not looks_secret(found) else None
