"""`migrate init`: a first plan from a pool or an export that validate and plan take as it is; and the examples."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.acceptance.conftest import World
from tests.support.cli import MIGRATE, ROOT, Cli, tree
from tests.support.cognito import REGION, StandIn, invent_users, make_moto_pool, serving
from tests.support.person import federated
from tests.support.pool_of_every_kind import pool_of

CUSTOM = ("plan", "tier", "company", "lang", "deleted", "unused")
GOOGLE = {"client_id": "123-abc.apps.googleusercontent.com", "client_secret": "GOCSPX-very-secret",
          "authorize_scopes": "openid"}  # fmt: skip
OKTA = {"client_id": "okta-client", "client_secret": "okta-very-secret", "attributes_request_method": "GET",
        "oidc_issuer": "https://acme.okta.com", "authorize_scopes": "openid"}  # fmt: skip
FACEBOOK = {"client_id": "99", "client_secret": "fb-very-secret", "authorize_scopes": "email"}


@pytest.fixture
def every_kind(world: World, moto: str) -> World:
    """A pool of every kind of user with its schema, its providers and groups, and no plan yet."""
    pool = pool_of(87)
    pool.records.append(federated("fay", "Facebook", "Facebook"))
    world.endpoint, world.pool = moto, pool
    world.pool_id = make_moto_pool(moto, pool.records, pool.groups, custom=CUSTOM)
    for name, kind, details in (
        ("Google", "Google", GOOGLE),
        ("Okta", "OIDC", OKTA),
        ("Facebook", "Facebook", FACEBOOK),
    ):
        world.cognito().create_identity_provider(
            UserPoolId=world.pool_id, ProviderName=name, ProviderType=kind, ProviderDetails=details
        )
    world.plan.unlink()
    return world


def init(world: World, *more: str, out: str = "plan.yaml") -> Any:
    """`init` over the world's pool, as JSON."""
    ended = world.cli("init", "--pool", world.pool_id, "--endpoint-url", world.endpoint, "--out", out, "--json", *more)
    assert ended.code == 0, ended.said
    return ended.json("init.v1")


def test_a_pool_of_every_kind_becomes_a_plan_that_runs(every_kind: World) -> None:
    cli = every_kind.cli
    drafted = init(every_kind)
    assert cli("validate", "plan.yaml").err == "plan.yaml: valid\n"
    planned = cli("plan", "plan.yaml", "--sandbox", "--json")
    assert planned.code == 0, planned.said
    result = planned.json("plan-result.v1")
    users = drafted["users"]
    assert (users["seen"], users["selected"]) == (result["source"]["seen"], result["source"]["selected"])
    assert users["excluded"] == {name: number for name, number in result["source"]["filtered"].items() if number}
    assert result["users"]["conflicts"] == 0
    assert users["duplicates"]["users"] - users["duplicates"]["addresses"] == result["users"]["merge"]
    assert users["native"] + users["federated"] == users["selected"]
    assert {one["name"]: one["handling"] for one in drafted["providers"]} == {
        "Facebook": "password_reset", "Google": "reuse", "Okta": "error",
    }  # fmt: skip
    assert {(one["name"], one["members"]) for one in drafted["groups"]} == {("internal", 3), ("staff", 3)}
    assert drafted["unread"] == []
    assert drafted["next"] == "migrate plan plan.yaml --sandbox"


def test_the_mapping_fits_what_users_have(every_kind: World) -> None:
    drafted = init(every_kind)
    keys = {one["name"]: one["metadata_key"] for one in drafted["attributes"]}
    assert keys == {"custom:plan": "plan", "custom:tier": "tier", "custom:company": "company", "custom:lang": "lang",
                    "custom:deleted": "deleted", "custom:unused": None, "locale": "locale"}  # fmt: skip
    text = every_kind.plan.read_text(encoding="utf-8")
    plan = yaml.safe_load(text)
    assert plan["attributes"]["metadata"]["company"] == {"from": "custom:company", "when_invalid": "omit"}
    assert '# unused: "custom:unused"  # in the schema, and none of these users has it' in text
    assert plan["oauth_providers"]["Google"] == {"reuse_credentials": True, "client_id": GOOGLE["client_id"]}
    assert plan["destination"]["workos"]["api_key"] == "${WORKOS_API_KEY}"


