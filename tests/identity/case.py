"""The words of the tables: a case is steps, each a pool, what `apply` counts, what WorkOS and the state then hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.model.users import SourceUser
from tests.support.identity import IdentityWorld


@dataclass(frozen=True, slots=True)
class Step:
    """One `apply`. `counts`, `workos` and `state` are lines as `tests.support.identity` writes them.

    `meanwhile` changes WorkOS before it; `plan` replaces the plan file's sections. `unforeseen` updates turn out to be
    conflicts when they are written: `plan` does not ask WorkOS about users whom the state knows.
    """

    records: Sequence[SourceUser]
    counts: str
    workos: Sequence[str]
    state: Sequence[str]
    meanwhile: Callable[[IdentityWorld], object] | None = None
    plan: str | None = None
    unforeseen: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """How WorkOS differs once the state is lost, and the rule that makes it so."""

    why: str
    workos: Sequence[str]


@dataclass(frozen=True, slots=True)
class Case:
    """`before` is who is in WorkOS already, `plan` the plan file's sections. `lost` is None where nothing differs."""

    name: str
    steps: Sequence[Step]
    before: Sequence[str] = ()
    plan: str = ""
    lost: Lost | None = None
