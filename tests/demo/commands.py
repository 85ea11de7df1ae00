"""Runs `migrate` as a user types it, and shows what it says."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

MIGRATE = str(Path(sys.executable).with_name("migrate"))
_WIDTH = 100
_LOOKS = 0.02


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


def kill_midway(folder: Path, *arguments: str, when: Callable[[], bool]) -> None:
    """Start a command, and kill it with SIGKILL once `when` holds. Raises DemoFailed where it was over before."""
    _show(arguments)
    process = subprocess.Popen(
        [MIGRATE, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    shown = threading.Thread(target=_echo, args=(process.stderr,))
    shown.start()
    while process.poll() is None and not when():
        time.sleep(_LOOKS)
    process.send_signal(signal.SIGKILL)
    code = process.wait()
    # To the end: the emulator writes to the same standard error, and is over once that is closed.
    shown.join()
    if code != -signal.SIGKILL:
        raise DemoFailed("the run was over before it could be killed")
    say(f"$ kill -9 {process.pid}")


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        say(line.rstrip("\n"))


def _show(arguments: Sequence[str]) -> None:
    say("", f"$ migrate {shlex.join(arguments)}")