def test_once_the_provider_is_decided_everybody_arrives(every_kind: World) -> None:
    cli = every_kind.cli
    init(every_kind, "--organization", "Okta=acme", "--name", "acme", "--environment", "staging")
    text = every_kind.plan.read_text()
    assert "Okta: {connection: {organization: acme, organization_name: acme}}" in text
    assert "environment: staging" in text
    ended = cli("apply", "plan.yaml", "--sandbox", "--json")
    assert ended.code == 0, ended.said
    assert ended.json("result.v1")["converged"] is True


def test_no_secret_and_nobodys_data_is_written(every_kind: World) -> None:
    ended = every_kind.cli(
        "init", "--pool", every_kind.pool_id, "--endpoint-url", every_kind.endpoint, "-o", "plan.yaml"
    )
    assert ended.code == 0, ended.said
    assert every_kind.pool is not None
    said = ended.said + every_kind.plan.read_text(encoding="utf-8")
    for record in every_kind.pool.records:
        for one in record["Attributes"]:
            if one["Name"] in ("email", "identities", "sub") and one["Value"].strip():
                assert one["Value"] not in said
        assert record["Username"] + " " not in said
    assert "very-secret" not in said
    assert sorted(one.name for one in every_kind.plan.parent.iterdir()) == ["plan.yaml"]
    assert every_kind.writes() == 0


def test_for_people(every_kind: World) -> None:
    ended = every_kind.cli("init", "--pool", every_kind.pool_id, "--endpoint-url", every_kind.endpoint, "-o", "a.yaml")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith("plan  a (a.yaml, to be made)\n")
    assert "88 read" in ended.err
    assert ended.err.endswith("a.yaml: written, and valid\nnext: migrate plan a.yaml --sandbox\n")
    quiet = every_kind.cli(
        "init", "--pool", every_kind.pool_id, "--endpoint-url", every_kind.endpoint, "-o", "b.yaml", "-q"
    )
    assert (quiet.code, quiet.said) == (0, "")
    again = every_kind.cli("init", "--pool", every_kind.pool_id, "--endpoint-url", every_kind.endpoint, "-o", "c.yaml")
    assert again.code == 0
    texts = [(every_kind.plan.parent / name).read_text() for name in ("a.yaml", "c.yaml")]
    assert texts[0].replace("name: a ", "name: c ").replace("migrate/a.", "migrate/c.") == texts[1]


# --- export files ---------------------------------------------------------------------------------------------------


@pytest.fixture
def quickstart(cli: Cli) -> Cli:
    shutil.copytree(ROOT / "plans" / "quickstart", cli.folder / "quickstart")
    cli.environment = {}
    return cli


def test_the_quickstart_export_becomes_a_plan_that_runs(quickstart: Cli) -> None:
    (quickstart.folder / "plans").mkdir()
    files = [f"quickstart/users_{at}.json" for at in range(1, 7)]
    ended = quickstart("init", "--from-export", *files, "--out", "plans/acme.yaml", "--json")
    assert ended.code == 0, ended.said
    drafted = ended.json("init.v1")
    assert (drafted["plan"], drafted["mfa"], drafted["users"]["seen"]) == ("acme", None, 335)
    text = (quickstart.folder / "plans" / "acme.yaml").read_text()
    assert '- "../quickstart/users_*.json"' in text
    assert quickstart("validate", "plans/acme.yaml").code == 0
    planned = quickstart("plan", "plans/acme.yaml", "--sandbox", "--json").json("plan-result.v1")
    assert planned["source"]["selected"] == drafted["users"]["selected"]
    assert planned["users"]["conflicts"] == 0
    merged = drafted["users"]["duplicates"]
    assert merged["users"] - merged["addresses"] == planned["users"]["merge"]


def test_a_quoted_pattern_and_the_pool_that_it_came_from(quickstart: Cli) -> None:
    ended = quickstart(
        "init", "--from-export", "quickstart/*.json", "--pool", "us-east-1_Quick0001", "--out", "plan.yaml"
    )
    assert ended.code == 0, ended.said
    assert "user_pool_id: us-east-1_Quick0001" in (quickstart.folder / "plan.yaml").read_text()


