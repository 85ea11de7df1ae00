"""Text that is safe and legible on a terminal: control characters made visible, figures, durations, plain tables."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

# Other (control, format, surrogate, private use) and line separators: terminal escapes, right-to-left marks, newlines.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""The text with every character that could move a cursor or turn a line around as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def json_safe(text: str) -> str:
    """JSON text that no terminal obeys; a program reads the same values as ever."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def figure(number: int) -> str:
    """1234567 as 1,234,567."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """1 write, 2 writes."""
    return f"{figure(number)} {noun}" if number == 1 else f"{figure(number)} {noun}s"


def sent(writes: int, reads: int) -> str:
    """Requests that a run has sent."""
    return f"{counted(writes, 'write')}, {counted(reads, 'read')}"


def duration(seconds: float, *, fine: bool = False) -> str:
    """Seconds as people say them: 0.4 s, 42 s, 6 min, 5 h 33 min; `fine`: 34 ms."""
    if fine and seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def table(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), indent: str = "  ") -> list[str]:
    """Rows in aligned columns; `right` names the columns that stand to the right. The last column is not padded."""
    if not rows:
        return []
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(_width(row[at]) for row in shown) for at in range(len(shown[0]))]
    lines = []
    for row in shown:
        cells = [
            " " * (width - _width(cell)) + cell if at in right else cell + " " * (width - _width(cell))
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append((indent + "  ".join(cells)).rstrip())
    return lines


def long_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, measured: int = 1000) -> Iterator[str]:
    """A list of any length in columns under a head, line by line; the first rows say how wide a column is.

    An empty list has no lines.
    """
    rest = iter(rows)
    first = [[printable(cell) for cell in row] for row in (head, *islice(rest, measured))]
    if len(first) == 1:
        return
    widths = [max(_width(row[at]) for row in first) for at in range(len(head))]
    for row in chain(first, ([printable(cell) for cell in row] for row in rest)):
        cells = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def _shown(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char) for char in text)
