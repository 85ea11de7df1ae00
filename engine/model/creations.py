"""What a creation gives back: the thing, and whether the call made it. What follows from that is others' business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Made(Generic[T_co]):
    """`held` as WorkOS shows it. `ours` is False where it was there before the call: then nothing was written.

    After a try whose end is not known, what is found counts as ours. A creation that is repeated after a crash finds
    its own work as if it were somebody else's: only the caller's state can tell.
    """

    held: T_co
    ours: bool
