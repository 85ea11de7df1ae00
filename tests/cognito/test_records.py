"""UserType to SourceUser and back, and identities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.cognito_records import BadRecord, dump_record, parse_record
from engine.model.users import Identity, SourceUser
from engine.resources.users.identities import parse_identities
from tests.support.cognito import invent_users


def record(**changes: Any) -> dict[str, Any]:
    made = {
        "Username": "anna",
        "Attributes": [{"Name": "sub", "Value": "s-1"}, {"Name": "email", "Value": "anna@example.com"}],
        "UserCreateDate": 1_700_000_000.5,
        "UserLastModifiedDate": 1_700_000_001,
        "Enabled": True,
        "UserStatus": "CONFIRMED",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def test_reads_cognitos_answer() -> None:
    assert parse_record(record()) == SourceUser(
        sub="s-1",
        username="anna",
        status="CONFIRMED",
        enabled=True,
        created=datetime(2023, 11, 14, 22, 13, 20, 500000, UTC),
        modified=datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC),
        attributes={"sub": "s-1", "email": "anna@example.com"},
        groups=None,
    )


@pytest.mark.parametrize(
    "written",
    [
        1_700_000_000,
        1_700_000_000.0,
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20.000000+00:00",
        "2023-11-14T23:13:20+01:00",
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20",
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_dates_of_every_kind_are_utc(written: object) -> None:
    created = parse_record(record(UserCreateDate=written)).created
    assert created == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert created.utcoffset() == timedelta(0)


def test_optional_parts() -> None:
    user = parse_record(
        record(
            UserLastModifiedDate=...,
            Groups=["a", "b"],
            MFAOptions=[],
            Attributes=[{"Name": "sub", "Value": "s"}, {"Name": "custom:note"}, {"Name": "locale", "Value": ""}],
        )
    )
    assert user.modified is None
    assert user.groups == ("a", "b")
    assert user.attributes == {"sub": "s", "custom:note": "", "locale": ""}
    assert parse_record(record(Groups=[])).groups == ()
    assert parse_record(record(Groups=None)).groups is None


SECRET = "anna@secret.example"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ([1], "is not an object"),
        (record(Username=...), "has no Username"),
        (record(Username=""), "has no Username"),
        (record(Username=5), "has no Username"),
        (record(Attributes=...), "has no list of Attributes"),
        (record(Attributes={"sub": SECRET}), "has no list of Attributes"),
        (record(Attributes=[]), "has no attribute sub"),
        (record(Attributes=[{"Name": "sub", "Value": ""}]), "has no attribute sub"),
        (record(Attributes=[{"Value": SECRET}]), "has an attribute without Name"),
        (record(Attributes=[SECRET]), "has an attribute without Name"),
        (record(Attributes=[{"Name": "sub", "Value": 5}]), "has an attribute whose Value is not a string"),
        (record(Attributes=[{"Name": "sub", "Value": None}]), "has an attribute whose Value is not a string"),
        (record(Enabled=...), "has no Enabled that is true or false"),
        (record(Enabled="true"), "has no Enabled that is true or false"),
        (record(UserStatus=...), "has no UserStatus"),
        (record(UserStatus=["CONFIRMED"]), "has no UserStatus"),
        (record(UserCreateDate=...), "has no UserCreateDate that is a date (epoch seconds or ISO 8601)"),
        (record(UserCreateDate=SECRET), "has no UserCreateDate that is a date (epoch seconds or ISO 8601)"),
        (record(UserCreateDate=True), "has no UserCreateDate that is a date (epoch seconds or ISO 8601)"),
        (record(UserCreateDate=1e300), "has no UserCreateDate that is a date (epoch seconds or ISO 8601)"),
        (record(UserLastModifiedDate={}), "has no UserLastModifiedDate that is a date (epoch seconds or ISO 8601)"),
        (record(Groups="admins"), "has Groups that are not a list of names"),
        (record(Username="anna\ud800"), "has text that is not Unicode"),
        (record(Attributes=[{"Name": "sub", "Value": "\udc00"}]), "has text that is not Unicode"),
        (record(Groups=[1]), "has Groups that are not a list of names"),
    ],
)
def test_says_what_is_wrong_and_never_the_value(bad: Any, reason: str) -> None:
    with pytest.raises(BadRecord) as raised:
        parse_record(bad)
    assert str(raised.value) == reason


def test_written_and_read_again_it_is_the_same() -> None:
    for one in invent_users(50):
        user = parse_record(one)
        assert parse_record(dump_record(user)) == user


@given(
    st.builds(
        SourceUser,
        sub=st.text(min_size=1),
        username=st.text(min_size=1),
        status=st.text(min_size=1),
        enabled=st.booleans(),
        created=st.datetimes(timezones=st.just(UTC)),
        modified=st.none() | st.datetimes(timezones=st.just(UTC)),
        attributes=st.dictionaries(st.text(min_size=1), st.text()),
        groups=st.none() | st.lists(st.text()).map(tuple),
    )
)
def test_round_trip_of_any_user(user: SourceUser) -> None:
    with_sub = SourceUser(
        user.sub, user.username, user.status, user.enabled, user.created, user.modified,
        {**user.attributes, "sub": user.sub}, user.groups,
    )  # fmt: skip
    assert parse_record(dump_record(with_sub)) == with_sub


def test_identities() -> None:
    value = (
        '[{"userId":"108","providerName":"Google","providerType":"Google","issuer":null,"primary":"true",'
        '"dateCreated":"1"},{"userId":42,"providerName":"Okta","providerType":"SAML","issuer":"https://i","primary":false}]'
    )
    assert parse_identities(value) == (
        Identity("Google", "Google", "108", None, primary=True),
        Identity("Okta", "SAML", "42", "https://i", primary=False),
    )
    assert parse_identities('{"providerName":"Google","primary":true}') == (
        Identity("Google", "", "", None, primary=True),
    )


@pytest.mark.parametrize("junk", [None, "", "null", "[", "5", '"x"', "[1]", "[{}]", '[{"providerName":5.5}]'])
def test_junk_identities_are_none(junk: str | None) -> None:
    assert parse_identities(junk) == ()


@given(st.text())
def test_identities_never_raise(value: str) -> None:
    parse_identities(value)
