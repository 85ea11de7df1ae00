"""A private PostgreSQL for one test: its own cluster, on a socket in its own folder, under a user who is not root."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class PostgreSQL:
    """A running cluster. `load` runs a script as psql does, `rows` reads."""

    def __init__(self, folder: Path, binaries: Path, owner: str | None) -> None:
        self._folder = folder
        self._binaries = binaries
        self._owner = owner

    def load(self, script: str) -> None:
        """Run a script; the first error fails the test."""
        self._psql(["--file=-"], script)

    def rows(self, table: str, order: str) -> list[list[Any]]:
        """All rows of a table, in the order of these columns."""
        query = f"SELECT json_agg(to_json(t)) FROM (SELECT * FROM {table} ORDER BY {order}) t"
        found = json.loads(self._psql([f"--command={query}"], "").strip() or "null")
        return [list(row.values()) for row in found or []]

    def run(self, command: str, *arguments: str, text: str = "") -> str:
        """One of PostgreSQL's programs to its end."""
        done = subprocess.run(
            [str(self._binaries / command), *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            user=self._owner,
            timeout=60,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self._folder)},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _psql(self, arguments: list[str], text: str) -> str:
        fixed = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        return self.run("psql", *fixed, f"--host={self._folder}", "--dbname=postgres", *arguments, text=text)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Start a cluster, and take it away afterwards. Skips the test where PostgreSQL is not installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's initdb is not installed (Debian: apt-get install postgresql)")
    owner = _owner()
    # Not in pytest's folder: nobody but its owner may look into that, and a socket's path has to be short.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        server = PostgreSQL(folder, binaries, owner)
        server.run("initdb", "--pgdata=data", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-F -c listen_addresses='' -c unix_socket_directories='{folder}'"
        server.run("pg_ctl", "start", "--pgdata=data", "--wait", "--log=log", f"--options={options}")
        try:
            yield server
        finally:
            server.run("pg_ctl", "stop", "--pgdata=data", "--mode=immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path | None:
    """The folder with all of PostgreSQL's programs; links to some of them may stand elsewhere."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted((one.parent for one in Path("/usr/lib/postgresql").glob("*/bin/initdb")), reverse=True)
    return next((one for one in places if (one / "psql").exists() and (one / "pg_ctl").exists()), None)


def _owner() -> str | None:
    """Whom the cluster belongs to: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
