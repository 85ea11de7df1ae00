"""Each rule against take-over broken on purpose: the model finds it.

Each search begins at a case that shows it today.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.resources.users import mapper, performer
from engine.resources.users.changes import Change
from engine.resources.users.performer import Performer
from engine.resources.users.planner import Planner
from engine.resources.users.usage import Usage
from tests.model.play import play
from tests.model.steps import case_of
from tests.model.workos import Broken

_CASES = 400
_decide = Planner.decide
_send = performer.user_changes


def _found(words: str, first: int) -> None:
    for seed in range(first, first + _CASES):
        try:
            play(case_of(seed))
        except Broken as broken:
            if words in str(broken):
                return
    pytest.fail(f"nothing like {words!r} in {_CASES} cases")


async def _nobody_uses_it(*_: object, **__: object) -> bool:
    return False


async def _nothing_forbids_it(*_: object, **__: object) -> None:
    return None


def _flag_alone(send: dict[str, Any]) -> Any:
    if send.get("email_verified") and "email" in send:
        send = {name: value for name, value in send.items() if name != "email"}
    return _send(send)


def _unguarded(*given: Any) -> Change:
    return replace(_decide(*given), guard=None)


def _unguarded_handover(planner: Planner, desired: Any, known: Any, found: Any) -> Change:
    change = _decide(planner, desired, known, found)
    return replace(change, guard=None) if known is not None and known.handover else change


def test_an_address_that_moves_hands_an_account_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Usage, "is_used", _nobody_uses_it)
    _found("was handed to", 77)


def test_nothing_is_read_before_an_address_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planner, "decide", _unguarded)
    _found("was handed to", 5)


def test_another_records_user_is_taken_over_under_any_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planner, "_handover", lambda *_: "goes")
    monkeypatch.setattr(Planner, "decide", _unguarded_handover)
    _found("was handed to", 61)


def test_the_flag_is_sent_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performer, "user_changes", _flag_alone)
    monkeypatch.setattr(Performer, "_refusal", _nothing_forbids_it)
    monkeypatch.setattr(performer, "_fault", lambda *_: None)
    _found("became verified", 13)


def test_look_alikes_are_sent_and_answers_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapper, "is_email", lambda address: "@" in address)
    monkeypatch.setattr(performer, "_answers", lambda *_: True)
    _found("became verified", 27)
