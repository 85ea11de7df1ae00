"""Records what a sandbox is asked and what it answers, in whatever process it runs.

A copy of this file named `sitecustomize.py` in a folder on PYTHONPATH is run by every Python that starts with it;
where that one becomes a sandbox, each exchange goes as a line of JSON into a file beside the copy.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

# What a measured run sends to the null sandbox is the same request over and over.
_OF_NULL = 500


def install(folder: Path) -> None:
    """Record the sandbox of this process, from its first request on, before an answer is sent."""
    from engine.sandbox.null import NullServer
    from engine.sandbox.requests import Handled
    from engine.sandbox.service import Service

    path = folder / f"{os.getpid()}.jsonl"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    handle, answered = Service.handle, NullServer.handle
    left = [_OF_NULL]

    def write(method: str, path: str, query: Any, body: bytes, status: int, answer: bytes, fault: str | None) -> None:
        line = {
            "method": method,
            "path": path,
            "query": list(query),
            "body": body.decode("utf-8", "replace"),
            "status": status,
            "answer": answer.decode(),
            "fault": fault,
        }
        os.write(file, json.dumps(line).encode() + b"\n")

    def recorded(self: Service, method: str, raw_path: str, query: Any, body: bytes, key: str | None) -> Handled:
        outcome = handle(self, method, raw_path, query, body, key)
        if not raw_path.startswith("/_sandbox/"):
            write(method, raw_path, query, body, outcome.reply.status, outcome.reply.body, outcome.fault)
        return outcome

    def nothing_kept(self: NullServer, line: bytes, head: bytes, body: bytes) -> bytes:
        answer = answered(self, line, head, body)
        method, target, _ = line.decode("latin-1").split(" ")
        path, _, query = target.partition("?")
        if not path.startswith("/_sandbox/") and left[0] > 0:
            left[0] -= 1
            sent, _, content = answer.partition(b"\r\n\r\n")
            write(method, path, parse_qsl(query), body, int(sent.split(b" ", 2)[1]), content, None)
        return answer

    Service.handle = recorded  # type: ignore[method-assign]
    NullServer.handle = nothing_kept  # type: ignore[method-assign]


def _is_a_sandbox(command: list[str]) -> bool:
    return not {"engine.sandbox", "tests.support.sandbox_extras"}.isdisjoint(command) or command[2:3] == ["sandbox"]


if __name__ == "sitecustomize" and _is_a_sandbox(sys.orig_argv):
    install(Path(__file__).parent)
