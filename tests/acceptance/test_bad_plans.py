"""Plan files and command lines that are wrong: the exact message, exit 1, and nothing written anywhere."""

# ruff: noqa: E501 - messages stand here as they are shown, on one line

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import Cli, export_source

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + below] * 10)}]\n" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
)

# Appended to a plan that ends in line 13.
BAD_PLANS = [
    (
        "not YAML",
        "x: [\n",
        [
            "plan.yaml:15:1: not valid YAML: did not find expected node content; check quotes, brackets and the indentation above this place"
        ],
    ),
    (
        "wrong type",
        "filters: {enabled: 5}\nexisting_users: [adopt]\n",
        [
            "plan.yaml:14:20: filters.enabled is 5; possible: true, false, any",
            "plan.yaml:15:1: existing_users must be text, found a list; for example adopt",
        ],
    ),
    (
        "unknown key",
        "fliters: {}\nsafety: {max_chnages: 5}\n",
        [
            "plan.yaml:14:1: unknown key fliters; did you mean filters?",
            "plan.yaml:15:10: unknown key safety.max_chnages; did you mean max_changes?",
        ],
    ),
    (
        "duplicate key",
        "keep_snapshot: true\nkeep_snapshot: false\n",
        ['plan.yaml:15:1: the key "keep_snapshot" stands twice in one mapping, first in line 14; keep one of the two'],
    ),
    (
        "alias bomb",
        BOMB,
        ["plan.yaml:17:17: aliases stand for more than 5,000 values; write the values out instead of nesting aliases"],
    ),
    (
        "literal key",
        "state: {path: sk_live_abcdefghijklmnop}\n",
        [
            "plan.yaml:14:15: state.path holds what looks like a secret; write ${NAME} and set NAME in the environment; take a key that was committed out of use"
        ],
    ),
    (
        "not built yet",
        "state: {path: s3://b/k}\n",
        [
            "plan.yaml:14:15: state.path: s3://b/k is not supported by this version of migrate yet; leave it out or name a local file"
        ],
    ),
]


@pytest.mark.parametrize(("text", "messages"), [case[1:] for case in BAD_PLANS], ids=[case[0] for case in BAD_PLANS])
@pytest.mark.parametrize("command", ["validate", "apply"])
def test_bad_plan(
    world: World, nothing_happens: Callable[..., None], command: str, text: str, messages: list[str]
) -> None:
    with world.plan.open("a", encoding="utf-8") as file:
        file.write(text)
    nothing_happens(world, messages, command, "plan.yaml")


@pytest.mark.parametrize("command", ["validate", "plan", "apply", "status", "export"])
def test_no_plan_file(world: World, nothing_happens: Callable[..., None], command: str) -> None:
    out = ["--out", "users.jsonl"] if command == "export" else []
    nothing_happens(world, ["plans.yaml: there is no such file; did you mean plan.yaml?"], command, "plans.yaml", *out)


def test_missing_variable(world: World, nothing_happens: Callable[..., None]) -> None:
    world.cli.environment.pop("WORKOS_API_KEY")
    message = "plan.yaml:7:14: destination.workos.api_key reads ${WORKOS_API_KEY}, which is not set; set it in the environment: export WORKOS_API_KEY=…"
    for command in ("plan", "apply"):
        nothing_happens(world, [message], command, "plan.yaml")


def test_every_fault_of_every_plan_at_once(cli: Cli) -> None:
    Path(cli.folder, "a.yaml").write_text("version: 1\nnmae: a\n")
    Path(cli.folder, "b.yaml").write_text("version: 7\n")
    ended = cli("validate", "a.yaml", "b.yaml", "--json")
    assert ended.code == 1
    places = [one.split(" is ")[0].split("; ")[0] for one in ended.errors()]
    assert places == [
        "a.yaml:1:1: source",
        "a.yaml:1:1: destination",
        "a.yaml:2:1: unknown key nmae",
        "b.yaml:1:10: version",
    ]


USAGE = [
    (["plan"], "Missing argument 'PLAN'; see `migrate plan --help`"),
    (
        ["apply", "plan.yaml", "--sandbx"],
        "No such option: --sandbx (Possible options: --sandbox); see `migrate apply --help`",
    ),
    (["aply", "plan.yaml"], "No such command 'aply'. Did you mean 'apply'; see `migrate --help`"),
    (
        ["status", "plan.yaml", "--users", "everybody"],
        "--users knows no list everybody; use failed, conflicts, skipped, merged, pending, migrated, left_source, left_out, orphaned",
    ),
    (["export", "plan.yaml"], "Missing option '--out' / '-o'; see `migrate export --help`"),
    (
        ["sandbox", "--port", "many"],
        "Invalid value for '--port': it should be a valid integer, unable to parse string as an integer; see `migrate sandbox --help`",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_bad_usage(world: World, nothing_happens: Callable[..., None], arguments: list[str], message: str) -> None:
    nothing_happens(world, [message], *arguments)


def test_key_of_the_other_environment(world: World, nothing_happens: Callable[..., None]) -> None:
    text = world.plan.read_text().replace("client_id:", "environment: production\n    client_id:")
    world.plan.write_text(text)
    message = "plan.yaml:7:14: the key in destination.workos.api_key begins with sk_test_, but environment is production; set the variable to the key of the environment that the plan is for"
    for command in ("plan", "apply"):
        nothing_happens(world, [message], command, "plan.yaml")


def test_no_command_shows_the_help(cli: Cli) -> None:
    ended = cli()
    assert (ended.code, ended.err) == (0, "") and ended.out == cli("--help").out


def test_plan_of_an_export_names_its_file(world: World) -> None:
    world.write_plan(export_source("users.jsonl", "'more/*.json'"))
    assert "pool         export users.jsonl, more/*.json of us-east-1_Export001" in world.cli("apply", "plan.yaml").err
