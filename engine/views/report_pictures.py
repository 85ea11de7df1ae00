"""Which figures of a report are drawn, and how: a chart where people would rather look than read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from engine.run.report_data import Report
from engine.views import report_words as words
from engine.views.report_charts import Series, bars, columns
from engine.views.text import figure

# More bars than that are no picture any more; the table has them all.
_BARS = 20
_TONES = {"migrated": "good", "merged": "accent", "pending": "second", "conflicts": "bad"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with its title, and its series for a legend."""

    title: str
    drawn: Markup
    series: Sequence[Series]


def pool_chart(report: Report) -> Picture:
    """The parts of the pool, each in its colour."""
    rows = [(name.removeprefix("excluded: "), number, _TONES.get(name, "quiet"))
            for name, number, _ in words.balance_rows(report.pool)][:_BARS]  # fmt: skip
    tones = sorted({tone for _, _, tone in rows})
    series = [Series(tone, tone, [number if tone == own else None for _, number, own in rows]) for tone in tones]
    labels = [f"{name}: {figure(number)}" for name, number, _ in rows]
    title = f"The {figure(report.pool.seen)} users of the pool by part"
    return Picture(title, bars("pool-chart", title, "; ".join(labels), labels, series), series)


def duty_chart(report: Report) -> Picture | None:
    """Of 100 users, how many must do what."""
    if report.duties is None:
        return None
    counted = [one for one in report.duties.duties if one.people is not None]
    if not counted:
        return None
    labels = [f"{words.DUTY_SHORT[one.kind]}: {words.duty_people(report, one)}" for one in counted]
    acts = [report.duties.of_100(one.people or 0) for one in counted]
    # The others of the hundred make the bars comparable with a whole.
    series = [
        Series("must act", "accent", acts),
        Series("need not", "rest", [100 - one for one in acts]),
    ]
    title = "Of 100 users who move, how many must do what"
    return Picture(title, bars("act-chart", title, "; ".join(labels), labels, series), series)


def run_chart(report: Report) -> Picture | None:
    """What each run did and what it left."""
    if report.history is None or not report.history.runs:
        return None
    runs = report.history.runs
    # A run that did not end says nothing of itself: it is left empty.
    done = [None if one.left is None else sum((one.created or 0, one.updated or 0, one.adopted or 0)) for one in runs]
    left = [one.left for one in runs]
    series = [Series("done in the run", "good", done), Series("left after it", "second", left)]
    known = [number for number in left if number is not None]
    last = f"; {figure(known[-1])} users left after the last that ended" if known else ""
    title = "What each run did, and what was left after it"
    labels = [words.moment(one.started)[:10] for one in runs]
    return Picture(title, columns("run-chart", title, f"{len(runs)} runs, oldest first{last}", labels, series), series)


def field_chart(report: Report) -> Picture | None:
    """How many fill each mapped field."""
    if report.coverage is None or not report.coverage.people:
        return None
    whole = report.coverage.people
    rows = [one for one in report.coverage.fields if one.target is not None][:_BARS]
    if not rows:
        return None
    invalid = [sum(one.invalid.values()) for one in rows]
    series = [
        Series("filled", "good", [100 * one.filled / whole for one in rows]),
        Series("invalid", "bad", [100 * number / whole for number in invalid]),
        Series(
            "empty", "rest", [100 * (whole - one.filled - bad) / whole for one, bad in zip(rows, invalid, strict=True)]
        ),
    ]
    labels = [f"{one.target}: {words.share(one.filled, whole)}" for one in rows]
    title = "Users who have a value of their own, by field"
    return Picture(title, bars("field-chart", title, "; ".join(labels), labels, series), series)


def reset_chart(report: Report) -> Picture | None:
    """E-mails sent and passwords set, by day."""
    if report.resets is None or not report.resets.days:
        return None
    # The table has the older ones in one row, which would dwarf the days here.
    days = report.resets.days[-words.DAYS :]
    series = [Series("sent", "accent", [one.sent for one in days])]
    if any(one.set is not None for one in days):
        series.append(Series("passwords set", "good", [one.set for one in days]))
    title = "Password resets by day"
    description = f"The last {len(days)} days with any; {figure(sum(one.sent for one in days))} e-mails sent on them"
    labels = [one.day for one in days]
    return Picture(title, columns("reset-chart", title, description, labels, series, stacked=False), series)
