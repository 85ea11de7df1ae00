"""A pool of every kind of user for moto, and what WorkOS has to hold for it, written by hand from the rules.

Nothing here knows the engine. Each kind is a row: what Cognito holds, and what must come of it. moto assigns subs, so
expectations name people by address.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# The sections of the plan that the expectations below are written for.
SECTIONS = {
    "filters": "{attributes: [{name: 'custom:deleted', exists: false}], groups: {none: [internal]}}",
    "attributes": """
  external_id: sub
  metadata:
    plan: {from: "custom:plan", default: free}
    tier: {from: "custom:tier", map: {"1": gold, "2": silver}, default: basic}
    full_name: {template: "{given_name} {family_name}", when_invalid: escape}
    company: {from: "custom:company", when_invalid: omit}
    lang: {from: [locale, "custom:lang"]}
    provider: identities.provider""",
}
LEFT_OUT_STATUS = ("UNCONFIRMED", "ARCHIVED", "COMPROMISED", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Kind:
    """`attributes` for the number of a user; `wanted` is the WorkOS user without external ID, None when left out.

    `reason` is why it is left out, or "merged".
    """

    attributes: dict[str, str]
    wanted: dict[str, Any] | None
    status: str = "CONFIRMED"
    enabled: bool = True
    group: str | None = None
    reason: str = ""


def _google(primary: object) -> str:
    return json.dumps([{"userId": "1", "providerName": "Google", "providerType": "Google", "primary": primary}])


def _okta() -> str:
    return json.dumps([{"userId": "1", "providerName": "Okta", "providerType": "OIDC", "primary": True}])


def _wanted(
    email: str, *, verified: bool = True, first: str | None = None, last: str | None = None, **metadata: str
) -> dict[str, Any]:
    held = {"plan": "free", "tier": "basic", **metadata}
    return {"email": email, "email_verified": verified, "first_name": first, "last_name": last, "metadata": held}


def kinds(n: int) -> list[Kind]:
    """One user of each kind, the n-th time; some addresses are shared by several."""
    mail: Callable[[str], str] = lambda name: f"{name}.{n}@example.com"  # noqa: E731
    yes, no = {"email_verified": "true"}, {"email_verified": "false"}
    native, google = {"given_name": "Ann", "family_name": "Lee"}, _google("true" if n % 2 else True)
    ann = {"first": "Ann", "last": "Lee", "full_name": "Ann Lee"}
    rows = [
        Kind({"email": mail("plain"), **yes, **native}, _wanted(mail("plain"), **ann)),
        Kind({"email": mail("unverified"), **no, **native}, _wanted(mail("unverified"), verified=False, **ann)),
        Kind({"email": mail("unsaid")}, _wanted(mail("unsaid"), verified=False)),
        Kind({"email": mail("yes"), "email_verified": "True"}, _wanted(mail("yes"))),
        Kind({"email": mail("force"), **yes}, _wanted(mail("force")), status="FORCE_CHANGE_PASSWORD"),
        Kind({"email": mail("reset"), **yes}, _wanted(mail("reset")), status="RESET_REQUIRED"),
        Kind({"email": mail("off"), **yes}, None, enabled=False, reason="disabled"),
        Kind({"email": mail("internal"), **yes}, None, group="internal", reason="filtered"),
        Kind({"email": mail("staff"), **yes}, _wanted(mail("staff")), group="staff"),
        Kind({"email": mail("deleted"), **yes, "custom:deleted": "1"}, None, reason="filtered"),
        Kind({"given_name": "Nobody", "email_verified": "true"}, None, reason="no_email"),
        Kind({"email": "   ", **yes}, None, reason="no_email"),
        Kind({"email": f"no address {n}", **yes}, None, reason="invalid_email"),
        Kind({"email": f" Spaced.{n}@Example.COM ", **yes}, _wanted(f"spaced.{n}@example.com")),
        Kind(
            {"email": mail("custom"), **yes, "custom:plan": "team", "custom:tier": "1", "custom:company": "Acme"},
            _wanted(mail("custom"), plan="team", tier="gold", company="Acme"),
        ),
        Kind(
            {"email": mail("nomatch"), **yes, "custom:tier": "9", "custom:plan": "", "custom:lang": "fr"},
            _wanted(mail("nomatch"), lang="fr"),
        ),
        Kind(
            {"email": mail("lang"), **yes, "locale": "de", "custom:lang": "fr"},
            _wanted(mail("lang"), lang="de"),
        ),
        Kind(
            {"email": mail("foreign"), **yes, "given_name": "Zoë", "family_name": "名前", "custom:company": "Straße"},
            _wanted(mail("foreign"), first="Zoë", last="名前", full_name="Zo\\u00eb \\u540d\\u524d"),
        ),
        Kind({"email": mail("long"), **yes, "custom:company": "x" * 601}, _wanted(mail("long"))),
        Kind(
            {"email": mail("google"), **yes, "identities": google},
            _wanted(mail("google"), provider="Google"),
            status="EXTERNAL_PROVIDER",
        ),
        Kind(  # an OIDC provider's own flag counts for nothing (rule 1)
            {"email": mail("okta"), **yes, "identities": _okta()},
            _wanted(mail("okta"), verified=False, provider="Okta"),
            status="EXTERNAL_PROVIDER",
        ),
        # One address: the verified record counts; the unverified one, though newer, writes nothing into it (rule 4).
        Kind(
            {"email": mail("pair"), **yes, "given_name": "Mine"},
            _wanted(mail("pair"), first="Mine", full_name="Mine"),
        ),
        Kind({"email": mail("Pair"), **no, "family_name": "Stranger", "custom:company": "Evil"}, None, reason="merged"),
        # Native before Google, both verified: Google's fills what the native record lacks.
        Kind(
            {"email": mail("both"), **yes, "given_name": "Native"},
            _wanted(mail("both"), first="Native", last="Filled", full_name="Native", provider="Google", company="Acme"),
        ),
        Kind(
            {"email": mail("both"), **yes, "family_name": "Filled", "custom:company": "Acme", "identities": google},
            None,
            status="EXTERNAL_PROVIDER",
            reason="merged",
        ),
    ]  # fmt: skip
    rows += [Kind({"email": mail(one.lower()), **yes}, None, status=one, reason="status") for one in LEFT_OUT_STATUS]
    return rows


@dataclass(frozen=True, slots=True)
class Pool:
    """Records for `make_moto_pool`, its groups, and what has to come of them."""

    records: list[dict[str, Any]]
    groups: dict[str, list[str]]
    wanted: dict[str, dict[str, Any]]  # by address
    reasons: dict[str, int]
    usernames: dict[str, str]  # by address, of the record that counts

    @property
    def merged(self) -> int:
        return self.reasons["merged"]

    @property
    def filtered(self) -> dict[str, int]:
        return {name: number for name, number in self.reasons.items() if name != "merged"}


def pool_of(number: int) -> Pool:
    """So many users, every kind again and again."""
    pool = Pool([], {"internal": [], "staff": []}, {}, {}, {})
    turn = 0
    while len(pool.records) < number:
        for kind in kinds(turn)[: number - len(pool.records)]:
            _add(pool, kind)
        turn += 1
    return pool


def _add(pool: Pool, kind: Kind) -> None:
    username = f"user-{len(pool.records)}"
    pool.records.append(
        {
            "Username": username,
            "Attributes": [{"Name": name, "Value": value} for name, value in kind.attributes.items()],
            "Enabled": kind.enabled,
            "UserStatus": kind.status,
        }
    )
    if kind.group:
        pool.groups[kind.group].append(username)
    if kind.wanted is None:
        pool.reasons[kind.reason] = pool.reasons.get(kind.reason, 0) + 1
    else:
        pool.wanted[kind.wanted["email"]] = kind.wanted
        pool.usernames[kind.wanted["email"]] = username
