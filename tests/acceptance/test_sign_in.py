"""Identity providers end to end: a pool in moto, the sandbox for WorkOS, a stand-in of an OAuth provider over HTTPS."""

from __future__ import annotations

import json
import os
import pty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import Ended, export_source, plan_text, pool_source
from tests.support.cognito import make_moto_pool
from tests.support.oauth_provider import CLIENT_ID, SECRET, Provider, oauth_provider

GOOGLE_SECRET, FACEBOOK_SECRET = "GOCSPX-google-secret-value", "facebook-secret-value-77"
SECRETS = (SECRET, GOOGLE_SECRET, FACEBOOK_SECRET)
WORKOS_CALLBACK = "https://auth.workos.com/sso/oauth/google/xyz/callback"
APP = "https://app.acme.com/callback"
METADATA_URL = "https://idp.acme.com/metadata"

ALL = """
  Google: {reuse_credentials: true, client_id: google-1}
  Facebook: {fallback: password_reset}
  Amazon: {fallback: skip}
  AcmeOkta:
    connection: {organization: acme, organization_name: Acme, domains: [{domain: Example.com, state: verified}]}
    trust_email: true
  GlobexAdfs: {connection: {organization: globex, domains: [example.com, {domain: globex.com}]}}
"""
# Whoever is probed is asked over the network: tests ask the stand-in alone.
NOT_GOOGLE = ALL.replace("{reuse_credentials: true, client_id: google-1}", "{}")
GOOD = ALL.replace("domains: [example.com, {domain: globex.com}]", "domains: [{domain: example.com, state: verified}]")
VERIFIED = GOOD.replace("{reuse_credentials: true, client_id: google-1}", "{}")


@dataclass
class Team:
    """A world whose pool has identity providers and people who use them."""

    world: World
    provider: Provider

    def write(self, providers: str | None = ALL, *, uris: str = f"[{APP}]", oauth: str = "{}", **sections: str) -> None:
        """The plan anew."""
        if providers is not None:
            sections["oauth_providers"] = providers
        text = plan_text(pool_source(self.world.endpoint, self.world.pool_id), self.world.url, oauth=oauth, **sections)
        text = text.replace("requests_per_60s: null\n", f"requests_per_60s: null\n    redirect_uris: {uris}\n")
        text = text.replace("password_reset: {strategy: none}", "password_reset: {strategy: on_next_sign_in}")
        self.world.plan.write_text(text)

    def __call__(self, *command: str) -> Ended:
        """A command on the plan; the stand-in's authority is the only one trusted."""
        return self.world.cli(*command, "plan.yaml", SSL_CERT_FILE=str(self.provider.authority))

    def json(self, schema: str, *command: str) -> Any:
        """Its JSON, exit 0."""
        ended = self(*command, "--json")
        assert ended.code == 0, ended.said
        return ended.json(schema)

    def checks(self) -> dict[tuple[str, str], str]:
        """`migrate oauth check`: verdicts by provider and check."""
        found = self("oauth", "check", "--json").json("oauth-check.v1")
        return {(one["provider"], one["check"]): one["verdict"] for one in found["checks"]}

    def held(self) -> dict[str, dict[str, Any]]:
        """Connections that WorkOS holds, with their options (secrets digested), by name."""
        page = self.world.workos.call("GET", "/connections?limit=100")
        found = [self.world.workos.call("GET", f"/_sandbox/connections/{one['id']}") for one in page["data"]]
        return {one["name"].split(" ")[0]: one for one in found}


def person(name: str, *providers: str, native: bool = False, **attributes: str) -> dict[str, Any]:
    """A record whose only ways to sign in are these providers, unless `native`."""
    identities = [{"userId": f"id-{name}", "providerName": one, "providerType": _TYPES[one], "issuer": None,
                   "primary": at == 0, "dateCreated": "1700000000000"} for at, one in enumerate(providers)]  # fmt: skip
    values = {"email": f"{name}@example.com", "email_verified": "true", **attributes}
    if identities:
        values["identities"] = json.dumps(identities)
    return {
        "Username": f"{providers[0].lower()}_{name}" if providers and not native else name,
        "Attributes": [{"Name": one, "Value": value} for one, value in values.items()],
        "Enabled": True,
        "UserStatus": "CONFIRMED" if native else "EXTERNAL_PROVIDER",
    }


