"""A pool in a file, a plan beside it, and `migrate` run over them as a process: for faults, kills and figures."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forks import Fork, fork_server

MIGRATE = [str(Path(sys.executable).with_name("migrate"))]
_STATUSES = ("CONFIRMED", "CONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED")


def invent_pool(count: int, seed: int = 0, *, first: int = 0) -> list[dict[str, Any]]:
    """Users who are all migrated, one person each, in no order; `first` is the number of the first one."""
    rng = random.Random(seed)
    return [_user(rng, at) for at in range(first, first + count)]


def with_duplicates(users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same users, every tenth with the address of the one before, verified and in capitals."""
    for first, second in zip(users[8::10], users[9::10], strict=True):
        email = next(one["Value"] for one in first["Attributes"] if one["Name"] == "email")
        for one in second["Attributes"]:
            if one["Name"] == "email":
                one["Value"] = email.upper()
    return users


def with_profiles(users: list[dict[str, Any]], *, every: int) -> list[dict[str, Any]]:
    """The same users, the last of each `every` a Google profile that is linked to the native user before it."""
    for at in range(every - 1, len(users), every):
        native, profile = users[at - 1], users[at]
        identity = {"userId": profile["Username"], "providerName": "Google", "providerType": "Google", "primary": True}
        profile["Username"], profile["UserStatus"] = f"google_{identity['userId']}", "EXTERNAL_PROVIDER"
        for user, primary in ((native, False), (profile, True)):
            text = json.dumps([identity | {"primary": primary}])
            user["Attributes"].append({"Name": "identities", "Value": text})
    return users


def _user(rng: random.Random, at: int) -> dict[str, Any]:
    sub = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    attributes = {
        "sub": sub,
        "email": f" Person{at}@Example.com " if at % 7 == 0 else f"person{at}@example.com",
        "email_verified": "false" if at % 5 == 0 else "true",
        "given_name": f"Zoë {at}" if at % 3 == 0 else f"Given {at}",
        "family_name": f"Family {at}",
        "custom:plan": ("gold", "silver", "")[at % 3],
    }
    return {
        "Username": sub,
        "Attributes": [{"Name": name, "Value": value} for name, value in attributes.items()],
        "UserCreateDate": 1_600_000_000.0 + at,
        "UserLastModifiedDate": 1_600_000_000.0 + at,
        "Enabled": True,
        "UserStatus": _STATUSES[at % 4],
    }


def expected(user: dict[str, Any]) -> dict[str, Any]:
    """What WorkOS has to hold for one invented user, written from the rules and not from the engine."""
    given = {one["Name"]: one["Value"] for one in user["Attributes"]}
    metadata = {"password_reset_pending": "true", "plan": given["custom:plan"] or "free"}
    return {
        "email": given["email"].strip().lower(),
        "email_verified": given["email_verified"] == "true",
        "first_name": given["given_name"],
        "last_name": given["family_name"],
        "external_id": given["sub"],
        "metadata": metadata,
    }


@dataclass(frozen=True, slots=True)
class Run:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON object."""
        return json.loads(self.out)


class Project:
    """A folder with a plan file and an export, as a user would have it."""

    def __init__(self, folder: Path, url: str, *, quotas: dict[str, int | None] | None = None) -> None:
        self.folder = folder
        self.plan = folder / "plan.yaml"
        self.state = folder / ".migrate" / "pool.state.db"
        none = {"writes_per_10s": None, "reads_per_10s": None, "requests_per_60s": None}
        workos = {"api_key": "${API_KEY}", "client_id": "client_sandbox", "base_url": url} | none | (quotas or {})
        document = {
            "version": 1,
            "name": "pool",
            "source": {"export": {"files": ["users.jsonl"]}},
            "destination": {"workos": workos},
            "attributes": {
                "email": "email",
                "email_verified": "email_verified",
                "first_name": "given_name",
                "last_name": "family_name",
                "external_id": "sub",
                "metadata": {"plan": {"from": "custom:plan", "default": "free"}},
            },
            "password_reset": {"strategy": "on_next_sign_in"},
        }
        self.plan.write_text(json.dumps(document))  # JSON is YAML

    def write_pool(self, users: list[dict[str, Any]]) -> None:
        """The export, one user a line."""
        (self.folder / "users.jsonl").write_text("".join(json.dumps(user) + "\n" for user in users))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """`migrate` under way."""
        return subprocess.Popen(
            [*MIGRATE, *arguments],
            cwd=self.folder,
            env=_environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fork(self, *arguments: str, before: str = "", **environment: str) -> Fork:
        """`migrate` under way, in a fork of a process that has imported the engine; see `ForkServer.start`."""
        given = _environment(environment)
        return fork_server().start(arguments, folder=self.folder, environment=given, before=before)

    def migrate(self, *arguments: str, **environment: str) -> Run:
        """`migrate` to its end, in a fork of a process that has imported the engine."""
        ending = fork_server().run(arguments, folder=self.folder, environment=_environment(environment), timeout=500)
        return Run(ending.code, ending.out, ending.err)


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "PATH", "HOME", "LANG"))}
    return kept | {"API_KEY": "sk_test_sandbox", "WORKOS_REQUEST_TIMEOUT": "1"} | more
