"""Runs a composite action's steps as a runner does: GITHUB_* set, files for outputs and summary, shells as declared.

Understands the expressions that our action uses, and no others.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
_TERM = re.compile(r"(always\(\))|(inputs\.[\w-]+|steps\.[\w-]+\.outputs\.[\w-]+)(?: (==|!=) '([^']*)')?")


@dataclass
class StepRun:
    """One step that ran."""

    name: str
    code: int
    said: str


@dataclass
class ActionRun:
    """How a whole action ended: as failed as its first failed step."""

    steps: list[StepRun] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def failed(self) -> bool:
        """Whether the job would be red."""
        return any(one.code for one in self.steps)

    @property
    def said(self) -> str:
        """The log."""
        return "".join(one.said for one in self.steps)


class CompositeAction:
    """An action of this checkout. `without` are names of steps whose work has been done already."""

    def __init__(self, folder: Path, workspace: Path, temp: Path, *, without: frozenset[str] = frozenset()) -> None:
        self._folder, self._workspace, self._temp, self._without = folder, workspace, temp, without
        self._action: dict[str, Any] = yaml.safe_load((folder / "action.yml").read_text())

    def run(self, inputs: Mapping[str, str], environment: Mapping[str, str]) -> ActionRun:
        """All steps, one after the other."""
        unknown = inputs.keys() - self._action["inputs"].keys()
        assert not unknown, f"the action has no inputs {unknown}"
        given = {name: str(inputs.get(name, one.get("default", ""))) for name, one in self._action["inputs"].items()}
        required = {name for name, one in self._action["inputs"].items() if one.get("required")}
        assert required <= inputs.keys()
        known = {f"inputs.{name}": value for name, value in given.items()}
        done = ActionRun()
        for at, step in enumerate(self._action["runs"]["steps"]):
            if step["name"] in self._without or not _holds(step.get("if"), known, failed=done.failed):
                continue
            outputs, summary = self._temp / f"outputs-{at}", self._temp / f"summary-{at}"
            outputs.touch()
            summary.touch()
            environ = {
                "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "RUNNER_TEMP": str(self._temp),
                "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_ACTION_PATH": str(self._folder),
                "GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_WORKSPACE": str(self._workspace), **environment,
                **{name: _filled(str(value), known) for name, value in step.get("env", {}).items()},
            }  # fmt: skip
            assert step["shell"] == "bash"
            assert "${{" not in step["run"], "an expression in a script is code of whoever fills it in"
            script = self._temp / f"step-{at}.sh"
            script.write_text(step["run"])
            # As GitHub starts `shell: bash`.
            ended = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=self._workspace, env=environ, capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            done.steps.append(StepRun(step["name"], ended.returncode, ended.stdout + ended.stderr))
            done.summary += summary.read_text()
            for name, value in read_outputs(outputs.read_text()).items():
                known[f"steps.{step.get('id', '')}.outputs.{name}"] = value
        done.outputs = {name: _filled(one["value"], known) for name, one in self._action["outputs"].items()}
        return done


def read_outputs(text: str) -> dict[str, str]:
    """What stands in a GITHUB_OUTPUT file, in both of its forms."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        if delimited := re.fullmatch(r"([\w-]+)<<(\S+)", line):
            value: list[str] = []
            for inner in lines:
                if inner == delimited[2]:
                    break
                value.append(inner)
            else:
                raise AssertionError(f"{delimited[1]} has no end")
            found[delimited[1]] = "\n".join(value)
            continue
        name, separator, rest = line.partition("=")
        assert separator and re.fullmatch(r"[\w-]+", name), line
        found[name] = rest
    return found


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: known.get(found[1], ""), text)


def _holds(condition: str | None, known: Mapping[str, str], *, failed: bool) -> bool:
    terms = condition.split(" && ") if condition else []
    if failed and "always()" not in terms:
        return False
    for term in terms:
        found = _TERM.fullmatch(term)
        assert found is not None, term
        if found[1]:
            continue
        same = known.get(found[2], "") == (found[4] or "")
        if same != (found[3] == "=="):
            return False
    return True