_TYPES = {"Google": "Google", "Facebook": "Facebook", "Amazon": "LoginWithAmazon", "AcmeOkta": "OIDC",
          "GlobexAdfs": "SAML"}  # fmt: skip
PEOPLE = [
    person("nat", native=True),
    person("linked", "Facebook", native=True),
    person("gina", "Google"),
    person("gus", "Google"),
    person("fred", "Facebook"),
    person("amy", "Amazon"),
    person("olga", "AcmeOkta"),
    person("sam", "GlobexAdfs"),
]


@pytest.fixture
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with oauth_provider(tmp_path_factory.mktemp("provider")) as served:
        yield served


@pytest.fixture
def team(world: World, moto: str, provider: Provider) -> Team:
    world.endpoint, world.pool_id = moto, make_moto_pool(moto, PEOPLE)
    made = Team(world, provider)
    created = [
        ("Google", "Google", {"client_id": "google-1", "client_secret": GOOGLE_SECRET,
                              "authorize_scopes": "openid email"}),
        ("Facebook", "Facebook", {"client_id": "facebook-1", "client_secret": FACEBOOK_SECRET,
                                  "authorize_scopes": "public_profile,email"}),
        ("Amazon", "LoginWithAmazon", {"client_id": "amazon-1", "client_secret": FACEBOOK_SECRET}),
        ("AcmeOkta", "OIDC", {"client_id": CLIENT_ID, "client_secret": SECRET, "oidc_issuer": provider.issuer}),
        ("GlobexAdfs", "SAML", {"MetadataURL": METADATA_URL}),
    ]  # fmt: skip
    for name, kind, details in created:
        world.cognito().create_identity_provider(
            UserPoolId=world.pool_id, ProviderName=name, ProviderType=kind, ProviderDetails=details,
            AttributeMapping={"email": "mail", "given_name": "first"},
        )  # fmt: skip
    google = {"authorization_url": "https://accounts.google.com/o/oauth2/v2/auth", "client_id": "google-1",
              "redirect_uri": WORKOS_CALLBACK}  # fmt: skip
    world.workos.call("PUT", "/_sandbox/settings", {"providers": {"GoogleOAuth": google}})
    return made


