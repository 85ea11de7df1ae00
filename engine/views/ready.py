"""Go or no-go for people: one line a question, below it what is to be done, by whom and when."""

from __future__ import annotations

from engine.run.readiness import Readiness
from engine.views.report_words import VERDICTS, line_name
from engine.views.text import printable


def render_ready(found: Readiness) -> list[str]:
    """The lines, and the verdict."""
    lines: list[str] = []
    width = max(len(line_name(one)) for one in found.lines)
    for one in found.lines:
        name = line_name(one)
        lines.append(printable(f"{VERDICTS[one.verdict]:<5}  {name:<{width}}  {one.message}"))
        due = ", ".join(filter(None, (one.who, one.by_when)))
        if one.verdict == "pass":
            # Nothing stands against it; what is to be done nevertheless is said.
            told = ": ".join(filter(None, (due, one.remedy)))
        else:
            told = one.remedy + (f" ({due})" if due else "")
        if told:
            lines.append(printable(f"{'':<5}  {'':<{width}}  → {told}"))
    where = " on the sandbox" if found.sandbox else ""
    return [*lines, "", f"{'go' if found.go else 'no-go'}{where}: {tally(found)}"]


def tally(found: Readiness) -> str:
    """How many lines say what."""
    counts = found.counts
    return f"{counts['ok']} ok, {counts['no-go']} no-go, {counts['look']} to look at by hand"
