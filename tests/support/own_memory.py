"""A command's own peak of memory. The kernel counts what the process was before it became the command as well, and a
test process is large: a small one stands between.
"""

from __future__ import annotations

import sys

_BETWEEN = """
import os, resource, subprocess, sys
with open(sys.argv[1], "w") as peak:
    ended = subprocess.run(sys.argv[2:])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak.write(f"{used.ru_maxrss} {used.ru_utime + used.ru_stime}")
sys.exit(ended.returncode if ended.returncode >= 0 else 128 - ended.returncode)
"""


def measured(command: list[str], into: str) -> list[str]:
    """The same command; once it has ended, `into` holds its peak (KB on Linux, bytes on macOS) and its CPU seconds."""
    return [sys.executable, "-c", _BETWEEN, into, *command]
