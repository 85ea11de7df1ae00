"""Takes JSON values out of a text of any length, one after another, holding little of it. Knows no export.

The values are decoded by the standard library's C scanner, which says where a value ends; that makes it as fast as
reading the file at once, and gives each fault its line, which streaming parsers do not. JSON Lines go quicker still.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, BinaryIO

import orjson

_CHUNK = 1 << 20
_SHORT = 16_384  # characters: beyond that a line is not looked through for its end
_LONGEST_VALUE = 8 << 20  # characters; a Cognito user with every attribute at its limit has a fiftieth of that

_SPACE = re.compile(r"[ \t\r\n]*").match
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),  # what `>` writes in Windows PowerShell
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class BadJson(Exception):
    """The text is not JSON at this line and column (from 1); `cut_off` where it ends too early."""

    def __init__(self, line: int, column: int, *, cut_off: bool = False) -> None:
        self.line = line
        self.column = column
        self.cut_off = cut_off
        super().__init__(f"not JSON at {line}:{column}")


class JsonValues:
    """A place in a JSON text and the values from there on. Raises BadJson, and OSError of the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._ended = False
        self._lines_before = 0  # line feeds in the text that was dropped
        self._column_before = 0  # characters after the last of them
        self._decode = json.JSONDecoder(parse_constant=_refuse).raw_decode
        first = file.read(_CHUNK)
        mark, encoding = next(
            ((mark, name) for mark, name in _BYTE_ORDER_MARKS if first.startswith(mark)), (b"", "utf-8")
        )
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._add(first[len(mark) :])

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            if self._at < len(self._text) and (found := self._text[self._at]) not in " \t\r\n":
                return found
            self._at = _SPACE(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing as well
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_on():
                return ""

    def skip(self, character: str) -> None:
        """Go past the next character, which must be this one."""
        found = self.peek()
        if found != character:
            raise self._bad(self._at, cut_off=not found)
        self._at += 1

    def take(self) -> Any:
        """The next whole value."""
        if self.peek() == "{" and (found := self._take_line()) is not None:
            return found
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                place = error.pos if isinstance(error, json.JSONDecodeError) else self._at
                short = len(self._text) - self._at <= _LONGEST_VALUE
                if short and self._read_on():
                    continue
                # An unclosed string is reported at its beginning; only at the end of the file is it cut off.
                raise self._bad(place, cut_off=short and self._ends_inside(place)) from None
            # A number at the very end may go on in the next chunk.
            if end == len(self._text) and self._read_on():
                continue
            self._at = end
            return value

    def _take_line(self) -> dict[str, Any] | None:
        """The object that fills the rest of a short line, as in JSON Lines, parsed the quickest way; else None."""
        end = self._text.find("\n", self._at, self._at + _SHORT)
        if end < 0 or self._text[end - 1] != "}":
            return None
        try:
            value: dict[str, Any] = orjson.loads(self._text[self._at : end])
        except orjson.JSONDecodeError:
            # Several values, or one that only the standard library reads; it also says what is wrong and where.
            return None
        self._at = end
        return value

    def starts_with(self, pattern: re.Pattern[str], need: int) -> re.Match[str] | None:
        """Match `pattern` at this place without moving, with at least `need` characters in sight."""
        self.peek()
        while len(self._text) - self._at < need and self._read_on():
            pass
        return pattern.match(self._text, self._at)

    @property
    def line(self) -> int:
        """The line of this place, from 1."""
        return self._lines_before + self._text.count("\n", 0, self._at) + 1

    def unexpected(self) -> BadJson:
        """The error for whatever stands here."""
        return self._bad(self._at, cut_off=not self.peek())

    def _ends_inside(self, place: int) -> bool:
        rest = self._text[place:]
        return not rest.strip() or (rest.startswith('"') and "\n" not in rest.strip())

    def _bad(self, place: int, *, cut_off: bool = False) -> BadJson:
        before = self._text.rfind("\n", 0, place)
        column = place - before if before >= 0 else self._column_before + place + 1
        return BadJson(self._lines_before + self._text.count("\n", 0, place) + 1, column, cut_off=cut_off)

    def _read_on(self) -> bool:
        if self._ended:
            return False
        self._add(self._file.read(_CHUNK))
        return True

    def _add(self, chunk: bytes) -> None:
        self._ended = not chunk
        done, self._text = self._text[: self._at], self._text[self._at :]
        if feeds := done.count("\n"):
            self._lines_before += feeds
            self._column_before = len(done) - done.rfind("\n") - 1
        else:
            self._column_before += len(done)
        self._at = 0
        try:
            self._text += self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError:
            raise self._bad(len(self._text), cut_off=self._ended) from None


def _refuse(_name: str) -> None:
    raise ValueError
