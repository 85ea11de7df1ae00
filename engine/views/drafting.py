"""What `init` found and wrote: for people in a few lines, for machines in one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.draft.findings import Census, Findings
from engine.draft.proposal import Proposal
from engine.model.diagnostics import Diagnostic
from engine.views.text import figure, table


def render_findings(findings: Findings, proposal: Proposal) -> list[str]:
    """Counts and what the plan makes of them; nobody's data."""
    live = [one for one in proposal.metadata if not one.why]
    left = sum(1 for one in proposal.metadata if one.why)
    rows = [*_people(findings.census)] if findings.census else []
    rows.append(("metadata", f"proposed: {figure(len(live))}, left to you: {figure(left)}"))
    providers = [f"{one.name} ({one.handling})" for one in proposal.providers]
    rows.append(("providers", ", ".join(providers) or "none"))
    rows.append(("groups", figure(len(proposal.groups)) if proposal.groups else "none"))
    if findings.profile and findings.profile.mfa:
        rows.append(("MFA", findings.profile.mfa))
    return table(rows, indent="")


def _people(census: Census) -> Iterator[tuple[str, str]]:
    excluded = ", ".join(f"{figure(number)} {reason}" for reason, number in census.excluded.items())
    yield (
        "users",
        f"{figure(census.seen)} read, {figure(census.selected)} selected" + (f"; {excluded}" * bool(excluded)),
    )
    yield "statuses", ", ".join(f"{figure(number)} {name}" for name, number in census.statuses.items()) or "none"
    shared = f"{figure(census.shared_addresses)} shared by {figure(census.sharing)} users"
    yield "addresses", shared if census.shared_addresses else "none is shared"


def drafted_json(
    file: Path,
    name: str,
    findings: Findings,
    proposal: Proposal,
    *,
    warnings: Sequence[Diagnostic],
    following: str,
) -> dict[str, object]:
    """init.v1."""
    profile = findings.profile
    return {
        "schema": "init.v1",
        "command": "init",
        "plan": name,
        "file": str(file),
        "source": {"label": findings.label, "live": findings.live},
        "users": _census_json(findings.census, findings.passwordless) if findings.census else None,
        "mfa": profile.mfa if profile else None,
        "first_factors": list(profile.first_factors) if profile else None,
        "attributes": [
            {
                "name": one.attribute,
                "users": one.users,
                "metadata_key": None if one.why else one.key,
                "reason": one.why or None,
            }
            for one in proposal.metadata
        ],
        "providers": [
            {"name": one.name, "type": one.kind, "users": one.users, "handling": one.handling}
            for one in proposal.providers
        ],
        "groups": [
            {"name": one.name, "members": one.members, "at_least": one.more, "precedence": one.precedence}
            for one in proposal.groups
        ],
        "unread": [
            {"what": one.what, "message": one.message, "remedy": one.remedy, "right": one.right}
            for one in findings.unread
        ],
        "warnings": [str(one) for one in warnings],
        "next": following,
    }


def _census_json(census: Census, passwordless: int | None) -> dict[str, object]:
    return {
        "seen": census.seen,
        "selected": census.selected,
        "excluded": dict(census.excluded),
        "statuses": dict(census.statuses),
        "disabled": census.disabled,
        "native": census.native,
        "federated": census.federated,
        "passwordless": passwordless,
        "unverified": census.unverified,
        "signs_in_by_name": census.by_name,
        "duplicates": {"addresses": census.shared_addresses, "users": census.sharing},
    }
