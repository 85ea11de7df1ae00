from __future__ import annotations

from typing import Any

import pytest

from engine.model.codes import explain, explain_stop
from engine.quota.metered import Requests
from engine.run.results import APPLIED, PLANNED, ApplyResult, Failure, Guarded, PlanResult, Reported, SourceCounts
from engine.views.results import render_apply, render_plan


def applied(**rest: Any) -> ApplyResult:
    users = dict.fromkeys(APPLIED, 0) | rest.pop("users", {})
    values: dict[str, Any] = {
        "plan": "acme", "run_id": "r1", "sandbox": False, "users": users, "failures": (), "failures_total": 0,
        "source": SourceCounts(5000, 4890, {"status": 60, "disabled": 50}), "requests": Requests(4880, 3, 2, 1),
        "duration_s": 97.9, **rest,
    }  # fmt: skip
    return ApplyResult(**values)


def planned(**rest: Any) -> PlanResult:
    users = dict.fromkeys(PLANNED, 0) | rest.pop("users", {})
    values: dict[str, Any] = {
        "plan": "acme", "sandbox": False, "users": users, "failures": (), "failures_total": 0, "writes": 0,
        "source": SourceCounts(10, 10, {}), "requests": Requests(), "estimated_s": 0.0, "digest": "d" * 64,
        "duration_s": 1.0, **rest,
    }  # fmt: skip
    return PlanResult(**values)


@pytest.mark.parametrize(
    ("result", "converged", "code"),
    [
        (applied(users={"created": 4890}), True, 0),
        (applied(users={"created": 1, "skipped": 2, "merged": 3, "unchanged": 4}), True, 0),
        (applied(users={"failed": 1}), False, 3),
        (applied(users={"conflicts": 1}), False, 3),
        (applied(users={"pending": 1}), False, 3),
        (applied(stopped="interrupted", users={"pending": 1}), False, 130),
        (applied(stopped="interrupted"), False, 130),
        (applied(stopped="max_failures"), False, 3),
        (applied(stopped="unauthorized"), False, 3),
    ],
)
def test_exit_codes(result: ApplyResult, converged: bool, code: int) -> None:
    assert (result.converged, result.exit_code, result.to_json()["converged"]) == (converged, code, converged)


def test_what_people_read() -> None:
    lines = render_apply(applied(users={"created": 4890}))
    text = "\n".join(lines)
    assert lines[0] == "5,000 users read, 4,890 selected" and lines[-1] == "done: everybody is in place"
    assert "  disabled  50  the user is disabled in Cognito" in lines and "  created    4,890" in lines
    assert "4,880 writes, 3 reads, 2 rate-limited, 1 tried again in 98 s" in lines
    assert "not migrated" not in text and "skipped" not in text


def test_failures_with_reason_and_remedy() -> None:
    failures = (*(Failure(f"s{number}", "timeout") for number in range(7)), Failure("x", "unverified_link"))
    lines = render_apply(
        applied(users={"failed": 7, "conflicts": 1}, failures=failures, failures_total=8,
                reported=Reported(left_source=1200, attribute_vanished=2, unverified_address=3)),
    )  # fmt: skip
    text = "\n".join(lines)
    message, remedy = explain("timeout")
    assert "{sub: x, action: adopt, user_id: user_…}" in text
    assert f"  timeout: {message}\n    {remedy}\n    s0, s1, s2, s3, s4 and 2 more" in text
    assert "unverified_link" in text and "`migrate status --users conflicts,failed`" in text
    assert "1,200 users of WorkOS are no longer selected" in text and "2 names are gone in Cognito" in text
    assert "3 users have an address that Cognito has not verified" in text
    assert lines[-1].startswith("not done")


@pytest.mark.parametrize(
    ("stopped", "words"),
    [
        ("interrupted", "`migrate apply` goes on"),
        ("max_failures", "too many users failed"),
        ("forbidden", "WorkOS does not let this API key do that (forbidden); use a key"),
        ("state_not_writable", "stopped: the state cannot be written (state_not_writable); make room"),
        ("plan_limit", "stopped: WorkOS refused a request (plan_limit); look"),
    ],
)
def test_why_it_stopped(stopped: str, words: str) -> None:
    assert words in render_apply(applied(stopped=stopped))[-1]


def test_to_go_on_is_to_go_on_with_those_who_were_asked_for() -> None:
    again = "migrate apply --limit 5 --expect r.plan"
    last = render_apply(applied(stopped="interrupted"), again)[-1]
    assert last == f"interrupted; the state is saved, and `{again}` goes on from here"
    assert f"then run `{again}` again" in render_apply(applied(stopped="unreachable"), again)[-1]
    assert f"run `{again}` again once" in render_apply(applied(users={"failed": 1}), again)[-1]


def test_nothing_to_do() -> None:
    assert render_apply(applied(users={"unchanged": 5}))[-1] == "nothing to do: everybody is in place"
    assert "nothing to do: everybody is in place" in render_plan(planned(users={"unchanged": 5}))


def test_a_plan() -> None:
    result = planned(users={"create": 5000, "update": 1, "conflicts": 1}, writes=5001, estimated_s=110.0,
                     failures=(Failure("s", "gone"),), failures_total=1)  # fmt: skip
    lines = render_plan(result)
    assert "5,001 writes, about 110 s under the plan's quota" in lines and lines[-1] == "digest " + "d" * 16
    assert "  create     5,000" in lines and any("gone:" in line for line in lines)
    assert result.changes and not planned(users={"conflicts": 3, "merge": 1, "skip": 1}).changes


def test_a_plan_that_apply_would_refuse() -> None:
    guard = Guarded("max_left_source", 2, 40, "40 of 50 left", "raise it")
    lines = render_plan(planned(users={"unchanged": 10}, guards=(guard,)))
    assert lines[-3:-1] == ["`migrate apply` would refuse: 40 of 50 left (max_left_source)", "  raise it"]
    assert planned(guards=(guard,)).to_json()["guards"] == [
        {"code": "max_left_source", "limit": 2, "found": 40, "message": "40 of 50 left", "remedy": "raise it"}
    ]


@pytest.mark.parametrize("code", ["timeout", "http_503", "http_408", "something_new", "gone", "left_source"])
def test_every_code_has_a_sentence_and_a_way_out(code: str) -> None:
    assert all(explain(code)) and set(Failure("s", code).to_json()) == {"source_id", "code", "message", "remedy"}


@pytest.mark.parametrize("code", ["disk_full", "outbox_not_writable", "outbox_damaged", "events_unreadable"])
def test_a_stop_of_ours_is_not_said_to_be_workoss(code: str) -> None:
    assert "refused" not in explain_stop(code)[0]
