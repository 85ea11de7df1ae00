"""`migrate state`: the state's users one by one, and the ways to correct it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.model.keys import name_of_pool
from engine.run.sources import pool_names

if TYPE_CHECKING:
    from engine.state.queries import UserRow

app = typer.Typer(help="Look into the state, and correct it.", rich_markup_mode=None, no_args_is_help=False)

SubArgument = Annotated[str, typer.Argument(metavar="SUB", help="The user's Cognito sub.", show_default=False)]
SubsArgument = Annotated[list[str], typer.Argument(metavar="SUB...", help="Cognito subs.", show_default=False)]


@app.command("list", epilog="Example: migrate state list plans/production.yaml")
def list_users(
    plan: PlanArgument, sandbox: SandboxOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Every user in the state: sub, WorkOS id, relation, status."""
    from engine.cli.stored import reading, stored_spec
    from engine.state import queries

    with command(json=json, quiet=quiet) as console:
        spec = stored_spec(console, plan, sandbox=sandbox)
        with reading(spec) as state:
            lists = ["migrated", "merged", "failed", "conflicts", "skipped", "pending"]
            names = pool_names(spec.pools)
            rows = (row for _, row in queries.users(state, lists))
            if json:
                users = [_shown(one, names) for one in rows]
                console.document({"schema": "state-list.v1", "plan": spec.name, "users": users})
                return
            from engine.views.text import long_table

            head = [*(["pool"] if names else []), "source id", "workos id", "relation", "status"]
            cells = (
                (*_pool(one, names).values(), one.source_id, one.workos_id or "-", one.relation, one.status)
                for one in rows
            )
            for line in long_table(head, cells):
                console.data(line)


@app.command("show", epilog="Example: migrate state show plans/production.yaml 6f1c2a9e-…")
def show(
    plan: PlanArgument,
    sub: SubArgument,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """One user in the state."""
    from engine.cli.stored import key_of_user, reading, stored_spec, unknown_user
    from engine.state import queries
    from engine.views.text import table

    with command(json=json, quiet=quiet) as console:
        spec = stored_spec(console, plan, sandbox=sandbox)
        with reading(spec) as state:
            found = queries.user(state, key_of_user(state, spec, sub))
        if found is None:
            raise unknown_user(sub)
        shown = _shown(found, pool_names(spec.pools))
        if json:
            console.document({"schema": "state-user.v1", "plan": spec.name, "user": shown})
            return
        for line in table([(name, str(value)) for name, value in shown.items() if value is not None]):
            console.data(line)


@app.command("forget", epilog="Example: migrate state forget plans/production.yaml 6f1c2a9e-…")
def forget(
    plan: PlanArgument,
    subs: SubsArgument,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Let users start afresh: the next apply looks them up in WorkOS, and creates those who are not there."""
    from engine.cli.stored import editing, key_of_user, stored_spec
    from engine.state import queries

    with command(json=json, quiet=quiet) as console:
        spec = stored_spec(console, plan, sandbox=sandbox)
        with editing(spec) as state:
            keys = {key_of_user(state, spec, sub): sub for sub in subs}
            forgotten = [keys[key] for key in queries.forget(state, list(keys))]
        if json:
            console.document({"schema": "state-forget.v1", "plan": spec.name, "forgotten": forgotten})
        console.say(f"forgotten: {len(forgotten)}")


@app.command("unlock", epilog="Example: migrate state unlock plans/production.yaml")
def unlock(
    plan: PlanArgument, sandbox: SandboxOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Say who holds the state's lock, and clear what a killed run left in it.

    A local lock is the operating system's: it ends with its process.
    """
    from engine.cli.stored import stored_spec
    from engine.state.place import FilePlace
    from engine.workspace.folder import Workspace

    with command(json=json, quiet=quiet) as console:
        spec = stored_spec(console, plan, sandbox=sandbox)
        place = FilePlace(spec.state_path)
        left = None
        if os.path.lexists(place.lock_path):
            left = place.holder()
            # Raises StateLocked, which names the holder, while a run is alive; closing it wipes the file.
            with Workspace(spec.state_path).locked(place):
                pass
        if json:
            console.document({"schema": "state-unlock.v1", "plan": spec.name, "locked": False,
                              "cleared": asdict(left) if left else None})  # fmt: skip
        if left is None:
            console.say("nobody holds the lock; there was nothing to do")
        else:
            console.say(
                f"nobody holds the lock: process {left.pid} of {left.user} on {left.host}, which took it at "
                f"{left.since}, ended without letting go; its entry is cleared"
            )


def _pool(row: UserRow, names: Mapping[str, str]) -> dict[str, str]:
    """What the plan calls the user's pool, where it has several."""
    name = name_of_pool(names, row.key)
    return {"pool": name} if name is not None else {}


def _shown(row: UserRow, names: Mapping[str, str]) -> dict[str, object]:
    shown = asdict(row)
    del shown["key"], shown["primary_key"]
    return _pool(row, names) | shown