def test_a_whole_run(team: Team) -> None:
    team.write()
    planned = team.json("plan-result.v1", "plan")
    assert planned["connections"] | {"items": 0} == {
        "create": 2, "update": 0, "unchanged": 0, "conflicts": 0, "items": 0,
    }  # fmt: skip
    assert planned["organizations"] == {"create": 2, "update": 0, "unchanged": 0, "conflicts": 0}
    assert planned["redirect_uris"] == {"create": 1, "unchanged": 0, "conflicts": 0}
    assert planned["source"]["filtered"] == {"provider": 1}
    assert planned["estimate"]["writes"] == planned["users"]["create"] + planned["memberships"]["create"] + 5
    assert planned["oauth"]["problems"] == []
    assert {one["name"]: (one["handling"], one["users"], one["stranded"]) for one in planned["oauth"]["providers"]} == {
        "Google": ("provider", 2, 0), "Facebook": ("password_reset", 2, 0), "Amazon": ("skip", 1, 0),
        "AcmeOkta": ("connection", 1, 0), "GlobexAdfs": ("connection", 1, 0),
    }  # fmt: skip
    assert team.world.writes() == 0

    applied = team.json("result.v1", "apply")
    assert applied["converged"] is True
    assert applied["requests"]["writes"] == planned["estimate"]["writes"]
    items = {one["provider"]: one for one in applied["connections"]["items"]}
    assert {name: one["action"] for name, one in items.items()} == {"AcmeOkta": "created", "GlobexAdfs": "created"}
    assert items["AcmeOkta"]["tell"]["redirect_uri"].startswith("https://auth.workos.com/sso/oauth/oidc/")
    assert items["GlobexAdfs"]["tell"]["acs_url"] == (
        f"https://auth.workos.com/sso/saml/acs/{items['GlobexAdfs']['connection_id']}"
    )
    assert items["GlobexAdfs"]["tell"]["entity_id"] and items["GlobexAdfs"]["tell"]["redirect_uri"] is None
    assert applied["organizations"] == {
        "created": 2, "updated": 0, "unchanged": 0, "failed": 0, "conflicts": 0, "pending": 0,
    }  # fmt: skip

    held = team.held()
    assert held["AcmeOkta"]["external_id"] == f"{team.world.pool_id}:AcmeOkta"
    assert held["AcmeOkta"]["options"]["discovery_endpoint"].startswith(team.provider.issuer)
    assert held["AcmeOkta"]["options"]["client_secret"].startswith("sha256:")
    maps = held["AcmeOkta"]["attribute_maps"]["standard_attributes"]
    assert {name: claim for name, claim in maps.items() if claim} == {"email": "mail", "first_name": "first"}
    assert held["GlobexAdfs"]["options"] == {"idp_metadata_url": METADATA_URL}
    names = {one["external_id"]: one["name"] for one in team.world.workos.call("GET", "/organizations")["data"]}
    assert names == {"acme": "Acme", "globex": "globex"}

    # Who is excluded, who joins the resets, whose address counts as verified (rule 1).
    users = team.world.users()
    assert "amy@example.com" not in users
    flagged = {email for email, one in users.items() if "password_reset_pending" in one["metadata"]}
    assert flagged == {"nat@example.com", "linked@example.com", "fred@example.com"}
    verified = {email: one["email_verified"] for email, one in users.items()}
    assert verified["olga@example.com"] is True and verified["sam@example.com"] is False

    writes = team.world.writes()
    again = team.json("result.v1", "apply")
    assert (again["connections"]["unchanged"], again["organizations"]["unchanged"]) == (2, 2)
    assert team("plan", "--detailed-exitcode").code == 0
    assert team.world.writes() == writes


def test_a_canary_makes_the_connection_of_the_target_alone(team: Team) -> None:
    team.write()
    applied = team.json("result.v1", "apply", "--target", "olga@example.com")
    assert (applied["users"]["created"], applied["converged"]) == (1, False)
    items = {one["provider"]: one["action"] for one in applied["connections"]["items"]}
    assert items == {"AcmeOkta": "created", "GlobexAdfs": "pending"}
    assert set(team.held()) == {"AcmeOkta"}
    assert [one["external_id"] for one in team.world.workos.call("GET", "/organizations")["data"]] == ["acme"]
    assert applied["redirect_uris"]["created"] == 1
    # Who signs in by a password needs none.
    applied = team.json("result.v1", "apply", "--target", "nat@example.com")
    assert (applied["users"]["created"], applied["connections"]["pending"]) == (1, 1)
    assert set(team.held()) == {"AcmeOkta"}
    assert team.json("result.v1", "apply")["converged"] is True
    assert set(team.held()) == {"AcmeOkta", "GlobexAdfs"}


def test_a_new_secret_is_one_update(team: Team) -> None:
    team.write()
    assert team("apply").code == 0
    before, writes = team.held(), team.world.writes()
    team.world.cognito().update_identity_provider(
        UserPoolId=team.world.pool_id,
        ProviderName="AcmeOkta",
        ProviderDetails={
            "client_id": CLIENT_ID,
            "client_secret": "another-secret-now",
            "oidc_issuer": team.provider.issuer,
        },
    )
    assert team.json("plan-result.v1", "plan")["connections"]["update"] == 1
    assert team.json("result.v1", "apply")["connections"]["updated"] == 1
    after = team.held()
    assert team.world.writes() == writes + 1
    assert after["AcmeOkta"]["id"] == before["AcmeOkta"]["id"]
    assert after["AcmeOkta"]["options"]["client_secret"] != before["AcmeOkta"]["options"]["client_secret"]


