"""Computes a whole plan: every undecided person through the planner, and the digest of what was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Protocol

import orjson

from engine.model.keys import USER, sub_of
from engine.model.ports import Progress, shown_to_nobody
from engine.model.users import METADATA
from engine.resources.review_entry import ReviewEntry
from engine.resources.users.changes import Change, Desired, Found, Known
from engine.resources.users.planner import Planner

_BATCH = 1000


class Undecided(Protocol):
    """One person for whom a decision is due."""

    @property
    def desired(self) -> Desired: ...
    @property
    def known_key(self) -> str | None: ...
    @property
    def known(self) -> Known | None: ...
    @property
    def found(self) -> Found: ...


class PlanStore(Protocol):
    """Where people come from and decisions go; bounded memory is its business."""

    def undecided(self) -> Iterable[Undecided]:
        """Everyone for whom a decision is due, in a fixed order."""
        ...

    def store(self, changes: Sequence[Change]) -> None:
        """Keep what was decided."""
        ...


@dataclass(slots=True)
class PlanSummary:
    """What was decided, counted. `writes` are the requests that it takes; same input, same `digest`."""

    actions: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    vanished: int = 0
    digest: str = ""


def compute_plan(
    store: PlanStore,
    planner: Planner,
    *,
    name: Callable[[str], str] = sub_of,
    progress: Progress = shown_to_nobody,
) -> PlanSummary:
    """Decide on everyone and store the changes. `name` says by what of their key users are told apart."""
    summary = PlanSummary()
    digest = sha256()
    batch: list[Change] = []
    for person in store.undecided():
        change = planner.decide(person.desired, person.known, person.found)
        if change.action == "unchanged" and person.known_key != person.desired.key:
            # Another record of the same person speaks for them now; only the state has to learn it.
            change = replace(change, action="adopt", because=("speaks", *change.because))
        summary.actions[change.action] += 1
        summary.writes += change.action == "create" or bool(change.send)
        summary.vanished += len(change.vanished)
        if change.action != "unchanged":
            digest.update(content_of(name(change.key), change, person.desired))
        batch.append(change)
        if len(batch) >= _BATCH:
            store.store(batch)
            batch.clear()
            progress(summary.actions.total())
    store.store(batch)
    summary.digest = digest.hexdigest()
    return summary


def content_of(name: str, change: Change, desired: Desired) -> bytes:
    """All that is decided on a person, called by `name`: the same for the same decision."""
    send: object = change.send
    if change.action == "create":
        send = [desired.email, desired.verified, dict(desired.fields), dict(desired.flags)]
    return orjson.dumps([name, change.action, change.workos_id, change.code, send], option=orjson.OPT_SORT_KEYS)


def user_entry(name: str, change: Change, desired: Desired) -> ReviewEntry:
    """The same for a review, with the fields to write; flags are metadata like any other."""
    parts: dict[str, object] = dict(change.send)
    if change.action == "create":
        flags = {f"{METADATA}{flag}": value for flag, value in desired.flags.items()}
        parts = {"email": desired.email, "email_verified": desired.verified, **desired.fields, **flags}
    return ReviewEntry(USER, change.key, change.action, content_of(name, change, desired), parts)
