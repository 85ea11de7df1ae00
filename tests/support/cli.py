"""The installed `migrate` command as a user runs it: a process, in a folder of its own, with a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.forks import Fork, fork_server

ROOT = Path(__file__).resolve().parents[2]
MIGRATE = Path(sys.executable).with_name("migrate")
AWS = {"AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "aws-secret-for-tests"}
KEY = "sk_test_sandbox"


@dataclass(frozen=True, slots=True)
class Ended:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that it printed."""
        return self.out + self.err

    def json(self, schema: str) -> Any:
        """Standard output as the one JSON object that it must be, held against a schema of `schemas/`."""
        assert self.out.count("\n") == 1, self.out
        found = json.loads(self.out)
        check(found, schema)
        return found

    def error(self) -> str:
        """The one message of an `error.v1` answer."""
        (one,) = self.errors()
        return one

    def errors(self) -> list[str]:
        """The messages of an `error.v1` answer, with their places where they have one."""
        found = self.json("error.v1")["errors"]
        return [_place(one) + one["message"] for one in found]


@dataclass
class Cli:
    """Commands run in `folder`. `environment` is all they get beside PATH, HOME and a language."""

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: {**AWS, "WORKOS_API_KEY": KEY})

    def __call__(self, *arguments: str | Path, **environment: str) -> Ended:
        """One command to its end, in a fork of a process that has imported the engine. Fails on a traceback."""
        ending = fork_server().run(
            [str(one) for one in arguments],
            folder=self.folder,
            environment=self.environ(**environment),
            timeout=300,
        )
        ended = Ended(ending.code, ending.out, ending.err)
        assert "Traceback" not in ended.said, ended.said
        assert "internal error" not in ended.said, ended.said
        return ended

    def fork(self, *arguments: str | Path, terminal: int | None = None, before: str = "", **environment: str) -> Fork:
        """One command under way, in a fork: for what happens beside it, on a terminal, or on a clock of the test's."""
        given, environ = [str(one) for one in arguments], self.environ(**environment)
        return fork_server().start(given, folder=self.folder, environment=environ, terminal=terminal, before=before)

    def start(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        """The installed command as a process under way: for signals, kills and what only a real start shows."""
        return subprocess.Popen(
            [str(MIGRATE), *map(str, arguments)],
            cwd=self.folder,
            env=self.environ(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def environ(self, **more: str) -> dict[str, str]:
        """The environment; an empty value takes a variable away."""
        home = self.folder / "home"
        base = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true"}
        # Subprocesses are measured as well, when anything is, and sandboxes that they start are recorded.
        base |= {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE_", "PYTHONPATH"))}
        return {name: value for name, value in (base | self.environment | more).items() if value}


def check(content: object, schema: str) -> None:
    """Hold a JSON value against a schema of `schemas/`, itself checked first."""
    faults = [error.message for error in _validator(schema).iter_errors(content)]
    assert not faults, faults


@cache
def _validator(schema: str) -> Draft202012Validator:
    read = json.loads((ROOT / "schemas" / f"{schema}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(read)
    return Draft202012Validator(read)


def tree(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder with its content, and every folder: what a command must have left as it was."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else b""
        for path in sorted(folder.rglob("*"))
    }


def plan_text(source: str, base_url: str = "", **sections: str) -> str:
    """A plan file for a source (the text under `source:`) and sections by name; unpaced towards WorkOS."""
    where = f"    base_url: {base_url}\n" if base_url else ""
    rest = "".join(f"{name}: {text}\n" for name, text in sections.items())
    return (
        f"version: 1\nname: acme\nsource:\n{source}\n"
        "destination:\n  workos:\n    api_key: ${WORKOS_API_KEY}\n    client_id: client_sandbox\n"
        f"{where}    writes_per_10s: null\n    reads_per_10s: null\n    requests_per_60s: null\n"
        f"password_reset: {{strategy: none}}\n{rest}"
    )


def export_source(*patterns: str) -> str:
    """The text under `source:` for export files."""
    return f"  export: {{files: [{', '.join(patterns)}], user_pool_id: us-east-1_Export001}}"


def pool_source(endpoint: str, pool_id: str) -> str:
    """The text under `source:` for a pool in a stand-in."""
    return f"  cognito: {{user_pool_id: {pool_id}, endpoint_url: '{endpoint}', requests_per_second: null}}"


def _place(one: Mapping[str, Any]) -> str:
    place = ":".join(str(one[name]) for name in ("file", "line", "column") if one[name] is not None)
    return f"{place}: " if place else ""