@pytest.mark.parametrize("renamed", [False, True])
def test_a_lost_state_doubles_no_connection(team: Team, renamed: bool) -> None:
    team.write()
    assert team("apply").code == 0
    before = {one["id"] for one in team.held().values()}
    if renamed:
        for identifier in before:
            team.world.workos.call("PATCH", f"/connections/{identifier}", {"name": f"Renamed-{identifier}"})
    for path in team.world.migrate_dir.iterdir():
        path.unlink()
    assert team.json("result.v1", "apply")["connections"]["updated"] == 2
    assert {one["id"] for one in team.held().values()} == before
    assert team.json("result.v1", "apply")["connections"]["unchanged"] == 2


def test_a_connection_deleted_in_workos_is_made_again(team: Team) -> None:
    team.write()
    assert team("apply").code == 0
    gone = team.held()["AcmeOkta"]["id"]
    team.world.workos.call("DELETE", f"/connections/{gone}")
    applied = team.json("result.v1", "apply")
    assert (applied["connections"]["created"], applied["connections"]["unchanged"]) == (1, 1)
    assert team.held()["AcmeOkta"]["id"] != gone


def test_what_failed_is_taken_up_again(team: Team) -> None:
    team.write()
    refused = [{"method": "POST", "path": "^/connections", "fault": "error_before", "times": 8}]
    team.world.workos.call("PUT", "/_sandbox/faults", {"next": refused})
    ended = team("apply", "--json")
    assert ended.code == 3, ended.said
    result = ended.json("result.v1")
    # Both are made side by side, with four tries each.
    assert (result["connections"]["failed"], result["connections"]["created"]) == (2, 0)
    assert not result["converged"] and result["users"]["failed"] == 0
    assert team.json("result.v1", "apply")["connections"] | {"items": 0} == {
        "created": 2, "updated": 0, "unchanged": 0, "failed": 0, "conflicts": 0, "pending": 0, "items": 0,
    }  # fmt: skip


def test_a_lost_answer_doubles_nothing(team: Team) -> None:
    team.write()
    lost = [
        {"method": "POST", "path": path, "fault": "reset_after"}
        for path in ("^/connections", "^/organizations", "redirect_uris")
    ]
    team.world.workos.call("PUT", "/_sandbox/faults", {"next": lost})
    applied = team.json("result.v1", "apply")
    assert applied["converged"] is True
    data = team.world.workos.stats()["data"]
    assert (data["connections"], data["organizations"], data["redirect_uris"]) == (2, 2, 1)


def test_nobody_is_stranded_unseen(team: Team, nothing_happens: Callable[..., None]) -> None:
    team.write(
        "{Google: {reuse_credentials: true}, Facebook: {}, AcmeOkta: {fallback: skip}, GlobexAdfs: {fallback: error}}"
    )
    planned = team.json("plan-result.v1", "plan")
    messages = [
        "1 user signs in with Amazon, which is not in oauth_providers; 1 of them could not sign in any more"
        "; add Amazon to oauth_providers: fallback: password_reset or skip",
        "2 users sign in with Facebook: WorkOS has no such provider; 1 of them could not sign in any more"
        "; fallback: password_reset or skip",
        "1 user signs in with GlobexAdfs: WorkOS has no such provider; 1 of them could not sign in any more"
        "; connection: {organization: …}, or fallback: password_reset or skip",
    ]
    assert [f"{one['message']}; {one['remedy']}" for one in planned["oauth"]["problems"]] == messages
    shown = team("plan")
    assert shown.code == 0 and "apply would refuse to begin" in shown.err
    nothing_happens(team.world, messages, "apply", "plan.yaml")


