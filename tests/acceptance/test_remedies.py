"""What a message tells people to run works as printed: with this plan file, quoted, and `--sandbox` where given."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from engine.model.codes import _CODES, _STOPS, explain, explain_stop
from engine.model.remedies import _MEMBERSHIPS, _ORGANIZATIONS, _USERS, remedy_of
from engine.views.commands import Invocation
from tests.support.cli import Cli, Ended, export_source, plan_text

PLAN = "our plans/it's.yaml"
SUB = "11111111-0000-4000-8000-000000000001"


def user(sub: str, email: str, **attributes: str) -> dict[str, Any]:
    values = {"sub": sub, "email": email, "email_verified": "true"} | attributes
    return {
        "Username": values.pop("username", sub),
        "Attributes": [{"Name": name, "Value": value} for name, value in values.items()],
        "UserCreateDate": 1_700_000_000,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
    }


@pytest.fixture
def team(cli: Cli) -> Cli:
    """A plan whose path needs quotes, two users, one of them in conflict."""
    path = cli.folder / PLAN
    path.parent.mkdir()
    people = [user(SUB, "ann@acme.com", username="ann"), user("bad", "bo@acme.com", city="Zürich")]
    (path.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in people), encoding="utf-8")
    path.write_text(plan_text(export_source("users.jsonl"), attributes="{metadata: {city: city}}"), encoding="utf-8")
    return cli


def told(text: str) -> list[list[str]]:
    return [shlex.split(one)[1:] for one in re.findall(r"`(migrate [^`]+)`", text)]


def works(cli: Cli, ended: Ended, at_least: int = 1) -> list[list[str]]:
    """Run every command that was printed: none is refused."""
    commands = told(ended.said)
    assert len(commands) >= at_least, ended.said
    for one in commands:
        # 3: somebody is still in conflict.
        assert cli(*one).code in (0, 3), one
    return commands


def test_before_there_is_a_state(team: Cli) -> None:
    for command in (["status"], ["ids"], ["state", "list"]):
        ended = team(*command, PLAN, "--sandbox", WORKOS_API_KEY="")
        assert ended.code == 1 and told(ended.said) == [["apply", PLAN, "--sandbox"]]
    # A plan has no state yet: what it tells to run must not need one, and must not go to the real WorkOS.
    assert works(team, team("plan", PLAN, "--sandbox")) == [["plan", PLAN, "--sandbox", "--json"]]
    works(team, team("status", PLAN, "--sandbox"))


def test_after_an_apply(team: Cli) -> None:
    applied = team("apply", PLAN, "--sandbox")
    assert applied.code == 3
    assert ["status", PLAN, "--sandbox", "--users", "conflicts,failed"] in works(team, applied, 2)
    works(team, team("state", "show", PLAN, "nobody", "--sandbox"))


def test_every_codes_commands_are_commands(team: Cli) -> None:
    assert team("apply", PLAN, "--sandbox").code == 3
    how = Invocation(PLAN, sandbox=True)
    remedies = [explain(code, [SUB])[1] for code in (*_CODES, "never_seen", "http_500")]
    remedies += [explain_stop(code)[1] for code in (*_STOPS, "never_seen")]
    remedies += [remedy_of("user", *one, SUB) for one in _USERS]
    remedies += [remedy_of("organization", one, "") for one in _ORGANIZATIONS]
    remedies += [remedy_of("membership", one, "", SUB) for one in _MEMBERSHIPS]
    commands = {tuple(one) for remedy in remedies for one in told(how.complete(remedy))}
    assert {("state", "forget", PLAN, "--sandbox", SUB), ("validate", PLAN)} <= commands
    assert ("explain", PLAN, "--sandbox", SUB) in commands
    assert not [one for one in remedies if re.search(r"\bSUB\b", one)]
    # What is taken back is there no more for the others.
    for one in sorted(commands, key=lambda one: (one[0] == "rollback", one)):
        ended = team(*one, "--json")
        # No campaign is in this plan: everything else ends as it should.
        assert ended.code in (0, 3) or ended.errors() == [
            "password_reset.strategy is none, so no e-mails are sent; "
            "write strategy: email into the plan file to send them"
        ], (one, ended.said)


def test_every_command_named_in_the_code_is_one(cli: Cli) -> None:
    """`migrate …` in backticks anywhere in a message of the engine."""
    engine = Path(__file__).parents[2] / "engine"
    named = {
        " ".join(found.split()[: 2 if found.split()[0] in {"state", "resets", "oauth"} else 1])
        for path in engine.rglob("*.py")
        for found in re.findall(r"`migrate ([a-z]+(?: [a-z-]+)?)", path.read_text(encoding="utf-8"))
    }
    assert {"apply", "status", "state forget"} <= named
    for one in sorted(named):
        assert cli(*one.split(), "--help").code == 0, one


@pytest.mark.parametrize("command", [["plan"], ["apply"], ["verify"]])
def test_nobody_selected_is_refused(team: Cli, command: list[str]) -> None:
    path = team.folder / PLAN
    plan = path.read_text(encoding="utf-8")
    path.write_text(plan + "filters: {status: [ARCHIVED]}\n", encoding="utf-8")
    ended = team(*command, PLAN, "--sandbox", "--json")
    assert ended.code == 1 and json.loads(ended.out)["errors"][0]["code"] == "nobody_selected"
    assert ended.errors() == [
        "the plan selects nobody of 2 users (2 status); "
        "correct filters; if that is meant, write filters.allow_empty: true"
    ]
    assert not list(path.parent.glob(".migrate/*.state.db"))
    path.write_text(plan + "filters: {status: [ARCHIVED], allow_empty: true}\n", encoding="utf-8")
    assert team(*command, PLAN, "--sandbox").code == 0


def test_who_signs_in_by_name_is_counted(team: Cli) -> None:
    assert team("plan", PLAN, "--sandbox", "--json").json("plan-result.v1")["sign_in_by_name"] == 1
    assert "1 user has a username or preferred_username that is no address" in team("plan", PLAN, "--sandbox").said


def test_the_destination_that_the_plan_names(team: Cli) -> None:
    path = team.folder / PLAN
    text = path.read_text(encoding="utf-8").replace("client_sandbox", "${WORKOS_CLIENT_ID}")
    path.write_text(text, encoding="utf-8")
    ended = team("export", PLAN, "--out", "out.jsonl", WORKOS_CLIENT_ID="client_of_acme")
    assert "WorkOS https://api.workos.com (client_of_acme)" in ended.err
    # Without a state yet, and then with the sandbox's.
    for command in ("ids", "status"):
        ended = team(command, PLAN, WORKOS_CLIENT_ID="client_of_acme")
        assert "WorkOS https://api.workos.com (client_of_acme)" in ended.err
        assert "(${WORKOS_CLIENT_ID})" in team(command, PLAN, WORKOS_CLIENT_ID="").err
        assert "sandbox, an embedded emulator" in team(command, PLAN, "--sandbox", WORKOS_CLIENT_ID="").err
