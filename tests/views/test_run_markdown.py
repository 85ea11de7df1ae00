"""Plan, apply and refusal as Markdown: what a pull request's comment says, and what no value can make of it."""

from __future__ import annotations

import re

import pytest

from engine.model.diagnostics import Diagnostic
from engine.model.round_counts import RoundCounts
from engine.oauth.results import ConnectionItem, SignIn
from engine.run.expectation import Agreement
from engine.run.results import Failure, Guarded, Reported, SourceCounts
from engine.views.run_markdown import marker, render_apply_markdown, render_plan_markdown, render_refusal_markdown
from tests.views.test_report_html import HOSTILE
from tests.views.test_results import applied, planned

SUB = "6f1c2a9e-0000-4000-8000-000000000001"


def complete(text: str) -> str:
    return re.sub("`migrate (apply|ready)", r"`migrate \1 p.yaml", text)


def test_a_plan() -> None:
    sign_in = SignIn(
        connections=[ConnectionItem("Okta", "acme", "create"), ConnectionItem("Adfs", "acme", "unchanged")],
        organizations={"create": 2}, memberships={"create": 5, "deactivate": 1}, redirect_uris={},
    )  # fmt: skip
    result = planned(
        users={"create": 1200, "update": 1, "merge": 3}, writes=1210, estimated_s=30.0, sign_in=sign_in,
        source=SourceCounts(1300, 1204, {"status": 96}), warnings=("look at `migrate apply`",),
    )  # fmt: skip
    lines = render_plan_markdown(result, "p.yaml", complete).splitlines()
    assert lines[:2] == ["<!-- migrate p.yaml -->", "### acme: 1,201 users to change"]
    assert lines[3] == "|  | create | update | adopt | unchanged | skip | conflicts | merge | deactivate |"
    assert "| users | 1,200 | 1 | · | · | · | · | 3 | · |" in lines
    assert "| memberships | 5 | · | · | · | · | · | · | 1 |" in lines
    assert "| connections | 1 | · | · | 1 | · | · | · | · |" in lines
    assert not [line for line in lines if "redirect" in line or "roles" in line]
    assert "1,210 writes, about 30 s under the plan's quota." in lines
    assert "<details><summary>1,300 users read, 1,204 selected, 96 excluded</summary>" in lines
    assert "- look at `migrate apply p.yaml`" in lines
    assert lines.count("</details>") == 2
    assert lines[-1].startswith(f"To do exactly this: `migrate apply p.yaml --expect {'d' * 16}`.")


@pytest.mark.parametrize(
    ("rest", "head"),
    [
        ({}, "nothing to do"),
        ({"users": {"conflicts": 1}}, "conflicts, and nothing to do"),
        ({"sign_in": SignIn(organizations={"create": 1})}, "other changes than users'"),
        ({"guards": (Guarded("max_changes", 5, 9, "too many", "look"),)}, "apply would refuse"),
    ],
)
def test_what_a_plan_comes_to(rest: dict[str, object], head: str) -> None:
    text = render_plan_markdown(planned(**rest), "p.yaml")
    assert text.splitlines()[1] == f"### acme: {head}"
    assert ("**`apply` would refuse:** too many (`max_changes`); look" in text) == ("guards" in rest)


def test_an_apply_counts_and_names_nobody() -> None:
    failures = tuple(Failure(SUB, "unverified_link", "user_1") for _ in range(3))
    result = applied(
        users={"created": 7, "conflicts": 3}, failures=failures, failures_total=5, reported=Reported(left_source=2),
        agreement=Agreement(exact=False, done=4, sign_ups=(("user", "create", 2),)),
    )  # fmt: skip
    text = render_apply_markdown(result, "p.yaml")
    assert "### acme: not everybody is in place" in text
    assert "Run as reviewed, 4 of it done since; with sign-ups since: 2 creates." in text
    assert "<details><summary>Not migrated: 5</summary>" in text and "| `unverified_link` | 3 |" in text
    assert "Of 5 the first 3 were counted by code." in text
    assert "- users of WorkOS who are no longer selected from Cognito; kept, and can still sign in: 2" in text
    assert SUB not in text and "user_1" not in text


