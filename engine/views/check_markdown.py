"""What `verify` and `ready` found as Markdown, for the summary of a CI step: nobody is named."""

from __future__ import annotations

from engine.run.readiness import Readiness
from engine.run.verify_result import VerifyResult
from engine.views.markdown import Wording, counts_table, page, run_name, telling
from engine.views.ready import tally
from engine.views.report_markdown import go_table
from engine.views.text import duration, figure

_VERDICTS = ("equal", "different", "missing", "drift")


def render_verify_markdown(result: VerifyResult) -> str:
    """How pool and WorkOS compare."""
    extra = {} if result.extra is None else {"extra": result.extra}
    return page(
        f"{run_name(result.plan, sandbox=result.sandbox)}: {'verified' if result.ok else 'not as in Cognito'}",
        counts_table((*_VERDICTS, *extra), [("users", {**result.users, **extra}), *result.members.items()]),
        ["", f"{figure(result.checked)} of {figure(result.source.selected)} selected users compared in "
             f"{duration(result.duration_s)}."],
    )  # fmt: skip


def render_ready_markdown(found: Readiness, sentence: Wording = str) -> str:
    """Go or no-go, and what stands against it. `sentence` completes and masks each message."""
    name = run_name(found.result.plan, sandbox=found.sandbox)
    return page(
        f"{name}: {'go' if found.go else 'no-go'} for the cut-over",
        ["", f"{tally(found)}."],
        go_table(found.lines, telling(sentence)),
    )
