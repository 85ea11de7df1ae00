"""Rule 4: one address, several records."""

from __future__ import annotations

from itertools import permutations

import pytest

from engine.resources.users.duplicates import merge, rank
from engine.resources.users.mapper import MappedRecord


def _record(
    sub: str, *, verified: bool = True, native: bool = True, created: float = 1.0, **rest: object
) -> MappedRecord:
    fields = {"external_id": sub, **rest.pop("fields", {})}  # type: ignore[dict-item]
    return MappedRecord(
        sub=sub, username=sub, created=created, native=native, provider=None, email="a@b.co", verified=verified,
        fields=fields, **rest,  # type: ignore[arg-type]
    )  # fmt: skip


NATIVE_OLD = _record("native-old", created=1)
NATIVE_NEW = _record("native-new", created=3)
SOCIAL_OLD = _record("social-old", native=False, created=2)
SOCIAL_NEW = _record("social-new", native=False, created=4)
UNVERIFIED = _record("unverified", verified=False, created=9)
EVERYBODY = (NATIVE_OLD, NATIVE_NEW, SOCIAL_OLD, SOCIAL_NEW, UNVERIFIED)


@pytest.mark.parametrize(
    ("prefer", "order"),
    [
        (("native", "newest"), ["native-new", "native-old", "social-new", "social-old", "unverified"]),
        (("native", "oldest"), ["native-old", "native-new", "social-old", "social-new", "unverified"]),
        (("federated", "oldest"), ["social-old", "social-new", "native-old", "native-new", "unverified"]),
        (("federated",), ["social-new", "social-old", "native-new", "native-old", "unverified"]),
        (("newest",), ["social-new", "native-new", "social-old", "native-old", "unverified"]),
        (("oldest",), ["native-old", "social-old", "native-new", "social-new", "unverified"]),
        ((), ["social-new", "native-new", "social-old", "native-old", "unverified"]),
    ],
)
def test_verified_first_then_the_plans_order(prefer: tuple[str, ...], order: list[str]) -> None:
    for shuffled in list(permutations(EVERYBODY))[::13]:
        assert [one.sub for one in sorted(shuffled, key=lambda one: rank(one, prefer))] == order  # type: ignore[arg-type]


def test_the_smallest_sub_breaks_a_tie() -> None:
    tied = [_record("b"), _record("a"), _record("c")]
    assert [one.sub for one in sorted(tied, key=lambda one: rank(one, ("native", "newest")))] == ["a", "b", "c"]


def test_gaps_are_filled_from_the_next_verified() -> None:
    first = _record("1", fields={"first_name": "Ann"})
    outsider = _record("9", verified=False, fields={"last_name": "Mallory", "metadata.plan": "admin"})
    second = _record("2", fields={"first_name": "Not her", "last_name": "Lee"}, native=False)
    merged = merge([first, second, outsider], allow_unverified=False)
    assert merged.fields == {"external_id": "1", "first_name": "Ann", "last_name": "Lee"}
    assert merged.relations == ("primary", "merged", "unverified")
    allowed = merge([first, outsider], allow_unverified=True)
    assert allowed.fields["last_name"] == "Mallory" and allowed.relations == ("primary", "unverified")


def test_where_nobody_is_verified_all_fill() -> None:
    records = [_record("1", verified=False), _record("2", verified=False, fields={"last_name": "Lee"})]
    merged = merge(records, allow_unverified=False)
    assert merged.fields["last_name"] == "Lee" and merged.relations == ("primary", "merged")


def test_the_external_id_is_never_filled() -> None:
    first = MappedRecord("1", "1", 1, True, None, "a@b.co", True, {})
    assert "external_id" not in merge([first, _record("2")], allow_unverified=False).fields


@pytest.mark.parametrize(
    ("first", "second", "allow", "expected"),
    [
        (_record("1"), _record("2", native=False), False, True),
        (_record("1", native=False), _record("2"), False, True),
        (_record("1", native=False), _record("2", native=False), False, False),
        # The outsider's password is not the person's.
        (_record("1", native=False), _record("2", verified=False), False, False),
        (_record("1", native=False), _record("2", verified=False), True, False),
    ],
)
def test_had_password(first: MappedRecord, second: MappedRecord, allow: bool, expected: bool) -> None:
    assert merge([first, second], allow_unverified=allow).had_password is expected


def test_invalid_values() -> None:
    bad = {"metadata.x": "not_ascii"}
    good = {"metadata.x": "fine"}
    assert merge([_record("1", invalid=bad), _record("2", fields=good)], allow_unverified=False).invalid == bad
    assert merge([_record("1", fields=good), _record("2", invalid=bad)], allow_unverified=False).invalid == {}
    assert merge([_record("1"), _record("2", invalid=bad)], allow_unverified=False).invalid == bad
    third = merge([_record("1"), _record("2", invalid=bad), _record("3", fields=good)], allow_unverified=False)
    assert third.invalid == {} and third.fields["metadata.x"] == "fine"
    outsider = merge([_record("1"), _record("2", verified=False, invalid=bad)], allow_unverified=False)
    assert outsider.invalid == {}
    other_id = merge([_record("1"), _record("2", invalid={"external_id": "too_long"})], allow_unverified=False)
    assert other_id.invalid == {}
