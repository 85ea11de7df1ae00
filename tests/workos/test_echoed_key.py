"""A server or proxy that echoes the API key as an error's code: the key enters neither state nor result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.model.call_errors import CallFailed
from tests.support.answering import says
from tests.support.identity import IdentityWorld, record
from tests.workos.test_odd_answers import CALLS, ended

KEY = "sk_live_51HxEchoedKey"
BODIES = {
    "code": {"code": KEY, "message": "x"},
    "error": {"error": KEY},
    "wrapped": {"code": "user_creation_error", "message": "x", "errors": [{"code": KEY}]},
}


@pytest.mark.parametrize("shape", BODIES)
@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable Entity", "409 Conflict"])
async def test_the_key_never_enters_the_state(tmp_path: Path, shape: str, status: str) -> None:
    failure = await ended(CALLS["create"], says(status, json.dumps(BODIES[shape]).encode()))
    assert isinstance(failure, CallFailed)

    world = IdentityWorld(tmp_path)
    world.target.script["create"] = [failure]
    result = await world.apply(record("s1", "ann@x.co"))
    assert [one.source_id for one in result.failures] == ["s1"]
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in repr(result)