def test_an_export_with_groups_and_hostile_names(cli: Cli) -> None:
    records = invent_users(40)
    for at, record in enumerate(records):
        record["Groups"] = [f"gr: {at % 3}", "\nversion: 2"]
        record["Attributes"].append({"Name": 'custom:a"b: #c', "Value": "x"})
        record["Attributes"].append({"Name": "custom:${HOME}", "Value": "x"})
    identity = [{"userId": "1", "providerName": "No: way\n", "providerType": "SAML"}]
    records[0]["Attributes"].append({"Name": "identities", "Value": json.dumps(identity)})
    (cli.folder / "users.jsonl").write_text("\n".join(map(json.dumps, records)))
    ended = cli("init", "--from-export", "users.jsonl", "--out", "plan.yaml", "--json")
    assert ended.code == 0, ended.said
    drafted = ended.json("init.v1")
    assert [(one["name"], one["members"]) for one in drafted["groups"]][1:] == [
        ("gr: 0", 14),
        ("gr: 1", 13),
        ("gr: 2", 13),
    ]
    assert cli("validate", "plan.yaml").code == 0
    planned = cli("plan", "plan.yaml", "--sandbox", "--json")
    assert planned.code == 0, planned.said
    assert planned.json("plan-result.v1")["source"]["selected"] == drafted["users"]["selected"]
    assert '# HOME: "custom:$${HOME}"  # no name that a plan gives' in (cli.folder / "plan.yaml").read_text()


def test_a_truncated_export_leaves_no_plan(cli: Cli) -> None:
    (cli.folder / "users.json").write_text(json.dumps({"Users": invent_users(3), "PaginationToken": "more"}))
    ended = cli("init", "--from-export", "users.json", "--out", "plan.yaml", "--json")
    assert (ended.code, ended.json("error.v1")["errors"][0]["code"]) == (1, "truncated_export")
    assert not (cli.folder / "plan.yaml").exists()


# --- rights and quotas ----------------------------------------------------------------------------------------------


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    made = StandIn(
        invent_users(70),
        groups={"staff": ["user-0"]},
        schema=[{"Name": "custom:plan", "AttributeDataType": "String"}],
        mfa="OPTIONAL",
    )
    with serving(made) as served:
        yield served


def draft(cli: Cli, stand_in: StandIn, *more: str) -> Any:
    at = ("--pool", "local_1", "--region", REGION, "--endpoint-url", stand_in.url, "--out", "plan.yaml", *more)
    return cli("init", *at)


@pytest.mark.parametrize(
    ("denied", "right"),
    [
        ("DescribeUserPool", "cognito-idp:DescribeUserPool"),
        ("ListGroups", "cognito-idp:ListGroups"),
        ("ListUsersInGroup", "cognito-idp:ListUsersInGroup"),
        ("ListUsers", "cognito-idp:ListUsers"),
    ],
)
def test_a_right_that_is_missing_is_a_warning_and_a_comment(
    cli: Cli, stand_in: StandIn, denied: str, right: str
) -> None:
    stand_in.faults.deny = frozenset({denied, "ListIdentityProviders"})
    ended = draft(cli, stand_in)
    assert ended.code == 0, ended.said
    warnings = [line for line in ended.err.splitlines() if line.startswith("warning: ")]
    assert any(right in line for line in warnings)
    text = (cli.folder / "plan.yaml").read_text()
    assert f"It needs {right}." in text
    assert "It needs cognito-idp:ListIdentityProviders and cognito-idp:DescribeIdentityProvider." in text
    assert cli("validate", "plan.yaml").code == 0


def test_a_pool_that_cannot_be_read_at_all(cli: Cli, stand_in: StandIn) -> None:
    stand_in.faults.deny = frozenset({"DescribeUserPool", "ListUsers"})
    ended = draft(cli, stand_in, "--json")
    assert (ended.code, ended.json("error.v1")["errors"][0]["code"]) == (1, "access_denied")
    assert not (cli.folder / "plan.yaml").exists()


def test_passkeys_and_second_factors(cli: Cli, stand_in: StandIn) -> None:
    stand_in.first_factors = ["PASSWORD", "WEB_AUTHN"]
    stand_in.configured = {"user-0": ["WEB_AUTHN"]}
    stand_in.faults.deny = frozenset({"ListIdentityProviders"})
    ended = draft(cli, stand_in, "--json")
    drafted = ended.json("init.v1")
    assert (drafted["users"]["passwordless"], drafted["mfa"]) == (1, "OPTIONAL")
    text = (cli.folder / "plan.yaml").read_text()
    assert "mfa: report" in text
    assert "1 of the native users have none" in text
    assert f"region: {REGION}" in text


def test_interrupted_it_leaves_nothing(cli: Cli, stand_in: StandIn) -> None:
    stand_in.faults.latency = 1.0
    at = ("--pool", "local_1", "--region", REGION, "--endpoint-url", stand_in.url, "--out", "plan.yaml")
    with cli.start("init", *at) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("plan ")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert list(cli.folder.iterdir()) == []


