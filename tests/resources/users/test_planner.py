"""Rules 2, 3 and 6 to 10 as a table: desired, known, found: change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model.users import TargetUser
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.changes import Change, Desired, Found, Known
from engine.resources.users.planner import Planner

MARKS = Fingerprints(b"k" * 32)
FIELDS = {"external_id": "sub-1", "first_name": "Ann", "metadata.plan": "pro"}
ANN = Desired("sub-1", "ann@example.com", True, FIELDS)
UNVERIFIED = replace(ANN, verified=False)
NOBODY = Found()


def known(desired: Desired = ANN, **rest: Any) -> Known:
    """The state's row after `desired` was written."""
    values: dict[str, Any] = {"status": "done", "verified": desired.verified, "created_here": True, **rest}
    fields = MARKS.each(desired.email, desired.verified, desired.fields)
    return Known(workos_id="user_1", fields=fields, **values)


def held(**rest: Any) -> TargetUser:
    values: dict[str, Any] = {"id": "user_1", "email": ANN.email, "email_verified": True, "external_id": "sub-1",
                              "first_name": "Ann", "metadata": {"plan": "pro"}, **rest}  # fmt: skip
    return TargetUser(**values)


def decide(desired: Desired, known: Known | None, found: Found = NOBODY, **options: Any) -> Change:
    return Planner(MARKS, **options).decide(desired, known, found)


def fields(**changed: str | None) -> dict[str, str]:
    merged = {**FIELDS, **{name.replace("__", "."): value for name, value in changed.items()}}
    return {name: value for name, value in merged.items() if value is not None}


MOVED = replace(ANN, email="new@example.com")
MOVED_UNVERIFIED = replace(MOVED, verified=False)


@pytest.mark.parametrize(
    ("desired", "state", "send"),
    [
        (ANN, known(), {}),
        (replace(ANN, fields=fields(first_name="Anna")), known(), {"first_name": "Anna"}),
        (replace(ANN, fields=fields(last_name="Lee")), known(), {"last_name": "Lee"}),
        (replace(ANN, fields=fields(metadata__plan="max")), known(), {"metadata.plan": "max"}),
        (replace(ANN, fields=fields(metadata__new="x")), known(), {"metadata.new": "x"}),
        # A key that left the plan is removed; a name that vanished is kept.
        (replace(ANN, fields=fields(metadata__plan=None)), known(), {"metadata.plan": None}),
        (replace(ANN, fields=fields(first_name=None)), known(), {}),
        # Rule 2: the flag of the new address goes along.
        (MOVED, known(), {"email": "new@example.com", "email_verified": True}),
        (MOVED, known(UNVERIFIED), {"email": "new@example.com", "email_verified": True}),
        (MOVED_UNVERIFIED, known(UNVERIFIED), {"email": "new@example.com", "email_verified": False}),
        # Rule 3: raised only on users that this plan created.
        (MOVED, known(UNVERIFIED, created_here=False), {"email": "new@example.com", "email_verified": False}),
        (MOVED, known(created_here=False), {"email": "new@example.com", "email_verified": True}),
        # The flag goes with the address that it belongs to.
        (ANN, known(UNVERIFIED), {"email": "ann@example.com", "email_verified": True}),
        (ANN, known(UNVERIFIED, created_here=False), {}),
        (UNVERIFIED, known(), {"email": "ann@example.com", "email_verified": False}),
        (UNVERIFIED, known(created_here=False), {"email": "ann@example.com", "email_verified": False}),
        # A failed update is taken up again.
        (replace(ANN, fields=fields(first_name="Anna")), known(status="failed"), {"first_name": "Anna"}),
    ],
)
def test_a_known_user_gets_what_changed(desired: Desired, state: Known, send: dict[str, object]) -> None:
    change = decide(desired, state)
    assert (change.action, dict(change.send)) == ("update" if send else "unchanged", send)
    assert change.workos_id == "user_1" and change.created_here == state.created_here
    if "email_verified" in send:
        assert change.verified is send["email_verified"]
    else:
        assert change.verified is state.verified


@pytest.mark.parametrize(
    ("desired", "state", "code"),
    [
        (MOVED_UNVERIFIED, known(), "email_change_unverified"),
        (MOVED_UNVERIFIED, known(created_here=False), "email_change_unverified"),
        (ANN, known(status="gone"), "gone"),
        (replace(ANN, fields=fields(first_name="x")), known(status="gone"), "gone"),
        (replace(ANN, invalid={"metadata.plan": "not_ascii"}), known(), "invalid_value"),
        (replace(ANN, invalid={"metadata.plan": "not_ascii"}), None, "invalid_value"),
        (replace(ANN, invalid={"email": "duplicate"}), None, "duplicate"),
        (replace(ANN, invalid={"external_id": "shared"}), None, "shared_external_id"),
        (replace(ANN, invalid={"external_id": "too_long"}), None, "invalid_value"),
        (replace(ANN, fields={}), None, "no_external_id"),
        (replace(ANN, fields={}), known(), "no_external_id"),
    ],
)
def test_conflicts_that_need_no_look(desired: Desired, state: Known | None, code: str) -> None:
    change = decide(desired, state)
    assert (change.action, change.code, dict(change.send)) == ("conflict", code, {})


def test_vanished_names_are_reported() -> None:
    assert decide(replace(ANN, fields=fields(first_name=None)), known()).vanished == ("first_name",)


