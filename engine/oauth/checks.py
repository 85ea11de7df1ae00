"""One row of `migrate oauth check`: the rules that turn what was found into pass, fail or cannot-tell. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from engine.model.identity_providers import IdentityProvider, Offer
from engine.oauth.answers import Answer, Reading, TokenReading
from engine.resources.organizations.organization import Addresses
from engine.resources.organizations.port import HeldOrganization, Organization

CheckVerdict = Literal["pass", "fail", "cannot-tell"]


@dataclass(frozen=True, slots=True)
class Check:
    """One row. `code` is stable; `message` says what was found, `remedy` what to do ("" for nothing)."""

    provider: str
    check: str  # plan, pinned_client, workos_client, redirect_uri, secret, scopes, connection, domains
    verdict: CheckVerdict
    code: str
    message: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        return {"provider": self.provider, "check": self.check, "verdict": self.verdict, "code": self.code,
                "message": self.message, "remedy": self.remedy}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where WorkOS sends somebody who signs in: the provider's address, taken apart."""

    host: str
    client_id: str | None
    redirect_uri: str | None
    scopes: tuple[str, ...]
    error: str | None


def read_redirect(location: str) -> Redirect | None:
    """WorkOS's answer to an authorization request; None where it is no address."""
    try:
        parts = urlsplit(location)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    given = dict(parse_qsl(parts.query))
    return Redirect(
        host=host,
        client_id=given.get("client_id"),
        redirect_uri=given.get("redirect_uri"),
        scopes=tuple(given.get("scope", "").split()),
        error=given.get("error"),
    )


def check_pin(name: str, pinned: str | None, provider: IdentityProvider | None) -> Check | None:
    """The plan's pinned client ID equals the pool's; None where nothing is pinned."""
    if pinned is None:
        return None
    if provider is None or provider.client_id is None:
        message = "the pool could not be asked" if provider is None else "the pool shows no client ID"
        return Check(name, "pinned_client", "cannot-tell", "pool_not_asked", message, "compare them by hand")
    if provider.client_id == pinned:
        return Check(name, "pinned_client", "pass", "same_client", "the plan's client_id is the pool's")
    return Check(
        name,
        "pinned_client",
        "fail",
        "other_client_in_pool",
        f"the plan pins {pinned}, the pool uses {provider.client_id}",
        "find out which of the two your users have consented to, then correct the other",
    )


def check_client(name: str, offer: Offer, wanted: str | None, redirect: Redirect | None, *, staging: bool) -> Check:
    """WorkOS really uses the client; `wanted` is the pool's, or the pinned one."""

    def row(verdict: CheckVerdict, code: str, message: str, remedy: str = "") -> Check:
        return Check(name, "workos_client", verdict, code, message, remedy)

    dashboard = f"WorkOS dashboard, Authentication, Providers, {offer.workos}: your own client ID and secret"
    if redirect is None:
        return row("cannot-tell", "no_redirect", "WorkOS did not answer with an address", "run the check again")
    if redirect.error is not None or redirect.client_id is None or redirect.redirect_uri is None:
        # WorkOS's codes for this are not documented; that it does not lead to the provider is plain.
        message = f"WorkOS does not send anybody to {offer.workos}"
        code = "not_configured" if redirect.error else "no_client_in_address"
        return row("fail" if redirect.error else "cannot-tell", code, message, f"enable it: {dashboard}")
    if wanted is None:
        return row(
            "cannot-tell", "nothing_to_compare", f"WorkOS uses {redirect.client_id}", "pin client_id in the plan"
        )
    if redirect.client_id == wanted:
        return row("pass", "same_client", "WorkOS uses the same client ID; these are your own credentials")
    if staging:
        message = (
            f"WorkOS uses {redirect.client_id}, not {wanted}: in staging these may be WorkOS's default credentials"
        )
        return row("fail", "default_or_other_client", message, f"paste your own: {dashboard}")
    return row("fail", "other_client", f"WorkOS uses {redirect.client_id}, not {wanted}", f"paste: {dashboard}")


def check_scopes(name: str, asked: Sequence[str], redirect: Redirect | None) -> Check | None:
    """Scopes that Cognito asked for and WorkOS will not; None where that cannot be compared."""
    if redirect is None or redirect.client_id is None or not asked:
        return None
    missing = [one for one in asked if one not in redirect.scopes and _long(one) not in redirect.scopes]
    if not missing:
        return Check(name, "scopes", "pass", "same_scopes", "WorkOS asks for every scope that Cognito asked for")
    return Check(
        name,
        "scopes",
        "cannot-tell",
        "fewer_scopes",
        f"Cognito asked for {', '.join(missing)}, WorkOS does not",
        "sign-in works without; if your application needs them, add provider_scopes to its sign-in link",
    )


def _long(scope: str) -> str:
    # Google's short names and addresses mean the same scopes.
    return f"https://www.googleapis.com/auth/userinfo.{scope}"


