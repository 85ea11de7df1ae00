"""`migrate validate`: the plan file's shape and sense. Contacts nobody and needs no secret.

With `--pool` the attribute names are held against the pools, which are read for it; WorkOS is never contacted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.command import JsonOption, QuietOption, command, diagnostic_json
from engine.model.diagnostics import Diagnostic
from engine.model.errors import InvalidPlanFile
from engine.plan_file.model import Spec
from engine.views.console import Console

PlansArgument = Annotated[list[Path], typer.Argument(metavar="PLAN...", help="Plan files.", show_default=False)]


AgainstPoolOption = Annotated[
    bool, typer.Option("--pool", help="Also hold every attribute name against the pool; reads its schema and users.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate validate plans/*.yaml")(validate)


def validate(
    plans: PlansArgument, pool: AgainstPoolOption = False, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Check plan files, schema and sense; contacts nobody unless --pool says so."""
    from engine.plan_file.loader import load
    from engine.workspace.folder import sweep

    with command(json=json, quiet=quiet) as console:
        found: list[Diagnostic] = []
        warnings: list[Diagnostic] = []
        states: dict[Path, Path] = {}  # by whom each state is used
        for path in plans:
            try:
                # To read the pool takes the plan's variables, but for the destination's.
                loaded = load(path, sandbox=True) if pool else load(path, resolve=False)
            except InvalidPlanFile as error:
                found.extend(error.found)
                continue
            sweep(loaded.spec.state_path)
            other = states.setdefault(loaded.spec.state_path.resolve(), path)
            if other.resolve() != path.resolve():
                # Each would take the other's users for its own, and those it does not select for gone.
                found.append(
                    Diagnostic(
                        "shared_state",
                        f"{path} and {other} have one state, {loaded.spec.state_path}",
                        "give each plan a name or a state.path of its own",
                    )
                )
                continue
            told = list(loaded.warnings)
            if pool:
                console.hide(loaded.secrets)
                try:
                    told += _hold_against_pools(console, loaded.spec)
                except InvalidPlanFile as error:
                    found.extend(error.found)
                    continue
            warnings.extend(told)
            console.warn(*told)
            console.say(f"{path}: valid")
        if found:
            raise InvalidPlanFile(found)
        if json:
            console.document(
                {
                    "schema": "validate.v1",
                    "command": "validate",
                    "valid": [str(path) for path in plans],
                    "warnings": [diagnostic_json(one) for one in warnings],
                }
            )


def _hold_against_pools(console: Console, spec: Spec) -> list[Diagnostic]:
    """Warnings of names that nobody fills. Raises InvalidPlanFile for names that no pool can have, and SourceError."""
    from engine.cli.sources import open_sources
    from engine.run.naming import check_names_in_pools

    sources = open_sources(spec, tell=console.warn)
    with console.stages() as stages:
        estimated = sources.describe().estimated_users
        found = check_names_in_pools(spec, sources, stages.lazily(f"reading {spec.name}", estimated))
    for one in sources.warnings:
        console.warn(one)
    return found
