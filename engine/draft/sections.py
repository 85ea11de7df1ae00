"""The sections of a drafted plan that are lists of findings: attributes, providers, organizations."""

from __future__ import annotations

from collections.abc import Iterator

from engine.draft.findings import Findings
from engine.draft.mappings import MetadataProposal, users_of
from engine.draft.proposal import Proposal
from engine.draft.providers import ProviderProposal
from engine.draft.yaml_text import SENTENCE, in_remark, key, value

_COLUMN = 41
_MOST_GROUPS = 30


def with_remark(line: str, remark: str) -> str:
    """A line of the plan with a remark beside it."""
    return f"{line:<{_COLUMN - 2}}  # {remark}" if remark else line


def attribute_lines(findings: Findings, proposal: Proposal) -> Iterator[str]:
    """The section `attributes`."""
    yield with_remark("attributes:", "WorkOS field: Cognito attribute")
    yield with_remark("  email: email", _people(users_of(findings, "email")))
    yield "  email_verified: email_verified"
    for field, attribute in (("first_name", "given_name"), ("last_name", "family_name")):
        remark = _people(users_of(findings, attribute))
        if proposal.split_names:
            whole = _people(users_of(findings, "name"))
            yield with_remark(f"  {field}: {{from: {attribute}, split: name}}", f"{remark}; {whole} have name")
        else:
            yield with_remark(f"  {field}: {attribute}", remark)
    yield with_remark("  external_id: sub", "your tables keep their keys: WorkOS finds users by it")
    live = [one for one in proposal.metadata if not one.why]
    left = [one for one in proposal.metadata if one.why]
    if live:
        yield with_remark("  metadata:", "ASCII, at most 600 characters a value")
    else:
        yield with_remark("  # metadata:", "ASCII, at most 600 characters a value")
    for one in live:
        yield with_remark(
            f"    {key(one.key)}: {_mapping(one)}", "; ".join((_people(one.users), *one.notes)).lstrip("; ")
        )
    for one in left:
        yield from _left(one)


def _mapping(one: MetadataProposal) -> str:
    if one.when_invalid == "error":
        return value(one.attribute)
    return f"{{from: {value(one.attribute)}, when_invalid: {one.when_invalid}}}"


def _left(one: MetadataProposal) -> Iterator[str]:
    people = f" ({_people(one.users)})" if one.users else ""
    yield f"    # {key(one.key)}: {in_remark(value(one.attribute))}  # {one.why}{people}"


def provider_lines(proposal: Proposal) -> Iterator[str]:
    """The sections `oauth` and `oauth_providers`."""
    named = [one for one in proposal.providers if not one.why]
    if not named:
        yield with_remark("# oauth_providers:", "no identity provider was found")
        yield "#   Google: {reuse_credentials: true}"
    else:
        yield with_remark(
            "# oauth: {require: true, probe: true}", "apply refuses while a check fails; providers are asked"
        )
        yield with_remark("oauth_providers:", "all that users depend on must be in it; `migrate oauth check` proves it")
    for one in named:
        yield from _provider(one)
    for one in proposal.providers:
        if one.why:
            yield f"  # left out: {in_remark(one.name)}  # {one.why} ({_people(one.users)})"


def _provider(one: ProviderProposal) -> Iterator[str]:
    remark = ", ".join(part for part in (in_remark(one.kind), _people(one.users)) if part)
    name = key(one.name)
    if one.reuse:
        pinned = f", client_id: {value(one.client_id)}" if one.client_id else ""
        entry = f"{{reuse_credentials: true{pinned}}}"
    elif one.organization is not None:
        entry = f"{{connection: {_connection(one.organization)}}}"
    else:
        entry = f"{{fallback: {one.fallback}}}"
    yield with_remark(f"  {name}: {entry}", remark)
    for note in one.notes:
        yield f"  # {in_remark(note, most=SENTENCE)}"
    if one.connection:
        yield "  # a connection lets its users go on signing in; fill in its organization (external ID) and domains:"
        organization = f"organization: FILL-IN, organization_name: {value(one.name)}, domains: [acme.com]"
        yield f"  # {name}: {{connection: {{{organization}}}}}"


def _connection(organization: str) -> str:
    # Two providers of one organization have to agree on its name.
    return f"{{organization: {value(organization)}, organization_name: {value(organization)}}}"


def organization_lines(proposal: Proposal) -> Iterator[str]:
    """The section `organizations`, for the author to decide: nobody can tell what a group means."""
    if proposal.groups:
        yield with_remark("# organizations:", "memberships, if these groups are your customers or their roles")
        yield "#   from: group"
        yield "#   map:"
        shown = proposal.groups[:_MOST_GROUPS]
        for one in shown:
            members = "" if one.members is None else f"  # {'at least ' if one.more else ''}{_people(one.members)}"
            yield f"#     {in_remark(key(one.name))}: {{organization: FILL-IN}}{members}"
        if len(proposal.groups) > len(shown):
            yield f"#     # and {len(proposal.groups) - len(shown):,} more groups"
        yield "#   unmapped: error"
    elif proposal.tenant is not None:
        yield with_remark("# organizations:", "memberships, if this attribute says whose customer somebody is")
        yield "#   from: attribute"
        yield f"#   attribute: {value(proposal.tenant)}"
        yield with_remark("#   unmapped: create", "an organization for each value; or name them under map")
    else:
        yield with_remark("# organizations: {from: none}", "memberships by group, attribute or pool")


def _people(number: int | None) -> str:
    return "" if number is None else "1 user" if number == 1 else f"{number:,} users"
