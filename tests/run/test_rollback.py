"""What a rollback must not delete: others' things that look like ours, and what cannot be known to be unused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.model.errors import TargetError
from engine.model.keys import membership_key, user_key
from engine.model.outcomes import NotDone, ResourceRow, StateIdentity
from engine.model.ports import shown_to_nobody
from engine.model.users import TargetUser
from engine.resources.connections.port import HeldConnection
from engine.resources.fingerprints import Fingerprints
from engine.resources.organizations.port import HeldOrganization
from engine.run.rollback import RollbackOptions, RollbackSurroundings, run_rollback
from engine.run.rollback_results import RollbackResult
from engine.run.stopping import Stop
from engine.state.file import StateFile
from engine.state.place import FilePlace
from engine.workspace.folder import Workspace
from tests.support.fake_target import FakeTarget
from tests.support.fake_workos import FakeWorkOS
from tests.support.identity import KEY, IdentityWorld
from tests.support.metered import metered

OF = Fingerprints(KEY)
POOL = "us-east-1_Export001"
NOW = 1_767_225_600.0
AT, LATER = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"  # the same moment, and the next day


class Ours:
    """One plan's state, and the WorkOS that it is of."""

    def __init__(self, folder: Path) -> None:
        self.spec = IdentityWorld(folder).spec()
        self.target, self.workos = FakeTarget(), FakeWorkOS()
        self.leftovers: list[NotDone] = []

    async def rollback(self, *rows: ResourceRow, **options: Any) -> RollbackResult:
        path = self.spec.state_path
        path.unlink(missing_ok=True)
        workspace, identity = Workspace(path), StateIdentity("p", POOL, "d")
        with workspace.locked(FilePlace(path)), StateFile.open(path, identity, key=KEY) as state:
            state.advance(self.leftovers, [], run_id="r")
            state.put(rows)
            around = RollbackSurroundings(
                spec=self.spec, sandbox=False, workspace=workspace, target=metered(self.target), workos=self.workos,
                stop=Stop(), listing=shown_to_nobody, checking=shown_to_nobody, removing=lambda _: shown_to_nobody,
            )  # fmt: skip
            return await run_rollback(around, state, RollbackOptions(**{"carry_out": True, **options}))


@pytest.fixture
def ours(tmp_path: Path) -> Ours:
    return Ours(tmp_path)


def made(ours: Ours, sub: str, **fields: object) -> ResourceRow:
    """A user whom this plan made."""
    times = {"created_at": AT, "updated_at": AT}
    user = ours.target.add(f"{sub}@x.co", **{"external_id": sub, "email_verified": True, **times, **fields})
    return ResourceRow(
        "user", user_key(POOL, sub), user.id, created_here=1, verified=1, stamp=user.updated_at, changed_at=NOW,
        operation="create",
    )  # fmt: skip


def begun(sub: str, **columns: object) -> ResourceRow:
    """A creation whose end no run has seen."""
    external_id = str(columns.pop("external_id", sub))
    whole = OF.whole(f"{sub}@x.co", False, {"external_id": external_id}).hex()
    detail = {"sought": OF.field("external_id", external_id), "wholes": [whole]}
    values = {"status": "claimed", "operation": "create", "changed_at": NOW, "detail": orjson.dumps(detail).decode()}
    return ResourceRow("user", user_key(POOL, sub), **{**values, **columns})  # type: ignore[arg-type]


class Lagging:
    """`get` of a copy that knows nobody where an answer is False; afterwards it knows everybody."""

    def __init__(self, target: FakeTarget, *answers: bool) -> None:
        self._users, self._answers = target.users, iter(answers)

    async def __call__(self, user_id: str) -> TargetUser | None:
        return self._users.get(user_id) if next(self._answers, True) else None


async def test_a_begun_creation_is_looked_for_under_its_own_external_id(ours: Ours) -> None:
    """Another plan of the same pool makes the sub the external ID; this one another attribute."""
    ours.target.add("a@x.co", external_id="a", created_at=AT, updated_at=AT)
    row = begun("a", external_id="customer-7")
    await ours.rollback(row)
    assert len(ours.target.users) == 1


async def test_one_answer_that_nobody_is_there_does_not_do_away_with_the_look_for_identities(ours: Ours) -> None:
    row = made(ours, "a")
    ours.target.identities["user_0001"] = 1
    # The first look shows the user; a lagging copy does not; then all is well again.
    ours.target.get = Lagging(ours.target, True, False)  # type: ignore[method-assign]
    result = await ours.rollback(row)
    assert list(ours.target.users) == ["user_0001"] and not result.complete
    assert (await ours.rollback(row)).kept["user"] == {"identities": 1}


