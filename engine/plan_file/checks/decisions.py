"""Decisions: one a user, in a pool where there are several, and `adopt` says whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.pools import written_pools
from engine.plan_file.section import entries, known_text
from engine.plan_file.suggestions import closest


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    first: dict[tuple[str, str], int] = {}
    pools = [(key, known_text(pool, "name")) for key, pool in written_pools(data)]
    for at, decision in entries(data, "decisions"):
        key: Key = ("decisions", at)
        yield from _check_pool(key, decision, pools)
        sub, pool = known_text(decision, "sub"), str(decision.get("pool") or "")
        if sub is not None and first.setdefault((pool, sub), at) != at:
            wrong = f"{dotted(key)} is the second decision about {shown(sub)}, after decisions[{first[pool, sub]}]"
            yield Fault("duplicate_decision", (*key, "sub"), wrong, "keep one")
        action = known_text(decision, "action")
        if action == "adopt" and "user_id" not in decision:
            wrong = f"{dotted((*key, 'user_id'))} is missing"
            yield Fault("missing_key", (*key, "user_id"), wrong, "adopt needs the WorkOS user: user_id: user_…")
        elif action in {"skip", "primary"} and "user_id" in decision:
            wrong = f"{dotted((*key, 'user_id'))} means nothing with {action}"
            yield Fault("contradiction", (*key, "user_id"), wrong, "remove it, or write action: adopt")


def _check_pool(key: Key, decision: Mapping[str, Any], pools: list[tuple[Key, str | None]]) -> Iterator[Fault]:
    place = (*key, "pool")
    named = known_text(decision, "pool")
    names = [name for _, name in pools if name is not None]
    if named is not None and all(len(at) == 1 for at, _ in pools):
        if pools:
            yield Fault("no_effect", place, f"{dotted(place)} does nothing: source is one pool", "leave it out")
    elif named is not None and len(names) == len(pools) and named not in names:
        guess = closest(named, names)
        right = f"did you mean {guess}?" if guess else f"possible: {', '.join(names)}"
        yield Fault("unknown_pool", place, f"{dotted(place)} is {shown(named)}, and no pool is called that", right)
    elif "pool" not in decision and len(pools) > 1:
        wrong = f"{dotted(place)} is missing, and source lists {len(pools)} pools"
        yield Fault("missing_key", place, wrong, f"name the user's: {', '.join(names)}")
