"""Owns the command line of the sandbox as a process: `python -m engine.sandbox`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from engine.model.errors import MigrateError
from engine.sandbox.options import Options, Quotas, Settings, changed
from engine.sandbox.server import Server, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; 1 where it cannot start."""
    given = parser().parse_args(arguments)
    try:
        serve(Server(options_of(given)), parent_pipe=given.parent_pipe)
    except (MigrateError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The arguments of a sandbox."""
    made = argparse.ArgumentParser(prog="python -m engine.sandbox", description="A WorkOS emulator on loopback.")
    default = Options()
    made.add_argument("--data", type=Path, help="SQLite file to keep the data in (default: memory)")
    made.add_argument("--port", type=int, default=default.port, help="0 takes a free one")
    key = os.environ.get("MIGRATE_SANDBOX_API_KEY", default.api_key)
    made.add_argument("--api-key", default=key, help="default: MIGRATE_SANDBOX_API_KEY or sk_test_sandbox")
    made.add_argument("--client-id", default=default.client_id)
    made.add_argument("--null", action="store_true", help="accept and count users, keep nothing")
    made.add_argument("--no-quotas", action="store_true", help="no request limits")
    made.add_argument("--options", default="{}", help='JSON: {"quotas": {…}, "settings": {…}}')
    made.add_argument("--parent-pipe", action="store_true", help="stop when standard input ends")
    return made


def options_of(given: argparse.Namespace) -> Options:
    """What the arguments say. Raises ValueError."""
    told = orjson.loads(given.options)
    if not isinstance(told, dict) or not told.keys() <= {"quotas", "settings"}:
        raise ValueError("--options takes an object of quotas and settings")
    quotas = changed(Quotas(), told.get("quotas", {}))
    if given.no_quotas:
        quotas = changed(quotas, dict.fromkeys(("writes_per_10s", "reads_per_10s", "requests_per_60s"), None))
    return Options(
        data=given.data,
        port=given.port,
        api_key=given.api_key,
        client_id=given.client_id,
        null=given.null,
        quotas=quotas,
        settings=changed(Settings(), told.get("settings", {})),
    )


if __name__ == "__main__":
    sys.exit(main())
