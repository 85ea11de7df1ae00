"""The parser's complaints in words that help: what is not YAML, where, and the usual way out."""

from __future__ import annotations

from typing import Any

from yaml import MarkedYAMLError, YAMLError
from yaml.reader import ReaderError

from engine.model.diagnostics import Diagnostic

_QUOTE = "put the value in quotes"
# libyaml's own limit (0.2.6), far above ours; it has no code but this text.
_TOO_DEEP = "exceeded maximum nesting depth"
MAX_DEPTH = 40


def too_deep() -> tuple[str, str]:
    """Fault and remedy for a file that nests deeper than a plan can."""
    return f"more than {MAX_DEPTH} levels", "no plan file nests that deep"


def syntax_fault(error: Exception, text: str, file: str) -> Diagnostic:
    """The fault that a parser's exception stands for."""
    if isinstance(error, ReaderError):
        return _bad_character(text, file)
    if not isinstance(error, YAMLError):
        return Diagnostic("not_yaml", "not valid YAML", "check it in an editor with YAML support", file)
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = (isinstance(error, MarkedYAMLError) and error.problem) or "it cannot be read"
    if mark is None:
        return Diagnostic("not_yaml", f"not valid YAML: {problem}", "", file)
    line, column = mark.line + 1, mark.column + 1
    if problem == _TOO_DEEP:
        return Diagnostic("too_deep", *too_deep(), file, line, column)
    return Diagnostic("not_yaml", f"not valid YAML: {problem}", _remedy(text, mark), file, line, column)


def _remedy(text: str, mark: Any) -> str:
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    here = line[mark.column : mark.column + 1]
    if here == "\t" or line[: len(line) - len(line.lstrip())].count("\t"):
        return "indent with spaces, not with tabs"
    if here in {"@", "`", "%"}:
        return f"{_QUOTE}: it begins with {here}"
    if "${" in line and ("{" in line.split("${")[0] or "[" in line.split("${")[0]):
        return "put the reference in quotes: inside { } and [ ] YAML needs them"
    if line.count(": ") > 1:
        return f"{_QUOTE} if it holds a colon"
    return "check quotes, brackets and the indentation above this place"


def _bad_character(text: str, file: str) -> Diagnostic:
    # The position is in bytes with libyaml and in characters without; the character itself settles the place.
    at = next((at for at, one in enumerate(text) if not _printable(one)), 0)
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    code = f"U+{ord(text[at]):04X}" if text else "a character"
    return Diagnostic("not_yaml", f"not valid YAML: it holds {code}", "remove that character", file, line, column)


def _printable(one: str) -> bool:
    return (
        one in "\t\n\r\x85\ufeff"
        or " " <= one <= "~"
        or "\xa0" <= one <= "\ud7ff"
        or "\ue000" <= one <= "\ufffd"
        or one >= "\U00010000"
    )