def check_redirect_uri(
    name: str, uri: str, where: str, real: tuple[Answer, Reading] | None, control: tuple[Answer, Reading] | None
) -> Check:
    """The provider knows WorkOS's redirect URI and the client. `control` is its answer to a URI that is nobody's."""

    def row(verdict: CheckVerdict, code: str, message: str, remedy: str = "") -> Check:
        return Check(name, "redirect_uri", verdict, code, message, remedy)

    add = f"add {uri} at the provider ({where})"
    if real is None:
        return row("cannot-tell", "not_asked", f"WorkOS's redirect URI is {uri}", add)
    answer, reading = real
    if reading == "unknown_uri":
        return row("fail", "redirect_uri_unknown", f"the provider refuses the redirect URI {uri}", add)
    if reading == "unknown_client":
        remedy = "find out whether the client was deleted or belongs to another project"
        return row("fail", "client_unknown", "the provider does not know the client ID", remedy)
    passed = row("pass", "redirect_uri_known", f"the provider knows {uri}")
    if reading == "known":
        return passed
    if control is not None:
        refused, control_reading = control
        # A URI that is nobody's is refused, ours is not: in so many words, or by the kind of answer.
        if control_reading == "unknown_uri" or (answer.status < 400 <= refused.status < 500):
            return passed
    message = f"the provider's answer does not tell whether it knows {uri}"
    return row("cannot-tell", "answer_unclear", message, f"make sure that it is there, or {add}")


def check_secret(name: str, real: TokenReading | None, control: TokenReading | None, why: str = "") -> Check:
    """The pool's secret is the provider's. `control` is the answer to a secret that is certainly wrong."""

    def row(verdict: CheckVerdict, code: str, message: str, remedy: str = "") -> Check:
        return Check(name, "secret", verdict, code, message, remedy)

    paste = f"`migrate oauth show-secret {shlex.quote(name)}` prints the pool's for pasting; sign in once to be sure"
    if real is None:
        return row("cannot-tell", "not_asked", why or "the provider was not asked", paste)
    if real == "wrong_client":
        remedy = "make a new secret at the provider, put it into Cognito and WorkOS"
        return row("fail", "secret_wrong", "the provider refuses the pool's client ID and secret", remedy)
    if real == "wrong_code" and control == "wrong_client":
        message = "the provider takes the pool's secret; whether WorkOS holds the same one, it shows nobody"
        return row("pass", "secret_right", message, "paste this one, not another")
    if real == "wrong_code":
        message = "the provider looks at the code before the secret, so its answer does not tell"
        return row("cannot-tell", "secret_not_looked_at", message, paste)
    return row(
        "cannot-tell", "answer_unclear", "the provider's answer does not tell whether the secret is right", paste
    )


def check_domains(name: str, wanted: Organization, held: HeldOrganization | None, addresses: Addresses) -> Check:
    """WorkOS will let in the connection's people: their addresses lie in verified domains of its organization.

    Else it answers profile_not_allowed_outside_organization (docs, SSO domains). Members by the API are not known to
    be let in: the docs speak of invitations alone.
    """
    verified = wanted.verified | (held.verified if held is not None else frozenset())
    used = addresses.by_provider.get(name, {})
    outside, people = sum(number for domain, number in used.items() if domain not in verified), sum(used.values())
    others = count_bound([(wanted, held)], addresses)
    known = f"{wanted.external_id}'s verified domains ({', '.join(sorted(verified)) or 'none'})"
    note = (
        f"; {others:,} with an address in its domains have a password or another provider today, and a domain policy"
        " or a first connection can send them all to SSO"
        if others
        else ""
    )

    def row(verdict: CheckVerdict, code: str, message: str, remedy: str = "") -> Check:
        return Check(name, "domains", verdict, code, message + note, remedy)

    remedy = (
        f"verify the domains in WorkOS, or list them under oauth_providers.{name}.connection.domains"
        " (state: verified where you vouch for them); invite guests"
    )
    if outside and held is not None and held.allows_outside:
        message = f"{outside:,} of {people:,} have an address outside {known}; WorkOS lets outsiders in there today"
        return row("cannot-tell", "outside_allowed", message, f"the setting is deprecated: {remedy}")
    if outside:
        message = f"{outside:,} of {people:,} have an address outside {known}: WorkOS refuses them"
        return row("fail", "outside_domains", message, remedy)
    if not people:
        return row("pass", "nobody", "nobody signs in with it today")
    return row("pass", "inside_domains", f"the addresses of all {people:,} lie in {known}")


def count_bound(organizations: Iterable[tuple[Organization, HeldOrganization | None]], addresses: Addresses) -> int:
    """People outside a connection whose address lies in a domain of its organization: a policy can bind them to SSO."""
    named = {domain for wanted, held in organizations for domain in (*wanted.domains, *(held.domains if held else ()))}
    return sum(addresses.others.get(domain, 0) for domain in named)


def unreachable(name: str, check: str, code: str) -> Check:
    """A provider that could not be asked; `code` says why."""
    message, remedy = _UNREACHABLE.get(code, ("the provider could not be asked", "run the check again"))
    return Check(name, check, "cannot-tell", code, message, remedy)


_UNREACHABLE = {
    "unreachable": ("the provider does not answer", "run the check again"),
    "timeout": ("the provider did not answer within 5 s", "run the check again"),
    "not_https": ("the provider's address is not https, so it was not asked", "correct the issuer in Cognito"),
    "private_address": (
        "the provider's host has a private address, so it was not asked",
        "name the host in oauth.allow_hosts if that is meant",
    ),
    "bad_discovery": (
        "the issuer's discovery document is none, or is another issuer's",
        "open it in a browser: the issuer's address and /.well-known/openid-configuration",
    ),
}
