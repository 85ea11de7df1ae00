"""`migrate oauth`: is every provider's credential reused, and its redirect URI known; and the one way to a secret."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.command import JsonOption, PlanArgument, QuietOption, command
from engine.model.errors import MigrateError, SourceError
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.oauth.results import CheckResult

app = typer.Typer(
    help="Identity providers: are credentials reused, and redirect URIs known?",
    rich_markup_mode=None,
    no_args_is_help=False,
)

ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER", help="The provider's name in Cognito.", show_default=False)
]


@app.command("check", epilog="Example: migrate oauth check plans/production.yaml")
def check(plan: PlanArgument, json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Check every provider of the plan; changes nothing. Ends with 3 where a check fails."""
    from engine.cli.wiring import run

    with command(json=json, quiet=quiet) as console:
        result = run(_check(console, plan))
        if json:
            console.document(result.to_json())
        else:
            from engine.views.sign_in import render_checks

            console.answer(render_checks(result))
        raise typer.Exit(result.exit_code)


@app.command("show-secret", epilog="Example: migrate oauth show-secret plans/production.yaml Google")
def show_secret(plan: PlanArgument, provider: ProviderArgument) -> None:
    """Show a provider's client secret, for pasting it into WorkOS's dashboard; on a terminal only."""
    from engine.cli.sources import open_sources
    from engine.cli.wiring import open_spec

    with command(json=False, quiet=False) as console:
        if not console.is_terminal:
            raise MigrateError(
                "a secret is shown on a terminal only, never to a file, a pipe or a log",
                remedy="run the command on a terminal",
                code="not_a_terminal",
            )
        spec = open_spec(console, plan, sandbox=False)
        sources = open_sources(spec, tell=console.warn, trace=console.trace)
        every = {pool: one for pool, one in sources.identity_providers().items() if one is not None}
        if not every:
            raise SourceError("an export holds no providers", remedy="read the pool itself", code="no_providers")
        found = {sources.label(pool, one.name): one for pool, providers in every.items() for one in providers}
        if provider not in found:
            known = ", ".join(sorted(found)) or "none"
            raise SourceError(
                f"the pool has no identity provider {provider}", remedy=f"it has {known}", code="unknown_provider"
            )
        secret = found[provider].client_secret
        if not secret:
            raise SourceError(
                f"Cognito gives out no client secret for {provider} ({found[provider].kind})",
                remedy="take it from where it was made; Apple's is signed with the private key that you downloaded",
                code="no_secret",
            )
        console.data(secret)


async def _check(console: Console, path: Path) -> CheckResult:
    from engine.cli.wiring import preview
    from engine.oauth.results import CheckResult

    began = time.monotonic()
    async with preview(console, path, sandbox=False) as (session, watch):
        if session.spec.providers is None:
            raise MigrateError(
                "the plan has no oauth_providers, so there is nothing to check",
                remedy="list the pool's identity providers there",
                code="no_providers",
            )
        stage = await session.sign_in_stage()
        console.hide(stage.secrets)
        rows = await session.check_sign_in(stage, watch)
        return CheckResult(session.spec.name, rows, time.monotonic() - began)
