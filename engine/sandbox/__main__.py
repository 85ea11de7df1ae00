"""Owns the command line of the sandbox as a process: `python -m engine.sandbox`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from engine.model.errors import MigrateError
from engine.sandbox.options import Faults, Options, Quotas, Settings, changed
from engine.sandbox.server import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; 1 where it cannot start."""
    given = _parser().parse_args(arguments)
    try:
        serve(_options(given), parent_pipe=given.parent_pipe)
    except (MigrateError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.sandbox", description="A WorkOS stand-in on loopback.")
    default = Options()
    parser.add_argument("--data", type=Path, help="SQLite file to keep the data in (default: memory)")
    parser.add_argument("--port", type=int, default=default.port, help="0 takes a free one")
    key = os.environ.get("MIGRATE_SANDBOX_API_KEY", default.api_key)
    parser.add_argument("--api-key", default=key, help="default: MIGRATE_SANDBOX_API_KEY or sk_test_sandbox")
    parser.add_argument("--client-id", default=default.client_id)
    parser.add_argument("--null", action="store_true", help="accept and count users, keep nothing")
    parser.add_argument("--no-quotas", action="store_true", help="no request limits")
    parser.add_argument("--latency-ms", type=float, help="answer that late")
    parser.add_argument("--options", default="{}", help='JSON: {"quotas": {…}, "faults": {…}, "settings": {…}}')
    parser.add_argument("--parent-pipe", action="store_true", help="stop when standard input ends")
    return parser


def _options(given: argparse.Namespace) -> Options:
    told = orjson.loads(given.options)
    if not isinstance(told, dict) or not told.keys() <= {"quotas", "faults", "settings"}:
        raise ValueError("--options takes an object of quotas, faults and settings")
    quotas, faults = changed(Quotas(), told.get("quotas", {})), changed(Faults(), told.get("faults", {}))
    if given.no_quotas:
        quotas = changed(quotas, dict.fromkeys(("writes_per_10s", "reads_per_10s", "requests_per_60s"), None))
    if given.latency_ms is not None:
        faults = changed(faults, {"latency_ms": given.latency_ms})
    return Options(
        data=given.data,
        port=given.port,
        api_key=given.api_key,
        client_id=given.client_id,
        null=given.null,
        quotas=quotas,
        faults=faults,
        settings=changed(Settings(), told.get("settings", {})),
    )


if __name__ == "__main__":
    sys.exit(main())
