"""The report as Markdown: a value makes no markup, link, mention or column of its own."""

from __future__ import annotations

import re

import pytest

from engine.views.markdown import escaped
from engine.views.report_markdown import render_markdown
from tests.support.report import SUB, WORKOS_ID, bare, report_of
from tests.views.test_report_html import hostile


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading; a pipe after a backslash parts no cells."""
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("**b** ~~c~~ # d", r"\*\*b\*\* \~\~c\~\~ \# d"),
        ("_b_ max_changes", r"\_b\_ max_changes"),
        ("a\nb", r"a\\x0ab"),
        ("https://evil.example www.evil.example", r"https&#58;//evil.example www\.evil.example"),
        ("@team", "&#64;&#8288;team"),
        ("\\|", r"\\\|"),
    ],
)
def test_values_are_escaped(value: str, expected: str) -> None:
    assert escaped(value) == expected


def test_hostile_values_keep_the_tables_in_shape() -> None:
    text = render_markdown(hostile(), values=True)
    for heading, width in (
        ("The pool, every user once", 4), ("Waves", 4), ("Identity providers", 5), ("Fields", 5), ("Conflicts", 4),
    ):  # fmt: skip
        found = rows(text, heading)
        assert len(found) >= 3
        assert {len(row) for row in found} == {width}, heading
    # Outside of code spans, where HTML is text, no tag is left.
    prose = re.sub(r"(?<!\\)`[^`]*`", "", text)
    assert "<" not in prose
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_figures_add_up() -> None:
    found = {
        row[0]: int(row[1].replace(",", "").strip("*"))
        for row in rows(render_markdown(report_of()), "The pool, every user once")[2:]
    }
    assert found.pop("**in the pool**") == sum(found.values()) == 1_000_000


def test_every_part_is_there_and_a_comment_takes_it() -> None:
    text = render_markdown(report_of(), sentence=lambda one: one.replace("status`", "status plan.yaml`"))
    assert re.findall("^## (.*)$", text, re.MULTILINE) == [
        "The pool, every user once", "Who must act", "Progress", "Waves", "Identity providers", "Fields", "Conflicts",
        "Password resets", "Warnings",
    ]  # fmt: skip
    assert "run `migrate status plan.yaml`" in text
    assert text.startswith("# Migration report: acme-production\n\n**No-go")
    assert len(text) < 65_536
    assert (SUB in text, WORKOS_ID in text) == (False, False)
    named = render_markdown(report_of(), values=True)
    assert f"`{SUB} → {WORKOS_ID}`" in named


def test_parts_that_nobody_knows_are_not_there() -> None:
    assert re.findall("^## (.*)$", render_markdown(bare()), re.MULTILINE) == ["The pool, every user once"]
