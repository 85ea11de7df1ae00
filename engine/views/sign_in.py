"""Identity providers for people: what `plan` and `apply` say of them, and the table of `migrate oauth check`."""

from __future__ import annotations

from collections.abc import Iterator

from engine.oauth.results import CheckResult, SignIn
from engine.views.text import figure, printable, table

_HANDLED = {
    "reported": "not in the plan (no oauth_providers): nothing checked, nobody held back",
    "provider": "sign in through WorkOS",
    "connection": "sign in through an SSO connection",
    "password_reset": "join the password resets",
    "skip": "excluded",
    "error": "NOT SETTLED: WorkOS has no such provider",
    "unlisted": "NOT SETTLED: not in oauth_providers",
    "unknown": "NOT SETTLED: the pool has no such provider",
}
_TOLD = {"redirect_uri": "redirect URI", "acs_url": "ACS URL", "entity_id": "entity ID"}


def render_sign_in(sign_in: SignIn) -> list[str]:
    """Providers with their users, what is to be settled, and what was or will be made; empty where there is nothing."""
    lines: list[str] = []
    if sign_in.providers:
        lines += ["", "identity providers"]
        lines += table(
            [(one.name, figure(one.users), "users", handled(one.handling, one.stranded)) for one in sign_in.providers],
            right=frozenset({1}),
        )
    if sign_in.problems:
        lines += ["", "apply would refuse to begin"]
        for problem in sign_in.problems:
            lines += [printable(f"  {problem.message}"), printable(f"    {problem.remedy}")]
    for name, figures in (
        ("organizations", sign_in.organizations),
        ("roles", sign_in.roles),
        ("memberships", sign_in.memberships),
        ("redirect URIs", sign_in.redirect_uris),
    ):
        if any(figures.values()):
            shown = ", ".join(f"{figure(number)} {what}" for what, number in figures.items() if number)
            lines += ["", f"{name}: {shown}"]
    return [*lines, *_connections(sign_in)]


def handled(handling: str, stranded: int) -> str:
    """What becomes of a provider's users."""
    return _HANDLED[handling] + (f"; {figure(stranded)} could not sign in any more" if stranded else "")


def _connections(sign_in: SignIn) -> Iterator[str]:
    if not sign_in.connections:
        return
    yield from ("", "connections")
    for one in sign_in.connections:
        why = f" ({one.code})" if one.code else ""
        yield printable(f"  {one.provider}: {one.action}{why}, organization {one.organization}")
        for name, value in one.tell.items():
            yield printable(f"    tell the identity provider's administrator: {_TOLD[name]} {value}")
        if sign_in.applied and one.action not in ("failed", "pending") and not one.tell:
            yield "    what to tell the identity provider's administrator: see the connection in the WorkOS dashboard"


def render_checks(result: CheckResult) -> list[str]:
    """The table, provider by provider, what to do below each row, and the count."""
    lines: list[str] = []
    last = None
    for one in result.checks:
        if one.provider != last:
            lines += ["", printable(one.provider)]
            last = one.provider
        lines.append(printable(f"  {one.verdict:<11}  {one.check:<13}  {one.message}"))
        if one.remedy and one.verdict != "pass":
            lines.append(printable(f"  {'':<11}  {'':<13}  → {one.remedy}"))
    counts = result.counts
    return [*lines, "", f"{counts['pass']} pass, {counts['fail']} fail, {counts['cannot-tell']} cannot tell"]