def test_without_the_section_providers_are_reported_alone(team: Team) -> None:
    team.write(None, uris="[]")
    planned = team.json("plan-result.v1", "plan")
    assert {one["name"]: (one["handling"], one["users"]) for one in planned["oauth"]["providers"]} == {
        "Google": ("reported", 2), "Facebook": ("reported", 2), "Amazon": ("reported", 1),
        "AcmeOkta": ("reported", 1), "GlobexAdfs": ("reported", 1),
    }  # fmt: skip
    assert team.json("result.v1", "apply")["users"]["created"] == len(PEOPLE)


def test_a_provider_that_the_pool_lacks(team: Team) -> None:
    team.write(ALL.replace("AcmeOkta", "AcmeOcta"))
    message = "the pool has no identity provider AcmeOcta; did you mean AcmeOkta?"
    planned = team.json("plan-result.v1", "plan")
    assert message in [f"{one['message']}; {one['remedy']}" for one in planned["oauth"]["problems"]]
    assert team("apply").code == 1


def test_people_outside_the_verified_domains_are_told_of(team: Team) -> None:
    """WorkOS refuses them (docs, SSO domains): profile_not_allowed_outside_organization."""
    team.write(ALL)
    ended = team("oauth", "check")
    assert ended.code == 3
    assert "1 of 1 have an address outside globex's verified domains (none): WorkOS refuses them" in ended.out
    assert "the addresses of all 1 lie in acme's verified domains (example.com)" in ended.out
    # Whom a domain policy would send to SSO: nat, linked (and Facebook), gina, gus, fred.
    assert "5 with an address in its domains have a password or another provider today" in ended.out
    assert team("apply").code == 0
    held = {one["external_id"]: one for one in team.world.workos.call("GET", "/organizations")["data"]}
    assert {name: {one["domain"]: one["state"] for one in held[name]["domains"]} for name in held} == {
        "acme": {"example.com": "verified"}, "globex": {"example.com": "pending", "globex.com": "pending"},
    }  # fmt: skip
    # What is verified in WorkOS meanwhile counts, and stays; what was taken away there is left (rule 17), and what the
    # plan adds comes on top.
    verified = [{"domain": "example.com", "state": "verified"}, {"domain": "globex.net", "state": "pending"}]
    team.world.workos.call("PUT", f"/organizations/{held['globex']['id']}", {"domain_data": verified})
    team.write(ALL.replace("{domain: globex.com}", "globex.com, globex.org"))
    found = team.checks()
    assert (found["GlobexAdfs", "domains"], found["AcmeOkta", "domains"]) == ("pass", "pass")
    assert team.json("plan-result.v1", "plan")["organizations"] == {
        "create": 0, "update": 1, "unchanged": 1, "conflicts": 0,
    }  # fmt: skip
    assert team.json("result.v1", "apply")["organizations"]["updated"] == 1
    after = team.world.workos.call("GET", f"/organizations/{held['globex']['id']}")["domains"]
    assert {one["domain"]: one["state"] for one in after} == {
        "example.com": "verified", "globex.net": "pending", "globex.org": "pending",
    }  # fmt: skip
    assert team("plan", "--detailed-exitcode").code == 0


def test_the_gate_knows_of_domains(team: Team) -> None:
    team.write(ALL, oauth="{require: true}")
    ended = team("apply", "--json")
    assert ended.code == 1
    assert "oauth.require: GlobexAdfs: 1 of 1 have an address outside" in ended.error()


def test_check_and_apply_have_one_verdict(team: Team) -> None:
    """A provider that people use and the plan lacks: apply refuses, so the check fails, with the same words."""
    team.write(ALL.replace("  Amazon: {fallback: skip}\n", ""))
    checked, applied = team("oauth", "check", "--json"), team("apply", "--json")
    rows = checked.json("oauth-check.v1")["checks"]
    (row,) = [one for one in rows if (one["provider"], one["check"]) == ("Amazon", "plan")]
    assert (checked.code, applied.code, row["verdict"]) == (3, 1, "fail")
    assert applied.error() == f"{row['message']}; {row['remedy']}"
    assert not team.world.migrate_dir.exists()


