"""The way from a plan file to its `Spec`: read, replace references, check shape and sense, build.

It owns the order of these steps and gathers their faults, so that an author sees all of them at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.model.diagnostics import Diagnostic
from engine.model.errors import InvalidPlanFile
from engine.model.redaction import Redactor, looks_secret
from engine.plan_file import checks, references, support
from engine.plan_file.advice import find_advisable
from engine.plan_file.builder import build_spec
from engine.plan_file.checks import secrets
from engine.plan_file.checks.destination import WORKOS
from engine.plan_file.checks.state import check_path
from engine.plan_file.document import Document, read_document
from engine.plan_file.fault import Fault, dotted
from engine.plan_file.model import DEFAULT_BASE_URL, Spec
from engine.plan_file.naming import find_names
from engine.plan_file.section import section
from engine.plan_file.shape import find_misshapen, without
from engine.plan_file.written_attribute import WrittenAttribute


@dataclass(frozen=True, slots=True)
class NamedDestination:
    """The destination that the plan names, for people; a reference that the environment lacks stays as written."""

    base_url: str = DEFAULT_BASE_URL
    client_id: str = ""
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """A checked plan, what its author should know, and the values that no output may show."""

    spec: Spec
    warnings: tuple[Diagnostic, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    named: NamedDestination = NamedDestination()


def load(
    path: Path, *, environ: Mapping[str, str] | None = None, resolve: bool = True, sandbox: bool = False
) -> LoadedPlan:
    """Load a plan file; raises `InvalidPlanFile` with every fault, in the order of their places.

    `environ` is `os.environ` unless given. With `resolve` False no variable is read: texts with references stay as
    they are written, which is enough to validate and too little to run. With `sandbox` the destination's references
    are not read and `spec.destination` is a placeholder with the plan's quotas and limits.
    """
    document = read_document(path)
    # Free keys hold anchors for other keys, which are judged where their aliases stand; a secret has no place there.
    whole = document.data()
    written = {name: value for name, value in whole.items() if not name.startswith("x-")}
    environment = (os.environ if environ is None else environ) if resolve else None
    replaced = references.replace(written, environment, leave=lambda key: sandbox and key[:2] == WORKOS)
    redactor = Redactor(values := _secret_values(replaced.data))

    literals = list(secrets.check(whole))
    secret = {fault.key for fault in literals}
    # That a secret is not a number either is beside the point; that its key is misspelt is not.
    misshapen = [one for one in find_misshapen(replaced.data) if one.code == "unknown_key" or one.key not in secret]
    faults = [*_reference_faults(replaced), *literals, *misshapen]
    if not any(fault.code == "unknown_version" for fault in misshapen):
        rest = without(replaced.data, [*literals, *misshapen])
        faults += [*support.find_unsupported(rest), *checks.find_senseless(rest), *check_path(rest, path)]
    if faults or document.found:
        raise InvalidPlanFile(_sorted([*document.found, *_diagnoses(document, faults)], redactor))
    warnings = _diagnoses(document, find_advisable(replaced.data))
    spec = build_spec(replaced.data, path, sandbox=sandbox)
    places = (document.place(("decisions", at)) for at in range(len(spec.decisions)))
    placed = zip(spec.decisions, places, strict=True)
    decisions = (replace(one, line=line, column=column) for one, (line, column) in placed)
    return LoadedPlan(
        spec=replace(spec, decisions=tuple(decisions), written_attributes=_written(document, replaced.data)),
        warnings=tuple(_sorted(warnings, redactor)),
        secrets=values,
        named=_named(section(written, *WORKOS), os.environ if environ is None else environ),
    )


def _written(document: Document, data: Mapping[str, Any]) -> tuple[WrittenAttribute, ...]:
    return tuple(
        WrittenAttribute(one.name, dotted(one.key), one.named_in, one.pools, one.optional, *document.place(one.key))
        for one in find_names(data)
    )


def _named(workos: Mapping[str, Any], environ: Mapping[str, str]) -> NamedDestination:
    def text(name: str) -> str:
        return references.legible(str(workos.get(name) or ""), environ)

    return NamedDestination(text("base_url") or DEFAULT_BASE_URL, text("client_id"), text("environment") or None)


def _secret_values(data: object) -> tuple[str, ...]:
    """Values out of the environment that are secrets: the API key, and whatever else looks like one."""
    return tuple(
        dict.fromkeys(
            str(text)
            for key, text in references.strings(data)
            if isinstance(text, references.Resolved) and (key == secrets.API_KEY or looks_secret(text))
        )
    )


def _reference_faults(replaced: references.Replaced) -> Iterable[Fault]:
    for key, name, state in replaced.missing:
        wrong = f"{dotted(key)} reads ${{{name}}}, which is {state}"
        right = f"set it in the environment: export {name}=…"
        yield Fault("missing_variable", key, wrong, right)
    for key in replaced.broken:
        wrong = f"{dotted(key)} has a ${{ that begins no reference"
        yield Fault("invalid_reference", key, wrong, "write ${NAME}, or $${ for a plain ${")


def _diagnoses(document: Document, faults: Iterable[Fault]) -> list[Diagnostic]:
    return [document.diagnose(fault) if fault.key else _of_file(document, fault) for fault in faults]


def _of_file(document: Document, fault: Fault) -> Diagnostic:
    return Diagnostic(fault.code, fault.wrong, fault.right, document.file)


def _sorted(found: Iterable[Diagnostic], redactor: Redactor) -> list[Diagnostic]:
    # Masked once more at the end: a key, a group or an alias may hold what nobody expected there.
    masked = [replace(one, wrong=redactor.mask(one.wrong), right=redactor.mask(one.right)) for one in found]
    return sorted(dict.fromkeys(masked), key=lambda one: (one.line, one.column))