async def test_one_answer_that_nobody_is_there_does_not_make_the_state_forget_who_is(ours: Ours) -> None:
    row = made(ours, "a")
    ours.target.get = Lagging(ours.target, True, True, False)  # type: ignore[method-assign]
    assert (await ours.rollback(row)).complete and not ours.target.users


async def test_a_begun_creation_that_somebody_has_changed_since_is_kept(ours: Ours) -> None:
    times = {"created_at": AT, "updated_at": LATER}
    ours.target.add("moved@x.co", external_id="a", first_name="Theirs", **times)
    result = await ours.rollback(begun("a"), begun("b"))
    assert result.kept["user"] == {"changed_since": 1} and len(ours.target.users) == 1


async def test_what_somebody_else_made_under_our_external_id_is_not_our_begun_creation(ours: Ours) -> None:
    """An application that makes users as they come, and the plan's own creation that never reached WorkOS."""
    ours.target.add("other@x.co", external_id="a", created_at=LATER, updated_at=LATER)
    await ours.rollback(begun("a"))
    assert len(ours.target.users) == 1


async def test_a_membership_of_a_moment_before_is_not_our_begun_one(ours: Ours) -> None:
    """The look before the creation would have found it; a kill came between the claim and that look."""
    organization = HeldOrganization("org_1", external_id="acme")
    ours.workos.organizations.held["acme"] = organization
    row = made(ours, "a")
    there = ours.workos.memberships.add(row.workos_id or "", "org_1")
    early = replace(there, created_at="2025-12-31T23:57:00+00:00")
    ours.workos.memberships.held[there.id] = early
    key = membership_key(row.key, "acme")
    await ours.rollback(
        row, ResourceRow("membership", key, status="claimed", operation="create", changed_at=NOW),
        # The user stays for another reason, else their memberships go with them.
        include_active=False,
    )  # fmt: skip
    assert list(ours.workos.memberships.held) == [there.id]


async def test_a_connection_stays_while_others_may_sign_in_through_it(ours: Ours) -> None:
    """Members whom this plan did not make, in an organization that was there before."""
    ours.workos.organizations.held["acme"] = HeldOrganization("org_1", external_id="acme")
    ours.workos.connections.held["conn_1"] = HeldConnection("conn_1", "Okta (eu)", "org_1")
    ours.workos.memberships.add("user_theirs", "org_1")
    rows = (
        ResourceRow("organization", "acme", "org_1", operation="adopt"),
        ResourceRow("connection", user_key("eu", "Okta"), "conn_1", created_here=1, operation="create"),
    )
    result = await ours.rollback(*rows)
    assert list(ours.workos.connections.held) == ["conn_1"] and result.kept["connection"] == {"members_stay": 1}
    await ours.rollback(*rows, include_active=True)
    assert not ours.workos.connections.held


async def test_a_connection_of_an_organization_that_the_state_does_not_know(ours: Ours) -> None:
    ours.workos.organizations.held["other"] = HeldOrganization("org_2", external_id="other")
    ours.workos.connections.held["conn_1"] = HeldConnection("conn_1", "Okta (eu)", "org_2")
    ours.workos.memberships.add("user_theirs", "org_2")
    row = ResourceRow("connection", user_key("eu", "Okta"), "conn_1", created_here=1, operation="create")
    await ours.rollback(row)
    assert list(ours.workos.connections.held) == ["conn_1"]


async def test_a_leftover_is_not_judged_by_the_user_who_was_made_after_it(ours: Ours) -> None:
    """WorkOS had our external ID under another address; that was settled there, and the record was created anew."""
    theirs = ours.target.add("theirs@x.co", external_id=None, email_verified=True, created_at=AT, updated_at=AT)
    row = made(ours, "a")
    ours.leftovers = [NotDone("user", row.key, "conflict", "external_id_other_email", 1, theirs.id)]
    result = await ours.rollback(row)
    assert list(ours.target.users) == [theirs.id] and result.kept["orphan"] == {"orphaned": 1}


async def test_the_wrong_environment_is_refused_where_no_user_is_left_to_tell(ours: Ours) -> None:
    """A first rollback has removed the users; the second comes with another environment's key."""
    rows = [
        ResourceRow("organization", name, f"org_{name}", created_here=1, operation="create") for name in ("acme", "b")
    ]
    with pytest.raises(TargetError, match="another WorkOS environment"):
        await ours.rollback(*rows)
    # One whose deletion was begun may be gone by now, and one that is there proves the environment.
    assert (await ours.rollback(rows[0]._replace(status="claimed", operation="remove"))).complete
    ours.workos.organizations.held["acme"] = HeldOrganization("org_acme", external_id="acme")
    assert (await ours.rollback(*rows)).complete