@pytest.mark.parametrize(("uris", "verdict", "refused"), [("[]", "fail", True), (f"[{APP}]", "cannot-tell", False)])
def test_without_a_redirect_uri_nobody_signs_in(team: Team, uris: str, verdict: str, refused: bool) -> None:
    """Unless apply is about to add one."""
    team.write(GOOD, uris=uris, oauth="{require: true}")
    found = team.checks()
    assert (found["Google", "workos_client"], found["AcmeOkta", "connection"]) == (verdict, verdict)
    ended = team("apply", "--json")
    assert ended.code == (1 if refused else 0), ended.said
    if refused:
        assert "so nobody can begin to sign in" in ended.said


def test_oauth_check(team: Team) -> None:
    team.write(VERIFIED, oauth="{probe: true, allow_hosts: [localhost]}")
    assert team("oauth", "check").code == 0
    assert team("apply").code == 0
    uri = next(one["tell"]["redirect_uri"] for one in team.json("result.v1", "apply")["connections"]["items"]
               if one["provider"] == "AcmeOkta")  # fmt: skip
    found = team.checks()
    assert found["AcmeOkta", "redirect_uri"] == "fail"
    team.provider.behaviour.redirect_uris.add(uri)
    found = team.checks()
    assert (found["AcmeOkta", "redirect_uri"], found["AcmeOkta", "secret"]) == ("pass", "pass")
    assert found["GlobexAdfs", "connection"] == "pass"
    shown = team("oauth", "check")
    assert shown.code == 0 and f"the provider knows {uri}" in shown.out and shown.out.endswith("cannot tell\n")
    team.provider.behaviour.clients[CLIENT_ID] = "changed at the provider"
    ended = team("oauth", "check")
    assert ended.code == 3 and "the provider refuses the pool's client ID and secret" in ended.out


def test_what_workos_uses_is_compared(team: Team) -> None:
    team.write(GOOD)
    assert team("apply").code == 0
    found = team.checks()
    assert (found["Google", "pinned_client"], found["Google", "workos_client"]) == ("pass", "pass")
    ended = team("oauth", "check")
    assert ended.code == 0 and f"WorkOS's redirect URI is {WORKOS_CALLBACK}" in ended.out
    default = {"authorization_url": "https://accounts.google.com/o/oauth2/v2/auth", "client_id": "workos-default"}
    team.world.workos.call("PUT", "/_sandbox/settings", {"providers": {"GoogleOAuth": default}})
    ended = team("oauth", "check")
    assert ended.code == 3
    assert "in staging these may be WorkOS's default credentials" in ended.out
    team.world.workos.call("PUT", "/_sandbox/settings", {"providers": {}})
    assert team.checks()["Google", "workos_client"] == "fail"


def test_the_gate(team: Team) -> None:
    team.write(GOOD, oauth="{require: true}", uris="[]")
    team.world.workos.call("POST", "/user_management/redirect_uris", {"uri": APP})
    wrong = {"authorization_url": "https://accounts.google.com/", "client_id": "another"}
    team.world.workos.call("PUT", "/_sandbox/settings", {"providers": {"GoogleOAuth": wrong}})
    writes = team.world.writes()
    ended = team("apply", "--json")
    assert ended.code == 1
    (message,) = ended.errors()
    assert message.startswith("oauth.require: Google: WorkOS uses another, not google-1")
    assert team.world.writes() == writes and not team.world.migrate_dir.exists()
    assert team("plan").code == 0
    # A stand-in has nobody's providers: the gate guards the real destination.
    assert team("apply", "--sandbox").code == 0
    right = wrong | {"client_id": "google-1"}
    team.world.workos.call("PUT", "/_sandbox/settings", {"providers": {"GoogleOAuth": right}})
    assert team("apply").code == 0


