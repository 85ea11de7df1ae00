"""`migrate resets mfa`: who had TOTP or SMS as a second factor in Cognito, and must enrol again in WorkOS."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command, open_source_only
from engine.errors import MigrateError
from engine.ports import Progress
from engine.spec.model import CognitoSource, Spec
from engine.views.console import Console

# Records that gave way to another have factors of their own; who only signs in by a provider has none in Cognito.
_USERS = """
SELECT r.sub, r.username, k.workos_id FROM record r LEFT JOIN known.users k ON k.sub = r.sub
WHERE r.reason IS NULL AND r.native AND r.relation != 'unverified' ORDER BY r.sub
"""


def mfa(
    plan: PlanArgument, sandbox: SandboxOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """List who had TOTP or SMS as a second factor: they must enrol again. One call to Cognito a user."""

    with command(json=json, quiet=quiet) as console:
        spec = open_source_only(console, plan, sandbox=sandbox)
        source = spec.source
        if spec.mfa != "report":
            raise MigrateError("mfa is ignore", remedy="write mfa: report into the plan file", code="no_mfa_report")
        if not isinstance(source, CognitoSource):
            raise MigrateError(
                "an export does not hold second factors", remedy="use a plan with source.cognito", code="no_live_pool"
            )
        found, calls = _report(console, spec, source)
        if json:
            users = [{"source_id": sub, "workos_id": workos_id, "factors": kinds} for sub, workos_id, kinds in found]
            console.document({"schema": "resets-mfa.v1", "plan": spec.name, "command": "resets mfa",
                              "calls": calls, "users": users})  # fmt: skip
            return
        for sub, workos_id, kinds in found:
            console.data("\t".join((sub, workos_id or "-", ",".join(kinds))))
        console.say(f"{len(found):,} users must enrol again")
        if texts := sum("SMS_MFA" in kinds for _, _, kinds in found):
            console.say(f"{texts:,} of them had codes by SMS: AuthKit takes an authenticator application (TOTP) alone")


def _report(console: Console, spec: Spec, source: CognitoSource) -> tuple[list[tuple[str, str | None, list[str]]], int]:
    from engine.apply.reading import Watch, read_people
    from engine.snapshot import database
    from engine.sources.factors import PER_SECOND, AuthFactors
    from engine.sources.open import open_source
    from engine.state.workspace import Workspace

    workspace = Workspace(spec.state_path, preview=True)
    workspace.prepare()
    connection: sqlite3.Connection | None = None
    try:
        pool = open_source(source, tell=console.warn)
        described = pool.describe()
        connection = database.create(workspace.snapshot_path)
        with console.stages() as stages:
            reading = stages.begin("reading", described.estimated_users)
            watch = Watch(reading=reading, listing=reading, stopping=lambda: False)
            # No fingerprint of this reading is ever compared.
            read_people(spec, pool, connection, secrets.token_bytes(32), watch)
        database.attach_state(connection, spec.state_path)
        rows = connection.execute(_USERS).fetchall()
        console.say(
            f"{len(rows):,} calls of AdminGetUserAuthFactors, at {PER_SECOND} a second about "
            f"{max(1, round(len(rows) / PER_SECOND)):,} s"
        )
        workos_ids = {sub: workos_id for sub, _, workos_id in rows}
        with console.stages() as stages:
            users = _counted(rows, stages.begin("asking", len(rows)))
            found = AuthFactors(source).read(users)
            return [(sub, workos_ids[sub], list(kinds)) for sub, kinds in found], len(rows)
    finally:
        if connection is not None:
            connection.close()
        workspace.discard()


def _counted(rows: list[tuple[str, str, str | None]], progress: Progress) -> Iterator[tuple[str, str]]:
    for at, (sub, username, _) in enumerate(rows, 1):
        yield sub, username
        progress(at)
