"""What is counted of a source's users, each of them once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.draft.findings import AttributeUse, Census, DraftProvider, GroupUse
from engine.model.users import SourceUser
from engine.snapshot import survey as module
from engine.snapshot.survey import Survey
from tests.support.people import cognito_user


def census(*users: SourceUser) -> Census:
    with closing(Survey()) as survey:
        survey.add(users[:1])
        survey.add(users[1:])
        return survey.census()


def person(sub: str, email: str = "", **rest: str) -> SourceUser:
    return cognito_user(sub, email=email or f"{sub}@example.com", email_verified="true", **rest)  # type: ignore[arg-type]


def test_nobody() -> None:
    assert census() == Census(0, 0)


def test_statuses_and_exclusions() -> None:
    found = census(
        person("a"),
        person("b", status="UNCONFIRMED"),
        cognito_user("c", enabled=False, email="c@example.com"),
        cognito_user("d"),
        cognito_user("e", email="no address"),
        cognito_user("f", email="f@example.com", username="fred"),
    )
    assert (found.seen, found.selected, found.disabled) == (6, 2, 1)
    assert found.excluded == {"disabled": 1, "invalid_email": 1, "no_email": 1, "status": 1}
    assert found.statuses == {"CONFIRMED": 5, "UNCONFIRMED": 1}
    assert (found.unverified, found.by_name, found.native) == (1, 1, 2)


def test_values_that_metadata_cannot_hold() -> None:
    values = ["plain", "Straße", "x" * 601, "ß" * 101, "ß" * 601, "", "x" * 600, "ß" * 100]
    found = census(*(person(f"u{at}", custom__company=value) for at, value in enumerate(values)))
    (company,) = [one for one in found.attributes if one.name == "custom:company"]
    assert company == AttributeUse("custom:company", 7, not_ascii=4, too_long=2, long_escaped=3, misfits=5)


def test_attributes_of_the_excluded_do_not_count() -> None:
    found = census(person("a"), cognito_user("b", custom__secret="x"))
    assert {one.name for one in found.attributes} == {"sub", "email", "email_verified"}


def test_one_address_in_any_spelling() -> None:
    found = census(person("a", "Ann@Example.com"), person("b", " ann@example.com"), person("c"), person("d", "X@y.org"))
    assert (found.shared_addresses, found.sharing) == (1, 2)


def test_providers_and_groups() -> None:
    found = census(
        cognito_user("a", email="a@b.de", status="EXTERNAL_PROVIDER", provider=("Okta", "OIDC"), groups=("x", "y")),
        cognito_user("b", email="b@b.de", provider=("Google", "Google"), groups=()),
        cognito_user("c", email="c@b.de", enabled=False, provider=("Google", "Google"), groups=("x",)),
    )
    assert found.providers == (DraftProvider("Google", "Google", 1), DraftProvider("Okta", "OIDC", 1))
    assert found.groups == (GroupUse("x", 2), GroupUse("y", 1))
    assert (found.federated, found.native) == (1, 1)
    assert census(person("a")).groups is None


def test_who_comes_twice_counts_as_modified_last() -> None:
    def at(year: int) -> datetime:
        return datetime(year, 1, 1, tzinfo=UTC)

    old = cognito_user("a", email="a@b.de", modified=at(2020), custom__plan="x")
    new = cognito_user("a", email="a@b.de", modified=at(2021), status="RESET_REQUIRED")
    for order in ([old, new], [new, old]):
        found = census(*order)
        assert (found.seen, found.shared_addresses, found.statuses) == (1, 0, {"RESET_REQUIRED": 1})
        assert "custom:plan" not in {one.name for one in found.attributes}


def test_native_users_are_those_to_ask_for_passwords() -> None:
    users = [person("b"), person("a"), person("c", status="UNCONFIRMED"), person("d", status="EXTERNAL_PROVIDER")]
    with closing(Survey()) as survey:
        survey.add(users)
        survey.census()
        assert list(survey.native_users()) == [("a", "a"), ("b", "b")]


def test_names_without_end_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 4)
    users = [person(f"u{at}", **{f"custom__{at}": "x"}, groups=(f"g{at}",)) for at in range(9)]  # type: ignore[arg-type]
    found = census(*users)
    assert len(found.attributes) == 4
    assert len(found.groups or ()) == 4
    assert (found.selected, found.incomplete) == (9, True)


@pytest.fixture
def page() -> Iterator[Sequence[SourceUser]]:
    yield [person(f"u{at}", custom__note="very private") for at in range(3000)]


def test_no_address_and_no_value_reaches_the_disk(
    page: Sequence[SourceUser], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "survey.db"

    def on_disk() -> object:
        import sqlite3

        return sqlite3.connect(kept, isolation_level=None)

    monkeypatch.setattr(module, "temporary_database", on_disk)
    with closing(Survey()) as survey:
        survey.add(page)
        survey.census()
        content = kept.read_bytes()
    assert b"u2999" in content
    assert b"example.com" not in content
    assert b"private" not in content
