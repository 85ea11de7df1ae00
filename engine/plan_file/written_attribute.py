"""The word for an attribute's name as it is written in a plan file, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NamedIn = Literal["mapping", "filter", "organizations"]


@dataclass(frozen=True, slots=True)
class WrittenAttribute:
    """A Cognito attribute that the plan names itself; what the plan leaves to defaults is none.

    `where` is the key as messages call it, in the section that `named_in` says. `pools` are the positions of the pools
    for which the name counts: a pool's own section holds for it alone, and takes it out of the plan's. `optional`: no
    user needs to have it.
    """

    name: str
    where: str
    named_in: NamedIn
    pools: tuple[int, ...]
    optional: bool = False
    line: int = 0
    column: int = 0
