"""A report as Markdown, for a pull request's comment or the summary of a CI step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from engine.run.report_data import CoveredField, GoLine, Report
from engine.views import report_words as words
from engine.views.markdown import LEFT, RIGHT, Wording, code, escaped, table, telling
from engine.views.sign_in import handled
from engine.views.text import duration, figure

# A comment holds 65,536 characters on GitHub.
_LISTED = 40
_VERDICTS = ("fail", "cannot-tell", "pass")


def render_markdown(report: Report, *, sentence: Wording = str, values: bool = False) -> str:
    """The text. `sentence` completes and masks each message; `values` shows who is in conflict."""
    told = telling(sentence)
    parts = chain(
        _head(report), go_table(report.lines, told), _pool(report, told), _act(report, told), _runs(report),
        _waves(report), _providers(report, told), _fields(report), _conflicts(report, told, values=values),
        _resets(report), _warnings(report, told), _foot(report, values=values),
    )  # fmt: skip
    return "\n".join(parts) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield f"# Migration report: {escaped(report.plan)}"
    yield ""
    yield f"**{words.HEADLINES[report.verdict]}**"
    yield ""
    yield f"{escaped(report.pool_label)} to {escaped(report.destination)}, {words.moment(report.generated_at)}"


def go_table(found: Sequence[GoLine], told: Wording) -> Iterator[str]:
    """Go or no-go line by line, what stands against it first."""
    if not found:
        return
    lines = sorted(found, key=lambda one: _VERDICTS.index(one.verdict))
    rows = [
        (escaped(words.line_name(one)), words.VERDICTS[one.verdict], told(one.message), told(one.remedy) or "–",
         escaped(", ".join(filter(None, (one.who, one.by_when)))) or "–")
        for one in lines[:_LISTED]
    ]  # fmt: skip
    heads = [(name, LEFT) for name in ("question", "verdict", "found", "to do", "who, by when")]
    yield from table(heads, rows, len(lines) - _LISTED)


def _pool(report: Report, told: Wording) -> Iterator[str]:
    yield ""
    yield "## The pool, every user once"
    rows = [
        (escaped(name), figure(number), words.share(number, report.pool.seen), told(meaning))
        for name, number, meaning in words.balance_rows(report.pool)
    ]
    rows.append(("**in the pool**", f"**{figure(report.pool.seen)}**", "", ""))
    yield from table([("part", LEFT), ("users", RIGHT), ("share", RIGHT), ("meaning", LEFT)], rows)


def _act(report: Report, told: Wording) -> Iterator[str]:
    found = report.duties
    if found is None:
        return
    of_100 = words.of_100(found.of_100(found.acting))
    yield ""
    yield "## Who must act"
    yield ""
    yield f"Of 100 users who move, **{of_100}** must do something."
    rows = [
        (words.DUTY_WORDS[one.kind], words.duty_people(report, one), _figure(one.people), _figure(one.done),
         told(one.hint) or "–")
        for one in found.duties
    ]  # fmt: skip
    heads = [("they must", LEFT), ("of 100", RIGHT), ("users", RIGHT), ("done already", RIGHT), ("note", LEFT)]
    yield from table(heads, rows)


def _runs(report: Report) -> Iterator[str]:
    found = report.history
    if found is None:
        return
    yield ""
    yield "## Progress"
    yield ""
    left = f"{figure(found.writes)} writes are left, at least {duration(found.seconds)} under the plan's quota."
    yield left if found.writes else "No writes are left."
    runs = found.runs[-_LISTED:]
    if runs:
        rows = [
            (words.moment(one.started), _figure(one.created), _figure(one.updated), _figure(one.adopted),
             _figure(one.left) if one.ended is not None else "did not end")
            for one in runs
        ]  # fmt: skip
        names = ("created", "updated", "adopted", "left")
        yield from table([("began", LEFT), *((name, RIGHT) for name in names)], rows)


def _waves(report: Report) -> Iterator[str]:
    if not report.waves:
        return
    yield ""
    yield "## Waves"
    rows = [
        (escaped(one.name), escaped(one.when), figure(one.people), figure(one.migrated))
        for one in report.waves[:_LISTED]
    ]
    heads = [("wave", LEFT), ("begins", LEFT), ("users", RIGHT), ("migrated", RIGHT)]
    yield from table(heads, rows, len(report.waves) - _LISTED)


def _providers(report: Report, told: Wording) -> Iterator[str]:
    if not report.providers:
        return
    yield ""
    yield "## Identity providers"
    rows = []
    for one in report.providers[:_LISTED]:
        wrong = [proof for proof in one.proofs if proof.verdict != "pass"][:3]
        proof = words.VERDICTS[one.verdict] if one.proofs else "not checked"
        found = "; ".join(f"{escaped(proof.check)}: {told(proof.message)}" for proof in wrong)
        rows.append((escaped(one.name), figure(one.users), handled(one.handling, one.stranded), proof, found or "–"))
    heads = [("provider", LEFT), ("users", RIGHT), ("in the plan", LEFT), ("proof", LEFT), ("found", LEFT)]
    yield from table(heads, rows, len(report.providers) - _LISTED)


def _fields(report: Report) -> Iterator[str]:
    found = report.coverage
    if found is None:
        return
    yield ""
    yield "## Fields"
    rows = [
        (escaped(one.target) if one.target is not None else "not mapped", code(one.source), figure(one.filled),
         words.share(one.filled, found.people),
         _faults(one))
        for one in found.fields[:_LISTED]
    ]  # fmt: skip
    heads = [("field", LEFT), ("from", LEFT), ("filled", RIGHT), ("share", RIGHT), ("invalid", LEFT)]
    yield from table(heads, rows, len(found.fields) - _LISTED)


def _conflicts(report: Report, told: Wording, *, values: bool) -> Iterator[str]:
    if not report.conflicts:
        return
    yield ""
    yield "## Conflicts"
    rows = []
    for one in report.conflicts[:_LISTED]:
        people = " ".join(code(f"{sub} → {held}" if held else sub) for sub, held in one.examples) if values else ""
        meaning = f"{told(one.message)} {people}".rstrip()
        rows.append((code(one.code), figure(one.users), meaning, told(one.remedy)))
    heads = [("code", LEFT), ("users", RIGHT), ("meaning", LEFT), ("to do", LEFT)]
    yield from table(heads, rows, len(report.conflicts) - _LISTED)


def _resets(report: Report) -> Iterator[str]:
    found = report.resets
    if found is None:
        return
    yield ""
    yield "## Password resets"
    yield ""
    mails = "".join(f"; e-mails {escaped(name)}: {figure(number)}" for name, number in sorted(found.mails.items()))
    yield f"{figure(found.needed)} needed a new password, {figure(found.returned)} have come back{mails}."
    if found.days:
        rows = [(one.day, figure(one.sent), _figure(one.set)) for one in words.recent_days(found.days)[-_LISTED:]]
        yield from table([("day", LEFT), ("sent", RIGHT), ("passwords set", RIGHT)], rows)


def _warnings(report: Report, told: Wording) -> Iterator[str]:
    if not report.warnings:
        return
    yield ""
    yield "## Warnings"
    yield ""
    yield from (f"- {told(one)}" for one in report.warnings[:_LISTED])


def _foot(report: Report, *, values: bool) -> Iterator[str]:
    made = ", ".join(f"{escaped(name)} {escaped(version)}" for name, version in report.versions.items())
    yield ""
    yield f"Digest `{report.digest}`; {made}. " + (
        "This names people: it was asked for with --values." if values else "Counts alone: nobody is named."
    )


def _faults(one: CoveredField) -> str:
    found = [f"{figure(number)} {escaped(words.fault(code))}" for code, number in sorted(one.invalid.items())]
    return ", ".join(found) or "–"


def _figure(number: int | None) -> str:
    return "–" if number is None else figure(number)