def test_nothing_to_check(team: Team, nothing_happens: Callable[..., None]) -> None:
    team.write(None)
    message = "the plan has no oauth_providers, so there is nothing to check; list the pool's identity providers there"
    nothing_happens(team.world, [message], "oauth", "check", "plan.yaml")


def test_an_export_knows_no_providers(team: Team) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in _exported(team))
    (team.world.plan.parent / "users.jsonl").write_text(lines)
    providers = (
        "{Google: {reuse_credentials: true, client_id: google-1}, Facebook: {fallback: skip}, AcmeOkta: {},"
        " GlobexAdfs: {}, Amazon: {fallback: password_reset}}"
    )
    team.world.write_plan(export_source("users.jsonl"), oauth_providers=providers)
    planned = team.json("plan-result.v1", "plan")
    assert planned["oauth"]["problems"] == [] and planned["source"]["filtered"] == {"provider": 1}
    assert team.checks()["Google", "pinned_client"] == "cannot-tell"


def test_no_secret_anywhere(team: Team) -> None:
    """Every output, log, state and file of a full run, of a failing one, and of checks."""
    team.write(keep_snapshot="true")
    said = [team("plan"), team("apply"), team("oauth", "check"), team("oauth", "check", "--json")]
    team.write(NOT_GOOGLE, oauth="{probe: true, allow_hosts: [localhost]}", keep_snapshot="true")
    said += [team("plan"), team("plan", "--json"), team("apply"), team("apply", "--json"), team("status"),
            team("status", "--json"), team("state", "list"), team("verify"), team("oauth", "check"),
            team("oauth", "check", "--json"), team("apply", "--sandbox"),
            team("apply", "--sandbox", "--json")]  # fmt: skip
    team.provider.behaviour.clients.clear()
    said += [team("oauth", "check"), team("oauth", "check", "--json")]
    team.world.workos.call("PUT", "/_sandbox/faults", {"rates": {"error_before": 1.0}})
    said += [team("apply"), team("oauth", "check")]
    team.world.workos.call("PUT", "/_sandbox/faults", {"rates": {}})
    said += [team.world.cli("oauth", "show-secret", "plan.yaml", name) for name in ("Google", "Facebook", "Nobody")]
    assert team.provider.behaviour.seen  # it was asked, with the secret
    for ended in said:
        for secret in SECRETS:
            assert secret not in ended.said, ended.said
    files = [path for path in team.world.plan.parent.rglob("*") if path.is_file()]
    assert {"acme.state.db", "acme.sandbox.workos.db"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        for secret in SECRETS:
            assert secret.encode() not in content, path


def test_a_secret_is_shown_on_a_terminal_alone(team: Team) -> None:
    team.write()
    ended = team.world.cli("oauth", "show-secret", "plan.yaml", "Google")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "error: a secret is shown on a terminal only, never to a file, a pipe or a log; run the command on a terminal\n"
    )
    code, out = _on_a_terminal(team, "Google")
    assert (code, out.split()[-1]) == (0, GOOGLE_SECRET)
    code, out = _on_a_terminal(team, "GlobexAdfs")
    assert code == 1 and "gives out no client secret for GlobexAdfs (SAML)" in out
    code, out = _on_a_terminal(team, "Nobody")
    assert code == 1 and "it has AcmeOkta, Amazon, Facebook, GlobexAdfs, Google" in out


def _on_a_terminal(team: Team, name: str) -> tuple[int, str]:
    """`show-secret` with standard output on a pseudo-terminal, and what stood there."""
    ours, theirs = pty.openpty()
    process = team.world.cli.fork("oauth", "show-secret", "plan.yaml", name, terminal=theirs)
    os.close(theirs)
    shown = b""
    with open(ours, "rb", buffering=0) as stream:
        while True:
            try:
                part = stream.read(4096)
            except OSError:  # Linux's word for the end of a terminal
                break
            if not part:
                break
            shown += part
    return process.wait(60), shown.decode()


