"""The way back after a migration that was faulty, killed and left half-done: WorkOS is as it was before, object by
object, but for roles, names filled on adoption and timestamps. The rollback itself is killed again and again.

The seed is printed, so that a failure can be had again; `KILL_SEED` sets it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.faults.test_faults import MIXED, NO_QUOTAS
from tests.support.cognito import REGION, make_moto_pool, moto_server
from tests.support.environment_dump import as_before, dump
from tests.support.migration import Project, Run, invent_pool
from tests.support.sandbox_extras import Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader

PEOPLE = 90
URI, THEIR_URI = "https://app.acme.com/callback", "https://app.acme.com/old"
# Hanging ones only cost time here: `test_faults` has them.
RATES = {name: rate for name, rate in MIXED.items() if not name.startswith("hang")}
SLOW = {"rates": RATES, "retry_after_s": 0.05, "latency_ms": 2, "jitter_ms": 8}
PROVIDERS = [
    ("AcmeOkta", "OIDC", {"client_id": "one", "client_secret": "secret-of-okta", "oidc_issuer": "https://idp.acme.com",
                          "authorize_scopes": "openid email", "attributes_request_method": "GET"}),
    ("GlobexAdfs", "SAML", {"MetadataURL": "https://idp.globex.com/metadata"}),
]  # fmt: skip


def records() -> list[dict[str, Any]]:
    """A pool's users with tenants; every ninth signs in with a provider."""
    users = invent_pool(PEOPLE, 3)
    for at, user in enumerate(users):
        tenants = ["acme"] if at % 3 == 0 else [f"tenant{at % 7}", f"tenant{at % 5}"] if at % 3 == 1 else []
        user["Attributes"].append({"Name": "custom:tenant", "Value": ",".join(dict.fromkeys(tenants))})
        if at % 9 == 4:
            name = PROVIDERS[at % 2]
            identity = [{"userId": f"id-{at}", "providerName": name[0], "providerType": name[1], "primary": True}]
            user["Attributes"].append({"Name": "identities", "Value": json.dumps(identity)})
            user["Username"], user["UserStatus"] = f"{name[0]}_{at}", "EXTERNAL_PROVIDER"
    return users


class Scene:
    """A live pool with providers, and a WorkOS in which somebody else's things are already."""

    def __init__(self, folder: Path, url: str, cognito: str) -> None:
        self.project, self.workos, self.endpoint = Project(folder, url), WorkOSReader(url), cognito
        self.pool = make_moto_pool(cognito, records(), custom=("tenant", "plan"))
        self.cognito = boto3.client(
            "cognito-idp", region_name=REGION, endpoint_url=cognito, aws_access_key_id="a", aws_secret_access_key="b"
        )
        for name, kind, details in PROVIDERS:
            self.cognito.create_identity_provider(
                UserPoolId=self.pool, ProviderName=name, ProviderType=kind, ProviderDetails=details,
                AttributeMapping={"email": "mail"},
            )  # fmt: skip
        self._settle_others()
        self.write()
        self.before = dump(self.workos)

    def write(self, **quotas: int) -> None:
        """The plan."""
        plan = json.loads(self.project.plan.read_text())
        plan["source"] = {"cognito": {"user_pool_id": self.pool, "endpoint_url": self.endpoint,
                                      "requests_per_second": None}}  # fmt: skip
        plan["destination"]["workos"] |= {"redirect_uris": [THEIR_URI, URI], "writes_per_10s": None} | quotas
        plan["attributes"]["metadata"]["tenant"] = "custom:tenant"
        plan["oauth_providers"] = {
            "AcmeOkta": {"connection": {"organization": "acme", "domains": ["acme.example"]}, "trust_email": True},
            "GlobexAdfs": {"connection": {"organization": "globex", "organization_name": "Globex"}},
        }
        plan["organizations"] = {
            "from": "attribute", "attribute": "custom:tenant", "separator": ",", "unmapped": "create",
            "map": {"acme": {"organization": "acme", "role": "boss", "metadata": {"tier": "gold"}}},
            "create_roles": True, "unverified": True, "trust_writable": True,
        }  # fmt: skip
        self.project.plan.write_text(json.dumps(plan))

    def _settle_others(self) -> None:
        """What was there before: a redirect URI, an organization with a member and a domain, users with fields."""
        call = self.workos.call
        call("POST", "/user_management/redirect_uris", {"uri": THEIR_URI})
        domains = [{"domain": "acme.example", "state": "pending"}]
        acme = call("POST", "/organizations", {"name": "Acme", "external_id": "acme", "domain_data": domains,
                                               "metadata": {"theirs": "1"}})["id"]  # fmt: skip
        other = call("POST", "/organizations", {"name": "Other"})["id"]
        for at in range(6, PEOPLE, 12):
            body = {"email": f"person{at}@example.com", "email_verified": True, "first_name": "Theirs"}
            body |= {"metadata": {"theirs": "x"}} if at % 24 == 6 else {}
            user = call("POST", "/user_management/users", body)["id"]
            if at % 24 == 6:
                member = {"user_id": user, "organization_id": acme if at % 48 == 6 else other}
                call("POST", "/user_management/organization_memberships", member)
        for name in ("stranger", "lurker"):
            body = {"email": f"{name}@example.com", "external_id": f"id-of-{name}", "metadata": {"plan": "mine"}}
            call("POST", "/user_management/users", body)

    def later(self) -> None:
        """The pool of the next day: some attributes changed, some users are new."""
        for at, user in enumerate(self.cognito.list_users(UserPoolId=self.pool)["Users"]):
            if at % 2:
                self.cognito.admin_update_user_attributes(
                    UserPoolId=self.pool, Username=user["Username"],
                    UserAttributes=[{"Name": "given_name", "Value": f"New {at}"},
                                    {"Name": "custom:plan", "Value": "bronze"}],
                )  # fmt: skip

    def run(self, *arguments: str) -> Run:
        """A command to its end."""
        return self.project.migrate(*arguments, **AWS)

    def kill(self, rng: random.Random, command: tuple[str, ...], of: str) -> None:
        """`kill -9` some time after the command has begun to do this; or it has ended before."""

        def done() -> int:
            stats = self.workos.stats()
            return int(stats["writes"] if of == "writes" else stats["data"][of])

        before, began = done(), time.monotonic()
        process = self.project.fork(*command, **AWS)
        deadline = time.monotonic() + 10
        while done() == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        sys.stdout.write(f"{time.monotonic() - began:.1f} s until {command[0]} was killed over {of}\n")

    def faulty(self, *, seed: int) -> None:
        self.workos.call("PUT", "/_sandbox/faults", SLOW | {"seed": seed})

    def sign_in_somebody(self) -> dict[str, Any]:
        """A user whom this plan made and who belongs to an organization; gives them as they are then."""
        self.workos.quiet()
        held = dump(self.workos)
        members = {one["user_id"] for one in held["membership"].values()}
        chosen = next(key for key in held["user"] if key in members and key not in self.before["user"])
        user = f"/user_management/users/{chosen}"
        self.workos.call("PUT", user, {"password": "correct horse battery"})
        self.workos.call("PUT", "/_sandbox/settings", {"email_verification_required": False})
        given = {"client_id": "client_sandbox", "client_secret": "sk_test_sandbox", "grant_type": "password"}
        email = held["user"][chosen]["email"]
        self.workos.call(
            "POST", "/user_management/authenticate", {**given, "email": email, "password": "correct horse battery"}
        )
        return dump(self.workos)["user"][chosen]


