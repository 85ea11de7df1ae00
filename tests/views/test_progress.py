from __future__ import annotations

import threading

import pytest

from engine.quota.forecast import PaceLimit
from engine.views.progress import Stage, Stages
from engine.views.stage_views import Bar, Lines
from tests.support.stepped_time import SteppedTime


class Shown:
    """Stages with lines that are kept, on a clock that the test sets."""

    def __init__(self, *, sparse: bool = False) -> None:
        self.said: list[str] = []
        self.time = SteppedTime()
        self.stages = Stages([Lines(self.said.append, sparse=sparse)], clock=self.time)


def test_a_line_every_tenth() -> None:
    shown = Shown()
    progress = shown.stages.begin("writing", 2000)
    for done in range(0, 2001, 50):
        shown.time.now = done / 100
        progress(done)
    progress(2500)
    shown.stages.end()
    assert len(shown.said) == 10
    assert shown.said[0] == "writing: 10 % (200 of 2,000, 100/s, 18 s left)"
    assert shown.said[-1] == "writing: 100 % (2,000 of 2,000, 100/s)"


def test_big_steps_skip_lines() -> None:
    shown = Shown()
    progress = shown.stages.begin("reading", 10)
    progress(5)
    progress(5)
    assert [line.split(" (")[0] for line in shown.said] == ["reading: 50 %"]


def test_a_sign_of_life_every_half_minute_whatever_happens() -> None:
    """A service that asks for a pause gives no answer to count: the line comes all the same."""
    shown = Shown()
    progress = shown.stages.begin("writing", 100_000, limits=[PaceLimit(450, 10.0)])
    progress(450)
    for second in range(1, 96):
        shown.time.now = float(second)
        shown.stages.beat()
    assert shown.said == [
        "writing: 0 % (450 of 100,000, 15/s, 111 min left)",
        "writing: 0 % (450 of 100,000, 0/s, 3 h 41 min left)",
        "writing: 0 % (450 of 100,000, 0/s, 5 h 32 min left)",
    ]


def test_the_time_left_is_the_quotas_not_the_first_bursts() -> None:
    shown = Shown()
    progress = shown.stages.begin("writing", 1000, limits=[PaceLimit(100, 10.0)])
    shown.time.now = 0.1
    progress(100)
    assert shown.said == ["writing: 10 % (100 of 1,000, 1,000/s, 90 s left)"]


def test_without_a_total_a_line_every_half_minute_and_the_total_at_the_end() -> None:
    shown = Shown()
    progress = shown.stages.begin("listing")
    for second in range(70):
        shown.time.now = float(second)
        progress(second * 10)
    shown.stages.end()
    assert shown.said == ["listing: 300, 10/s", "listing: 600, 10/s", "listing: 100 % (690 in 69 s, 10/s)"]


def test_an_estimate_that_was_too_high_ends_with_what_there_was() -> None:
    shown = Shown()
    progress = shown.stages.begin("reading", 1000, estimated=True)
    shown.time.now = 9.0
    progress(900)
    shown.stages.end()
    assert shown.said == ["reading: 90 % (900 of 1,000, 100/s, 1.0 s left)", "reading: 100 % (900 in 9.0 s, 100/s)"]


def test_a_short_stage_without_a_total_is_not_worth_a_line() -> None:
    shown = Shown()
    shown.stages.begin("planning")(500)
    shown.time.now = 0.5
    shown.stages.end()
    assert shown.said == []


def test_sparse_lines_come_only_with_time() -> None:
    shown = Shown(sparse=True)
    progress = shown.stages.begin("writing", 10)
    progress(9)
    assert shown.said == []
    shown.time.now = 31.0
    progress(9)
    shown.stages.end()
    assert [line[:13] for line in shown.said] == ["writing: 90 %"]


def test_a_stage_that_fails_or_did_nothing_ends_silently() -> None:
    shown = Shown()
    with pytest.raises(ValueError, match="x"), shown.stages as stages:
        progress = stages.begin("reading")
        shown.time.now = 5.0
        progress(5)
        raise ValueError("x")
    shown.stages.begin("reading")
    shown.stages.end()
    assert shown.said == []


class Noted:
    """A view that writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.beaten = threading.Event()

    def begin(self, stage: Stage) -> None:
        self.events.append(f"begin {stage.label} of {stage.total}")

    def show(self, stage: Stage, now: float) -> None:
        self.events.append(f"{stage.label}: {stage.done}")

    def beat(self, stage: Stage, now: float) -> None:
        self.beaten.set()

    def end(self, stage: Stage, now: float, whole: bool) -> None:
        self.events.append(f"end {stage.label}{'' if whole else ' early'}")


def test_stages_follow_each_other() -> None:
    view = Noted()
    with Stages([view]) as stages:
        reading, planning = stages.lazily("reading", 10), stages.lazily("planning")
        assert view.events == []
        reading(1)
        reading(2)
        planning(0)
        reading(1)
        stages.begin("writing", 0)(7)
        reading(3)
    stages.end()
    assert view.events == [
        "begin reading of 10", "reading: 1", "reading: 2", "end reading",
        "begin planning of None", "planning: 0", "end planning",
        "begin reading of 10", "reading: 1", "end reading",
        "begin writing of None", "writing: 7", "end writing",
        "begin reading of 10", "reading: 3", "end reading",
    ]  # fmt: skip


def test_who_holds_an_ended_stage_changes_nothing() -> None:
    view = Noted()
    stages = Stages([view])
    first = stages.begin("one")
    stages.begin("two")
    first(5)
    assert view.events == ["begin one of None", "end one", "begin two of None"]


def test_the_sign_of_life_comes_from_a_thread_of_its_own_and_ends_with_the_stages() -> None:
    """The thread beats whenever its pause is over; here that is at once, until it is told of the end."""
    view = Noted()
    before = threading.active_count()
    with Stages([view], pause=lambda over, _: over.is_set()) as stages:
        stages.begin("reading")
        assert view.beaten.wait(10)
    assert threading.active_count() == before
    assert view.events == ["begin reading of None", "end reading"]


@pytest.mark.parametrize(
    ("total", "estimated", "shown"), [(None, False, "100% 3/3"), (10, True, "100% 3/3"), (10, False, "30% 3/10")]
)
def test_a_bar_that_ends_knows_its_total(
    total: int | None, estimated: bool, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    time = SteppedTime()
    stages = Stages([Bar()], clock=time)
    progress = stages.begin("reading", total, limits=[PaceLimit(1, 10.0)], estimated=estimated)
    time.now = 2.0
    progress(3)
    stages.beat()
    stages.end()
    assert shown in " ".join(capsys.readouterr().err.split())


def test_a_bar_of_nothing_is_gone_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Stages([Bar()]) as stages:
        stages.begin("settling")
    assert capsys.readouterr().err.strip() == ""


def test_a_bar_that_was_cut_off_claims_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="x"), Stages([Bar()]) as stages:
        stages.begin("reading", 10, estimated=True)(3)
        raise ValueError("x")
    assert "3/10" in capsys.readouterr().err
