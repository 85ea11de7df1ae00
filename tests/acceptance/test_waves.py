"""`filters.sample` and `filters.cohorts` by the command: wave by wave, with organizations, status, report, verify."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.plan_file.model import Sample
from engine.resources.users.waves import in_sample
from tests.acceptance.conftest import World
from tests.acceptance.test_canary import apply, figures, organizations, record, state, write
from tests.acceptance.test_interruption import kill_while_writing
from tests.acceptance.test_organizations import memberships
from tests.support.cli import export_source

COHORTS = (
    "{cohorts: [{name: pilot, groups: [beta], from: 2026-12-01}, "
    "{name: paying, attributes: [{name: 'custom:plan', in: [pro]}], from: 2026-12-08}, "
    "{name: everybody, from: 2027-01-15}]}"
)
PEOPLE = [
    record("ann", "beta", "team-a"), record("bob", "beta", "team-b", plan="pro"), record("cat", "team-b", plan="pro"),
    record("dan", "team-c", plan="pro"), record("eve", "team-d"), record("fay", "team-a"),
]  # fmt: skip
NAMES = [one["Username"].removesuffix("-sub") for one in PEOPLE]


def counts(found: Any) -> dict[str, tuple[int, int, bool]]:
    return {one["name"]: (one["people"], one["migrated"], one["due"]) for one in found["waves"]["cohorts"]}


def test_cohorts_come_one_after_the_other(world: World) -> None:
    write(world, *PEOPLE, filters=COHORTS)
    nobody = apply(world, "--as-of", "2026-11-30")
    assert figures(nobody) == {"pending": 6}
    assert (nobody["converged"], nobody["waiting"]) == (False, {"not_due": 6})
    assert (world.users(), organizations(world)) == ({}, set())

    first = apply(world, "--as-of", "2026-12-01")
    assert figures(first) == {"created": 2, "pending": 4}
    assert set(world.users()) == {"ann@example.com", "bob@example.com"}
    # Organizations come with their first member, and so do memberships.
    assert organizations(world) == {"t-a", "t-b"}
    assert {one[:2] for one in memberships(world)} == {("ann@example.com", "t-a"), ("bob@example.com", "t-b")}
    assert counts(first) == {"pilot": (2, 2, True), "paying": (2, 0, False), "everybody": (2, 0, False)}
    assert first["memberships"]["pending"] == 4

    planned = world.cli("plan", "plan.yaml", "--as-of", "2026-12-08", "--json").json("plan-result.v1")
    assert planned["users"]["create"] == 2 and planned["waiting"] == {"not_due": 2}
    second = apply(world, "--as-of", "2026-12-08")
    assert figures(second) == {"created": 2, "unchanged": 2, "pending": 2}
    last = apply(world, "--as-of", "2027-01-15")
    assert (figures(last), last["converged"]) == ({"created": 2, "unchanged": 4}, True)
    assert len(world.users()) == len(memberships(world)) == 6


def test_status_report_and_verify_show_the_waves(world: World, tmp_path: Path) -> None:
    write(world, *PEOPLE, filters=COHORTS)
    apply(world, "--as-of", "2026-12-01")
    status = world.cli("status", "plan.yaml", "--as-of", "2026-12-10", "--json").json("status.v1")
    assert counts(status) == {"pilot": (2, 2, True), "paying": (2, 0, True), "everybody": (2, 0, False)}
    assert (status["waves"]["as_of"], status["waves"]["no_cohort"]) == ("2026-12-10", {"people": 0, "migrated": 0})
    shown = world.cli("status", "plan.yaml", "--as-of", "2026-12-10").out.splitlines()
    at = shown.index("waves as of 2026-12-10")
    assert [line.split() for line in shown[at + 2 : at + 5]] == [
        ["pilot", "2026-12-01", "2", "2"], ["paying", "2026-12-08", "2", "0"],
        ["everybody", "2027-01-15", "2", "0", "not", "due"],
    ]  # fmt: skip

    # Of those who wait nothing is missing; whom the day makes due is.
    early = world.cli("verify", "plan.yaml", "--as-of", "2026-12-01", "--json")
    found = early.json("verify.v1")
    assert (early.code, found["users"]["equal"], found["users"]["pending"], found["users"]["missing"]) == (0, 2, 4, 0)
    assert found["organizations"]["equal"] == 2 and found["memberships"]["missing"] == 0
    late = world.cli("verify", "plan.yaml", "--as-of", "2026-12-08", "--json")
    assert (late.code, late.json("verify.v1")["users"]["missing"]) == (3, 2)
    assert "not their turn yet" in world.cli("verify", "plan.yaml", "--as-of", "2026-12-01").err

    for form in ("markdown", "html"):
        out = tmp_path / f"report.{form}"
        made = world.cli(
            "report", "plan.yaml", "--as-of", "2026-12-01", "--format", form, "--out", str(out), "--json"
        ).json("report.v1")
        assert made["verdict"] == "fail"
        assert made["pool"] == {
            "seen": 6, "migrated": 2, "excluded": {}, "merged": 0, "pending": 4, "conflicts": 0,
        }  # fmt: skip
    text = (tmp_path / "report.markdown").read_text()
    assert "## Waves" in text
    rows = [[cell.strip() for cell in line.split("|")[1:5]] for line in text.splitlines() if "2026-12-0" in line]
    assert ["pilot", "2026-12-01", "2", "2"] in rows and ["paying", "2026-12-08", "2", "0"] in rows
    assert "4 users are waiting for their turn; the next cohort begins on 2026-12-08" in text


def test_a_sample_grows_to_what_all_at_once_is(world: World) -> None:
    """5 %, 20 %, 100 %, with addresses that several records share: compared with one run, user by user."""
    rng = random.Random(7)
    pool = []
    for at in range(120):
        email = f"shared{rng.randrange(20)}@example.com" if at % 3 == 0 else None
        pool.append(record(f"u{at:03}", f"team-{at % 4}", email=email, plan=rng.choice(["pro", ""])))
    records = {one["Username"]: next(a["Value"] for a in one["Attributes"] if a["Name"] == "email") for one in pool}
    write(world, *pool, filters="{sample: {percent: 100, seed: 7}}")
    assert apply(world)["converged"] is True
    at_once, members = _comparable(world), memberships(world)
    world.workos.call("POST", "/_sandbox/reset")
    for path in world.migrate_dir.iterdir():
        path.unlink()

    moved: set[str] = set()
    for percent in (5, 20, 100):
        write(world, *rng.sample(pool, len(pool)), filters=f"{{sample: {{percent: {percent}, seed: 7}}}}")
        result = apply(world)
        chosen = {email for sub, email in records.items() if in_sample(Sample(percent, 7), sub)}
        assert set(world.users()) == chosen > moved
        assert result["waves"]["sample"] == {"people": len(chosen), "migrated": len(chosen)}
        ids = world.cli("ids", "plan.yaml", "--format", "jsonl").out.splitlines()
        by_email = {user["email"]: user["id"] for user in world.workos.users()}
        # Merged people are never split: each of their records has the one user, or none has.
        for row in map(json.loads, ids):
            assert row["workos_user_id"] == by_email.get(records[row["cognito_sub"]]), row
        moved = chosen
        assert result["converged"] is (percent == 100) and result["reported"]["left_source"] == 0
    assert _comparable(world) == at_once
    assert memberships(world) == members
    writes = world.writes()
    # Fewer again: nobody leaves, nothing is written.
    write(world, *pool, filters="{sample: {percent: 5, seed: 7}}", safety="{max_left_source: 0}")
    assert figures(apply(world)).keys() == {"merged", "unchanged"}
    assert world.writes() == writes and not any(row[5] for row in state(world))


def _comparable(world: World) -> dict[str, dict[str, Any]]:
    return {
        email: {name: value for name, value in user.items() if name not in ("id", "created_at", "updated_at")}
        for email, user in world.users().items()
    }


def test_whose_turn_is_over_keeps_memberships_and_is_not_switched_off(world: World) -> None:
    section = '{from: group, remove_missing: true, map: {"team-*": {organization: "t-{1}"}}, unmapped: skip}'
    write(world, *PEOPLE, organizations=section, left="deactivate")
    apply(world)
    members = memberships(world)
    # Out of their groups, and out of the wave: they stay as they are, until it is their turn again.
    without = [record(one, plan="basic") for one in NAMES]
    cohorts = COHORTS.replace("groups: [beta]", "attributes: [{name: email, matches: '^ann'}]")
    write(world, *without, organizations=section, left="deactivate", filters=cohorts)
    result = apply(world, "--as-of", "2026-12-01")
    assert memberships(world) == {one for one in members if one[0] != "ann@example.com"}
    assert (result["memberships"]["removed"], result["memberships"]["deactivated"]) == (1, 0)
    result = apply(world, "--as-of", "2027-01-15")
    assert memberships(world) == set() and result["converged"] is True


def test_a_wave_that_is_killed_goes_on(world: World) -> None:
    people = [record(f"u{at:03}", "beta" if at % 2 else "other", f"team-{at % 3}", plan="basic") for at in range(160)]
    write(world, *people, filters=COHORTS)
    kill_while_writing(world, "apply", "plan.yaml", "--as-of", "2026-12-01")
    # The plan becomes smaller meanwhile: what was begun waits, and is found again.
    write(world, *people, filters=COHORTS.replace("[beta]", "[nobody]"))
    held = len(world.users())
    assert figures(apply(world, "--as-of", "2026-12-01")).get("created", 0) == 0
    assert len(world.users()) == held
    write(world, *people, filters=COHORTS)
    result = apply(world, "--as-of", "2026-12-01")
    assert set(world.users()) == {f"u{at:03}@example.com" for at in range(1, 160, 2)}
    assert result["users"]["pending"] == 80
    assert apply(world, "--as-of", "2027-01-15")["converged"] is True
    assert len(world.users()) == len(memberships(world)) == 160


def test_a_review_holds_until_another_cohort_is_due(world: World, nothing_happens: Callable[..., None]) -> None:
    """By digest and by file; who waited when it was reviewed is no sign-up, whatever makes it their turn."""
    write(world, *PEOPLE, filters=COHORTS)

    def planned(day: str, *options: str) -> str:
        ended = world.cli("plan", "plan.yaml", "--as-of", day, "--json", *options)
        assert ended.code == 0, ended.said
        return str(ended.json("plan-result.v1")["digest"])

    digest = planned("2026-12-01", "--out", "reviewed")
    assert planned("2026-12-07") == digest not in (planned("2026-12-08"), planned("2026-11-30"))
    again = "; review it again: `migrate plan plan.yaml --out FILE`"
    before = "what would be done is not what was reviewed: "
    grow = ("apply", "plan.yaml", "--expect", "reviewed", "--allow-growth", "--as-of")
    # The organization of the two who come is new; that of one of them is not.
    told = "the plan has other cohorts that are due, 2 more creates (membership), 1 more create (organization), "
    nothing_happens(world, [f"{before}{told}2 more creates{again}"], *grow, "2026-12-08")
    told = "the plan has other cohorts that are due, 2 fewer creates (membership), 2 fewer creates (organization), "
    nothing_happens(world, [f"{before}{told}2 fewer creates{again}"], *grow, "2026-11-30")
    # Eve waited. That she has become a beta tester is no sign-up.
    moved = [record("eve", "beta", "team-a") if name == "eve" else one for name, one in zip(NAMES, PEOPLE, strict=True)]
    write(world, *moved, filters=COHORTS)
    nothing_happens(world, [f"{before}1 more create (membership), 1 more create{again}"], *grow, "2026-12-02")
    # Gus has signed up since, and is due; Hal has as well, and waits.
    write(world, *PEOPLE, record("gus", "beta", "team-a"), record("hal", "team-a"), filters=COHORTS)
    result = apply(world, *grow[2:], "2026-12-02")
    assert figures(result) == {"created": 3, "pending": 5}
    assert result["reviewed"]["sign_ups_since"] == {"user": {"create": 1}, "membership": {"create": 1}}
    # A higher percentage is another plan, by name.
    write(world, *PEOPLE, filters="{sample: {percent: 1, seed: 7}}")
    assert world.cli("plan", "plan.yaml", "--out", "reviewed", "--overwrite").code == 0
    write(world, *PEOPLE, filters="{sample: {percent: 100, seed: 7}}")
    ended = world.cli("apply", "plan.yaml", "--expect", "reviewed", "--allow-growth")
    assert ended.code == 1 and "the plan has other filters.sample.percent, 4 more creates" in ended.said


def test_who_waits_is_shown_and_explained(world: World) -> None:
    write(world, *PEOPLE, record("ann2", email="eve@example.com"), filters=COHORTS)
    first = ("--as-of", "2026-12-01")
    ended = world.cli("plan", "plan.yaml", *first, "--json", "--changes", "all.jsonl")
    shown = ended.json("plan-result.v1")["diff"]["shown"]
    waiting = [(one["name"], one["code"], one["rules"]) for one in shown if one["action"] == "wait"]
    assert waiting == [(f"{name}-sub", "not_due", [24]) for name in ("ann2", "cat", "dan", "fay")]
    written = [json.loads(line) for line in (world.plan.parent / "all.jsonl").read_text().splitlines()]
    assert sum(one["action"] == "wait" for one in written) == 4
    assert {one["name"] for one in written if one["kind"] == "organization"} == {"t-a", "t-b"}
    listed = world.cli("plan", "plan.yaml", *first, "--users", "wait", "--show", "0").out.splitlines()
    assert ": user cat-sub  wait not_due" in listed

    explained = world.cli("explain", "plan.yaml", "eve-sub", *first, "--json").json("explain.v1")
    steps = {one["source_id"]: one for one in explained["next"]}
    assert [(name, one["action"], one["because"][-1]["rule"]) for name, one in steps.items()] == [
        ("ann2-sub", "wait", 24), ("eve-sub", "merge", 24),
    ]  # fmt: skip
    assert steps["ann2-sub"]["code"] == "not_due" and not steps["ann2-sub"]["changes"]
    (member,) = explained["memberships"]
    assert (member["organization"], member["action"], member["because"][0]["title"]) == ("t-d", "wait", "Waves")
    text = world.cli("explain", "plan.yaml", "dan-sub", *first).out
    assert "  dan-sub: leave for a later wave (not_due)\n" in text
    assert "    because the user's cohort is not due yet (rule 24, Waves)\n" in text
    assert "  membership of dan-sub in t-c: wait; roles member\n" in text
    # On their day they come.
    explained = world.cli("explain", "plan.yaml", "dan-sub", "--as-of", "2026-12-08", "--json").json("explain.v1")
    assert explained["next"][0]["action"] == explained["memberships"][0]["action"] == "create"


def test_ready_is_no_go_while_somebody_waits(world: World) -> None:
    write(world, *PEOPLE, filters=COHORTS)
    apply(world, "--as-of", "2026-12-01")
    ended = world.cli("ready", "plan.yaml", "--as-of", "2026-12-02", "--json")
    lines = {one["name"]: one for one in ended.json("ready.v1")["lines"]}
    assert (ended.code, lines["waves"]["verdict"], lines["waves"]["count"]) == (3, "no-go", 4)
    assert lines["waves"]["message"] == "4 users are waiting for their turn; the next cohort begins on 2026-12-08"
    assert (lines["users"]["verdict"], lines["users"]["message"]) == (
        "ok", "everybody whose turn it is is in WorkOS, as Cognito has them",
    )  # fmt: skip
    late = world.cli("ready", "plan.yaml", "--as-of", "2027-01-15", "--json").json("ready.v1")
    lines = {one["name"]: one for one in late["lines"]}
    assert (lines["waves"]["verdict"], lines["users"]["message"]) == ("ok", "not yet: 4 of 6 to go")


def test_a_pull_request_hears_who_waits(world: World, tmp_path: Path) -> None:
    write(world, *PEOPLE, filters=COHORTS)
    for command, day, title in (
        ("plan", "2026-11-30", "acme: nothing to do now: users wait for their turn"),
        ("apply", "2026-12-01", "acme: done so far"),
    ):
        page, step = tmp_path / f"{command}.md", tmp_path / f"{command}.step"
        environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(step)}
        ended = world.cli(command, "plan.yaml", "--as-of", day, "--summary", str(page), **environment)
        assert ended.code == 0, ended.said
        text, number = page.read_text(), 6 if command == "plan" else 4
        assert f"### {title}\n" in text and f"<summary>Waiting: {number}</summary>" in text
        assert step.read_text().strip() == text.strip()


@pytest.mark.parametrize(
    ("as_of", "filters", "message"),
    [
        ("2026-13-01", COHORTS, "--as-of 2026-13-01 is no day; write YYYY-MM-DD: 2026-12-01"),
        ("20261201", COHORTS, "--as-of 20261201 is no day; write YYYY-MM-DD: 2026-12-01"),
        ("2026-12-01", "{sample: {percent: 5}}", "--as-of does nothing: the plan has no filters.cohorts; leave it out"),
    ],
)
def test_a_day_that_is_none_or_does_nothing(
    world: World, nothing_happens: Callable[..., None], as_of: str, filters: str, message: str
) -> None:
    write(world, *PEOPLE, filters=filters)
    for command in ("plan", "apply", "verify", "ready"):
        nothing_happens(world, [message], command, "plan.yaml", "--as-of", as_of)
    nothing_happens(world, [message], "explain", "plan.yaml", "ann-sub", "--as-of", as_of)
    rounds = ("--every", "15m", "--until", "2099-12-01T06:00Z")
    nothing_happens(world, [message], "apply", "plan.yaml", "--as-of", as_of, *rounds)


def test_a_target_before_their_turn_is_refused(world: World, nothing_happens: Callable[..., None]) -> None:
    write(world, *PEOPLE, filters=COHORTS)
    message = (
        "--target names user eve-sub: the user's cohort is not due yet; wait for its day (filters.cohorts), or name a "
        "later day with --as-of"
    )
    nothing_happens(world, [message], "apply", "plan.yaml", "--as-of", "2026-12-01", "--target", "eve-sub")
    assert figures(apply(world, "--as-of", "2027-01-15", "--target", "eve-sub")) == {"created": 1, "pending": 5}


def test_an_export_without_groups_cannot_tell_cohorts_by_group(world: World) -> None:
    bare = [{name: value for name, value in one.items() if name != "Groups"} for one in PEOPLE]
    (world.plan.parent / "users.jsonl").write_text("".join(json.dumps(one) + "\n" for one in bare))
    world.write_plan(export_source("users.jsonl"), filters=COHORTS)
    ended = world.cli("apply", "plan.yaml", "--json")
    assert ended.code == 1 and "needs each user's groups" in ended.error()
