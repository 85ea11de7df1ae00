"""Worlds for the command: a folder with a plan, a pool in moto, and a sandbox that stands for WorkOS, all over HTTP."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.sandbox.options import Quotas
from tests.support.cli import Cli, export_source, plan_text, pool_source, tree
from tests.support.cognito import REGION, make_moto_pool, moto_server
from tests.support.pool_of_every_kind import SECTIONS, Pool, pool_of
from tests.support.recording import Recording, as_described, recording
from tests.support.sandbox_extras import Options, SandboxProcess
from tests.support.workos_reader import WorkOSReader

__all__ = ["as_described", "recording"]  # pytest finds its fixtures by name

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So begin the jobs that a shell starts in the background, and what they start: no test could interrupt a command.
    signal.signal(signal.SIGINT, signal.default_int_handler)

UNLIMITED = Quotas(writes_per_10s=None, reads_per_10s=None, requests_per_60s=None)


@dataclass
class World:
    """One team's folder, its pool, and the WorkOS that it migrates to."""

    cli: Cli
    plan: Path
    url: str
    workos: WorkOSReader
    endpoint: str = ""
    pool_id: str = ""
    pool: Pool | None = None

    @property
    def migrate_dir(self) -> Path:
        """Where the state is."""
        return self.plan.parent / ".migrate"

    def write_plan(self, source: str, **sections: str) -> None:
        """The plan file anew."""
        self.plan.write_text(plan_text(source, self.url, **sections), encoding="utf-8")

    def users(self) -> dict[str, dict[str, Any]]:
        """What WorkOS holds, by address."""
        found = self.workos.users()
        by_email = {user["email"]: user for user in found}
        assert len(by_email) == len(found)
        return by_email

    def writes(self) -> int:
        """Writes that WorkOS has seen so far, refused ones too."""
        return int(self.workos.stats()["writes"])

    def cognito(self) -> Any:
        """A client of the pool."""
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client("cognito-idp", region_name=REGION, endpoint_url=self.endpoint, **keys)

    def change(self, email: str, /, **attributes: str) -> None:
        """Change attributes of the record that stands for an address."""
        assert self.pool is not None
        self.cognito().admin_update_user_attributes(
            UserPoolId=self.pool_id,
            Username=self.pool.usernames[email],
            UserAttributes=[{"Name": name.replace("__", ":"), "Value": value} for name, value in attributes.items()],
        )

    def delete(self, email: str) -> None:
        """Delete that record."""
        assert self.pool is not None
        self.cognito().admin_delete_user(UserPoolId=self.pool_id, Username=self.pool.usernames[email])

    def sub(self, email: str) -> str:
        """The external ID under which WorkOS holds an address."""
        return str(self.users()[email]["external_id"])


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def sandbox(recording: Recording | None) -> Iterator[SandboxProcess]:
    """Shared by tests one after the other; each begins with an empty one."""
    with SandboxProcess(Options(quotas=UNLIMITED)) as process:
        yield process


@pytest.fixture
def world(tmp_path: Path, sandbox: SandboxProcess) -> World:
    """No users yet, an empty WorkOS, and a plan that reads users.jsonl."""
    reader = WorkOSReader(sandbox.url, sandbox.api_key)
    reader.call("POST", "/_sandbox/reset")
    made = World(Cli(tmp_path), tmp_path / "plan.yaml", sandbox.url, reader)
    made.write_plan(export_source("users.jsonl"))
    return made


@pytest.fixture
def pool_world(world: World, moto: str) -> Callable[[int], World]:
    """Gives the world a pool of so many users of every kind in moto, and the plan for it."""

    def make(number: int) -> World:
        world.endpoint, world.pool = moto, pool_of(number)
        world.pool_id = make_moto_pool(moto, world.pool.records, world.pool.groups)
        world.write_plan(pool_source(moto, world.pool_id), **SECTIONS)
        return world

    return make


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def nothing_happens() -> Callable[..., None]:
    """Runs a command that must fail with these messages: exit 1, no file and no folder changed, WorkOS untouched."""

    def run(world: World, messages: list[str], *arguments: str, **environment: str) -> None:
        folder, before, writes = world.plan.parent, tree(world.plan.parent), world.writes()
        for_people = world.cli(*arguments, **environment)
        for_machines = world.cli(*arguments, "--json", **environment)
        assert for_machines.errors() == messages
        said = [line for line in for_people.err.splitlines() if line.startswith("error: ")]
        assert said == [f"error: {one}" for one in messages]
        assert (for_people.code, for_machines.code, for_people.out) == (1, 1, "")
        assert tree(folder) == before
        assert world.writes() == writes

    return run
