"""What a run since the review has begun does not open the door to anything that was not reviewed."""

from __future__ import annotations

import pytest

from engine.model.keys import MEMBERSHIP, USER
from engine.run.moved import Moved
from engine.snapshot.review_table import MovedRow

SHAPES: list[tuple[str, ...]] = [(), ("roles",)]


def moved(kind: str, action: str, was: str, *, marks: bytes = b"", was_marks: bytes = b"1234") -> Moved:
    found = Moved()
    row = MovedRow(kind, action, int(bool(marks)), marks, was, int(bool(was_marks)), was_marks, "claimed", 0)
    found.count_moved(row, [*SHAPES], [*SHAPES])
    return found


@pytest.mark.parametrize("now", ["remove", "deactivate", "reactivate"])
def test_the_end_of_a_creation_that_was_begun_is_no_other_deed(now: str) -> None:
    """Whoever left the group after the kill would lose what they had, and nobody has reviewed that."""
    assert not moved(MEMBERSHIP, now, "create").as_reviewed


@pytest.mark.parametrize("now", ["create", "update"])
def test_the_end_of_a_creation_that_was_begun_is_looked_up(now: str) -> None:
    assert moved(MEMBERSHIP, now, "create").as_reviewed


def test_a_user_whose_creation_was_begun_is_taken_up() -> None:
    assert moved(USER, "adopt", "create").as_reviewed


def test_what_was_begun_otherwise_does_not_become_an_adoption() -> None:
    assert not moved(USER, "adopt", "update").as_reviewed
