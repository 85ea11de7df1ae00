"""Outcomes and identities for the tests of the state."""

from __future__ import annotations

from typing import Any

from engine.model.outcomes import Done, StateIdentity

IDENTITY = StateIdentity("acme", "us-east-1_AbC", "https://api.workos.com client_1")
KEY = bytes(range(32))


def done(sub: str = "s1", **rest: Any) -> Done:
    values: dict[str, Any] = {"workos_id": f"user_{sub}", "operation": "create", "fingerprint": b"f" * 16,
                              "fields": {"email": "00ff"}, "verified": True, "created_here": True,
                              "flagged": False, "attempts": 1, **rest}  # fmt: skip
    return Done(sub=sub, **values)
