"""The summary of a step: what is counted, and nothing that a name could make of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from engine.model.round_counts import RoundCounts
from engine.quota.metered import Requests
from engine.run.results import APPLIED, PLANNED, ApplyResult, Failure, Guarded, PlanResult, SourceCounts
from engine.run.verify_result import VerifyResult
from engine.views.step_summary import summarise_apply, summarise_plan, summarise_verify

SOURCE = SourceCounts(1234, 1000, {"status": 200, "disabled": 34})
HOSTILE = "<img src=x> | `x` [a](https://evil.example) @acme\n# head ::error::"

APPLY = ApplyResult(
    "acme", "run", False, SOURCE, Counter(dict.fromkeys(APPLIED, 0) | {"created": 990, "conflicts": 10}),
    (Failure("sub-1", "gone", "user_1"), Failure("sub-2", "duplicate"), Failure("sub-3", "gone")), 10,
    Requests(writes=990, reads=12), 65.0,
)  # fmt: skip
PLAN = PlanResult(
    "acme", True, SOURCE, Counter(dict.fromkeys(PLANNED, 0) | {"create": 990}), (), 0, Requests(), 990, 20.0, "d" * 64,
    1.0, guards=(Guarded("max_changes", 5, 990, "too many", "less"),),
)  # fmt: skip
VERIFY = VerifyResult(
    "acme", SOURCE, 1000, {"equal": 999, "different": 1, "missing": 0, "drift": 0}, 3, {}, (), 1, Requests(), 2.0,
    members={"memberships": {"equal": 5, "missing": 0, "different": 0, "drift": 0}},
)  # fmt: skip


def test_an_apply() -> None:
    text = summarise_apply(APPLY)
    assert text.startswith("\n### migrate apply: acme\n\n**not done**\n\n1,234 users read, 1,000 selected\n")
    for row in ("| created | 990 |", "| status | 200 |", "| gone | 2 |", "| duplicate | 1 |"):
        assert f"\n{row}\n" in text
    assert text.endswith("\n10 in all\n\n990 writes and 12 reads in 65 s\n")
    assert "sub-" not in text and "user_1" not in text and "rounds" not in text
    stopped = summarise_apply(
        replace(APPLY, stopped="max_failures", sandbox=True, rounds=RoundCounts(5, 2, verdict="go"))
    )
    assert "acme (sandbox)\n\n**stopped: max_failures**" in stopped.replace("\\_", "_")
    assert "| completed | 5 |\n| failed | 2 |\n\n`migrate ready` says **go**\n" in stopped


def test_a_plan() -> None:
    text = summarise_plan(PLAN)
    assert "### migrate plan: acme (sandbox)\n\n**990 writes**" in text
    assert "| create | 990 |" in text and "| max_changes | 990 |" in text
    assert text.endswith("\nabout 20 s under the plan's quota, digest `dddddddddddddddd`\n")


def test_a_verify() -> None:
    text = summarise_verify(VERIFY)
    assert "**differences**" in text and "| different | 1 |" in text and "| extra | 3 |" in text
    assert "| memberships | |" in text and text.endswith("\n1,000 compared in 2.0 s\n")
    assert "extra" not in summarise_verify(replace(VERIFY, extra=None))


@pytest.mark.parametrize("summarise", [
    lambda: summarise_apply(replace(APPLY, plan=HOSTILE)), lambda: summarise_plan(replace(PLAN, plan=HOSTILE)),
    lambda: summarise_verify(replace(VERIFY, plan=HOSTILE)),
])  # fmt: skip
def test_a_plans_name_is_text(summarise: object) -> None:
    text = summarise()  # type: ignore[operator]
    (heading,) = [line for line in text.splitlines() if line.startswith("#")]
    assert not any(one in heading.replace("\\|", "").replace("\\`", "").replace("\\[", "") for one in "<>`|[@")
    assert "://" not in heading
