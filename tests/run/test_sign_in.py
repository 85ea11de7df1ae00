"""The stage of signing in, on a fake WorkOS: what is foreseen, refused, carried out, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.model.call_errors import Ambiguous, Terminal
from engine.model.errors import StateError
from engine.model.identity_providers import IdentityProvider
from engine.model.outcomes import Claim, ResourceRow, StateIdentity
from engine.oauth.checks import Check
from engine.oauth.handling import SignsInBy
from engine.oauth.results import SignIn
from engine.plan_file.model import CognitoSource, Destination, Spec
from engine.plan_file.providers import ConnectionSpec, DomainSpec, OAuthChecks, ProviderSpec
from engine.resources.organizations.organization import organizations
from engine.resources.organizations.port import HeldOrganization
from engine.run.execution import Execution
from engine.run.kinds import IN_MEMORY, kinds_in_memory
from engine.run.sections import applied_sections, planned_sections
from engine.run.sign_in import SignInFacts, SignInRefused, SignInStage
from engine.run.stopping import Stop
from engine.state.file import StateFile
from tests.support.fake_target import FakeTarget
from tests.support.fake_workos import FakeWorkOS
from tests.support.metered import metered

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


class Stage:
    """One command's sign-in and the kinds that it takes, on a fake WorkOS and a real state."""

    def __init__(self, one: Spec, workos: FakeWorkOS, state: StateFile | None = None, pool: Any = (OKTA,)) -> None:
        self.spec, self.workos, self.state = one, workos, state
        self.stage = SignInStage(one, workos, {"pool": pool})
        self.secrets = self.stage.secrets

    async def foresee(self, people: Any = PEOPLE) -> SignIn:
        self.plan = self.stage.foresee(people, {})
        wanted = organizations(one.organization for one in self.plan.designs)
        self.kinds = kinds_in_memory(
            self.spec, self.workos, key=KEY, designs=self.plan.designs, organizations=lambda: wanted
        )
        await self.kinds.foresee(self.known())
        return planned_sections(self.plan, self.kinds)

    def known(self) -> dict[str, dict[str, ResourceRow]]:
        state = self.state
        return {kind: {row.key: row for row in state.rows(kind)} for kind in IN_MEMORY} if state is not None else {}

    async def carry_out(self) -> SignIn:
        assert self.state is not None
        self.stop = Stop()
        run = Execution(metered(FakeTarget()), self.state, "r1", self.stop)
        for work in self.kinds:
            await run.carry_out(work, work)
        return await applied_sections(self.plan, self.kinds, self.workos)

    async def check(self) -> list[Check]:
        return await self.stage.check(self.plan, SignInFacts({}, {}), Nobody())

    async def gate(self) -> None:
        await self.stage.gate(self.plan, SignInFacts({}, {}), Nobody())


@pytest.fixture
def state(tmp_path: Path) -> Any:
    with StateFile.open(tmp_path / "state.db", StateIdentity("acme", "pool", "there"), key=KEY) as opened:
        yield opened


async def test_foreseen_and_done(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[APP])
    made = Stage(spec(tmp_path), workos, state)
    assert made.secrets == ["secret"]
    assert (await made.foresee()).writes == 3
    assert workos.writes == []
    made.plan.refuse()
    done = await made.carry_out()
    assert workos.writes == ["uri https://app.acme.com/two", "organization acme Acme", "connection pool:Okta"]
    assert (done.changed, done.failed, done.connections[0].action) == (3, 0, "created")
    assert [(row.kind, row.key, row.workos_id, row.status, row.created_here) for row in state.rows()] == [
        ("connection", "pool/Okta", "conn_pool:Okta", "done", 1),
        ("organization", "acme", "org_0001", "done", 1),
        ("redirect_uri", "https://app.acme.com/two", "ruri_https://app.acme.com/two", "done", 1),
    ]
    # A second time there is nothing to do; another organization is another connection.
    assert (await Stage(spec(tmp_path), workos, state).foresee()).writes == 0
    moved = await Stage(spec(tmp_path, "globex"), workos, state).foresee()
    assert [one.action for one in moved.connections] == ["create"]


async def test_a_connection_is_updated_where_the_pool_changed_or_the_state_was_lost(
    tmp_path: Path, state: StateFile
) -> None:
    workos = FakeWorkOS(uris=[APP])
    made = Stage(spec(tmp_path), workos, state)
    await made.foresee()
    await made.carry_out()
    changed = replace(OKTA, client_secret="new")
    made = Stage(spec(tmp_path), workos, state, pool=(changed,))
    assert (await made.foresee()).connections[0].action == "update"
    assert (await made.carry_out()).connections[0].action == "updated"
    assert (await Stage(spec(tmp_path), workos, state, pool=(changed,)).foresee()).writes == 0
    # Without a state the connection of that name is brought up to date, and is not ours to take back.
    lost = await Stage(spec(tmp_path), workos).foresee()
    assert lost.connections[0].action == "update"


