"""Where output goes: data to standard output, everything for people to standard error.

With `--json` standard output carries one JSON object and nothing else; with `--quiet` people are told of faults only.
Messages are redacted, escaped and completed here, the one place that they all pass. Data is never edited as text: its
writers (`engine.views.identifiers`, orjson) make it harmless, and a username that looks like a key stays what it is.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

from engine.model.diagnostics import Diagnostic
from engine.model.errors import OutputError
from engine.model.exchanges import Exchange, Trace, untraced
from engine.model.redaction import Redactor
from engine.views import workflow
from engine.views.commands import Invocation
from engine.views.progress import Stages, StageView
from engine.views.run_log import RunLog
from engine.views.stage_views import Bar, Lines
from engine.views.text import duration, json_safe, printable, table

# Where a JSON document holds sentences; everything else in it is data.
_SENTENCES = frozenset({"message", "remedy", "warnings"})
# What a line may begin with to be coloured on a terminal: red, yellow, green.
_COLOURS = {"error:": "31", "warning:": "33", "done": "32"}
_COLOURED = re.compile(r"\A(?:error:|warning:|done\b)")


class Console:
    """One command's output. Secrets told to `hide` stand in no message of it."""

    def __init__(
        self,
        *,
        json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        log: RunLog | None = None,
        out: IO[str] | None = None,
        err: IO[str] | None = None,
    ) -> None:
        self.json = json
        self.quiet = quiet
        self._verbose = verbose
        self._log = log
        self._workflow = workflow.in_workflow(os.environ)
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
        """Tell people, unless they asked for quiet or for JSON."""
        if not (self.quiet or self.json):
            self._tell(lines)

    def header(self, facts: Sequence[tuple[str, str]]) -> None:
        """What the command works on."""
        self.say(*table(facts, indent=""), "")

    def warn(self, *found: str | Diagnostic) -> None:
        """Tell people of what they should know; also when quiet."""
        for one in found:
            self._judge("warning", one)
            if not self._workflow:
                self._tell([f"warning: {one}"])

    def fail(self, *found: str | Diagnostic) -> None:
        """Tell people of faults; also when quiet. With `--json` they are in the document that the caller prints."""
        for one in found:
            self._judge("error", one)
            if not (self.json or self._workflow):
                self._tell([f"error: {one}"])

    def progress(self, line: str) -> None:
        """How a long run goes: told with `--json` too, unless people asked for quiet."""
        if not self.quiet:
            self._tell([line])

    def note(self, event: str, **figures: object) -> None:
        """An event with its figures, for the log alone."""
        if self._log is not None:
            self._log.event("info", event, **figures)

    def note_result(self, document: Mapping[str, object]) -> None:
        """A result's figures, for the log alone."""
        if self._log is not None:
            self._log.result(document)

    def summarise(self, text: str) -> None:
        """Append Markdown to the summary of the step, in GitHub Actions."""
        if not self.summarises:
            return
        try:
            with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
                # Whatever stands there before ends with a line of its own.
                file.write(f"\n{text}")
        except OSError as error:
            self.warn(f"the step's summary could not be written ({error.strerror or type(error).__name__})")

    @property
    def summarises(self) -> bool:
        """Whether the step has a summary."""
        return self._workflow and bool(os.environ.get("GITHUB_STEP_SUMMARY"))

    @property
    def trace(self) -> Trace:
        """What requests are told to: shown and logged under `-v`, else nobody hears of them."""
        return self._show_request if self._verbose else untraced

    def data(self, text: str) -> None:
        """A line of what was asked for, on standard output; tabs part its columns."""
        line = "\t".join(map(printable, text.split("\t")))
        self._write(self._out, [workflow.harmless(line) if self._workflow else line])

    def answer(self, lines: Iterable[str]) -> None:
        """Lines of what was asked for that name commands, as `message` has them."""
        for line in lines:
            self.data(self.message(line))

    def stream(self, chunks: Iterable[str], *, shown: bool = False) -> None:
        """Data in pieces, however much there is; each piece ends its own lines and is harmless by itself.

        `shown`: each is a line for people, which a workflow must not take for a command.
        """
        # Not around the whole: what the pieces themselves raise is no fault of the output.
        for chunk in chunks:
            try:
                self._out.write(workflow.harmless(chunk) if shown and self._workflow else chunk)
            except OSError as error:
                self._not_written(self._out, error)
                return
        self._write(self._out, [])

    def document(self, content: object) -> None:
        """The one JSON object of `--json`."""
        import orjson

        text = json_safe(orjson.dumps(self._with_messages(content)).decode())
        self._write(self._out, [workflow.harmless_json(text) if self._workflow else text])

    def stages(self, *, sparse: bool = False) -> Stages:
        """A bar a stage on a terminal, lines elsewhere and with `--json`, nothing when quiet; the log has them all.

        `sparse`: of many runs one after the other; a stage is told of once it takes long.
        """
        views: list[StageView] = []
        if not self.quiet:
            if self._workflow and not sparse:
                views.append(workflow.Groups(lambda line: self._write(self._err, [line])))
            views.append(Bar() if self._live and not (self.json or sparse) else Lines(self.progress, sparse=sparse))
        if self._log is not None:
            views.append(self._log)
        return Stages(views)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody reads standard output as it is written."""
        return self._out.isatty()

    @property
    def can_ask(self) -> bool:
        """Whether somebody at a terminal can read a question and answer it."""
        return not (self.quiet or self.json) and self._err.isatty() and sys.stdin is not None and sys.stdin.isatty()

    @property
    def _live(self) -> bool:
        return self._err.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")

    def _with_messages(self, content: object, *, sentence: bool = False) -> object:
        """The document with its sentences as `message` has them."""
        if isinstance(content, Mapping):
            return {name: self._with_messages(one, sentence=name in _SENTENCES) for name, one in content.items()}
        if isinstance(content, list | tuple):
            return [self._with_messages(one, sentence=sentence) for one in content]
        return self.message(content) if sentence and isinstance(content, str) else content

    def _judge(self, level: Literal["error", "warning"], found: str | Diagnostic) -> None:
        """To the log and to GitHub: what is wrong, and in which line of the plan file."""
        message = printable(self.message(str(found)))
        if self._log is not None:
            self._log.told(level, found, message)
        if self._workflow:
            self._write(self._err, [workflow.annotation(level, found, message)])

    def _show_request(self, one: Exchange) -> None:
        self.progress(f"{one.service} {one.method} {one.path} {one.end} in {duration(one.seconds, fine=True)}")
        if self._log is not None:
            self._log.exchange(one)

    def _tell(self, lines: Iterable[str]) -> None:
        self._write(self._err, [self._shown(printable(self.message(line))) for line in lines])

    def _shown(self, line: str) -> str:
        if self._workflow:
            return workflow.harmless(line)
        found = _COLOURED.match(line) if self._live else None
        # Everything that could pass for a colour was made visible before.
        return f"\x1b[{_COLOURS[found[0]]}m{found[0]}\x1b[0m{line[found.end() :]}" if found else line

    def _write(self, stream: IO[str], lines: Iterable[str]) -> None:
        try:
            for line in lines:
                stream.write(line + "\n")
            stream.flush()
        except OSError as error:
            self._not_written(stream, error)

    def _not_written(self, stream: IO[str], error: OSError) -> None:
        """Raises OutputError where standard output has no room.

        That the reader went away (`| head`) is no fault of the run, which goes on; nor is a lost message.
        """
        # What is left in the buffer must go somewhere, or it fails again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is self._out and not isinstance(error, BrokenPipeError):
            raise OutputError(
                f"standard output cannot be written ({error.strerror or type(error).__name__})",
                remedy="send it where there is room, and run again",
            ) from error


def fill_standard_streams() -> None:
    """Open those that are closed (`>&-`, some cron jobs): the next file would take their number, and their output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
