"""What coverage counts over a snapshot: each record once, filters alone and together, however many records look how."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from engine.model.keys import NO_POOL
from engine.model.users import SourceUser
from engine.plan_file.model import AttributeFilter, Attributes, Duplicates, FieldMapping, Filters, Limits
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.coverage import ALONE, EXCLUDED, GIVES, HAS, INVALID, TraitCounts, build_coverage
from engine.resources.users.mapper import Mapper, Mappers
from engine.snapshot import database, traits
from engine.snapshot.ingest import Ingest
from engine.snapshot.people import merge_people
from engine.snapshot.traits import BitCounts, count_traits
from tests.support.fake_source import FakeSource
from tests.support.people import NEW_YEAR, cognito_user, source

ATTRIBUTES = Attributes(metadata={"company": source("custom:company")})
FILTERS = Filters(attributes=(AttributeFilter("custom:gone", exists=False),))
USERS = [
    cognito_user("1", email="a@b.co", email_verified="true", custom__company="Acme", custom__spare="x"),
    cognito_user("2", email="c@d.co", custom__company="Jürgen"),
    cognito_user("3", email="e@f.co", enabled=False),
    cognito_user("4", email="g@h.co", enabled=False, custom__gone="yes"),
    # Excluded by one filter, and not to be migrated without it either.
    cognito_user("5", enabled=False, custom__spare=""),
]


def _count(
    path: Path, users: Sequence[SourceUser], *, names: Sequence[str] = (), attributes: Attributes = ATTRIBUTES
) -> TraitCounts:
    connection = database.create(path / "snapshot.db")
    try:
        mapper, marks = Mapper(attributes, Limits()), Fingerprints(b"k" * 32)
        ingest = Ingest(connection, filters=FILTERS, mapper=mapper, fingerprints=marks, names=names)
        ingest.read(FakeSource(users=users), inline_groups=True, progress=lambda _: None)
        merge_people(connection, duplicates=Duplicates(), mappers=Mappers({NO_POOL: mapper}), fingerprints=marks)
        return count_traits(connection, {NO_POOL: ingest.traits})[NO_POOL]
    finally:
        connection.close()


def test_traits_are_counted_over_all_and_over_the_selected(tmp_path: Path) -> None:
    counts = _count(tmp_path, USERS)
    assert (counts.seen, counts.selected) == (5, 2)
    assert (counts.of_all[HAS, "email"], counts.of_selected[HAS, "email"]) == (4, 2)
    assert (counts.of_all[HAS, "custom:spare"], counts.of_selected[GIVES, "email_verified"]) == (1, 1)
    assert counts.of_selected[GIVES, "metadata.company"] == 1
    assert counts.of_selected[INVALID, "metadata.company", "not_ascii"] == 1
    gone = "attributes[0] custom:gone"
    assert (counts.of_all[EXCLUDED, "enabled"], counts.of_all[ALONE, "enabled"]) == (3, 1)
    assert (counts.of_all[EXCLUDED, gone], counts.of_all.get((ALONE, gone), 0)) == (1, 0)


def test_a_record_delivered_twice_is_counted_once(tmp_path: Path) -> None:
    later = NEW_YEAR + timedelta(days=1)
    twice = [cognito_user("1", email="a@b.co", modified=NEW_YEAR, custom__old="x")]
    twice.append(cognito_user("1", email="a@b.co", modified=later))
    counts = _count(tmp_path, twice)
    assert (counts.seen, counts.of_all[HAS, "email"], counts.of_all[HAS, "custom:old"]) == (1, 1, 0)
    assert "custom:old" not in counts.filled


def test_a_profile_that_is_linked_afterwards_counts_as_selected(tmp_path: Path) -> None:
    linked = cognito_user("2", status="EXTERNAL_PROVIDER", provider=("Google", "Google"), custom__company="Acme")
    native = cognito_user("1", email="a@b.co", provider=("Google", "Google"))
    counts = _count(tmp_path, [native, linked])
    assert (counts.selected, counts.of_selected[HAS, "custom:company"]) == (2, 1)


def test_more_attributes_than_are_counted_are_told_and_those_of_the_plan_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traits, "MOST_ATTRIBUTES", 3)
    many = [cognito_user(str(at), email=f"{at}@b.co", **{f"custom__x{at}": "y"}) for at in range(9)]
    counts = _count(tmp_path, many, names=["custom:x8"])
    assert counts.incomplete
    assert counts.of_all[HAS, "custom:x8"] == 1
    assert len(counts.filled) == 3
    assert not _count(tmp_path, many[:1]).incomplete


def test_shapes_that_are_forgotten_are_learnt_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traits, "_MOST_SHAPES", 2)
    rng = random.Random(1)
    users = [
        cognito_user(str(at), email=f"{at}@b.co", **{f"custom__{name}": "y" for name in "abcdef" if rng.random() < 0.5})
        for at in range(200)
    ]
    counts = _count(tmp_path, users)
    for name in "abcdef":
        assert counts.of_all[HAS, f"custom:{name}"] == sum(f"custom:{name}" in one.attributes for one in users)


def test_a_tally_counts_as_one_would_by_hand() -> None:
    rng = random.Random(2)
    masks = [rng.getrandbits(90) & rng.getrandbits(90) for _ in range(1000)]
    tally = BitCounts()
    for mask in masks:
        tally.add(mask)
    assert [tally.of(at) for at in range(91)] == [sum(mask >> at & 1 for mask in masks) for at in range(91)]


def test_coverage_says_what_is_mapped_and_what_is_not(tmp_path: Path) -> None:
    coverage = build_coverage("eu", ATTRIBUTES, _count(tmp_path, USERS), ["email", "custom:company", "custom:nobody"])
    by_name = {one.name: (one.mapped_to, one.filled, one.in_pool, one.in_schema) for one in coverage.attributes}
    assert by_name == {
        "custom:company": (("metadata.company",), 2, 2, True),
        "custom:gone": ((), 0, 1, False),
        "custom:nobody": ((), 0, 0, True),
        "custom:spare": ((), 1, 1, False),
        "email": (("email",), 2, 4, True),
        "email_verified": (("email_verified",), 1, 1, False),
        "sub": (("external_id",), 2, 5, False),
    }
    (company,) = (one for one in coverage.fields if one.name == "metadata.company")
    assert (company.filled, company.invalid, company.origin) == (1, {"not_ascii": 1}, "custom:company")


def test_without_a_schema_the_mapped_ones_are_listed_whether_anybody_has_them_or_not(tmp_path: Path) -> None:
    metadata = {"via": source("identities.provider"), "kind": FieldMapping(constant="x"), "one": source("custom:one")}
    attributes = Attributes(metadata=metadata)
    coverage = build_coverage(
        "p", attributes, _count(tmp_path, USERS, attributes=attributes), None, organizations="org"
    )
    by_name = {one.name: one for one in coverage.attributes}
    assert "emailVerified" not in by_name
    assert (by_name["custom:one"].filled, by_name["custom:one"].in_schema) == (0, None)
    assert by_name["identities"].mapped_to == ("metadata.via",)
    assert by_name["org"].mapped_to == ("organizations",)
    (kind,) = (one for one in coverage.fields if one.name == "metadata.kind")
    assert (kind.origin, kind.filled) == ("a constant", 2)
