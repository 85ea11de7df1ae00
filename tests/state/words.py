"""Outcomes and identities for the tests of the state."""

from __future__ import annotations

from typing import Any

from engine.model.keys import USER, user_key
from engine.model.outcomes import Claim, Done, NotDone, StateIdentity

IDENTITY = StateIdentity("acme", "us-east-1_AbC", "https://api.workos.com client_1", "production")
KEY = bytes(range(32))


def done(sub: str = "s1", **rest: Any) -> Done:
    values: dict[str, Any] = {"workos_id": f"user_{sub}", "operation": "create", "fingerprint": b"f" * 16,
                              "fields": {"email": "00ff"}, "verified": True, "created_here": True,
                              "flagged": False, "attempts": 1, **rest}  # fmt: skip
    return Done(kind=USER, key=key(sub), **values)


def key(sub: str) -> str:
    return user_key(IDENTITY.pool, sub)


def claim(sub: str, operation: str) -> Claim:
    return Claim(USER, key(sub), operation)


def not_done(sub: str, *rest: Any) -> NotDone:
    return NotDone(USER, key(sub), *rest)
