"""Which wave a record is in: the same on every machine, more for a higher percentage, the first cohort that fits."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.plan_file.model import AttributeFilter, Cohort, Filters, Sample
from engine.resources.users.waves import WavePlace, Waves, due_cohorts, due_names, in_sample
from tests.support.people import cognito_user

SUBS = [f"{at:08x}-0000-4000-8000-000000000000" for at in range(2000)]
# Percentages worked out by `printf 7:sub-1 | sha256sum` and bc: the first 16 digits as a part of 2^64.
BY_HAND = {(7, "sub-1"): 6.215675, (7, "sub-2"): 41.607409, (0, "sub-1"): 71.605886}


def test_half_is_half_and_another_seed_is_another_half() -> None:
    half = {sub for sub in SUBS if in_sample(Sample(50, 7), sub)}
    other = {sub for sub in SUBS if in_sample(Sample(50, 8), sub)}
    assert 900 < len(half) < 1100 and 900 < len(other) < 1100
    assert 400 < len(half & other) < 600


@given(st.text(min_size=1), st.integers(), st.floats(0, 100, exclude_min=True), st.floats(0, 100, exclude_min=True))
def test_who_is_in_stays_in(sub: str, seed: int, one: float, two: float) -> None:
    smaller, larger = sorted((one, two))
    assert in_sample(Sample(larger, seed), sub) or not in_sample(Sample(smaller, seed), sub)
    assert in_sample(Sample(100, seed), sub)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_processes_and_time_zones_agree(hash_seed: str) -> None:
    code = (
        "from engine.plan_file.model import Sample\nfrom engine.resources.users.waves import in_sample\n"
        "print(','.join(str(at) for at in range(200) if in_sample(Sample(12.5, 7), f'sub-{at}')))"
    )
    zone = {"0": "Pacific/Kiritimati", "4711": "America/Los_Angeles"}[hash_seed]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    # Written down once: another number here would move people in and out of everybody's samples.
    assert ran.stdout.strip() == IN_SAMPLE


IN_SAMPLE = "1,5,10,15,23,24,32,34,47,59,79,97,112,116,125,128,134,138,141,143,156,158,174,188,198"


@pytest.mark.parametrize(("of", "percent"), BY_HAND.items())
def test_by_hand(of: tuple[int, str], percent: float) -> None:
    seed, sub = of
    assert in_sample(Sample(percent + 0.001, seed), sub) and not in_sample(Sample(percent - 0.001, seed), sub)


def test_the_first_cohort_that_fits() -> None:
    pro = AttributeFilter("custom:plan", any_of=("pro",))
    cohorts = (
        Cohort("pilot", date(2026, 12, 1), ("beta", "staff")),
        Cohort("pro", date(2026, 11, 1), (), (pro,)),
        Cohort("pro staff", date(2026, 10, 1), ("staff",), (pro,)),
    )
    waves = Waves(Filters(cohorts=cohorts))
    places = [
        waves.place(cognito_user("u", groups=groups, custom__plan=plan)).cohort
        for groups, plan in ((("beta",), "pro"), ((), "pro"), (("x",), "free"), (None, ""), (("staff", "x"), ""))
    ]
    assert places == [0, 1, None, None, 0]
    assert due_cohorts(cohorts, date(2026, 10, 31)) == [2]
    assert due_names(cohorts, date(2026, 12, 1)) == ["pilot", "pro", "pro staff"]


def test_without_waves_everybody_is_in() -> None:
    assert Waves(Filters()).place(cognito_user("u")) == WavePlace()
