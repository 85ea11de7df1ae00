"""The vendor's WorkOS emulator (npm `workos@0.14.0`): started as its users start it, and read back over HTTP.

It lies in `.tools`, where `make test` installs it. It allows a key 1,000 requests a minute, reading back included.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

KEY = "sk_test_default"
_BIN = Path(__file__).resolve().parents[2] / ".tools" / "node_modules" / ".bin" / "workos"


def command() -> Path:
    """The emulator's program. Skips the test where it is missing, or fails it where CI requires it."""
    if shutil.which("node") is None:
        missing = "Node is not installed"
    elif not _BIN.exists():
        missing = "the vendor's emulator is not installed: `make emulator` does it"
    else:
        return _BIN
    if os.environ.get("MIGRATE_REQUIRE_EMULATOR"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """The emulator on a free port of loopback; gives its address. `folder` takes what it writes."""
    program = command()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "emulate", "--port", str(port), "--json"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_for(url, process)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def read_users(url: str) -> list[dict[str, Any]]:
    """Every user that it holds, waiting as long as it says when it refuses."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = read_json(f"{url}/user_management/users?limit=100&order=asc{after}")
        found += page["data"]
        if not page["list_metadata"].get("after"):
            return found
        after = f"&after={page['list_metadata']['after']}"


def read_json(address: str) -> Any:
    """One answer's JSON."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {KEY}"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 429:
                    raise
                time.sleep(float(error.headers.get("Retry-After") or 1))


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert process.poll() is None, "the emulator ended at once; see emulator.log"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()  # it answers: that is enough
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the emulator did not answer within 60 s")