async def test_a_creation_that_was_cut_off_is_known_for_ours(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[APP])
    state.advance([], [Claim("organization", "acme", "create")], run_id="r0")
    workos.organizations.held["acme"] = HeldOrganization("org_1", name="Acme", external_id="acme")
    made = Stage(spec(tmp_path), workos, state)
    await made.foresee()
    await made.carry_out()
    (row,) = state.rows("organization")
    assert (row.workos_id, row.status, row.created_here) == ("org_1", "done", 1)


async def test_domains_are_completed_by_the_union(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[APP])
    workos.organizations.held["acme"] = HeldOrganization("org_1", {"held.com": "verified", "acme.com": "pending"})
    domains = (DomainSpec("acme.com", "verified"), DomainSpec("new.com"), DomainSpec("held.com"))
    one = replace(spec(tmp_path), providers={"Okta": ProviderSpec(connection=ConnectionSpec("acme", domains=domains))})
    made = Stage(one, workos, state)
    assert (await made.foresee()).organizations == {"update": 1}
    assert (await made.carry_out()).organizations == {"updated": 1}
    assert "update org_1 acme.com held.com new.com" in workos.writes
    after = workos.organizations.held["acme"].domains
    assert after == {"acme.com": "verified", "held.com": "verified", "new.com": "pending"}
    again = await Stage(one, workos, state).foresee()
    assert again.organizations == {"unchanged": 1} and again.writes == 0


async def test_domains_that_workos_refuses_hold_no_connection_back(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[APP, "https://app.acme.com/two"])
    workos.organizations.held["acme"] = HeldOrganization("org_1")
    connection = ConnectionSpec("acme", domains=(DomainSpec("acme.com"),))
    made = Stage(replace(spec(tmp_path), providers={"Okta": ProviderSpec(connection=connection)}), workos, state)
    await made.foresee()
    workos.organizations.taken = {"acme.com"}
    done = await made.carry_out()
    assert done.organizations == {"failed": 1} and done.connections[0].action == "created"


async def test_a_provider_that_no_connection_can_be_made_of(tmp_path: Path) -> None:
    """Plan shows it, apply refuses by it, oauth check fails by it: one verdict."""
    bare = IdentityProvider("Okta", "OIDC", "c", "s")
    made = Stage(spec(tmp_path), FakeWorkOS(), pool=[bare])
    await made.foresee()
    (problem,) = made.plan.problems
    assert (problem.code, problem.provider) == ("connection_impossible", "Okta")
    with pytest.raises(SignInRefused):
        made.plan.refuse()
    rows = {row.check: row for row in await made.check()}
    assert (rows["plan"].verdict, rows["plan"].message) == ("fail", problem.message)


async def test_nothing_works(tmp_path: Path, state: StateFile) -> None:
    workos = FakeWorkOS(uris=[])
    made = Stage(spec(tmp_path), workos, state)
    await made.foresee()
    workos.fail_all(Terminal("forbidden_organization", status=422))
    done = await made.carry_out()
    assert (done.failed, done.changed) == (4, 0)
    assert done.connections[0].code == "no_organization"
    assert {row.status for row in state.rows()} == {"failed"}
    workos.fail_all(None)
    workos.organizations.held["acme"] = HeldOrganization("org_acme")
    made = Stage(spec(tmp_path), workos, state)
    await made.foresee()
    workos.fail_all(Ambiguous("timeout"))
    done = await made.carry_out()
    assert done.connections[0].code == "timeout"
    (row,) = state.rows("connection")
    assert (row.status, row.workos_id) == ("claimed", None)


async def test_a_state_that_cannot_be_written(
    tmp_path: Path, state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is called that the state cannot claim, and the run stops."""
    made = Stage(spec(tmp_path), FakeWorkOS(), state)
    await made.foresee()

    def full(*_: object, **__: object) -> None:
        raise StateError("full", code="state_not_writable")

    monkeypatch.setattr(state, "advance", full)
    done = await made.carry_out()
    assert made.stop.reason == "state_not_writable" and made.workos.writes == []
    assert (done.failed, done.changed) == (3, 0)


async def test_refusals(tmp_path: Path) -> None:
    made = Stage(replace(spec(tmp_path), providers={}), FakeWorkOS())
    await made.foresee()
    with pytest.raises(SignInRefused) as caught:
        made.plan.refuse()
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
    made = Stage(one, workos, pool=[google])
    await made.foresee([])
    await made.gate()
    made = Stage(replace(one, oauth=OAuthChecks(require=True)), workos, pool=[google])
    await made.foresee([])
    with pytest.raises(SignInRefused, match=r"oauth\.require: Google: WorkOS uses another, not g-1") as caught:
        await made.gate()
    assert caught.value.diagnostics()[0].code == "other_client"
    workos.sends("GoogleOAuth", "g-1", "https://auth.workos.com/cb")
    await made.gate()
