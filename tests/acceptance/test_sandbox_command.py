"""`migrate sandbox` as a user meets it: what it prints is pasted, and works; `--sandbox` is as quick as it can be."""

from __future__ import annotations

import json
import shlex
import signal

from tests.acceptance.conftest import World
from tests.support.cli import Cli, export_source, plan_text
from tests.support.migration import invent_pool


def test_what_it_prints_can_be_pasted(cli: Cli) -> None:
    process = cli.start("sandbox")
    assert process.stdout is not None and process.stderr is not None
    try:
        announced = json.loads(process.stdout.readline())
        lines = [process.stderr.readline() for _ in range(5)]
        export = next(line for line in lines if line.startswith("export "))
        pasted = dict(one.split("=", 1) for one in shlex.split(export)[1:])
        assert pasted == {"WORKOS_API_KEY": announced["api_key"], "WORKOS_CLIENT_ID": announced["client_id"]}
        assert any(f"base_url: {announced['url']}" in line for line in lines)
        (cli.folder / "users.jsonl").write_text(json.dumps(invent_pool(1)[0]) + "\n")
        text = plan_text(export_source("users.jsonl"), announced["url"])
        (cli.folder / "plan.yaml").write_text(text.replace("client_sandbox", "${WORKOS_CLIENT_ID}"))
        ended = cli("apply", "plan.yaml", **pasted)
        assert ended.code == 0, ended.said
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        process.stdout.close()
        process.stderr.close()


def test_the_production_pace_is_for_production(world: World) -> None:
    """Two writes a minute would take two minutes: without --pace nobody waits for them."""
    users = "".join(json.dumps(one) + "\n" for one in invent_pool(5))
    (world.plan.parent / "users.jsonl").write_text(users)
    text = world.plan.read_text().replace("requests_per_60s: null", "requests_per_60s: 2")
    world.plan.write_text(text)
    assert world.cli("plan", "plan.yaml", "--sandbox", "--json").json("plan-result.v1")["estimate"]["duration_s"] == 0
    paced = world.cli("plan", "plan.yaml", "--sandbox", "--pace", "--json").json("plan-result.v1")
    assert paced["estimate"]["duration_s"] >= 120
    applied = world.cli("apply", "plan.yaml", "--sandbox", "--json").json("result.v1")
    assert applied["users"]["created"] == 5 and applied["duration_s"] < 60
    ended = world.cli("apply", "plan.yaml", "--pace", "--json")
    assert ended.code == 1 and ended.error().startswith("--pace is for --sandbox alone")