AWS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}
APPLY = ("apply", "plan.yaml")
ROLLBACK = ("rollback", "plan.yaml", "--yes")


@pytest.fixture(scope="module")
def cognito() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def scene(tmp_path: Path, cognito: str) -> Iterator[Scene]:
    with SandboxProcess(Options(data=tmp_path / "workos.db", quotas=NO_QUOTAS)) as sandbox:
        yield Scene(tmp_path, sandbox.url, cognito)


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.long)])
def test_after_kills_and_faults_workos_is_as_it_was_before(scene: Scene, kills: int) -> None:
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1_000_000))
    sys.stdout.write(f"KILL_SEED={seed}\n")
    rng = random.Random(seed)
    scene.write(writes_per_10s=150)
    scene.faulty(seed=seed)
    for moment in ("organizations", "users", "users", "memberships", "writes"):
        scene.kill(rng, APPLY, moment)
    # Half of them at least, then a next day that is killed in the middle.
    scene.write()
    scene.run(*APPLY)
    scene.later()
    scene.write(writes_per_10s=150)
    scene.kill(rng, APPLY, "writes")
    scene.kill(rng, APPLY, "writes")
    held = scene.workos.stats()["data"]
    assert held["users"] > PEOPLE // 2 and held["memberships"] > 20 and held["connections"] == 2

    active = scene.sign_in_somebody()
    scene.write(writes_per_10s=300)
    for number in range(kills):
        scene.faulty(seed=seed + number)
        scene.kill(rng, ROLLBACK, "writes")
    sys.stdout.write(f"{held}, after {kills} kills {scene.workos.stats()['data']}\n")
    scene.write()
    last = scene.run(*ROLLBACK, "--json")
    assert last.code == 0 and last.json["complete"], last.out[-3000:] + last.err
    scene.workos.quiet()
    # Who signed in is there, with all that the plan made for them; besides, all is as it was before.
    left = dump(scene.workos)
    assert left["user"][active["id"]] == active and last.json["kept_because"]["users"] == {"signed_in": 1}
    stays = {one["organization_id"] for one in left["membership"].values() if one["user_id"] == active["id"]}
    # So is a connection through which others' members may sign in.
    stays |= {one["organization_id"] for one in scene.before["membership"].values()}
    for differs in as_before(left, scene.before):
        kind, key = differs.split()[0], differs.split()[1].rstrip(":")
        held_there = left[kind][key]
        of_theirs = active["id"] in (key, held_there.get("user_id")) or key in stays
        assert of_theirs or held_there.get("organization_id") in stays, differs
    everybody = scene.run(*ROLLBACK, "--include-active", "--json")
    assert everybody.code == 0 and everybody.json["complete"], everybody.out + everybody.err
    assert as_before(dump(scene.workos), scene.before) == []

    # Everybody is made anew, by a state that has forgotten everybody.
    again = scene.run(*APPLY, "--json")
    assert again.json["users"]["failed"] == again.json["users"]["pending"] == 0
    assert again.json["users"]["created"] == PEOPLE - again.json["users"]["adopted"] - again.json["users"]["conflicts"]
    codes = {one["code"] for one in again.json["failures"]}
    assert codes <= {"unverified_link", "no_user"}, codes
