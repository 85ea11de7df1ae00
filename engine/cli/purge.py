"""`migrate purge`: takes away the files with people in them, or one person out of state and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, SandboxOption, command
from engine.model.errors import MigrateError
from engine.model.keys import sub_of, user_key

if TYPE_CHECKING:
    from engine.plan_file.model import Spec
    from engine.state.file import StateFile

PersonOption = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="SUB", help="Take one person out of state and files, for good.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate purge plans/production.yaml")(purge)


def purge(
    plan: PlanArgument,
    target: PersonOption = None,
    sandbox: SandboxOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove snapshot, exports, reports and reset files of the plan, never the state; says what it removed."""
    from engine.cli.stored import editing, stored_spec
    from engine.run.purging import FilePurge, PurgeResult
    from engine.state.place import FilePlace
    from engine.state.purging import erase, keys_of_person
    from engine.views.purge import render_purge
    from engine.workspace.folder import Workspace

    with command(json=json, quiet=quiet) as console:
        spec = stored_spec(console, plan, sandbox=sandbox)
        workspace = Workspace(spec.state_path)
        files = FilePurge(spec, workspace)
        if target is None:
            if spec.state_path.parent.is_dir():
                with workspace.locked(FilePlace(spec.state_path)):
                    files.everybody()
            result = PurgeResult(spec.name, sandbox, tuple(files.removed), kept=tuple(files.kept))
        else:
            with editing(spec) as state:
                keys = keys_of_person(state, _key(state, spec, target))
                erased = erase(state, keys)
                files.person({sub_of(key) for key in keys}, erased.workos_ids)
            result = PurgeResult(
                spec.name, sandbox, tuple(files.removed), tuple(files.rewritten), tuple(files.kept), True,
                erased.users, erased.memberships, erased.workos_ids,
            )  # fmt: skip
        if json:
            console.document(result.to_json())
        else:
            console.say(*render_purge(result))


def _key(state: StateFile, spec: Spec, written: str) -> str:
    """The key of the person, whom the state need not know: nobody is to make them later either."""
    from engine.cli.stored import key_of_user

    if "@" in written or written.startswith("user_"):
        # A mark for a sub that nobody has would pass for an erasure.
        raise MigrateError(
            f"--target takes a sub, and {written} is none", remedy="`migrate explain WHO` shows the person's subs",
            code="bad_usage",
        )  # fmt: skip
    try:
        return key_of_user(state, spec, written)
    except MigrateError as error:
        if error.code != "unknown_user":
            raise
    if "@" in written or written.startswith("user_"):
        # A mark of it would keep nobody out, and say that it does.
        raise MigrateError(
            f"{written} is no sub, and nobody was taken out",
            remedy="`migrate explain` shows the person's sub: name that",
            code="bad_usage",
        )
    pool, _, sub = written.partition("/")
    for one in spec.pools if len(spec.pools) > 1 else ():
        if one.name == pool:
            return user_key(one.key, sub)
    if len(spec.pools) == 1:
        return user_key(spec.pools[0].key, written)
    raise MigrateError(
        f"the plan has several pools, and {written} names none", remedy=f"write it as {spec.pools[0].name}/{written}",
        code="bad_usage",
    )  # fmt: skip
