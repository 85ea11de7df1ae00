"""Regular expressions out of a plan file, matched in time that grows with the text and never explodes.

RE2 (google-re2) instead of Python's `re`: one pattern with nested repetition could keep a run, and its signals, busy
for ever. RE2 has no look-around and no back-references; such a pattern is refused, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import re2  # type: ignore[import-untyped]  # it ships no types

_MEMORY = 8 << 20


class Pattern(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object:
        """A true value where the expression is found somewhere in the text."""
        ...

    def fullmatch(self, text: str) -> object:
        """A true value where the whole text matches."""
        ...


class InvalidPattern(ValueError):
    """RE2 does not take the expression; the text says why, without the expression."""


def compile_pattern(text: str, *, any_case: bool = False) -> Pattern:
    """The expression, ready. Raises InvalidPattern."""
    options = _options()
    options.case_sensitive = not any_case
    options.dot_nl = False
    try:
        made: Pattern = re2.compile(text, options)
    except re2.error as error:
        raise InvalidPattern(_reason(error)) from None
    except UnicodeEncodeError:
        raise InvalidPattern("it holds half of a character (a lone surrogate)") from None
    return _Checked(made)


def compile_wildcards(text: str) -> Pattern:
    """A text in which `*` stands for anything, for whole addresses."""
    parts = (re2.escape(part) for part in text.split("*"))
    return compile_pattern("(?s)" + ".*".join(parts))


def compile_stars(text: str) -> Callable[[str], tuple[str, ...] | None]:
    """A text in which each `*` stands for one character or more, for whole names: what the stars stand for, or None.

    Where several ways fit, an earlier star takes as much as it can.
    """
    made = re2.compile("(?s)" + "(.+)".join(re2.escape(part) for part in text.split("*")), _options())

    def match(name: str) -> tuple[str, ...] | None:
        try:
            found = made.fullmatch(name)
        except UnicodeEncodeError:
            return None
        return tuple(found.groups()) if found else None

    return match


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return options


class _Checked:
    """A text that no UTF-8 can hold matches nothing: RE2 works on UTF-8."""

    __slots__ = ("_made",)

    def __init__(self, made: Pattern) -> None:
        self._made = made

    def search(self, text: str) -> object:
        try:
            return self._made.search(text)
        except UnicodeEncodeError:
            return None

    def fullmatch(self, text: str) -> object:
        try:
            return self._made.fullmatch(text)
        except UnicodeEncodeError:
            return None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    # RE2 says `invalid perl operator: (?!`: what comes after the colon is the author's.
    return reason.split(":")[0]
