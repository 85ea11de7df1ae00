"""A drafted plan file as text: every section in the order of the schema, each with what was found about it.

What to propose is `proposal`'s business, how names are written `yaml_text`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.draft.findings import Findings
from engine.draft.proposal import Choices, Proposal
from engine.draft.sections import attribute_lines, organization_lines, provider_lines, with_remark
from engine.draft.yaml_text import in_remark, value
from engine.plan_file.model import CognitoSource
from engine.plan_file.values import region_of

# WorkOS's pace by default: 45 writes a second (`writes_per_10s: 450`).
_WRITES_PER_SECOND = 45


def write_plan(findings: Findings, proposal: Proposal, choices: Choices) -> str:
    """The whole file. The same findings and choices give the same text."""
    parts = (
        _head(findings, choices),
        _source(choices),
        _destination(choices, findings),
        _filters(findings, proposal),
        attribute_lines(findings, proposal),
        _duplicates(findings),
        provider_lines(proposal),
        organization_lines(proposal),
        _password_reset(findings, proposal),
        _rest(choices),
    )
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _head(findings: Findings, choices: Choices) -> Iterator[str]:
    yield f"# Drafted by `migrate init` from {in_remark(findings.label)}. Read it, correct it, and commit it."
    yield "# `migrate schema` explains every key; `migrate init --example` prints a plan that shows them. Editors"
    yield "# complete this file after `migrate schema --out plan.v1.schema.json`, with this as its first line:"
    yield "#   yaml-language-server: $schema=plan.v1.schema.json"
    yield "#"
    yield from (f"# {line}" for line in _summary(findings))
    for one in findings.unread:
        right = f" It needs {one.right}." if one.right else ""
        yield f"# Not read: {in_remark(one.what)}.{right}"
    yield "version: 1"
    yield with_remark(f"name: {value(choices.name)}", "the state's file is called after it: do not rename it later")


def _summary(findings: Findings) -> Iterator[str]:
    census = findings.census
    if census is None:
        yield "The users could not be read, so nothing here is counted."
        return
    yield f"{census.seen:,} users read, {census.selected:,} selected by this plan as it is."
    if census.excluded:
        yield f"Excluded: {', '.join(f'{number:,} {reason}' for reason, number in census.excluded.items())}."
    yield f"Of the selected: {census.native:,} native, {census.federated:,} of identity providers alone."
    if census.unverified:
        yield f"{census.unverified:,} with an address that nobody has verified for Cognito: they arrive unverified."
    if census.by_name:
        yield f"{census.by_name:,} may sign in to Cognito with a name: WorkOS knows addresses alone."
    if census.incomplete:
        yield "There were more attributes, providers or groups than anybody counts: some are not listed."


def _source(choices: Choices) -> Iterator[str]:
    source = choices.source
    yield "source:"
    if not isinstance(source, CognitoSource):
        yield with_remark("  export:", "files: no AWS access is needed")
        yield with_remark("    files:", "relative to this file; the files of one pattern are one export, in order")
        yield from (f"      - {value(one)}" for one in source.files)
        if source.user_pool_id:
            yield f"    user_pool_id: {value(source.user_pool_id)}"
        else:
            yield with_remark("    # user_pool_id: us-east-1_AbCdEf123", "the pool that they came from")
        return
    yield "  cognito:"
    own = region_of(source.user_pool_id)
    yield with_remark(f"    user_pool_id: {value(source.user_pool_id)}", "the region is taken from it" if own else "")
    if own is None:
        yield f"    region: {value(source.region)}"
    for name in ("profile", "role_arn", "endpoint_url"):
        given = getattr(source, name)
        if given:
            yield f"    {name}: {value(given)}"
    yield with_remark("    requests_per_second: 25", "Cognito's quota is 30 for the whole account and region")
    yield "    # Rights: cognito-idp:ListUsers and DescribeUserPool; ListUsersInGroup for filters by group,"
    yield "    # ListIdentityProviders and DescribeIdentityProvider for oauth_providers."


def _destination(choices: Choices, findings: Findings) -> Iterator[str]:
    yield "destination:"
    yield "  workos:"
    yield with_remark(
        f"    api_key: ${{{choices.api_key_variable}}}", "only ever a reference: a key in this file is an error"
    )
    yield with_remark(f"    client_id: ${{{choices.client_id_variable}}}", "says which environment this is")
    if choices.environment:
        opposite = "sk_test_" if choices.environment == "production" else "sk_live_"
        yield with_remark(f"    environment: {choices.environment}", f"refuses a key that begins with {opposite}")
    else:
        yield with_remark("    # environment: production", "refuses a key that begins with sk_test_")
    people = findings.census.selected if findings.census else 0
    minutes = people / _WRITES_PER_SECOND / 60
    took = f"; {people:,} users take at least {minutes:,.0f} min" if minutes >= 1 else ""
    yield with_remark("    writes_per_10s: 450", f"WorkOS's quota is 500, live sign-ins included{took}")
    yield with_remark(
        "    # redirect_uris: [https://app.acme.com/callback]", "your application's; created when missing"
    )


def _filters(findings: Findings, proposal: Proposal) -> Iterator[str]:
    yield with_remark("filters:", "a user must pass all of them; who does not is counted under a reason")
    yield "  status: [CONFIRMED, FORCE_CHANGE_PASSWORD, RESET_REQUIRED, EXTERNAL_PROVIDER]"
    census = findings.census
    if census and census.statuses:
        statuses = ", ".join(f"{number:,} {in_remark(one)}" for one, number in census.statuses.items())
        yield f"  # Found: {statuses}."
    disabled = f"; {census.disabled:,} are disabled" if census else ""
    yield with_remark("  enabled: true", f"WorkOS has no disabled users{disabled}")
    example = value(proposal.groups[0].name) if proposal.groups else "internal-test"
    if proposal.groups and len(example) > 40:
        example = "internal-test"
    yield f"  # groups: {{none: [{example}]}}"
    yield '  # attributes: [{name: "custom:deleted", exists: false}]'


def _duplicates(findings: Findings) -> Iterator[str]:
    census = findings.census
    if census is None:
        found = "not counted"
    elif census.shared_addresses:
        found = f"{census.sharing:,} users share {census.shared_addresses:,} addresses"
    else:
        found = "no address is shared today"
    yield with_remark("duplicates:", f"several users with one address become one WorkOS user; {found}")
    yield with_remark("  strategy: merge", "error makes each of them a conflict")
    yield with_remark("  prefer: [native, newest]", "records with a verified address always come first")
    yield with_remark("existing_users: adopt", "WorkOS knows the address already: link it, fill empty fields")


def _password_reset(findings: Findings, proposal: Proposal) -> Iterator[str]:
    census = findings.census
    native = f"; {census.native:,} native users sign in there" if census else ""
    yield with_remark("password_reset:", f"no password leaves Cognito{native}")
    yield with_remark("  strategy: on_next_sign_in", "email sends links, none does nothing")
    yield with_remark(
        f"  flag: {value(proposal.flag)}", "the application sees it at sign-in and asks for a new password"
    )
    profile = findings.profile
    if profile and profile.passwordless:
        yield f"  # The pool lets users in without a password ({in_remark(', '.join(profile.first_factors))})."
        if findings.passwordless is not None:
            yield f"  # {findings.passwordless:,} of the native users have none."
    if proposal.report_mfa:
        setting = profile.mfa if profile else ""
        yield with_remark("mfa: report", f"the pool's MFA is {setting}: `migrate resets mfa` lists who enrols again")
    elif profile and profile.mfa:
        yield with_remark("mfa: ignore", f"the pool's MFA is {in_remark(profile.mfa)}")


def _rest(choices: Choices) -> Iterator[str]:
    yield with_remark("# decisions:", "single cases, settled in git")
    yield "#   - {sub: 6f1c2a9e-…, action: skip, because: test account}"
    yield "safety:"
    yield with_remark("  max_changes: null", 'after the first run, e.g. "5%": a wrong filter must not touch everybody')
    yield with_remark('  max_left_source: "5%"', "refuses when more are suddenly gone from pool or filters")
    yield with_remark('  max_failures: "5%"', "then the run stops; what is left is pending")
    yield with_remark("# state:", "the default; keep it between runs")
    yield f"#   path: .migrate/{choices.name}.state.db"
