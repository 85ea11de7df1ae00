"""`migrate resets mfa`: who had TOTP or SMS as a second factor in Cognito, and must enrol again in WorkOS."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import nullcontext

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command, open_source_only
from engine.model.errors import MigrateError
from engine.model.keys import name_of_pool, sub_of
from engine.model.ports import FactorReader, Progress
from engine.plan_file.model import Spec
from engine.run.sources import Sources
from engine.views.console import Console


def mfa(
    plan: PlanArgument, sandbox: SandboxOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """List users with TOTP or SMS as a second factor, who must enrol again. Makes one call to Cognito per user."""
    from engine.cli.sources import open_sources

    with command(json=json, quiet=quiet) as console:
        spec = open_source_only(console, plan, sandbox=sandbox)
        if spec.mfa != "report":
            raise MigrateError("mfa is ignore", remedy="write mfa: report into the plan file", code="no_mfa_report")
        pool = open_sources(spec, tell=console.warn, trace=console.trace)
        factors = pool.factors()
        if factors is None:
            raise MigrateError(
                "an export does not hold second factors", remedy="use a plan with source.cognito", code="no_live_pool"
            )
        found, calls = _report(console, spec, pool, factors)
        if json:
            users = [
                _pool_field(pool, key) | {"source_id": sub_of(key), "workos_id": workos_id, "factors": kinds}
                for key, workos_id, kinds in found
            ]
            console.document({"schema": "resets-mfa.v1", "plan": spec.name, "command": "resets mfa",
                              "calls": calls, "users": users})  # fmt: skip
            return
        for key, workos_id, kinds in found:
            line = (*_pool_field(pool, key).values(), sub_of(key), workos_id or "-", ",".join(kinds))
            console.data("\t".join(map(str, line)))
        console.say(f"{len(found):,} users must enrol again")
        if texts := sum("SMS_MFA" in kinds for _, _, kinds in found):
            console.say(f"{texts:,} of them had codes by SMS: AuthKit takes an authenticator application (TOTP) alone")


def _report(
    console: Console, spec: Spec, pool: Sources, factors: FactorReader
) -> tuple[list[tuple[str, str | None, list[str]]], int]:
    from engine.run.preparation import know
    from engine.run.reading import Watch, read_people
    from engine.snapshot import database
    from engine.snapshot.passwordless import native_users
    from engine.state.file import StateFile
    from engine.workspace.folder import Workspace

    workspace = Workspace(spec.state_path, preview=True)
    workspace.prepare()
    connection = None
    try:
        described = pool.describe()
        connection = database.create(workspace.snapshot_path)
        with console.stages() as stages:
            reading = stages.begin("reading", described.estimated_users, estimated=True)
            watch = Watch(reading=reading, listing=reading, stopping=lambda: False)
            # No fingerprint of this reading is ever compared.
            read_people(spec, pool, connection, secrets.token_bytes(32), watch)
        with StateFile.read(spec.state_path, None) or nullcontext() as state:
            know(connection, state)
        rows = native_users(connection)
        console.say(
            f"{len(rows):,} calls of AdminGetUserAuthFactors, at {factors.per_second} a second about "
            f"{max(1, round(len(rows) / factors.per_second)):,} s"
        )
        workos_ids = {key: workos_id for key, _, workos_id in rows}
        with console.stages() as stages:
            users = _counted(rows, stages.begin("asking", len(rows)))
            found = factors.read(users)
            return [(key, workos_ids[key], list(kinds)) for key, kinds in found], len(rows)
    finally:
        if connection is not None:
            connection.close()
        workspace.discard()


def _pool_field(pools: Sources, key: str) -> dict[str, object]:
    """The user's pool, where the plan has several."""
    name = name_of_pool(pools.names, key)
    return {"pool": name} if name is not None else {}


def _counted(rows: list[tuple[str, str, str | None]], progress: Progress) -> Iterator[tuple[str, str]]:
    for at, (key, username, _) in enumerate(rows, 1):
        yield key, username
        progress(at)
