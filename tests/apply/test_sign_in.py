"""The stage of signing in, on a fake WorkOS: what is foreseen, refused, carried out, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.model.call_errors import Ambiguous, Terminal
from engine.model.errors import StateError
from engine.model.identity_providers import IdentityProvider
from engine.model.outcomes import StateIdentity
from engine.oauth.handling import SignsInBy
from engine.plan_file.model import CognitoSource, Destination, Spec
from engine.plan_file.providers import ConnectionSpec, DomainSpec, OAuthChecks, ProviderSpec
from engine.resources.connections.design import Known
from engine.resources.organizations.port import HeldOrganization
from engine.run.sign_in import SignInRefused, SignInStage
from engine.state.connections import read_connections
from engine.state.file import StateFile
from tests.support.fake_workos import FakeWorkOS

KEY = b"k" * 32
OKTA = IdentityProvider("Okta", "OIDC", "c", "secret", issuer="https://acme.okta.com")
PEOPLE = [SignsInBy(frozenset({"Okta"}), False, 3)]
APP = "https://app.acme.com/cb"


def spec(tmp_path: Path, organization: str = "acme", **more: Any) -> Spec:
    return Spec(
        name="acme",
        path=tmp_path / "plan.yaml",
        source=CognitoSource("pool", "us-east-1"),
        destination=Destination("client", "sk_live_key", redirect_uris=(APP, "https://app.acme.com/two")),
        state_path=tmp_path / "state.db",
        providers={"Okta": ProviderSpec(connection=ConnectionSpec(organization, "Acme"))},
        **more,
    )


def stage(one: Spec, workos: FakeWorkOS, known: dict[str, Known] | None = None, pool: Any = (OKTA,)) -> SignInStage:
    return SignInStage(one, workos, pool=pool, pool_id="pool", known=known or {}, key=KEY)


@pytest.fixture
def state(tmp_path: Path) -> Any:
    with StateFile.open(tmp_path / "state.db", StateIdentity("acme", "pool", "there"), key=KEY) as opened:
        yield opened


async def test_foreseen_and_done(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[APP])
    made = stage(spec(tmp_path), workos)
    assert made.secrets == ["secret"]
    foreseen = await made.foresee(PEOPLE, {})
    assert workos.writes == []
    assert foreseen.result().writes == 3
    foreseen.refuse()
    done = await made.carry_out(foreseen, state)
    assert workos.writes == ["uri https://app.acme.com/two", "organization acme Acme", "connection pool:Okta"]
    assert (done.changed, done.failed, done.connections[0].action) == (3, 0, "created")
    known = read_connections(state)
    assert known["Okta"].connection_id == "conn_pool:Okta"
    # A second time there is nothing to do; another organization is another connection.
    again = await stage(spec(tmp_path), workos, known).foresee(PEOPLE, {})
    assert again.result().writes == 0
    moved = await stage(spec(tmp_path, "globex"), workos, known).foresee(PEOPLE, {})
    assert [one.action for one in moved.result().connections] == ["create"]


async def test_domains_are_completed_by_the_union(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[APP])
    workos.organizations.held["acme"] = HeldOrganization("org_1", {"held.com": "verified", "acme.com": "pending"})
    domains = (DomainSpec("acme.com", "verified"), DomainSpec("new.com"), DomainSpec("held.com"))
    one = replace(spec(tmp_path), providers={"Okta": ProviderSpec(connection=ConnectionSpec("acme", domains=domains))})
    foreseen = await stage(one, workos).foresee(PEOPLE, {})
    assert foreseen.result().organizations == {"update": 1}
    done = await stage(one, workos).carry_out(foreseen, state)
    assert done.organizations == {"updated": 1}
    assert "update org_1 acme.com held.com new.com" in workos.writes
    after = workos.organizations.held["acme"].domains
    assert after == {"acme.com": "verified", "held.com": "verified", "new.com": "pending"}
    again = await stage(one, workos, read_connections(state)).foresee(PEOPLE, {})
    assert again.result().organizations == {"unchanged": 1} and again.result().writes == 0


async def test_domains_that_workos_refuses_hold_no_connection_back(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[APP, "https://app.acme.com/two"])
    workos.organizations.held["acme"] = HeldOrganization("org_1")
    connection = ConnectionSpec("acme", domains=(DomainSpec("acme.com"),))
    made = stage(replace(spec(tmp_path), providers={"Okta": ProviderSpec(connection=connection)}), workos)
    foreseen = await made.foresee(PEOPLE, {})
    workos.organizations.taken = {"acme.com"}
    done = await made.carry_out(foreseen, state)
    assert done.organizations == {"failed": 1} and done.connections[0].action == "created"


async def test_a_provider_that_no_connection_can_be_made_of(tmp_path: Path) -> None:
    """Plan shows it, apply refuses by it, oauth check fails by it: one verdict."""
    bare = IdentityProvider("Okta", "OIDC", "c", "s")
    made = stage(spec(tmp_path), FakeWorkOS(), pool=[bare])
    foreseen = await made.foresee(PEOPLE, {})
    (problem,) = foreseen.problems
    assert (problem.code, problem.provider) == ("connection_impossible", "Okta")
    with pytest.raises(SignInRefused):
        foreseen.refuse()
    rows = {row.check: row for row in await made.check(foreseen, Nobody())}
    assert (rows["plan"].verdict, rows["plan"].message) == ("fail", problem.message)


async def test_nothing_works(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[])
    made = stage(spec(tmp_path), workos)
    foreseen = await made.foresee(PEOPLE, {})
    workos.fail_all(Terminal("forbidden_organization", status=422))
    done = await made.carry_out(foreseen, state)
    assert (done.failed, done.changed) == (4, 0)
    assert done.connections[0].code == "no_organization"
    workos.fail_all(None)
    workos.organizations.held["acme"] = HeldOrganization("org_acme")
    foreseen = await made.foresee(PEOPLE, {})
    workos.fail_all(Ambiguous("timeout"))
    done = await made.carry_out(foreseen, state)
    assert done.connections[0].code == "timeout"
    assert read_connections(state) == {}


async def test_a_state_that_cannot_be_written(
    tmp_path: Path, state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    workos = FakeWorkOS()
    made = stage(spec(tmp_path), workos)

    def full(*_: object) -> None:
        raise StateError("full", code="state_not_writable")

    monkeypatch.setattr("engine.run.sign_in.record_connection", full)
    done = await made.carry_out(await made.foresee(PEOPLE, {}), state)
    assert done.connections[0].code == "state_not_writable"


async def test_refusals(tmp_path: Path) -> None:
    unsettled = replace(spec(tmp_path), providers={})
    foreseen = await stage(unsettled, FakeWorkOS()).foresee(PEOPLE, {})
    with pytest.raises(SignInRefused) as caught:
        foreseen.refuse()
    assert [one.code for one in caught.value.diagnostics()] == ["provider_not_in_plan"]
    assert caught.value.exit_code == 1


class Nobody:
    """A probe that must not be used."""

    async def get(self, url: str) -> Any:
        raise AssertionError(url)

    post = get


async def test_the_gate(tmp_path: Path) -> None:
    workos = FakeWorkOS(uris=[APP])
    workos.sends("GoogleOAuth", "another", "https://auth.workos.com/cb")
    google = IdentityProvider("Google", "Google", "g-1", "s")
    one = replace(spec(tmp_path), providers={"Google": ProviderSpec(reuse_credentials=True)})
    made = stage(one, workos, pool=[google])
    foreseen = await made.foresee([], {})
    await made.gate(foreseen, Nobody())
    made = stage(replace(one, oauth=OAuthChecks(require=True)), workos, pool=[google])
    with pytest.raises(SignInRefused, match=r"oauth\.require: Google: WorkOS uses another, not g-1") as caught:
        await made.gate(foreseen, Nobody())
    assert caught.value.diagnostics()[0].code == "other_client"
    workos.sends("GoogleOAuth", "g-1", "https://auth.workos.com/cb")
    await made.gate(foreseen, Nobody())