@pytest.mark.parametrize("verified", [True, False])
def test_nobody_there_is_created(verified: bool) -> None:
    change = decide(replace(ANN, verified=verified), None)
    assert (change.action, change.created_here, change.verified, change.counts_as) == (
        "create",
        True,
        verified,
        "created",
    )
    again = decide(ANN, Known(None, "failed", {}, False, False))
    assert again.action == "create"


STRANGER = held(external_id=None, first_name=None, metadata={})


@pytest.mark.parametrize(
    ("desired", "found", "existing", "expected"),
    [
        # Rule 6.
        (ANN, Found(held()), "adopt", ("adopt", None, {})),
        (ANN, Found(held(), held()), "error", ("adopt", None, {})),
        (ANN, Found(held(email="x@y.co")), "adopt", ("conflict", "external_id_other_email", {})),
        (ANN, Found(held(email="x@y.co"), STRANGER), "update", ("conflict", "external_id_other_email", {})),
        *[
            (ANN, Found(None, held(external_id="other")), mode, ("conflict", "other_external_id", {}))
            for mode in ("adopt", "update", "skip", "error")
        ],
        # Rule 7.
        (ANN, Found(None, STRANGER), "adopt",
         ("adopt", None, {"external_id": "sub-1", "first_name": "Ann", "metadata.plan": "pro"})),
        (UNVERIFIED, Found(None, STRANGER), "adopt", ("conflict", "unverified_link", {})),
        (ANN, Found(None, replace(STRANGER, email_verified=False)), "adopt", ("conflict", "unverified_link", {})),
        (UNVERIFIED, Found(None, STRANGER), "update", ("conflict", "unverified_link", {})),
        (ANN, Found(None, replace(STRANGER, first_name="Her", metadata={"plan": "own"})), "adopt",
         ("adopt", None, {"external_id": "sub-1"})),
        (ANN, Found(None, replace(STRANGER, first_name="Her", metadata={"plan": "own"})), "update",
         ("adopt", None, {"external_id": "sub-1", "first_name": "Ann", "metadata.plan": "pro"})),
        (ANN, Found(None, replace(STRANGER, first_name="Ann", metadata={"plan": "pro"})), "update",
         ("adopt", None, {"external_id": "sub-1"})),
        (ANN, Found(None, STRANGER), "skip", ("skip", "existing_user", {})),
        (UNVERIFIED, Found(None, STRANGER), "skip", ("skip", "existing_user", {})),
        (ANN, Found(None, STRANGER), "error", ("conflict", "existing_user", {})),
        # Rule 8: metadata brought up to date, names and verification left.
        (ANN, Found(held(first_name="Annie", email_verified=False, metadata={"plan": "old", "own": "1"})), "adopt",
         ("adopt", None, {"metadata.plan": "pro"})),
        (replace(ANN, flags={"pending": "true"}), Found(held()), "adopt", ("adopt", None, {})),
    ],
)  # fmt: skip
def test_already_in_workos(desired: Desired, found: Found, existing: str, expected: tuple[object, ...]) -> None:
    change = decide(desired, None, found, existing_users=existing)
    assert (change.action, change.code, dict(change.send)) == expected
    assert not change.created_here
    assert "email_verified" not in change.send and "email" not in change.send
    if change.action == "adopt":
        there = found.by_external_id or found.by_email
        assert there is not None and change.workos_id == there.id and change.verified is there.email_verified


def test_a_claimed_creation_that_went_through_is_a_creation() -> None:
    claimed = Known(None, "claimed", {}, False, False, claimed="create")
    change = decide(ANN, claimed, Found(held(metadata={})))
    assert (change.action, change.counts_as, change.created_here) == ("adopt", "created", True)
    assert dict(change.send) == {"metadata.plan": "pro"}
    assert decide(ANN, claimed, NOBODY).action == "create"
    # A stranger with our address was not made by us.
    stranger = decide(ANN, claimed, Found(None, STRANGER))
    assert not stranger.created_here and stranger.counts_as == "adopted"
    adopting = Known(None, "claimed", {}, False, False, claimed="adopt")
    assert not decide(ANN, adopting, Found(held())).created_here


@pytest.mark.parametrize(
    ("current", "send"),
    [
        (held(first_name="Anna"), {}),
        (held(), {"first_name": "Anna"}),
        (None, {"first_name": "Anna"}),
    ],
)
def test_a_claimed_update_sends_what_is_not_there_yet(current: TargetUser | None, send: dict[str, object]) -> None:
    state = known(status="claimed", claimed="update")
    change = decide(replace(ANN, fields=fields(first_name="Anna")), state, Found(by_id=current))
    assert (change.action, dict(change.send), change.counts_as) == ("update", send, "updated")


def test_a_claimed_removal_that_went_through() -> None:
    state = known(status="claimed", claimed="update")
    desired = replace(ANN, fields=fields(metadata__plan=None))
    assert dict(decide(desired, state, Found(by_id=held(metadata={}))).send) == {}
    assert dict(decide(desired, state, Found(by_id=held())).send) == {"metadata.plan": None}


@pytest.mark.parametrize("current", [held(email="new@example.com"), held(email_verified=False), held()])
def test_a_claimed_address_change_is_never_left_half_done(current: TargetUser) -> None:
    state = known(UNVERIFIED, status="claimed", claimed="update")
    change = decide(MOVED, state, Found(by_id=current))
    after = {"email": current.email, "email_verified": current.email_verified, **change.send}
    assert after["email"] == "new@example.com" and after["email_verified"] is True
    # Rule 2, always: an address is never sent without its flag.
    assert "email" not in change.send or change.send["email_verified"] is True
