"""Where output goes: data to standard output, everything for people to standard error.

With `--json` standard output carries one JSON object and nothing else; with `--quiet` people are told of faults only.
Messages are redacted, escaped and completed here, the one place that they all pass. Data is never edited as text: its
writers (`engine.views.identifiers`, orjson) make it harmless, and a username that looks like a key stays what it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO

from engine.model.redaction import Redactor
from engine.views.commands import Invocation
from engine.views.progress import Bar, Lines, ProgressView, Silent, Stages
from engine.views.text import json_safe, printable, table

# Where a JSON document holds sentences; everything else in it is data.
_SENTENCES = frozenset({"message", "remedy", "warnings"})


class Console:
    """One command's output. Secrets told to `hide` stand in no message of it."""

    def __init__(
        self, *, json: bool = False, quiet: bool = False, out: IO[str] | None = None, err: IO[str] | None = None
    ) -> None:
        self.json = json
        self.quiet = quiet
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._secrets: list[str] = []
        self._public: list[str] = []
        self._redactor = Redactor(())
        self._invocation = Invocation()

    def about(self, plan: str, *, sandbox: bool) -> None:
        """From now on messages name commands with this plan file, and with `--sandbox` where it was given."""
        self._invocation = Invocation(plan, sandbox)

    def message(self, text: str) -> str:
        """A sentence without secrets, its commands written out."""
        return self._redactor.mask(self._invocation.complete(text))

    def hide(self, secrets: Sequence[str]) -> None:
        """From now on these values are masked in every message."""
        self._secrets += secrets
        self._redactor = Redactor(self._secrets, self._public)

    def publish(self, *values: str) -> None:
        """These look like secrets and are none: they are shown."""
        self._public += values
        self._redactor = Redactor(self._secrets, self._public)

    def say(self, *lines: str) -> None:
        """Tell people, unless they asked for quiet."""
        if not self.quiet:
            self._tell(lines)

    def header(self, facts: Sequence[tuple[str, str]]) -> None:
        """What the command works on."""
        self.say(*table(facts, indent=""), "")

    def warn(self, text: str) -> None:
        """Tell people of something that they should know; also when quiet."""
        self._tell([f"warning: {text}"])

    def fail(self, *lines: str) -> None:
        """Tell people of a fault; also when quiet."""
        self._tell(lines)

    def data(self, text: str) -> None:
        """A line of what was asked for, on standard output; tabs part its columns."""
        self._write(self._out, ["\t".join(map(printable, text.split("\t")))])

    def stream(self, chunks: Iterable[str]) -> None:
        """Data in pieces, however much there is; each piece ends its own lines and is harmless by itself."""
        try:
            for chunk in chunks:
                self._out.write(chunk)
            self._out.flush()
        except BrokenPipeError:
            self._reader_left(self._out)

    def document(self, content: object) -> None:
        """The one JSON object of `--json`."""
        import orjson

        self._write(self._out, [json_safe(orjson.dumps(self._with_messages(content)).decode())])

    def stages(self) -> Stages:
        """A progress line a stage on a terminal, a line every 10 % elsewhere, nothing when quiet."""

        def view(label: str, total: int | None) -> ProgressView:
            if self.quiet:
                return Silent()
            return Bar(label, total) if self._live else Lines(label, total, self.say)

        return Stages(view)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody reads standard output as it is written."""
        return self._out.isatty()

    @property
    def can_ask(self) -> bool:
        """Whether somebody at a terminal can read a question and answer it."""
        return not self.quiet and self._err.isatty() and sys.stdin is not None and sys.stdin.isatty()

    @property
    def _live(self) -> bool:
        return self._err.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ

    def _with_messages(self, content: object, *, sentence: bool = False) -> object:
        """The document with its sentences as `message` has them."""
        if isinstance(content, Mapping):
            return {name: self._with_messages(one, sentence=name in _SENTENCES) for name, one in content.items()}
        if isinstance(content, list | tuple):
            return [self._with_messages(one, sentence=sentence) for one in content]
        return self.message(content) if sentence and isinstance(content, str) else content

    def _tell(self, lines: Iterable[str]) -> None:
        self._write(self._err, [printable(self.message(line)) for line in lines])

    def _write(self, stream: IO[str], lines: Iterable[str]) -> None:
        try:
            for line in lines:
                stream.write(line + "\n")
            stream.flush()
        except BrokenPipeError:
            self._reader_left(stream)

    @staticmethod
    def _reader_left(stream: IO[str]) -> None:
        """The reader went away (`| head`): that is no fault of the run, which goes on."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