@pytest.mark.parametrize(
    ("stopped", "head"),
    [("interrupted", "interrupted, the next run goes on"), ("unauthorized", "stopped"), (None, "done, everybody")],
)
def test_how_an_apply_ended(stopped: str | None, head: str) -> None:
    text = render_apply_markdown(applied(stopped=stopped), "p.yaml")
    assert f"### acme: {head}" in text
    assert ("(`unauthorized`)" in text) == (stopped == "unauthorized")


def test_rounds_and_their_verdict() -> None:
    rounds = RoundCounts(5, 2, 990, 12, last_error="network", verdict="no-go")
    lines = render_apply_markdown(applied(rounds=rounds, sandbox=True), "p.yaml", complete).splitlines()
    assert lines[1] == "### acme (sandbox): done, everybody is in place"
    at = lines.index(
        "5 rounds completed, 2 given up, the last for `network`: 990 writes, 12 reads in all. "
        "The counts above are those of the last one."
    )
    assert lines[at + 1 : at + 3] == ["", "`migrate ready p.yaml` says **no-go**."]
    assert "4,880 writes, 3 reads in 98 s." in lines[:at]
    unknown = render_apply_markdown(applied(rounds=RoundCounts(1)), "p.yaml")
    assert "\n1 rounds completed: 0 writes" in unknown and "says" not in unknown and "given up" not in unknown
    assert "rounds" not in render_apply_markdown(applied(), "p.yaml")


def test_who_was_not_asked_for_is_no_failure() -> None:
    text = render_apply_markdown(
        applied(users={"created": 2, "pending": 9}, chosen=2, waiting={"x": 9}), "p.yaml", complete
    )
    assert "### acme: done so far\n" in text
    assert (
        "done so far: the 2 users who were asked for are in place; `migrate apply p.yaml` goes on with everybody"
        in text
    )


def test_where_nobody_could_look_not_everybody_is_known_to_be_in_place() -> None:
    plan = render_plan_markdown(planned(refreshed="failed"), "p.yaml")
    assert "### acme: nothing to do, but not everybody is known to be in place\n" in plan
    apply = render_apply_markdown(applied(refreshed="failed"), "p.yaml")
    assert "### acme: not everybody is in place\n" in apply
    for text in (plan, apply):
        assert "- could not look for users deleted in WorkOS: " in text


def test_a_refusal() -> None:
    found = [Diagnostic("unknown_key", f"wrong {at}", "right", "p.yaml", at, 1) for at in range(1, 44)]
    lines = render_refusal_markdown(found, "p.yaml").splitlines()
    assert lines[1] == "### p.yaml: nothing was attempted"
    assert lines[3] == "- p.yaml:1:1: wrong 1; right (`unknown\\_key`)".replace("\\_", "_")
    assert "- and 3 more" in lines


def test_no_value_makes_markup() -> None:
    sign_in = SignIn(connections=[ConnectionItem(HOSTILE, HOSTILE, "create")])
    for text in (
        render_plan_markdown(planned(plan=HOSTILE, warnings=(HOSTILE,), sign_in=sign_in), HOSTILE),
        render_apply_markdown(applied(plan=HOSTILE, warnings=(HOSTILE,)), HOSTILE),
        render_refusal_markdown([Diagnostic("x", HOSTILE, HOSTILE, HOSTILE, 1, 1)], HOSTILE),
    ):
        assert "<script" not in text and "<img" not in text
        assert text.count("<!--") == text.count("-->") == 1
        assert text.splitlines()[0] == marker(HOSTILE)


def test_a_marker_is_one_line_whatever_the_path() -> None:
    assert marker("our plans/it's.yaml --> x\n") == "<!-- migrate our%20plans/it%27s.yaml%20--%3E%20x%0A -->"
