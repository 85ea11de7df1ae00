"""The whole of what a drafted plan decides, before it is text: from findings and the author's choices. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.draft.findings import Findings, GroupUse
from engine.draft.mappings import MetadataProposal, has_whole_names, propose_metadata, tenant_attribute
from engine.draft.providers import ProviderProposal, propose_providers
from engine.plan_file.model import CognitoSource, ExportSource, PasswordReset

Environment = Literal["production", "staging"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What nobody can find out, and the author says. `organizations` are external IDs by provider."""

    name: str
    source: CognitoSource | ExportSource
    api_key_variable: str = "WORKOS_API_KEY"
    client_id_variable: str = "WORKOS_CLIENT_ID"
    environment: Environment | None = None
    organizations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the plan says of attributes, providers, names, second factors; groups and tenant are for remarks."""

    metadata: tuple[MetadataProposal, ...]
    providers: tuple[ProviderProposal, ...]
    split_names: bool
    report_mfa: bool
    groups: tuple[GroupUse, ...]
    tenant: str | None
    flag: str = PasswordReset().flag


def propose(findings: Findings, choices: Choices) -> Proposal:
    """Everything that can be decided from what was found."""
    metadata = propose_metadata(findings, flag=PasswordReset().flag)
    mfa = findings.profile.mfa if findings.profile else None
    found = findings.groups or (findings.census.groups if findings.census else None) or ()
    return Proposal(
        metadata=tuple(metadata),
        providers=tuple(propose_providers(findings, choices.organizations)),
        split_names=has_whole_names(findings),
        # An export holds no second factors to report.
        report_mfa=findings.live and mfa in ("ON", "OPTIONAL"),
        groups=tuple(found),
        tenant=tenant_attribute(metadata),
    )
