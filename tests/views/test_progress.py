from __future__ import annotations

import pytest

from engine.views.progress import Bar, Lines, Silent, Stages


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_line_every_tenth() -> None:
    said: list[str] = []
    time = Time()
    with Lines("writing", 2000, said.append, time) as view:
        for done in range(0, 2001, 50):
            time.now = done / 100
            view(done)
        view(2500)
    assert len(said) == 10
    assert said[0] == "writing: 10 % (200 of 2,000, 100/s, 18 s left)"
    assert said[-1] == "writing: 100 % (2,000 of 2,000, 100/s)"


def test_big_steps_skip_lines() -> None:
    said: list[str] = []
    view = Lines("reading", 10, said.append, Time())
    view(5)
    view(5)
    assert [line.split(" (")[0] for line in said] == ["reading: 50 %"]


def test_without_a_total_a_line_every_half_minute() -> None:
    said: list[str] = []
    time = Time()
    with Lines("reading", None, said.append, time) as view:
        for second in range(70):
            time.now = float(second)
            view(second * 10)
    assert said == ["reading: 300, 10/s", "reading: 600, 10/s", "reading: 690, 10/s"]


def test_a_stage_that_fails_or_did_nothing_ends_silently() -> None:
    said: list[str] = []
    with pytest.raises(ValueError, match="x"), Lines("reading", None, said.append, Time()) as view:
        view(5)
        raise ValueError("x")
    with Lines("reading", None, said.append, Time()):
        pass
    assert said == []


def test_stages_follow_each_other() -> None:
    events: list[str] = []

    class View(Silent):
        def __init__(self, label: str, total: int | None) -> None:
            self.label = f"{label} of {total}"

        def __call__(self, done: int) -> None:
            events.append(f"{self.label}: {done}")

        def __enter__(self) -> View:
            events.append(f"begin {self.label}")
            return self

        def __exit__(self, *_: object) -> None:
            events.append(f"end {self.label}")

    with Stages(View) as stages:
        reading = stages.lazily("reading", 10)
        never = stages.lazily("listing")
        assert events == [] and never is not reading
        reading(1)
        reading(2)
        stages.begin("writing", 0)(7)
    stages.end()
    assert events == [
        "begin reading of 10", "reading of 10: 1", "reading of 10: 2", "end reading of 10",
        "begin writing of None", "writing of None: 7", "end writing of None",
    ]  # fmt: skip


@pytest.mark.parametrize("total", [None, 10])
def test_a_bar_runs(total: int | None) -> None:
    with Bar("reading", total) as view:
        view(3)
    with Silent() as silent:
        silent(3)
