"""Go or no-go of what is around the users: providers, redirect URIs, domain policies, webhooks. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from engine.model.webhooks import WebhookEndpoint
from engine.plan_file.model import Spec
from engine.run.looking import Looked
from engine.run.report_data import CUT_OVER, FIRST_APPLY, YOU, GoLine, ProviderProof
from engine.run.results import PlanResult

_NAMED = 5


def environment_lines(
    spec: Spec, result: PlanResult, looked: Looked, providers: Sequence[ProviderProof], *, sandbox: bool
) -> Iterator[GoLine]:
    """Lines of `engine.run.go_lines.NAMES`."""
    yield from _problems(result)
    yield from _providers(spec, providers, {one.provider for one in result.sign_in.problems}, sandbox=sandbox)
    yield _redirect_uris(spec, looked.redirect_uris, sandbox=sandbox)
    yield from _domain_policy(looked.bound)
    yield _webhooks(result, looked.webhooks, sandbox=sandbox)


def _problems(result: PlanResult) -> Iterator[GoLine]:
    for one in result.sign_in.problems:
        yield GoLine("provider", "fail", one.message, one.remedy, YOU, FIRST_APPLY, subject=one.provider)


def _providers(
    spec: Spec, providers: Sequence[ProviderProof], told: Collection[str], *, sandbox: bool
) -> Iterator[GoLine]:
    used = [one for one in providers if one.users and one.name not in told]
    if not used:
        if not told:
            yield GoLine("provider", "pass", "nobody signs in with an identity provider", count=0)
        return
    if spec.providers is None:
        which = "1 identity provider has" if len(used) == 1 else f"{len(used)} identity providers have"
        message = f"{which} users, and nobody has proven that they can sign in to WorkOS"
        remedy = "list them in oauth_providers, then `migrate oauth check`"
        yield GoLine("provider", "fail", message, remedy, YOU, CUT_OVER, sum(one.users for one in used))
        return
    for one in used:
        yield _provider(one, sandbox=sandbox)


def _provider(one: ProviderProof, *, sandbox: bool) -> GoLine:
    worst = next((proof for proof in one.proofs if proof.verdict == one.verdict and one.verdict != "pass"), None)
    if one.handling in ("password_reset", "skip"):
        return GoLine("provider", "pass", "settled by the plan's fallback", count=one.users, subject=one.name)
    if one.verdict == "pass":
        return GoLine("provider", "pass", "proven", count=one.users, subject=one.name)
    if worst is not None:
        return GoLine("provider", one.verdict, worst.message, worst.remedy, YOU, CUT_OVER, one.users, subject=one.name)
    why = "an emulator proves nothing" if sandbox else "not proven to work in WorkOS"
    return GoLine(
        "provider", "cannot-tell", why, "`migrate oauth check` proves it", YOU, CUT_OVER, one.users, subject=one.name
    )


def _redirect_uris(spec: Spec, held: frozenset[str] | None, *, sandbox: bool) -> GoLine:
    wanted = spec.destination.redirect_uris
    listing = "list the application's under destination.workos.redirect_uris"
    if held is None:
        remedy = "see in the WorkOS dashboard, Redirects, that the application's are there"
        return GoLine("redirect_uris", "cannot-tell", "WorkOS did not list its redirect URIs", remedy, YOU, CUT_OVER)
    if missing := [one for one in wanted if one not in held]:
        message = f"WorkOS does not know {_some(missing)}"
        return GoLine("redirect_uris", "fail", message, "run `migrate apply`", YOU, CUT_OVER, len(missing))
    if wanted:
        message = (
            "WorkOS knows the redirect URI" if len(wanted) == 1 else f"WorkOS knows the {len(wanted)} redirect URIs"
        )
        return GoLine("redirect_uris", "pass", f"{message} of the plan", count=len(wanted))
    if sandbox:
        message = "the plan lists none, and the emulator does not know your environment's"
        return GoLine("redirect_uris", "cannot-tell", message, listing, YOU, CUT_OVER, 0)
    if not held:
        message = "WorkOS knows no redirect URI of the application, so nobody can begin to sign in"
        return GoLine("redirect_uris", "fail", message, f"{listing}, then `migrate apply`", YOU, CUT_OVER, 0)
    message = f"WorkOS knows {_some(sorted(held))}, and the plan does not say which the application uses"
    return GoLine("redirect_uris", "cannot-tell", message, listing, YOU, CUT_OVER, len(held))


def _domain_policy(bound: int | None) -> Iterator[GoLine]:
    """A policy and a first connection send every address of the domains to SSO (docs, organization-policies)."""
    if bound is None:
        return
    if not bound:
        yield GoLine("domain_policy", "pass", "nobody else has an address in the domains of an SSO connection", count=0)
        return
    who = "1 user has" if bound == 1 else f"{bound:,} users have"
    message = (
        f"{who} an address in the domains of an SSO connection and sign in otherwise today: a domain policy, or the "
        "organization's first connection, sends them to SSO"
    )
    remedy = "see the organization's page in the WorkOS dashboard: allow other ways to sign in, or tell them"
    yield GoLine("domain_policy", "cannot-tell", message, remedy, YOU, "before the connection is active", bound)


def _webhooks(result: PlanResult, endpoints: Sequence[WebhookEndpoint] | None, *, sandbox: bool) -> GoLine:
    if sandbox:
        message = "the emulator calls nobody; WorkOS calls its webhooks for every user that is written"
        remedy = "ask the real environment: the same command without --sandbox"
        return GoLine("webhooks", "cannot-tell", message, remedy, YOU, FIRST_APPLY)
    off = "in the WorkOS dashboard, Webhooks"
    if endpoints is None:
        message = "WorkOS did not list its webhook endpoints: those that are on are called for every user written"
        remedy = f"see there which are on and what they take: {off}"
        return GoLine("webhooks", "cannot-tell", message, remedy, YOU, FIRST_APPLY)
    due = {
        "user.created": result.users["create"],
        "user.updated": result.users["adopt"] + result.users["update"],
        "organization.created": result.sign_in.organizations.get("create", 0),
        "organization_membership.created": result.sign_in.memberships.get("create", 0),
    }
    called = {one.id: sum(due.get(event, 0) for event in one.events) for one in endpoints if one.enabled}
    total, ids = sum(called.values()), [name for name, number in called.items() if number]
    if not total:
        what = "are on, and nothing that is left would call them" if called else "are on"
        return GoLine("webhooks", "pass", f"{len(called) or 'no'} webhook endpoints {what}", count=0)
    message = f"{total:,} webhooks would be sent by what is left to write, to {_some(ids)}"
    remedy = f"switch them off until the users are moved ({off}), or make sure that the receiver takes so many"
    return GoLine("webhooks", "cannot-tell", message, remedy, YOU, FIRST_APPLY, total)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
