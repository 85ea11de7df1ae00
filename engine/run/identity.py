"""Whom a state belongs to, and where a plan's sandbox keeps its own (rule 13)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.model.keys import NO_POOL
from engine.model.outcomes import StateIdentity
from engine.plan_file.model import ExportSource, Spec


def pool_name(spec: Spec) -> str:
    """What the keys of the source's users begin with."""
    if isinstance(spec.source, ExportSource):
        return spec.source.user_pool_id or NO_POOL
    return spec.source.user_pool_id


def state_identity(spec: Spec, *, sandbox: bool) -> StateIdentity:
    """Whom the state of this plan belongs to (rule 13)."""
    destination = "sandbox" if sandbox else f"{spec.destination.base_url.rstrip('/')} {spec.destination.client_id}"
    return StateIdentity(spec.name, pool_name(spec), destination)


def for_sandbox(spec: Spec) -> Spec:
    """The plan with a state of its own for the sandbox."""
    return replace(spec, state_path=spec.state_path.with_name(_sandbox_stem(spec.state_path) + ".state.db"))


def sandbox_data(spec: Spec) -> Path:
    """Where the sandbox of a plan keeps its users, beside its state; `spec` is from `for_sandbox`."""
    return spec.state_path.with_name(spec.state_path.name.removesuffix(".state.db") + ".workos.db")


def _sandbox_stem(state_path: Path) -> str:
    return state_path.name.removesuffix(".db").removesuffix(".state") + ".sandbox"
