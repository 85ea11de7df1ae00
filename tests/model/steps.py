"""Random cases: what happens in Cognito, in WorkOS and to the runs, one small step after the other.

A step names nobody: its numbers are taken modulo whoever is there when it is played, so a case stays playable when
steps are taken out of it. That is what makes it shrink.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    # in Cognito
    "sign_up", "move", "verify", "unverify", "disable", "enable", "delete", "edit",
    # in WorkOS
    "open_account", "use", "reset", "link_identity", "give_password", "change_address", "rename", "erase",
    # to the runs
    "run", "storm", "kill", "copy_state", "restore_state", "lose_state",
]  # fmt: skip

_HOSTILE: dict[Kind, int] = {
    "sign_up": 5, "move": 8, "verify": 3, "unverify": 1, "disable": 3, "enable": 1, "delete": 1, "edit": 3,
    "open_account": 2, "use": 6, "reset": 1, "link_identity": 1, "give_password": 1, "change_address": 3, "rename": 1,
    "erase": 1, "run": 11, "storm": 2, "kill": 2, "copy_state": 1, "restore_state": 2, "lose_state": 1,
}  # fmt: skip
# Everybody honest, nothing between: such a case has no excuse for anything but exit 0.
_HONEST: dict[Kind, int] = {
    "sign_up": 4,
    "move": 4,
    "edit": 4,
    "disable": 1,
    "enable": 1,
    "run": 4,
    "storm": 1,
    "kill": 1,
}


@dataclass(frozen=True, slots=True)
class Step:
    """`who` and `what` are random numbers, to be taken modulo what there is."""

    kind: Kind
    who: int = 0
    what: int = 0

    def __str__(self) -> str:
        return f'Step("{self.kind}", {self.who}, {self.what})'


@dataclass(frozen=True, slots=True)
class CaseOfSteps:
    """One case; `honest`: nobody claims an address that is not theirs, and nobody touches WorkOS."""

    seed: int
    honest: bool
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        lines = "".join(f"    {step},\n" for step in self.steps)
        return f"CaseOfSteps({self.seed}, honest={self.honest}, steps=(\n{lines}))"


def case_of(seed: int) -> CaseOfSteps:
    """The case of a seed; the same one, always."""
    rng = random.Random(seed)
    honest = rng.random() < 0.2
    kinds = _HONEST if honest else _HOSTILE
    begin = [Step("sign_up", rng.randrange(1000), rng.randrange(1000)) for _ in range(rng.randint(1, 3))]
    drawn = rng.choices(list(kinds), list(kinds.values()), k=rng.randint(3, 9))
    rest = [Step(kind, rng.randrange(1000), rng.randrange(1000)) for kind in drawn]
    if not honest and rng.random() < 0.3:
        # What an attack by address comes down to: the mailbox's owner uses the account, and then the record moves on.
        who = rng.randrange(1000)
        attack = [Step("use", who, rng.randrange(1000)), Step("move", who, rng.randrange(1000)), Step("run")]
        rest[:0] = attack
    return CaseOfSteps(seed, honest, (*begin, Step("run"), *rest))


def shrunk(case: CaseOfSteps, fails: Callable[[CaseOfSteps], bool], *, tries: int = 150) -> CaseOfSteps:
    """The case with as few steps as still fail, found by taking out ever smaller parts."""
    size = len(case.steps) // 2
    while size and tries > 0:
        at = 0
        while at < len(case.steps) and tries > 0:
            tries -= 1
            fewer = _without(case, at, size)
            if fails(fewer):
                case = fewer
            else:
                at += size
        size //= 2
    return case


def _without(case: CaseOfSteps, at: int, size: int) -> CaseOfSteps:
    steps: Sequence[Step] = case.steps
    return CaseOfSteps(case.seed, case.honest, (*steps[:at], *steps[at + size :]))
