"""Debian's Chromium without a window: a page as it stands after loading, what was fetched for it, its picture.

`make chromium` installs it. Without it these tests are skipped, unless MIGRATE_REQUIRE_CHROMIUM is 1, as in CI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--disable-domain-reliability", "--no-pings", "--hide-scrollbars",
    "--enable-logging=stderr",
    # Chromium asks its makers for updates and the time, whatever it is told: no name leads anywhere.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
# Who began a request of the browser's own; a page's are begun by its origin, which for a file is "null".
_BROWSER = "not an origin"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A page after loading. `fetched` are the addresses that the page had Chromium ask for."""

    dom: str
    fetched: list[str]
    said: str


def chromium() -> str:
    """Its path. Skips the test, or fails it where Chromium is required."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("MIGRATE_REQUIRE_CHROMIUM") == "1":
            pytest.fail("Chromium is required and missing: `make chromium` as root installs it")
        pytest.skip("Chromium is missing: `make chromium` as root installs it")
    return found


def load(page: Path, folder: Path) -> Loaded:
    """Open a file in a new profile under `folder`."""
    log = folder / "net.json"
    ended = _run(folder, f"--log-net-log={log}", "--dump-dom", page.as_uri())
    fetched = sorted(_fetched(json.loads(log.read_text(encoding="utf-8"))))
    return Loaded(ended.stdout, fetched, ended.stderr)


def picture(page: Path, folder: Path, *, width: int, dark: bool = False) -> bytes:
    """The page as a PNG."""
    out = folder / "page.png"
    theme = (f"--blink-settings=preferredColorScheme={0 if dark else 1}",)
    _run(folder, f"--window-size={width},1200", f"--screenshot={out}", *theme, page.as_uri())
    return out.read_bytes()


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    profile = folder / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    command = [chromium(), *_QUIET, f"--user-data-dir={profile}", *arguments]
    # Its own home: it keeps more than a profile.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended


def _fetched(log: Any) -> set[str]:
    """The addresses of requests that the page began, out of a network log."""
    began = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [event.get("params") or {} for event in log["events"] if event["type"] == began]
    # A job's second event tells how it ended, and not what it was.
    return {str(job["url"]) for job in jobs if job.get("initiator", _BROWSER) != _BROWSER}