# --- usage ----------------------------------------------------------------------------------------------------------

POOL = ("--pool", "us-east-1_AbCdEf123", "--out", "new.yaml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing says where the users are; name --pool ID or --from-export FILE..."),
        (("--pool", "us-east-1_AbCdEf123"), "no file to write is named; add --out PLAN"),
        (("users.json", "--out", "new.yaml"), "users.json is no option; name export files after --from-export"),
        ((*POOL, "--name", "a b"), 'name is "a b"; 1 to 64 letters'),
        ((*POOL, "--environment", "prod"), 'destination.workos.environment is "prod"; did you mean production?'),
        ((*POOL, "--api-key-variable", "sk_live_abcdefgh"), None),
        ((*POOL, "--client-id-variable", "A-B"), "A-B is no name of a variable; write a name such as WORKOS_API_KEY"),
        ((*POOL, "--region", "eu-west-1"), "source.cognito.region is"),
        ((*POOL, "--endpoint-url", "http://user:pass@host"), None),
        ((*POOL, "--role-arn", "role"), 'source.cognito.role_arn is "role"; for example arn:aws:iam'),
        (("--pool", "nonsense", "--out", "new.yaml"), 'source.cognito.user_pool_id is "nonsense", which'),
        ((*POOL, "--organization", "Okta"), "--organization Okta is no PROVIDER=ID"),
        ((*POOL, "--organization", "Okta=名前"), "oauth_providers.Okta.connection.organization is"),
        (("--from-export", "x.json", "--profile", "p", "--out", "new.yaml"), "--profile is for a live pool"),
        (("--from-export", "gone.json", "--out", "new.yaml"), "gone.json: no file matches this pattern"),
        (("--example", "--pool", "us-east-1_AbCdEf123"), "--example and --quickstart each go with --out alone"),
        (("--quickstart",), "--quickstart writes a plan and its users, and no file is named"),
        ((*POOL[:3], "taken.yaml"), "taken.yaml exists already, and nothing is ever written over it"),
        ((*POOL[:3], "no/plan.yaml"), "no/plan.yaml cannot be written (the folder no is not there)"),
    ],
)  # fmt: skip
def test_bad_usage_writes_nothing(cli: Cli, arguments: tuple[str, ...], message: str | None) -> None:
    (cli.folder / "taken.yaml").write_text("mine")
    before = tree(cli.folder)
    for ended in (cli("init", *arguments), cli("init", *arguments, "--json")):
        assert ended.code == 1
        assert "sk_live_abcdefgh" not in ended.said
        assert "pass@" not in ended.said
        assert tree(cli.folder) == before
    said = cli("init", *arguments).err
    assert message is None or f"error: {message}" in said, said


def test_an_organization_of_nobodys_provider(every_kind: World) -> None:
    ended = every_kind.cli(
        "init", "--pool", every_kind.pool_id, "--endpoint-url", every_kind.endpoint, "--out", "plan.yaml",
        "--organization", "Octa=acme", "--json",
    )  # fmt: skip
    assert "--organization names Octa" in ended.error()
    assert not every_kind.plan.exists()


# --- at a terminal --------------------------------------------------------------------------------------------------


