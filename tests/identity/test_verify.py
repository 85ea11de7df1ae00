"""`verify`: pool and WorkOS compared by rule 11, through the command, against a sandbox."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.model.remedies import remedy_of
from engine.views.commands import Invocation
from tests.acceptance.conftest import World
from tests.support.cli import export_source

ANN, BOB = "ann@example.com", "bob@example.com"


def user(sub: str, email: str, *, verified: bool = True, **attributes: str) -> dict[str, Any]:
    values = {"sub": sub, "email": email, "email_verified": str(verified).lower(), **attributes}
    return {
        "Username": sub,
        "Attributes": [{"Name": name, "Value": value} for name, value in values.items()],
        "UserCreateDate": 1_700_000_000,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
    }


PEOPLE = [
    user("a", ANN, given_name="Ann", **{"custom:plan": "gold"}),
    user("b", BOB, verified=False, given_name="Bob"),
    user("m", ANN, verified=False, given_name="Mallory"),
]


def write(world: World, *users: dict[str, Any]) -> None:
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in users))


@pytest.fixture
def migrated(world: World) -> World:
    """Ann, verified, with a plan; Bob, unverified, without one; Mallory, who gave way to Ann."""
    world.write_plan(
        export_source("users.jsonl"),
        attributes="{metadata: {plan: 'custom:plan', tier: {from: 'custom:tier', optional: true}}}",
    )
    write(world, *PEOPLE)
    assert world.cli("apply", "plan.yaml").code == 0
    return world


def verify(world: World, *options: str, code: int) -> Any:
    ended = world.cli("verify", "plan.yaml", "--json", *options)
    found = ended.json("verify.v1")
    assert (ended.code, found["ok"]) == (code, code == 0), found
    assert sum(found["users"][name] for name in ("equal", "different", "missing", "drift")) == found["checked"]
    return found


def put(address: str, /, **changes: object) -> tuple[str, str, object]:
    return ("PUT", address, changes)


@pytest.mark.parametrize(
    ("change", "users", "differences", "code", "strict"),
    [
        pytest.param(None, {"equal": 2}, [], 0, 0, id="as migrated"),
        pytest.param(("DELETE", BOB, None), {"equal": 1, "missing": 1}, [("b", None, "missing")], 3, 3, id="missing"),
        pytest.param(
            put(ANN, external_id="z"),
            {"equal": 1, "different": 1},
            [("a", "external_id", "different")],
            3,
            3,
            id="another external ID",
        ),
        pytest.param(
            put(ANN, external_id=None),
            {"equal": 1, "different": 1},
            [("a", "external_id", "different")],
            3,
            3,
            id="no external ID",
        ),
        pytest.param(
            put(ANN, email="else@example.com", email_verified=True),
            {"equal": 1, "different": 1},
            [("a", "email", "different")],
            3,
            3,
            id="another address",
        ),
        pytest.param(
            put(ANN, metadata={"plan": "free"}),
            {"equal": 1, "different": 1},
            [("a", "metadata.plan", "different")],
            3,
            3,
            id="other metadata",
        ),
        pytest.param(
            put(ANN, metadata={"plan": None}),
            {"equal": 1, "different": 1},
            [("a", "metadata.plan", "different")],
            3,
            3,
            id="metadata removed",
        ),
        pytest.param(
            put(BOB, metadata={"plan": "gold"}),
            {"equal": 1, "different": 1},
            [("b", "metadata.plan", "different")],
            3,
            3,
            id="mapped metadata that Cognito has not",
        ),
        pytest.param(
            put(ANN, email_verified=False),
            {"equal": 1, "different": 1},
            [("a", "email_verified", "different")],
            3,
            3,
            id="verification lower than in Cognito",
        ),
        pytest.param(
            put(BOB, email_verified=True),
            {"equal": 1, "drift": 1},
            [("b", "email_verified", "drift")],
            0,
            3,
            id="verification higher than in Cognito",
        ),
        pytest.param(
            put(ANN, first_name="Google's"),
            {"equal": 1, "drift": 1},
            [("a", "first_name", "drift")],
            0,
            3,
            id="another name",
        ),
        pytest.param(
            put(ANN, last_name="Lee"),
            {"equal": 1, "drift": 1},
            [("a", "last_name", "drift")],
            0,
            3,
            id="a name that Cognito has not",
        ),
        pytest.param(
            put(ANN, metadata={"own": "the application's"}), {"equal": 2}, [], 0, 0, id="metadata that is not mapped"
        ),
        pytest.param(("POST", "eve@example.com", None), {"equal": 2, "extra": 1}, [], 0, 3, id="somebody else"),
    ],
)
def test_rule_11(
    migrated: World,
    change: tuple[str, str, Any] | None,
    users: dict[str, int],
    differences: list[tuple[str, str | None, str]],
    code: int,
    strict: int,
) -> None:
    if change is not None:
        method, email, body = change
        if method == "POST":
            migrated.workos.call("POST", "/user_management/users", {"email": email})
        else:
            migrated.workos.call(method, f"/user_management/users/{migrated.users()[email]['id']}", body)
    before, writes = migrated.users(), migrated.writes()

    found = verify(migrated, code=code)
    assert {name: number for name, number in found["users"].items() if number} == users
    assert [(one["source_id"], one["field"], one["verdict"]) for one in found["differences"]] == differences
    assert found["differences_total"] == len(differences) and found["source"]["selected"] == 3
    for one in found["differences"]:
        remedy = remedy_of("user", one["verdict"], one["field"] or "", one["source_id"])
        assert one["remedy"] == Invocation("plan.yaml").complete(remedy)
        assert "wanted" not in one and "held" not in one
    for _, name, verdict in differences:
        assert name is None or found["fields"][name][verdict] == 1
    verify(migrated, "--strict", code=strict)
    assert (migrated.users(), migrated.writes()) == (before, writes)
    assert not list(migrated.migrate_dir.glob("*.snapshot.db"))


def test_a_table_by_field_and_a_list_for_people(migrated: World) -> None:
    ann = migrated.users()[ANN]["id"]
    migrated.workos.call("PUT", f"/user_management/users/{ann}", {"metadata": {"plan": "free"}, "first_name": "X"})
    ended = migrated.cli("verify", "plan.yaml")
    assert (ended.code, ended.out) == (3, "")
    lines = [line.split() for line in ended.err.splitlines()]
    assert ["metadata", "plan", "1", "1", "0"] in [line[:5] for line in lines]
    assert ["a", ann, "metadata", "plan", "different"] in lines and ["a", ann, "first_name", "drift"] in lines
    assert "gold" not in ended.err and "Ann" not in ended.err


def test_values_where_they_are_asked_for_and_a_remedy_for_each_kind_of_difference(migrated: World) -> None:
    users = migrated.users()
    changes = {"metadata": {"plan": "fr\x1b[31mee", "tier": "9"}, "first_name": "X"}
    migrated.workos.call("PUT", f"/user_management/users/{users[ANN]['id']}", changes)
    migrated.workos.call("DELETE", f"/user_management/users/{users[BOB]['id']}")
    found = verify(migrated, "--values", code=3)["differences"]
    assert [(one["source_id"], one["field"], one["wanted"], one["held"]) for one in found] == [
        ("a", "first_name", "Ann", "X"),
        ("a", "metadata.plan", "gold", "fr\x1b[31mee"),
        ("a", "metadata.tier", None, "9"),
        ("b", None, None, None),
    ]
    ended = migrated.cli("verify", "plan.yaml", "--values")
    lines = [line.split() for line in ended.err.splitlines()]
    plan = ["a", users[ANN]["id"], "metadata", "plan", "different", '"gold"', '"fr\\u001b[31mee"']
    assert plan in lines and [*plan[:2], "first_name", "drift", '"Ann"', '"X"'] in lines and "\x1b" not in ended.err
    told = [line.strip() for line in ended.err.partition("what to do\n")[2].splitlines()]
    assert told[0].startswith("first_name drift: nothing: sign-ins with a provider write names")
    assert "`migrate state forget plan.yaml a` lets the next apply bring it up to date" in told[1]
    assert told[2].startswith(
        "missing: run `migrate apply plan.yaml`; where it does not create the user, `migrate explain"
    )
    assert told[3] == ""


def test_the_remedies_mend(migrated: World) -> None:
    """Of metadata that was changed in WorkOS, and of somebody who was deleted there."""
    users = migrated.users()
    migrated.workos.call("PUT", f"/user_management/users/{users[ANN]['id']}", {"metadata": {"plan": "free"}})
    migrated.workos.call("DELETE", f"/user_management/users/{users[BOB]['id']}")
    assert migrated.cli("apply", "plan.yaml").code == 3
    assert [one["source_id"] for one in verify(migrated, code=3)["differences"]] == ["a", "b"]
    assert "`migrate state forget plan.yaml b`" in migrated.cli("explain", "plan.yaml", "b").out
    for sub in ("a", "b"):
        assert migrated.cli("state", "forget", "plan.yaml", sub).code == 0
    assert migrated.cli("apply", "plan.yaml").code == 0
    assert verify(migrated, code=0)["users"]["equal"] == 2


def test_the_state_does_not_count(migrated: World) -> None:
    for path in migrated.migrate_dir.glob("*.db"):
        path.unlink()
    assert verify(migrated, code=0)["users"]["equal"] == 2
    ann = migrated.users()[ANN]["id"]
    migrated.workos.call("PUT", f"/user_management/users/{ann}", {"external_id": "z"})
    verify(migrated, code=3)


def test_verification_that_is_never_raised_is_drift(world: World) -> None:
    """Rule 3: a user whom we did not create stays unverified, though Cognito has verified the address."""
    body = {"email": ANN, "external_id": "a", "email_verified": False}
    world.workos.call("POST", "/user_management/users", body)
    write(world, user("a", ANN))
    assert world.cli("apply", "plan.yaml").code == 0
    assert verify(world, code=0)["users"]["drift"] == 1


def test_metadata_that_only_an_adopted_user_has_is_drift(world: World) -> None:
    """Rule 7: adopting fills gaps and takes nothing away, so that no run could ever make these equal."""
    body = {"email": ANN, "email_verified": True, "metadata": {"plan": "theirs"}, "last_name": "Theirs"}
    world.workos.call("POST", "/user_management/users", body)
    plan = "{from: 'custom:plan', optional: true}"
    world.write_plan(export_source("users.jsonl"), attributes=f"{{metadata: {{plan: {plan}}}}}")
    write(world, user("a", ANN))
    assert world.cli("apply", "plan.yaml").code == 0
    assert verify(world, code=0)["users"]["drift"] == 1


def test_a_changed_pool_is_a_difference_until_it_is_applied(migrated: World) -> None:
    write(migrated, user("a", ANN, given_name="Ann", **{"custom:plan": "silver"}), *PEOPLE[1:], user("n", "n@x.co"))
    found = verify(migrated, code=3)["users"]
    assert (found["equal"], found["different"], found["missing"]) == (1, 1, 1)
    assert migrated.cli("apply", "plan.yaml").code == 0
    assert verify(migrated, code=0)["users"]["equal"] == 3


def test_a_sample(migrated: World) -> None:
    write(migrated, *PEOPLE, *(user(f"u{at}", f"user{at}@example.com") for at in range(20)))
    assert migrated.cli("apply", "plan.yaml").code == 0
    migrated.workos.call("POST", "/user_management/users", {"email": "eve@example.com"})
    found = verify(migrated, "--sample", "5", "--strict", code=0)
    assert (found["checked"], found["users"]["extra"], found["requests"]["writes"]) == (5, None, 0)
    assert found["requests"]["reads"] <= 20
    assert verify(migrated, "--sample", "500", code=0)["checked"] == 22


def test_a_sample_of_nobody_is_refused(migrated: World) -> None:
    ended = migrated.cli("verify", "plan.yaml", "--sample", "0")
    assert ended.code == 1 and "--sample" in ended.err
