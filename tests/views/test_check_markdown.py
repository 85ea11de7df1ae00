"""What verify leaves on a step's summary: counts, and nothing that a name could make of it."""

from __future__ import annotations

from dataclasses import replace

from engine.quota.metered import Requests
from engine.run.results import SourceCounts
from engine.run.verify_result import VerifyResult
from engine.views.check_markdown import render_verify_markdown
from tests.views.test_report_html import HOSTILE

VERIFY = VerifyResult(
    "acme", SourceCounts(1234, 1200, {"status": 34}), 1000, {"equal": 999, "different": 1, "missing": 0, "drift": 0}, 3,
    {}, (), 1, Requests(), 2.0, members={"memberships": {"equal": 5, "missing": 0, "different": 0, "drift": 2}},
)  # fmt: skip


def test_a_verify() -> None:
    assert render_verify_markdown(VERIFY).splitlines() == [
        "### acme: not as in Cognito",
        "",
        "|  | equal | different | missing | drift | extra |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| users | 999 | 1 | · | · | 3 |",
        "| memberships | 5 | · | · | 2 | · |",
        "",
        "1,000 of 1,200 selected users compared in 2.0 s.",
    ]
    rest = render_verify_markdown(replace(VERIFY, extra=None, sandbox=True, users=VERIFY.users | {"different": 0}))
    assert rest.startswith("### acme (sandbox): verified\n") and "extra" not in rest


def test_a_plans_name_is_text() -> None:
    text = render_verify_markdown(replace(VERIFY, plan=HOSTILE))
    assert "<script" not in text and "<img" not in text and "://" not in text.replace("&#58;//", "")
    assert [line for line in text.splitlines() if line.startswith("#")] == text.splitlines()[:1]
