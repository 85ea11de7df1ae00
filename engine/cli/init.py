"""`migrate init`: a first plan file, drafted from a live pool or export files, or one of the package's examples."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.asking import Asking
from engine.cli.command import JsonOption, QuietOption, command
from engine.cli.starting import (
    Request,
    choices_for,
    organizations_of,
    refuse,
    source_text,
    with_organizations,
    write_example,
    write_quickstart,
)
from engine.model.errors import InvalidPlanFile, MigrateError
from engine.views.console import Console

_PLAN = "plan.yaml"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: migrate init --pool us-east-1_AbCdEf123 --out plan.yaml")(init)


def init(
    more: Annotated[list[str] | None, typer.Argument(metavar="FILE", help="More export files.", hidden=True)] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="ID", help="The user pool; with --from-export, where it came from.")
    ] = None,
    from_export: Annotated[
        list[str] | None,
        typer.Option("--from-export", metavar="FILE...", help="Export files or patterns in its place; no AWS needed."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="PLAN", help="The plan file to make.")] = None,
    region: Annotated[
        str | None, typer.Option(metavar="REGION", help="The pool's region, where its ID does not say.")
    ] = None,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="A profile of the AWS configuration.")] = None,
    role_arn: Annotated[str | None, typer.Option(metavar="ARN", help="A role to assume.")] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Another address for the Cognito API.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The plan's name; the file's, if left out.")] = None,
    environment: Annotated[
        str | None, typer.Option(metavar="production|staging", help="The WorkOS environment, as a guard.")
    ] = None,
    api_key_variable: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variable of the API key (WORKOS_API_KEY).")
    ] = None,
    client_id_variable: Annotated[
        str | None, typer.Option(metavar="NAME", help="The variable of the client ID (WORKOS_CLIENT_ID).")
    ] = None,
    organization: Annotated[
        list[str] | None,
        typer.Option(metavar="PROVIDER=ID", help="The organization of an OIDC or SAML provider; may be repeated."),
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Print or write the example plan, with every section.")
    ] = False,
    quickstart: Annotated[
        bool, typer.Option("--quickstart", help="Write the quickstart plan and its invented users, to try things out.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a first plan file, with comments, from a live pool or export files; never over a file that is there."""
    with command(json=json, quiet=quiet) as console:
        asking = Asking(able=console.can_ask and not (example or quickstart))
        if example or quickstart:
            given = (more, pool, from_export, region, profile, role_arn, endpoint_url, name, environment,
                     api_key_variable, client_id_variable, organization)  # fmt: skip
            if any(given) or (example and quickstart):
                refuse("--example and --quickstart each go with --out alone", "leave the other options out")
            if example:
                write_example(console, out)
            else:
                write_quickstart(console, out)
            return
        if more and not from_export:
            refuse(f"{more[0]} is no option", "name export files after --from-export")
        files = [*(from_export or ()), *(more or ())]
        if not files and pool is None:
            pool = asking.text("User pool ID (or begin again with --from-export FILE...)", None, None)
            if pool is None:
                refuse("nothing says where the users are", "name --pool ID or --from-export FILE...")
        if out is None:
            answer = asking.text("Plan file to make", None, _PLAN if asking.able else None)
            out = Path(answer) if answer else refuse("no file to write is named", "add --out PLAN")
        _draft(
            console,
            asking,
            Request(
                out=out,
                pool=pool,
                files=tuple(files),
                region=region,
                profile=profile,
                role_arn=role_arn,
                endpoint_url=endpoint_url,
                name=name,
                environment=environment,
                api_key_variable=api_key_variable,
                client_id_variable=client_id_variable,
                organizations=organizations_of(organization or ()),
            ),
        )


def _draft(console: Console, asking: Asking, request: Request) -> None:
    from engine.cli.sources import open_source
    from engine.draft.plan_text import write_plan
    from engine.draft.proposal import propose
    from engine.plan_file.loader import load
    from engine.run.surveying import find_out
    from engine.snapshot.survey import Survey
    from engine.views.drafting import drafted_json, render_findings
    from engine.workspace.named_files import NamedFile

    # Before a million users are read for a file that cannot be.
    NamedFile(request.out, public=True, option="").check_place()
    choices = choices_for(request, asking)
    source = open_source(choices.source, tell=console.warn)
    console.header([("plan", f"{choices.name} ({request.out}, to be made)"), ("pool", source_text(choices.source))])
    with closing(Survey()) as survey, console.stages() as stages:
        estimated = source.describe().estimated_users
        findings = find_out(source, survey, stages.lazily("reading", estimated))
    for told in source.warnings:
        console.warn(told)
    for unread in findings.unread:
        console.warn(f"{unread.what}: not read: {unread.message}; {unread.remedy}")
    proposal = propose(findings, choices)
    undecided = [one.name for one in proposal.providers if one.connection]
    if asking.able and undecided:
        choices = with_organizations(choices, asking, undecided)
        proposal = propose(findings, choices)
    unknown = sorted(
        set(choices.organizations) - {one.name for one in proposal.providers if one.organization is not None}
    )
    if unknown:
        refuse(f"--organization names {unknown[0]}, which is no OIDC or SAML provider of this pool", "correct its name")
    NamedFile(request.out, public=True, option="").write(write_plan(findings, proposal, choices).encode())
    try:
        loaded = load(request.out, resolve=False)
    except InvalidPlanFile as error:
        # A fault of ours. What cannot be used must not be taken for a plan, nor stand in the way of the next one.
        request.out.unlink(missing_ok=True)
        raise MigrateError(
            f"the drafted plan is not valid: {error.found[0]}",
            remedy="nothing was written; please report it",
            code="draft_invalid",
        ) from error
    console.about(str(request.out), sandbox=True)
    console.warn(*loaded.warnings)
    following = console.message("`migrate plan`").strip("`")
    if console.json:
        console.document(
            drafted_json(request.out, choices.name, findings, proposal, warnings=loaded.warnings, following=following)
        )
    console.say(*render_findings(findings, proposal), "", f"{request.out}: written, and valid", f"next: {following}")
