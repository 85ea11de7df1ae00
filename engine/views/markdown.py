"""Pieces of Markdown for a pull request's comment or the summary of a CI step.

Values are written so that none becomes a link, a mention, markup, HTML or a new column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from engine.views import report_words as words
from engine.views.text import figure, printable

Wording = Callable[[str], str]
RIGHT = "---:"
LEFT = "---"
_LONGEST = 200
_COMMAND = re.compile(r"`([^`]+)`")
_MARKUP = re.compile(r"[\\`*\[\]|~#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# A word joiner keeps a mention from being one, also after the entity was read.
_LINKS = (("@", "&#64;&#8288;"), ("://", "&#58;//"), ("www.", r"www\."))


def escaped(text: str, longest: int = _LONGEST) -> str:
    """A value as text that Markdown leaves alone, on one line."""
    plain = words.clipped(printable(text), longest)
    plain = _MARKUP.sub(lambda found: "\\" + found[0], plain)
    plain = "".join(_HTML.get(char, char) for char in plain)
    for mark, harmless in _LINKS:
        plain = plain.replace(mark, harmless)
    return plain


def code(text: str, longest: int = _LONGEST) -> str:
    """A value in a code span, also within a table; a backtick would end it."""
    plain = words.clipped(printable(text), longest).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain.strip() else ""


def sentence_of(text: str) -> str:
    """A message of ours: its commands as code, the rest as plain text."""
    pieces = enumerate(_COMMAND.split(words.clipped(text, words.SENTENCE)))
    return "".join(code(piece, words.SENTENCE) if at % 2 else escaped(piece, words.SENTENCE) for at, piece in pieces)


def telling(sentence: Wording) -> Wording:
    """What writes messages of ours once `sentence` has completed and masked them."""
    return lambda text: sentence_of(sentence(text))


def page(title: str, *parts: Iterable[str]) -> str:
    """Lines under a heading, the last one ended."""
    lines = [f"### {escaped(title)}"]
    for part in parts:
        lines.extend(part)
    return "\n".join(lines) + "\n"


def run_name(plan: str, *, sandbox: bool) -> str:
    """What a heading calls a command's run."""
    return f"{plan} (sandbox)" if sandbox else plan


def details(title: str, inner: Iterable[str]) -> Iterator[str]:
    """Lines that are folded until somebody asks for them."""
    yield ""
    yield f"<details><summary>{escaped(title)}</summary>"
    yield from inner
    yield ""
    yield "</details>"


def counts_table(names: Sequence[str], kinds: Iterable[tuple[str, Mapping[str, int]]]) -> Iterator[str]:
    """Figures, a row a kind."""
    yield from table(
        [("", LEFT), *((name, RIGHT) for name in names)],
        [(kind, *(figure(counts[name]) if counts.get(name) else "·" for name in names)) for kind, counts in kinds],
    )


def table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], hidden: int = 0) -> Iterator[str]:
    """Lines of a table; `hidden` are rows that are left out."""
    yield ""
    yield "| " + " | ".join(name for name, _ in heads) + " |"
    yield "| " + " | ".join(side for _, side in heads) + " |"
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    if hidden > 0:
        yield ""
        yield f"{figure(hidden)} more are not shown."
