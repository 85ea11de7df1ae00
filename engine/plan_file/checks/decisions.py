"""Decisions: one a user, and `adopt` says whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.plan_file.fault import Fault, Key, dotted, shown
from engine.plan_file.section import entries, known_text


def check(data: Mapping[str, Any]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for at, decision in entries(data, "decisions"):
        key: Key = ("decisions", at)
        sub = known_text(decision, "sub")
        if sub is not None and first.setdefault(str(sub), at) != at:
            wrong = f"{dotted(key)} is the second decision about {shown(sub)}, after decisions[{first[sub]}]"
            yield Fault("duplicate_decision", (*key, "sub"), wrong, "keep one")
        action = known_text(decision, "action")
        if action == "adopt" and "user_id" not in decision:
            wrong = f"{dotted((*key, 'user_id'))} is missing"
            yield Fault("missing_key", (*key, "user_id"), wrong, "adopt needs the WorkOS user: user_id: user_…")
        elif action in {"skip", "primary"} and "user_id" in decision:
            wrong = f"{dotted((*key, 'user_id'))} means nothing with {action}"
            yield Fault("contradiction", (*key, "user_id"), wrong, "remove it, or write action: adopt")