def _exported(team: Team) -> list[dict[str, Any]]:
    out = team.world.plan.parent / "all.jsonl"
    team.write(None)
    assert team.world.cli("export", "plan.yaml", "--out", str(out)).code == 0
    return [json.loads(line) for line in Path(out).read_text().splitlines() if '"Username"' in line]


def _ready(team: Team, code: int) -> dict[str, dict[str, Any]]:
    """Lines of `migrate ready` by provider, or by name."""
    ended = team("ready", "--json")
    assert ended.code == code, ended.said
    found = ended.json("ready.v1")
    for secret in SECRETS:
        assert secret not in ended.said
    return {one["subject"] or one["name"]: one for one in found["lines"]}


def test_ready_says_of_each_provider_what_the_checks_say(team: Team) -> None:
    team.write(ALL.replace("  Amazon: {fallback: skip}\n", ""))
    lines = _ready(team, 3)
    assert (lines["Amazon"]["verdict"], lines["Amazon"]["by_when"]) == ("no-go", "before the next apply")
    assert "add Amazon to oauth_providers" in lines["Amazon"]["remedy"]
    # globex.com is not verified, and sam's address lies in it.
    assert lines["GlobexAdfs"]["verdict"] == "no-go" and "outside" in lines["GlobexAdfs"]["message"]
    team.write(VERIFIED, oauth="{probe: true, allow_hosts: [localhost]}")
    assert team("apply").code == 0
    lines = _ready(team, 3)
    # The provider does not know the redirect URI of the connection yet.
    assert lines["AcmeOkta"]["verdict"] == "no-go" and "add https://" in lines["AcmeOkta"]["remedy"]
    uri = next(one["tell"]["redirect_uri"] for one in team.json("result.v1", "apply")["connections"]["items"]
               if one["provider"] == "AcmeOkta")  # fmt: skip
    team.provider.behaviour.redirect_uris.add(uri)
    lines = _ready(team, 0)
    assert (lines["AcmeOkta"]["verdict"], lines["AcmeOkta"]["message"]) == ("ok", "proven")
    assert (lines["AcmeOkta"]["count"], lines["Facebook"]["verdict"], lines["Amazon"]["verdict"]) == (1, "ok", "ok")
    # What it asks of the application's redirect URIs, it asks of WorkOS.
    assert lines["redirect_uris"]["verdict"] == "ok"
    # Report and `ready` have one computation.
    told = team("report", "--format", "markdown", "--out", "-").out
    assert "| provider AcmeOkta | ok | proven | – | – |" in told


def test_ready_without_a_word_on_providers_is_no_go(team: Team) -> None:
    team.write(None)
    lines = _ready(team, 3)
    assert (lines["provider"]["verdict"], lines["provider"]["count"]) == ("no-go", 7)
    assert "oauth_providers" in lines["provider"]["remedy"]


def test_ready_counts_who_would_be_sent_to_sso(team: Team) -> None:
    """Natives and users of Google with an address in the domains of a connection."""
    team.write(GOOD)
    lines = _ready(team, 3)
    (row,) = [one for one in team("oauth", "check", "--json").json("oauth-check.v1")["checks"]
              if (one["provider"], one["check"]) == ("AcmeOkta", "domains")]  # fmt: skip
    number = lines["domain_policy"]["count"]
    assert lines["domain_policy"]["verdict"] == "look" and number > 0
    assert f"{number} with an address in its domains" in row["message"]
    elsewhere = GOOD.replace("{domain: Example.com, state: verified}", "{domain: okta.example, state: verified}")
    team.write(elsewhere.replace("{domain: example.com, state: verified}", "{domain: adfs.example, state: verified}"))
    lines = _ready(team, 3)
    assert (lines["domain_policy"]["verdict"], lines["domain_policy"]["count"]) == ("ok", 0)
