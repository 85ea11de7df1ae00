"""GitHub Actions: what a step's log obeys (workflow commands), and how everything else is kept from being one.

Commands are lines that begin `::`, after white space, and the older `##[` anywhere in a line (actions/runner,
ActionCommand.cs); both streams are read. Escaping is that of GitHub's own toolkit (actions/toolkit, command.ts).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from engine.model.diagnostics import Diagnostic
from engine.views.progress import Stage

_COMMAND = re.compile(r"\A(\s*):(?=:)")
_OLD_COMMAND = re.compile(r"##(?=\[)")
_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_MESSAGE, ":": "%3A", ",": "%2C"}


def in_workflow(environment: Mapping[str, str]) -> bool:
    """Whether this is a step of GitHub Actions."""
    return environment.get("GITHUB_ACTIONS") == "true"


def annotation(level: Literal["error", "warning"], found: Diagnostic | str, message: str) -> str:
    """An error or a warning that GitHub shows at its line of the plan file."""
    properties = {}
    if isinstance(found, Diagnostic) and found.file:
        properties["file"] = in_workspace(found.file, os.environ)
        if found.line:
            properties |= {"line": str(found.line), "col": str(max(1, found.column))}
    told = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    return f"::{level}{' ' + told if told else ''}::{_escaped(message, _MESSAGE)}"


def in_workspace(file: str, environment: Mapping[str, str]) -> str:
    """A file as GitHub knows it, from the root of the checkout; as it is where it lies elsewhere."""
    root = environment.get("GITHUB_WORKSPACE")
    if not root:
        return file
    try:
        return Path(file).resolve().relative_to(Path(root).resolve()).as_posix()
    except (OSError, ValueError):
        return file


def harmless(line: str) -> str:
    """A line that the runner takes for text, whatever somebody else's name in it says."""
    return _OLD_COMMAND.sub("## ", _COMMAND.sub(r"\1: ", line))


def harmless_json(text: str) -> str:
    """The same of JSON: a bracket after `##` can only stand in a string, where it may be written otherwise."""
    return text.replace("##[", "##\\u005b")


class Groups:
    """A `StageView`: each stage is a group of the step's log, which people may fold."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def begin(self, stage: Stage) -> None:
        """See the protocol."""
        self._write(f"::group::{_escaped(stage.label, _MESSAGE)}")

    def show(self, _stage: Stage, _now: float, /) -> None:
        """Nothing: lines show that."""

    def beat(self, _stage: Stage, _now: float, /) -> None:
        """Nothing: lines show that."""

    def end(self, _stage: Stage, _now: float, _whole: bool, /) -> None:
        """See the protocol."""
        self._write("::endgroup::")


def _escaped(text: str, marks: Mapping[str, str]) -> str:
    return "".join(marks.get(char, char) for char in text)
