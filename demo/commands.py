"""Runs `migrate` as a user types it, and shows what it says."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MIGRATE = str(Path(sys.executable).with_name("migrate"))
_WIDTH = 100


class DemoFailed(Exception):
    """A step did not end as it should: the demo says so and ends with 1."""


def headline(text: str) -> None:
    """A step of the demo."""
    say("", f"── {text} ".ljust(_WIDTH, "─"))


def say(*lines: str) -> None:
    """The demo's own words."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def migrate(folder: Path, *arguments: str, ends: int = 0) -> None:
    """One command to its end. Raises DemoFailed where it ends otherwise than with this code."""
    _show(arguments)
    code = subprocess.run([MIGRATE, *arguments], cwd=folder, check=False).returncode
    if code != ends:
        raise DemoFailed(f"it ended with {code}, and {ends} was expected")
    if code:
        say(f"(exit code {code})")


def kill_midway(folder: Path, *arguments: str, after: str) -> None:
    """Start a command, and kill it with SIGKILL as soon as it says this. Raises DemoFailed where it was quicker."""
    _show(arguments)
    process = subprocess.Popen(
        [MIGRATE, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        say(line.rstrip("\n"))
        if after in line:
            process.send_signal(signal.SIGKILL)
            say(f"$ kill -9 {process.pid}")
            break
    # To the end: the emulator has the same standard error, and it is over once that is closed.
    process.stderr.read()
    if process.wait() != -signal.SIGKILL:
        raise DemoFailed("the run was over before it could be killed")


def _show(arguments: Sequence[str]) -> None:
    say("", f"$ migrate {shlex.join(arguments)}")
