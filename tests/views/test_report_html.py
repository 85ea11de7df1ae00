"""The report's page: whatever a value holds stays text, nothing is fetched, it can be read without eyes or a mouse."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from dataclasses import replace

import pytest

from engine.run.report_data import ConflictGroup, CoveredField, GoLine, Proof, ProviderProof, Report, Wave
from engine.views.report_html import render_html
from engine.views.report_words import LISTED
from tests.support.html_page import Page, number
from tests.support.report import SUB, WORKOS_ID, bare, report_of

LARGEST = 1_500_000
HOSTILE = (
    "\"><script>alert(1)</script><img src=x onerror=alert(2)>'</style></title></svg></text>"
    "{{ 7*7 }}{% raw %}&lt;b&gt;javascript:alert(3)\x00\x1b[31m\u202e\u2028\n`x`<!--"
)


def hostile() -> Report:
    """Every text that comes from a pool, a plan or a service is an attack."""
    whole = report_of()
    assert whole.coverage is not None
    return replace(
        whole,
        plan=HOSTILE,
        pool_label=HOSTILE,
        destination=HOSTILE,
        versions={HOSTILE: HOSTILE},
        lines=[GoLine(HOSTILE, "fail", HOSTILE, HOSTILE, HOSTILE, HOSTILE)],
        providers=[ProviderProof(HOSTILE, HOSTILE, "provider", 1, 0, [Proof(HOSTILE, "fail", HOSTILE, HOSTILE)])],
        coverage=replace(whole.coverage, fields=[CoveredField(HOSTILE, HOSTILE, 3, {HOSTILE: 2})]),
        conflicts=[ConflictGroup(HOSTILE, 1_893, HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)])],
        pool=replace(whole.pool, excluded={HOSTILE: 53_205}),
        waves=[Wave(HOSTILE, HOSTILE, 1, 1)],
        warnings=[HOSTILE],
    )


def test_hostile_values_stay_text() -> None:
    html = render_html(hostile(), values=True)
    page, plain = Page(html), Page(render_html(report_of(), values=True))
    # The page is made of the same elements; no value has added one, or an attribute.
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags}
    assert not {"script", "img", "iframe", "object", "link", "base", "form", "input"} & {tag for tag, _ in page.tags}
    assert {name for _, held in page.tags for name in held} == {name for _, held in plain.tags for name in held}
    assert page.open == []
    assert "alert(1)</script><img" in page.text  # shown, as it is
    assert "{{ 7*7 }}" in page.text
    # What could turn a line round or end one is made visible.
    assert not set(html) & {"\x00", "\x1b", "\u202e", "\u2028"}
    assert r"\x1b[31m\u202e" in html


def test_imports_go_on_as_before() -> None:
    render_html(report_of())
    assert [one for one in sys.meta_path if type(one).__module__.startswith("pygal")] == []


def test_nothing_leads_out_of_the_page() -> None:
    html = render_html(report_of(), values=True)
    page = Page(html)
    assert [held["href"] for tag, held in page.tags if "href" in held and not held["href"].startswith("#")] == []
    assert not {"src", "srcset", "action", "data", "style", "xmlns", "xlink:href"} & {
        name for _, held in page.tags for name in held
    }
    assert not re.search(r"https?://|@import|url\(|//[a-z]", html)
    assert all(held["href"][1:] in page.by_id for _, held in page.tags if "href" in held)


def test_the_policy_lets_in_the_style_sheet_alone() -> None:
    html = render_html(report_of())
    (style,) = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(held["content"] for tag, held in Page(html).tags if held.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    # A policy counts for what follows it.
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_it_can_be_read_without_eyes_or_a_mouse() -> None:
    html = render_html(report_of(), values=True)
    page = Page(html)
    assert page.tags[0] == ("html", {"lang": "en"})
    headings = [tag for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert (headings[0], set(headings[1:])) == ("h1", {"h2"})
    assert html.count("<caption>") == html.count("<table") == len(page.tables)
    assert all(held.get("scope") in ("col", "row") for tag, held in page.tags if tag == "th")
    charts = [held for tag, held in page.tags if tag == "svg"]
    assert len(charts) == 5
    for held in charts:
        assert held["role"] == "img"
        assert all(page.by_id[name] for name in held["aria-labelledby"].split())
    skip = next(held for tag, held in page.tags if held.get("class") == "skip")
    assert skip["href"] == "#main"
    # What scrolls can be reached by keyboard, and has a name.
    assert all(held["tabindex"] == "0" and held["aria-label"] for _, held in page.tags if held.get("class") == "scroll")
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_the_tables_hold_the_figures() -> None:
    page = Page(render_html(report_of()))
    pool = {row[0]: number(row[1]) for row in page.tables["table-pool"][1:]}
    assert pool.pop("in the pool") == sum(pool.values()) == 1_000_000
    conflicts = {row[0]: number(row[1]) for row in page.tables["table-conflicts"][1:]}
    assert conflicts == {"unverified_link": 1_500, "gone": 393, "in conflict": 1_893}
    assert page.tables["table-runs"][2][1:] == ["did not end", "–", "–", "–", "–"]
    assert page.tables["table-act"][1] == ["reset their password", "over 99", "914,887", "51,234", "–"]
    assert page.tables["table-act"][2][1:4] == ["not counted", "–", "–"]
    assert page.tables["table-fields"][2][4] == "1,200 not ASCII, 3 too long"
    assert page.tables["table-fields"][2][1] == "custom:company, else the default"
    # What fails stands first.
    assert [row[1] for row in page.tables["table-go"][1:]] == ["no-go", "ok"]
    assert page.by_id["figure-seen"] == "1,000,000"


def test_parts_that_nobody_knows_are_not_there() -> None:
    page = Page(render_html(bare()))
    assert list(page.tables) == ["table-pool"]
    assert "figure-acting" not in page.by_id
    assert "Look first" in page.text
    assert all(held["href"][1:] in page.by_id for _, held in page.tags if "href" in held)


@pytest.mark.parametrize("values", [False, True])
def test_people_are_named_only_on_request(values: bool) -> None:
    html = render_html(report_of(), values=values)
    assert (SUB in html, WORKOS_ID in html, "names people" in html) == (values, values, values)


def test_sentences_are_completed_and_commands_set_off() -> None:
    html = render_html(
        report_of(), sentence=lambda text: text.replace("`migrate status`", "`migrate status plan.yaml`")
    )
    assert "run <code>migrate status plan.yaml</code>" in html


def test_a_page_stays_small_whatever_a_plan_names() -> None:
    whole = report_of()
    assert whole.coverage is not None
    long = "x" * 5_000
    proofs = [Proof("redirect_uri", "fail", long, long)] * 8
    page = render_html(
        replace(
            whole,
            providers=[ProviderProof(f"{at}{long}", "SAML", "connection", 1, 0, proofs) for at in range(2_000)],
            lines=[GoLine(f"provider {at}", "fail", long, long) for at in range(2_000)],
            coverage=replace(whole.coverage, fields=[CoveredField(long, long, 3)] * 2_000),
            warnings=[long] * 2_000,
        )
    )
    assert len(page.encode()) <= LARGEST
    assert page.count(f"{2_000 - LISTED:,} more are not shown.") == 4
