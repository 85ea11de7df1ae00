from __future__ import annotations

import pytest

from engine.views.text import duration, figure, printable, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Jürgen 日本", "Jürgen 日本"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\u202eevil", "\\u202eevil"),
        ("\u200fmark\u2066", "\\u200fmark\\u2066"),
        ("\u2028line", "\\u2028line"),
        ("\x9bcsi", "\\x9bcsi"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("", ""),
    ],
)
def test_nothing_moves_the_cursor_or_turns_the_line(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (0.44, "0.4 s"), (42.2, "42 s"), (119, "119 s"), (360, "6 min"), (20000, "5 h 33 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_figures() -> None:
    assert [figure(number) for number in (0, 999, 1000, 1234567)] == ["0", "999", "1,000", "1,234,567"]


def test_tables() -> None:
    rows = [("a", "1", "x"), ("long", "1,000", ""), ("日本", "22", "wide"), ("e\u0301", "3", "combining")]
    assert table(rows, right=frozenset({1})) == [
        "  a         1  x",
        "  long  1,000",
        "  日本     22  wide",
        "  e\u0301         3  combining",
    ]
    assert table([]) == [] and table([("\x1b", "b")], indent="") == ["\\x1b  b"]
