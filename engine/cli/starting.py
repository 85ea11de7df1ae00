"""What `init` was asked for, made into choices: flags checked as a plan would be, the rest asked or taken as usual."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.cli.asking import Asking
from engine.model.diagnostics import Diagnostic
from engine.model.errors import InvalidPlanFile, MigrateError
from engine.plan_file.model import CognitoSource, ExportSource
from engine.views.console import Console

if TYPE_CHECKING:
    from engine.draft.proposal import Choices

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_API_KEY, _CLIENT_ID = "WORKOS_API_KEY", "WORKOS_CLIENT_ID"
_MOST_QUESTIONS = 20
# A plan that is right, for checking one section.
_LEAST: Mapping[str, Any] = {
    "version": 1,
    "name": "plan",
    "source": {"cognito": {"user_pool_id": "us-east-1_AbCdEf123"}},
    "destination": {"workos": {"api_key": "${WORKOS_API_KEY}", "client_id": "${WORKOS_CLIENT_ID}"}},
}


@dataclass(frozen=True, slots=True)
class Request:
    """The command line. `organizations` are external IDs by provider."""

    out: Path
    pool: str | None = None
    files: tuple[str, ...] = ()
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    endpoint_url: str | None = None
    name: str | None = None
    environment: str | None = None
    api_key_variable: str | None = None
    client_id_variable: str | None = None
    organizations: Mapping[str, str] = field(default_factory=dict)


def refuse(wrong: str, right: str) -> NoReturn:
    """Bad usage."""
    raise MigrateError(wrong, remedy=right, code="bad_usage")


def organizations_of(given: Iterable[str]) -> dict[str, str]:
    """`PROVIDER=ID`, each provider once."""
    found: dict[str, str] = {}
    for one in given:
        name, _, organization = one.rpartition("=")
        if not name or not organization.strip() or name in found:
            refuse(f"--organization {one} is no PROVIDER=ID, or the second of its provider", "write AcmeOkta=acme")
        found[name] = organization.strip()
    return found


def choices_for(request: Request, asking: Asking) -> Choices:
    """Everything that the plan takes from its author. Raises MigrateError with every fault of the flags."""
    from engine.draft.proposal import Choices  # lazily: every command imports this module
    from engine.plan_file.references import NAME

    _check(_as_plan(request, request.name or "plan", request.environment, _API_KEY, _CLIENT_ID))
    name = asking.text("Plan name (its state is called after it)", request.name, _default_name(request.out))
    environment = asking.choice("WorkOS environment", request.environment, ("production", "staging"))
    api_key = asking.text("Variable that holds the API key", request.api_key_variable, _API_KEY)
    client_id = asking.text("Variable that holds the client ID", request.client_id_variable, _CLIENT_ID)
    for variable in (api_key, client_id):
        if not re.fullmatch(NAME, variable or ""):
            refuse(f"{variable} is no name of a variable", "write a name such as WORKOS_API_KEY, never a key itself")
    made: Any = _as_plan(request, name or "", environment, api_key or "", client_id or "")
    _check(made)
    return Choices(
        name=made["name"],
        source=_source(request),
        api_key_variable=api_key or _API_KEY,
        client_id_variable=client_id or _CLIENT_ID,
        environment=made["destination"]["workos"].get("environment"),
        organizations=request.organizations,
    )


def with_organizations(choices: Choices, asking: Asking, providers: Iterable[str]) -> Choices:
    """The same with what is answered for each of these providers; nothing is: the author decides later."""
    answers = {}
    for provider in list(providers)[:_MOST_QUESTIONS]:
        question = f"External ID of the organization that signs in with {provider} (empty: decide later)"
        answer = asking.text(question, None, "")
        if answer:
            answers[provider] = answer
    _check(_connected(_LEAST, answers))
    return replace(choices, organizations={**choices.organizations, **answers})


def source_text(source: CognitoSource | ExportSource) -> str:
    """The source for the header."""
    if isinstance(source, ExportSource):
        return "export " + ", ".join(source.files) + (f" of {source.user_pool_id}" if source.user_pool_id else "")
    at = f" at {source.endpoint_url}" if source.endpoint_url else ""
    return f"user pool {source.user_pool_id} in {source.region}{at}"


def write_example(console: Console, out: Path | None) -> None:
    """The example plan to standard output, or into a new file."""
    from engine.plan_file.examples import example_plan
    from engine.workspace.named_files import NamedFile

    content = example_plan()
    if out is None:
        if console.json:
            refuse("--json says what was written, and nothing is", "add --out FILE")
        console.stream([content.decode()])
        return
    NamedFile(out, public=True, option="").write(content)
    _tell(console, out, "`migrate validate`")


def write_quickstart(console: Console, out: Path | None) -> None:
    """The quickstart plan with its users beside it."""
    from engine.plan_file.examples import quickstart_plan, quickstart_users
    from engine.workspace.named_files import NamedFile

    if out is None:
        refuse("--quickstart writes a plan and its users, and no file is named", "add --out quickstart.yaml")
    folder = out.parent / "quickstart"
    plan = NamedFile(out, public=True, option="")
    plan.check_place()
    if os.path.lexists(folder):
        wrong = f"{folder} exists already, where the quickstart's users go; nothing is ever written over it"
        remedy = f"move it away, or name a file in another folder, such as {out.parent / 'try' / out.name}"
        raise MigrateError(wrong, remedy=remedy, code="file_exists")
    NamedFile(folder, public=True, option="").check_place()
    folder.mkdir()
    for name, content in quickstart_users().items():
        NamedFile(folder / name, public=True, option="").write(content)
    plan.write(quickstart_plan(out))
    _tell(console, out, "`migrate apply`")


def _tell(console: Console, out: Path, following: str) -> None:
    console.about(str(out), sandbox=True)
    command = console.message(following).strip("`")
    if console.json:
        console.document({"schema": "init-example.v1", "command": "init", "file": str(out), "next": command})
    console.say(f"{out}: written", f"next: {command}")


def _default_name(out: Path) -> str:
    return out.stem if _NAME.fullmatch(out.stem) else "migration"


def _source(request: Request) -> CognitoSource | ExportSource:
    from engine.plan_file.values import region_of

    if request.files:
        from engine.exports.patterns import patterns_for

        return ExportSource(patterns_for(request.files, request.out.parent), request.out.parent, request.pool)
    pool = request.pool or ""
    return CognitoSource(
        user_pool_id=pool,
        region=request.region or region_of(pool) or "",
        profile=request.profile,
        role_arn=request.role_arn,
        endpoint_url=request.endpoint_url,
    )


def _as_plan(request: Request, name: str, environment: str | None, api_key: str, client_id: str) -> Mapping[str, Any]:
    """The plan that has nothing but what was given: what is wrong with it is wrong with the flags."""
    cognito = {"user_pool_id": request.pool, "region": request.region, "profile": request.profile,
               "role_arn": request.role_arn, "endpoint_url": request.endpoint_url}  # fmt: skip
    given = {key: one for key, one in cognito.items() if one is not None}
    if request.files and (wrong := sorted(set(given) - {"user_pool_id"})):
        refuse(f"--{wrong[0].replace('_', '-')} is for a live pool, and --from-export reads files", "leave it out")
    source = {"export": {"files": list(request.files), **given}} if request.files else {"cognito": given}
    workos = {"api_key": f"${{{api_key}}}", "client_id": f"${{{client_id}}}"}
    plan = {
        "version": 1,
        "name": name,
        "source": source,
        "destination": {"workos": workos | ({"environment": environment} if environment is not None else {})},
    }
    return plan if request.files else _connected(plan, request.organizations)


def _connected(plan: Mapping[str, Any], organizations: Mapping[str, str]) -> Mapping[str, Any]:
    entries = {name: {"connection": {"organization": one}} for name, one in organizations.items()}
    return {**plan, "oauth_providers": entries} if entries else plan


def _check(data: Mapping[str, Any]) -> None:
    from engine.plan_file.checks import find_senseless, secrets
    from engine.plan_file.shape import find_misshapen, without

    secret = list(secrets.check(data))
    faults = [*secret, *find_misshapen(data)]
    faults += find_senseless(without(data, faults))
    if faults:
        raise InvalidPlanFile([Diagnostic(one.code, one.wrong, one.right) for one in dict.fromkeys(faults)])