def at_terminal(cli: Cli, answers: dict[str, str], *arguments: str) -> tuple[int, str]:
    """The command at a terminal of its own; each question gets its answer once. Gives exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(MIGRATE), *arguments],
        cwd=cli.folder,
        env=cli.environ(TERM="dumb"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown, left, ends = "", dict(answers), time.monotonic() + 60
    while time.monotonic() < ends:
        if not select.select([ours], [], [], 0.2)[0]:
            continue
        try:
            shown += os.read(ours, 4096).decode()
        except OSError:
            break
        for question in [one for one in left if one in shown]:
            os.write(ours, left.pop(question).encode() + b"\n")
    os.close(ours)
    return process.wait(10), shown


def test_at_a_terminal_it_asks(every_kind: World) -> None:
    answers = {
        "User pool ID": every_kind.pool_id,
        "Plan file to make [plan.yaml]": "mine.yaml",
        "Plan name": "acme",
        "WorkOS environment": "production",
        "Variable that holds the API key [WORKOS_API_KEY]": "",
        "Variable that holds the client ID [WORKOS_CLIENT_ID]": "ACME_CLIENT",
        "signs in with Okta": "acme-org",
    }
    code, shown = at_terminal(every_kind.cli, answers, "init", "--endpoint-url", every_kind.endpoint)
    assert code == 0, shown
    plan = yaml.safe_load((every_kind.plan.parent / "mine.yaml").read_text())
    assert plan["name"] == "acme"
    assert plan["destination"]["workos"]["client_id"] == "${ACME_CLIENT}"
    assert plan["destination"]["workos"]["api_key"] == "${WORKOS_API_KEY}"
    assert plan["destination"]["workos"]["environment"] == "production"
    assert plan["oauth_providers"]["Okta"]["connection"]["organization"] == "acme-org"


def test_at_a_terminal_flags_are_not_asked_for(quickstart: Cli) -> None:
    code, shown = at_terminal(
        quickstart, {"Variable that holds the API key": "", "Variable that holds the client ID": ""},
        "init", "--from-export", "quickstart/*.json", "--out", "p.yaml", "--name", "acme", "--environment", "staging",
    )  # fmt: skip
    assert code == 0, shown
    assert "Plan name" not in shown
    assert "WorkOS environment" not in shown


# --- examples, schema, help -----------------------------------------------------------------------------------------


def test_the_example_is_the_plan_that_shows_every_section(cli: Cli) -> None:
    printed = cli("init", "--example")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out == (ROOT / "plans" / "production.yaml").read_text(encoding="utf-8").partition("\n#\n")[2]
    written = cli("init", "--example", "--out", "plan.yaml", "--json")
    assert written.json("init-example.v1")["next"] == "migrate validate plan.yaml"
    assert (cli.folder / "plan.yaml").read_text(encoding="utf-8") == printed.out
    assert cli("validate", "plan.yaml").code == 0
    assert cli("init", "--example", "--out", "plan.yaml").code == 1
    assert "--json says what was written, and nothing is" in cli("init", "--example", "--json").error()


def test_the_quickstart_runs_in_any_folder(cli: Cli) -> None:
    cli.environment = {}
    written = cli("init", "--quickstart", "--out", "try.yaml")
    assert written.err == "try.yaml: written\nnext: migrate apply try.yaml --sandbox\n"
    ended = cli("apply", "try.yaml", "--sandbox", "--json")
    assert ended.json("result.v1")["source"]["seen"] == 335
    before = tree(cli.folder)
    again = cli("init", "--quickstart", "--out", "other.yaml", "--json")
    assert again.error() == (
        "quickstart exists already, where the quickstart's users go; nothing is ever written over it; move it away, or "
        "name a file in another folder, such as try/other.yaml"
    )
    assert tree(cli.folder) == before
    # Its comments name commands that run here, not in the repository.
    (cli.folder / "a b").mkdir()
    assert cli("init", "--quickstart", "--out", "a b/my.yaml").code == 0
    told = [
        line.split("     ")[0] for line in (cli.folder / "a b/my.yaml").read_text().splitlines() if "#   mi" in line
    ]
    assert len(told) == 3 and "plans/" not in (cli.folder / "a b/my.yaml").read_text()
    for line in told:
        assert cli(*shlex.split(line.removeprefix("#   migrate "))).code == 0, line


def test_the_schema_as_a_file(cli: Cli) -> None:
    assert cli("schema", "--out", "s.json", "--json").json("schema-file.v1")["file"] == "s.json"
    assert (cli.folder / "s.json").read_text() == cli("schema").out
    again = cli("schema", "--out", "s.json", "--json")
    assert (again.code, again.json("error.v1")["errors"][0]["code"]) == (1, "file_exists")


def test_bare_migrate_is_help(cli: Cli) -> None:
    bare = cli()
    assert (bare.code, bare.err) == (0, "")
    assert bare.out == cli("--help").out
    assert "init" in bare.out


@pytest.mark.parametrize(
    "shell, words, wanted",
    [
        ("bash", {"COMP_WORDS": "migrate ini", "COMP_CWORD": "1"}, "init"),
        ("bash", {"COMP_WORDS": "migrate resets s", "COMP_CWORD": "2"}, "send"),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "migrate init --from-"}, "--from-export"),
        ("fish", {"_TYPER_COMPLETE_ARGS": "migrate sche", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}, "schema"),
    ],
)
def test_shells_complete_it(cli: Cli, shell: str, words: dict[str, str], wanted: str) -> None:
    ended = subprocess.run(
        [str(MIGRATE)],
        env=cli.environ(_MIGRATE_COMPLETE=f"complete_{shell}", **words),
        cwd=cli.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert wanted in ended.stdout


def test_completion_is_offered(cli: Callable[..., Any]) -> None:
    assert "--install-completion" in cli("--help").out
