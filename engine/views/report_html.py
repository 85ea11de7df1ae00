"""A report as one HTML page: no script, no request to anywhere, readable in the dark, by keyboard and on paper.

The page forbids itself, by its Content-Security-Policy, everything but its own style sheet, which it names by hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape
from markupsafe import Markup

from engine.model.moments import iso_moment
from engine.run.report_data import Proof, ProviderProof, Report
from engine.views import report_words as words
from engine.views.report_pictures import duty_chart, field_chart, pool_chart, reset_chart, run_chart
from engine.views.sign_in import handled
from engine.views.text import duration, figure, printable

_COMMAND = re.compile(r"`([^`]+)`")
_PROOFS = 4
_VERDICTS = ("fail", "cannot-tell", "pass")


@dataclass(frozen=True, slots=True)
class _Rows:
    """The first rows of a table, and a word on the others."""

    shown: Sequence[Any]
    more: Markup


def render_html(report: Report, *, sentence: Callable[[str], str] = str, values: bool = False) -> str:
    """The page. `sentence` completes and masks each message; `values` shows who is in conflict."""
    package = files("engine.views")
    style = package.joinpath("report.css").read_text("utf-8")
    environment = _environment(sentence)
    template = environment.from_string(package.joinpath("report.html.jinja").read_text("utf-8"))
    return template.render(
        report=report,
        values=values,
        style=Markup(style),  # noqa: S704 - our own file
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        headline=words.HEADLINES[report.verdict],
        sections=_sections(report),
        lines=_rows(sorted(report.lines, key=lambda one: _VERDICTS.index(one.verdict))),
        balance=words.balance_rows(report.pool),
        providers=_rows(report.providers) if report.providers else None,
        fields=_rows(report.coverage.fields) if report.coverage else None,
        conflicts=_rows(report.conflicts),
        waves=_rows(report.waves),
        warnings=_rows(report.warnings),
        days=words.recent_days(report.resets.days) if report.resets else (),
        pool_chart=pool_chart(report),
        duty_chart=duty_chart(report),
        run_chart=run_chart(report),
        field_chart=field_chart(report),
        reset_chart=reset_chart(report),
    )


def _environment(sentence: Callable[[str], str]) -> Environment:
    environment = Environment(
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
        # Controls and marks that turn text around are made visible, wherever a value comes from.
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters |= {
        "n": lambda number: "–" if number is None else figure(number),
        "share": words.share,
        "of_100": words.of_100,
        "moment": words.moment,
        "iso": iso_moment,
        "clip": words.clipped,
        "lasts": duration,
        "telling": _telling,
        "spoken": lambda text: list(_spoken(words.clipped(sentence(text), words.SENTENCE))),
    }
    environment.globals |= {
        "verdicts": words.VERDICTS,
        "line_name": words.line_name,
        "duty_words": words.DUTY_WORDS,
        "duty_people": words.duty_people,
        "fault": words.fault,
        "handled": _handled,
    }
    return environment


def _spoken(text: str) -> Iterator[tuple[bool, str]]:
    """Pieces of a sentence, and whether each is a command."""
    for at, piece in enumerate(_COMMAND.split(text)):
        if piece:
            yield bool(at % 2), piece


def _telling(one: ProviderProof) -> list[Proof]:
    """The checks of a provider that say most: a pool may have hundreds of providers."""
    return sorted(one.proofs, key=lambda proof: _VERDICTS.index(proof.verdict))[:_PROOFS]


def _handled(one: ProviderProof) -> str:
    return handled(one.handling, one.stranded)


def _rows(rows: Sequence[Any]) -> _Rows:
    hidden = len(rows) - words.LISTED
    more = Markup("<p>{} more are not shown.</p>").format(figure(hidden)) if hidden > 0 else Markup("")
    return _Rows(rows[: words.LISTED], more)


def _sections(report: Report) -> list[tuple[str, str]]:
    there = {
        ("go", "Go or no-go"): True,
        ("pool", "The pool"): True,
        ("act", "Who must act"): report.duties,
        ("runs", "Progress"): report.history,
        ("waves", "Waves"): report.waves,
        ("providers", "Identity providers"): report.providers,
        ("fields", "Fields"): report.coverage,
        ("conflicts", "Conflicts"): report.conflicts,
        ("resets", "Password resets"): report.resets,
        ("warnings", "Warnings"): report.warnings,
    }
    return [section for section, part in there.items() if part]
