"""Two plan files of one name in one folder: the second is applied with the state of the first, and says so once."""

from __future__ import annotations

import json
import shutil

from tests.acceptance.conftest import World
from tests.support.cli import Cli
from tests.support.migration import invent_pool


def warnings(cli: Cli, plan: str) -> list[str]:
    ended = cli("apply", plan, "--json")
    assert ended.code == 0, ended.said
    return [one for one in ended.json("result.v1")["warnings"] if "another plan file" in one]


def test_another_plan_file_of_one_name_is_told_once(world: World) -> None:
    folder = world.plan.parent
    (folder / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in invent_pool(3)))
    assert warnings(world.cli, "plan.yaml") == []
    (folder / "copy.yaml").write_text(world.plan.read_text())
    (one,) = warnings(world.cli, "copy.yaml")
    assert "named acme; this one selects the same users" in one
    assert warnings(world.cli, "copy.yaml") == []
    filtered = world.plan.read_text() + "filters: {attributes: [{name: email, matches: person}]}\n"
    (folder / "other.yaml").write_text(filtered)
    (one,) = warnings(world.cli, "other.yaml")
    assert "this one selects other users" in one


def test_an_edited_plan_and_another_checkout_are_the_same_file(world: World) -> None:
    folder = world.plan.parent
    (folder / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in invent_pool(3)))
    assert warnings(world.cli, "plan.yaml") == []
    world.plan.write_text(world.plan.read_text() + "filters: {attributes: [{name: email, matches: person}]}\n")
    assert warnings(world.cli, "plan.yaml") == []
    checkout = folder / "checkout"
    shutil.copytree(folder, checkout, ignore=shutil.ignore_patterns("checkout"))
    assert warnings(Cli(checkout), "plan.yaml") == []
    # From another working directory too.
    ended = world.cli("apply", "checkout/plan.yaml", "--json").json("result.v1")
    assert not [one for one in ended["warnings"] if "another plan file" in one]
