"""The rules of a user's way back, one by one."""

from __future__ import annotations

import orjson
import pytest

from engine.model.outcomes import ResourceRow
from engine.model.users import TargetUser
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.marks import UserMarks
from engine.resources.users.undoing import UserUndoing, without_fields

OF = Fingerprints(b"k" * 32)
RULES = UserUndoing(OF, flag="pending")
NOW = "2026-01-01T00:00:00+00:00"
BEGUN_AT = 1_767_225_600.0  # the same moment


def held(**fields: object) -> TargetUser:
    values = {"email": "ann@example.com", "email_verified": True, "external_id": "ann", "created_at": NOW,
              "updated_at": NOW}  # fmt: skip
    return TargetUser("user_1", **{**values, **fields})  # type: ignore[arg-type]


def row(**columns: object) -> ResourceRow:
    values = {"workos_id": "user_1", "created_here": 1, "verified": 1, "stamp": NOW, "changed_at": BEGUN_AT}
    return ResourceRow("user", "pool/ann", **{**values, **columns})  # type: ignore[arg-type]


def detail(marks: UserMarks) -> str:
    return orjson.dumps(marks.to_detail()).decode()


@pytest.mark.parametrize(
    ("known", "there", "reset", "action", "code"),
    [
        (row(), held(), False, "remove", None),
        (row(), held(signed_in=True), False, "keep", "signed_in"),
        (row(verified=0), held(), False, "keep", "verified_since"),
        (row(), held(), True, "keep", "password_reset"),
        (row(), held(updated_at="later"), False, "keep", "changed_since"),
        (row(stamp="later"), held(updated_at="later"), False, "remove", None),
        (row(stamp=None), held(), False, "remove", None),  # untouched since it was made
        (row(stamp=None), held(updated_at="later"), False, "keep", "changed_since"),
        (row(), None, False, "gone", "gone"),
        (row(status="gone"), None, False, "keep", "gone"),
        (row(status="claimed", operation="remove"), None, False, "remove", None),
        (row(created_here=0), held(), False, "forget", None),
        (row(workos_id=None, status="conflict"), None, False, "forget", None),
        (row(relation="merged"), held(), False, "forget", None),
    ],
)
def test_what_becomes_of_a_user(
    known: ResourceRow, there: TargetUser | None, reset: bool, action: str, code: str | None
) -> None:
    found = RULES.decide(known, there, reset=reset)
    assert (found.action, found.code) == (action, code)


@pytest.mark.parametrize("there", [held(signed_in=True), held(updated_at="later")])
def test_whoever_uses_it_when_active_ones_are_included(there: TargetUser) -> None:
    assert UserUndoing(OF, include_active=True).decide(row(verified=0), there, reset=True).action == "remove"


@pytest.mark.parametrize(
    ("created_at", "action"), [(NOW, "remove"), ("2025-12-31T20:00:00+00:00", "forget"), (None, "forget")]
)
def test_a_creation_that_nobody_recorded_is_ours_if_it_is_no_older(created_at: str | None, action: str) -> None:
    marks = UserMarks(sought="x", sent={"email_verified": OF.field("email_verified", "true")})
    begun = row(workos_id=None, created_here=0, verified=0, status="claimed", operation="create", stamp=None,
                detail=detail(marks))  # fmt: skip
    found = RULES.decide(begun, held(created_at=created_at, updated_at=created_at), reset=False)
    assert found.action == action
    # It stays a creation until its end is recorded: the next run must know it for ours.
    assert found.operation == "create"


def test_an_update_that_nobody_recorded_is_known_by_what_it_carried() -> None:
    recorded = OF.each("ann@example.com", True, {"external_id": "ann", "first_name": "Ann"})
    sent = UserMarks(sent={"first_name": OF.field("first_name", "Anna")})
    begun = row(status="claimed", operation="update", fields=orjson.dumps(recorded).decode(), detail=detail(sent))
    done = held(first_name="Anna", updated_at="later", metadata={"pending": "true"})
    assert RULES.decide(begun, done, reset=False).action == "remove"
    for other in (
        held(first_name="Else", updated_at="later"),
        held(first_name="Anna", metadata={"x": "1"}, updated_at="later"),
    ):
        assert RULES.decide(begun, other, reset=False).code == "changed_since"


def test_others_lose_what_was_added_and_keep_what_was_not() -> None:
    before = held(external_id=None, email_verified=True, metadata={"plan": "own"}, last_name="Lee")
    send = {"external_id": "ann", "metadata.plan": "gold", "metadata.tier": "x", "first_name": "Ann"}
    marks = UserMarks().with_write(send, before, OF)
    assert sorted(marks.added) == ["external_id", "first_name", "metadata.tier"]
    assert marks.replaced == ("metadata.plan",)
    known = row(created_here=0, detail=detail(marks))
    after = held(metadata={"plan": "gold", "tier": "x"}, first_name="Ann", last_name="Lee")
    found = RULES.decide(known, after, reset=False)
    assert (found.action, dict(found.send)) == ("restore", {"external_id": None, "metadata.tier": None})
    assert found.left == ("first_name", "metadata.plan")
    changes = without_fields(found)
    assert changes.clear_external_id and changes.metadata == {"tier": None} and changes.first_name is None
    # What somebody has written there since is theirs.
    theirs = RULES.decide(known, held(external_id="other", metadata={"plan": "gold", "tier": "y"}), reset=False)
    assert theirs.action == "forget"


def test_a_flag_of_ours_is_taken_off_others() -> None:
    found = RULES.decide(row(created_here=0, flagged=1), held(metadata={"pending": "true"}), reset=False)
    assert dict(found.send) == {"metadata.pending": None}


def test_fields_written_without_a_look_count_as_replaced() -> None:
    marks = UserMarks(added={"metadata.tier": "old"}).with_write({"metadata.tier": "new", "metadata.x": "1"}, None, OF)
    assert marks.added == {"metadata.tier": OF.field("metadata.tier", "new")} and marks.replaced == ("metadata.x",)
    assert UserMarks.from_detail(detail(marks)) == marks
    assert not UserMarks() and UserMarks.from_detail(None) == UserMarks()
