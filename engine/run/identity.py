"""Whom a state belongs to, and where a plan's sandbox keeps its own (rule 13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.model.keys import user_key
from engine.model.outcomes import StateIdentity, join_pools
from engine.plan_file.model import Decision, Spec


def decision_key(spec: Spec) -> Callable[[Decision], str]:
    """From a decision of the plan to the key of the user whom it is about."""
    pools = {one.name: one.key for one in spec.pools}
    first = spec.pools[0].key
    return lambda one: user_key(pools[one.pool] if one.pool is not None else first, one.sub)


def state_identity(spec: Spec, *, sandbox: bool) -> StateIdentity:
    """Whom the state of this plan belongs to (rule 13)."""
    used = spec.destination
    destination = "sandbox" if sandbox else f"{used.base_url.rstrip('/')} {used.client_id}"
    environment = None if sandbox else used.environment
    return StateIdentity(spec.name, join_pools(one.key for one in spec.pools), destination, environment)


def for_sandbox(spec: Spec) -> Spec:
    """The plan with a state of its own for the sandbox."""
    return replace(spec, state_path=spec.state_path.with_name(_sandbox_stem(spec.state_path) + ".state.db"))


def sandbox_data(spec: Spec) -> Path:
    """Where the sandbox of a plan keeps its users, beside its state; `spec` is from `for_sandbox`."""
    return spec.state_path.with_name(spec.state_path.name.removesuffix(".state.db") + ".workos.db")


def _sandbox_stem(state_path: Path) -> str:
    return state_path.name.removesuffix(".db").removesuffix(".state") + ".sandbox"
