"""`migrate report`: the file that it writes, and what it refuses to write over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.acceptance.conftest import World
from tests.acceptance.test_resets import FLAG, confirm, prepare, record
from tests.support.cli import ROOT, Cli, tree
from tests.support.html_page import Page, number

PLAN = "plans/quickstart.yaml"


@pytest.fixture
def quickstart(tmp_path: Path) -> Cli:
    shutil.copytree(ROOT / "plans", tmp_path / "plans", ignore=shutil.ignore_patterns(".migrate"))
    return Cli(tmp_path, {})


def test_the_file_is_the_owners_alone_and_never_replaced_by_accident(quickstart: Cli) -> None:
    ended = quickstart("report", PLAN, "--sandbox", "--out", "report.html", "--json")
    out = quickstart.folder / "report.html"
    told = ended.json("report.v1")
    assert (ended.code, told["file"], told["bytes"]) == (0, "report.html", out.stat().st_size)
    assert out.stat().st_mode & 0o777 == 0o600
    assert (
        sum((told["pool"][one] for one in ("migrated", "merged", "pending", "conflicts")), start=0)
        + sum(told["pool"]["excluded"].values())
        == told["pool"]["seen"]
        == 335
    )
    before = tree(quickstart.folder)
    again = quickstart("report", PLAN, "--sandbox", "--out", "report.html", "--json")
    assert (again.code, again.error()) == (1, "report.html exists already; name another file, or use --overwrite")
    assert (
        quickstart("report", PLAN, "--sandbox", "--out", "plans", "--json").error() == "plans is a folder; name a file"
    )
    assert quickstart("report", PLAN, "--sandbox", "--out", "no/where.html").code == 1
    both = quickstart("report", PLAN, "--sandbox", "--out", "-", "--json")
    assert both.error() == "--json and --out - both want standard output; name a file"
    # A report changes nothing: no state, no sandbox's data, no part of a file.
    assert tree(quickstart.folder) == before
    replaced = quickstart("report", PLAN, "--sandbox", "--out", "report.html", "--overwrite", "--format", "markdown")
    assert replaced.code == 0
    assert out.read_text().startswith("# Migration report: quickstart\n")


def test_a_link_in_the_files_place_is_not_followed(quickstart: Cli) -> None:
    link, elsewhere = quickstart.folder / "report.html", quickstart.folder / "elsewhere"
    link.symlink_to(elsewhere)
    assert quickstart("report", PLAN, "--sandbox", "--out", "report.html").code == 1
    assert quickstart("report", PLAN, "--sandbox", "--out", "report.html", "--overwrite").code == 0
    assert not elsewhere.exists()
    assert not link.is_symlink()


def test_before_and_after_an_apply(quickstart: Cli) -> None:
    before = _page(quickstart, PLAN, "--sandbox")
    assert before.by_id["figure-migrated"] == "0"
    assert "No run yet." in before.text
    assert _verdicts(before)["users"] == "no-go"
    assert f"migrate apply {PLAN} --sandbox" in before.text
    assert quickstart("apply", PLAN, "--sandbox").code == 0
    after = _page(quickstart, PLAN, "--sandbox")
    assert after.by_id["figure-pending"] == "0"
    assert _verdicts(after)["users"] == "ok"
    assert _figures(after, "table-runs")["created"] == [number(after.by_id["figure-migrated"])]
    assert "run `migrate" not in after.text  # commands stand in <code>, with the plan
    assert "an export does not hold them" in after.text  # so no command is named that could not tell


def test_markdown_goes_to_standard_output_for_a_step_summary(quickstart: Cli) -> None:
    ended = quickstart("report", PLAN, "--sandbox", "--format", "markdown", "--out", "-")
    assert ended.code == 0
    assert ended.out.startswith("# Migration report: quickstart\n\n**No-go")
    assert "| **in the pool** | **335** |" in ended.out


def test_conflicts_and_people_of_every_kind(pool_world: Callable[[int], World]) -> None:
    world = pool_world(116)
    assert world.cli("apply", "plan.yaml").code == 0
    world.change("plain.0@example.com", email="moved.0@example.com", email_verified="false")
    world.change("foreign.0@example.com", given_name="Zoé")
    plan = world.cli("plan", "plan.yaml", "--json").json("plan-result.v1")
    page = _page(world.cli, "plan.yaml")
    (conflict, total) = page.tables["table-conflicts"][1:]
    assert (conflict[0], number(conflict[1]), number(total[1])) == ("email_change_unverified", 1, 1)
    pool = {row[0]: number(row[1]) for row in page.tables["table-pool"][1:]}
    assert pool.pop("in the pool") == sum(pool.values()) == plan["source"]["seen"]
    assert pool["merged"] == plan["users"]["merge"]
    assert pool["migrated"] == plan["users"]["unchanged"] + plan["users"]["update"]
    duties = {row[0]: row for row in page.tables["table-act"][1:]}
    assert number(duties["type an address, not a username"][2]) == plan["sign_in_by_name"]
    (sub,) = (one["source_id"] for one in plan["failures"])
    html = (world.plan.parent / "page.html").read_text()
    assert plan["digest"] in html
    assert sub not in html
    named = world.cli("report", "plan.yaml", "--out", "named.html", "--values")
    assert named.code == 0
    assert sub in (world.plan.parent / "named.html").read_text()
    # What the report says, it says to nobody but its file.
    assert sub not in named.said


def test_password_resets_over_time(world: World) -> None:
    """Days out of WorkOS's events; who never had a password in Cognito is none of them."""
    prepare(world, FLAG, *(record(name) for name in ("ann", "bob", "cyd")), record("gus", status="EXTERNAL_PROVIDER"))
    for name in ("ann", "bob", "gus"):
        confirm(world, name)
    page = _page(world.cli, "plan.yaml")
    head, row = page.tables["table-resets"]
    assert head == ["day", "sent", "passwords set"]
    assert [row[0], number(row[1]), number(row[2])] == [f"{datetime.now(UTC):%Y-%m-%d}", 0, 2]
    forbidden = {"method": "GET", "path": "/events", "fault": "forbidden", "times": 1000}
    world.workos.call("PUT", "/_sandbox/faults", {"next": [forbidden]})
    # Nobody knows: no table, rather than one that says nobody.
    assert "table-resets" not in _page(world.cli, "plan.yaml").tables


def _page(cli: Cli, *arguments: str) -> Page:
    ended = cli("report", *arguments, "--out", "page.html", "--overwrite")
    assert ended.code == 0, ended.said
    return Page((cli.folder / "page.html").read_text(encoding="utf-8"))


def _verdicts(page: Page) -> dict[str, str]:
    return {row[0]: row[1] for row in page.tables["table-go"][1:]}


def _figures(page: Page, table: str) -> dict[str, list[int]]:
    head, *rows = page.tables[table]
    return {name: [number(row[at]) for row in rows] for at, name in enumerate(head) if rows[0][at].isdigit()}
