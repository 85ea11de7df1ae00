"""A report with wrong sums cannot be made; verdicts and shares never say more than is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.run.report_data import (
    ConflictGroup,
    Coverage,
    CoveredField,
    Duties,
    Duty,
    GoLine,
    PoolBalance,
    Proof,
    ProviderProof,
    ReportMismatch,
    ResetDay,
    ResetHistory,
    Verdict,
)
from engine.views.report_words import DAYS, balance_rows, of_100, recent_days, share
from tests.support.report import POOL, bare, report_of

COUNT = st.integers(0, 10**7)


@given(COUNT, st.dictionaries(st.text(max_size=5), COUNT, max_size=5), COUNT, COUNT, COUNT)
def test_the_parts_that_are_shown_add_up(
    migrated: int, excluded: dict[str, int], merged: int, pending: int, conflicts: int
) -> None:
    seen = migrated + sum(excluded.values()) + merged + pending + conflicts
    pool = PoolBalance(seen, migrated, excluded, merged, pending, conflicts)
    assert sum(number for _, number, _ in balance_rows(pool)) == seen
    for wrong in (seen + 1, seen - 1):
        with pytest.raises(ReportMismatch, match="does not add up"):
            PoolBalance(wrong, migrated, excluded, merged, pending, conflicts)


@pytest.mark.parametrize("changed", [{"migrated": -1, "pending": 912_996}, {"outdated": 612_035}, {"outdated": -1}])
def test_no_part_is_less_than_nothing_or_more_than_the_whole(changed: dict[str, int]) -> None:
    with pytest.raises(ReportMismatch):
        replace(POOL, **changed)


@pytest.mark.parametrize(
    ("people", "acting", "counts"), [(10, 11, [11]), (10, 2, [3]), (10, 5, [2, 2]), (10, 1, []), (10, 0, [1])]
)
def test_duties_that_contradict_each_other_are_refused(people: int, acting: int, counts: list[int]) -> None:
    with pytest.raises(ReportMismatch):
        Duties(people, acting, [Duty("reset_password", number) for number in counts])


def test_parts_have_to_agree_with_the_pool() -> None:
    with pytest.raises(ReportMismatch, match="in conflict, by code 1"):
        report_of(conflicts=[ConflictGroup("gone", 1, "", "")])
    with pytest.raises(ReportMismatch, match="were asked about"):
        report_of(duties=Duties(1, 0, []))
    with pytest.raises(ReportMismatch, match="filled by more"):
        Coverage(5, [CoveredField("email", "email", 4, {"not_ascii": 2})])
    with pytest.raises(ReportMismatch, match="returned"):
        ResetHistory(1, 2, {})


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "cannot-tell"),
        (["pass"], "pass"),
        (["pass", "cannot-tell"], "cannot-tell"),
        (["cannot-tell", "fail", "pass"], "fail"),
    ],
)
def test_go_is_said_only_where_every_line_passes(verdicts: list[Verdict], expected: str) -> None:
    assert replace(bare(), lines=[GoLine("x", one, "y") for one in verdicts]).verdict == expected
    assert ProviderProof("x", None, "provider", 1, 0, [Proof("c", one, "m") for one in verdicts]).verdict == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (0, 0, "–"),
        (0, 10, "0.0 %"),
        (1, 1_000_000, "under 0.1 %"),
        (999_999, 1_000_000, "over 99.9 %"),
        (10, 10, "100.0 %"),
        (1, 3, "33.3 %"),
    ],
)
def test_nobody_is_rounded_away(part: int, whole: int, expected: str) -> None:
    assert share(part, whole) == expected


def test_one_of_a_million_is_not_nobody_of_a_hundred() -> None:
    assert [of_100(one) for one in (0.0, 0.0001, 1.0, 49.5, 99.9999, 100.0)] == [
        "0", "under 1", "1", "50", "over 99", "100",
    ]  # fmt: skip


def test_days_beyond_the_last_ones_are_summed_up() -> None:
    days = [ResetDay(f"day {at}", at, at % 3 if at % 2 else None) for at in range(1, 500)]
    shown = recent_days(days)
    assert (len(shown), shown[0].day, shown[-1].day) == (DAYS, "earlier", "day 499")
    assert sum(one.sent for one in shown) == sum(one.sent for one in days)
    assert sum(one.set or 0 for one in shown) == sum(one.set or 0 for one in days)
    assert recent_days(days[:DAYS]) == days[:DAYS]
