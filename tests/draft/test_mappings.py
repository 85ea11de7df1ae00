"""Which attributes become metadata, how, and why others do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.draft.findings import AttributeUse, Findings
from engine.draft.mappings import has_whole_names, propose_metadata, tenant_attribute, users_of
from engine.model.pool_profile import PoolProfile, SchemaAttribute
from tests.draft.found import found

FLAG = "password_reset_pending"


def proposals(*attributes: AttributeUse, schema: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    """(key, attribute, when_invalid or why)."""
    listed = propose_metadata(found(*attributes, schema=schema), flag=FLAG)
    return [(one.key, one.attribute, one.why or one.when_invalid) for one in listed]


def test_custom_attributes_come_first_by_use() -> None:
    uses = [AttributeUse("locale", 90), AttributeUse("custom:tier", 5), AttributeUse("custom:plan", 80)]
    assert proposals(*uses) == [
        ("plan", "custom:plan", "error"),
        ("tier", "custom:tier", "error"),
        ("locale", "locale", "error"),
    ]


def test_what_other_fields_take_is_not_offered() -> None:
    names = ("sub", "email", "email_verified", "given_name", "family_name", "name", "identities", "cognito:mfa_enabled")
    assert proposals(*(AttributeUse(one, 90) for one in names)) == []


def test_personal_data_is_left_to_the_author() -> None:
    (one,) = proposals(AttributeUse("phone_number", 90))
    assert one[2].startswith("personal data")


def test_standard_attributes_of_the_schema_that_nobody_has_are_not_listed() -> None:
    assert proposals(schema=("address", "birthdate")) == []
    ((key, _, why),) = proposals(schema=("custom:plan",))
    assert (key, why) == ("plan", "in the schema, and none of these users has it")


@pytest.mark.parametrize(
    ("use", "outcome", "note"),
    [
        (AttributeUse("custom:a", 9), "error", None),
        (AttributeUse("custom:a", 9, not_ascii=2, misfits=2), "escape", r"2 not ASCII: written as \uXXXX"),
        (
            AttributeUse("custom:a", 9, too_long=1, long_escaped=1, misfits=1),
            "omit",
            "1 longer than 600 characters: left out for those",
        ),
        (
            AttributeUse("custom:a", 9, not_ascii=2, long_escaped=1, misfits=2),
            "omit",
            "2 not ASCII: left out for those",
        ),
        (
            AttributeUse("custom:a", 9, not_ascii=9, too_long=9, long_escaped=9, misfits=9),
            "none of the values fits (9 longer than 600 characters, 9 not ASCII)",
            None,
        ),
    ],
)
def test_values_that_do_not_fit(use: AttributeUse, outcome: str, note: str | None) -> None:
    (one,) = propose_metadata(found(use), flag=FLAG)
    assert (one.why or one.when_invalid) == outcome
    assert one.notes == ((note,) if note else ())


def test_ten_keys_with_the_flag() -> None:
    uses = [AttributeUse(f"custom:a{at:02}", 50 - at) for at in range(12)]
    listed = propose_metadata(found(*uses), flag=FLAG)
    assert [one.key for one in listed if not one.why] == [f"a{at:02}" for at in range(9)]
    assert {one.why for one in listed[9:]} == {f"WorkOS takes 10 keys, and {FLAG} is one of them"}
    assert sum(1 for one in propose_metadata(found(*uses), flag=None) if not one.why) == 10


def test_keys_are_plain_and_nobody_elses() -> None:
    names = ["custom:plan", "custom:Plan!", "plan", f"custom:{FLAG}", "custom:名前", "custom:ß", f"custom:{'x' * 50}"]
    listed = propose_metadata(found(*(AttributeUse(one, 9) for one in names)), flag=FLAG)
    keys = [one.key for one in listed]
    assert len(set(keys)) == len(names)
    assert all(key.isascii() and 0 < len(key) <= 40 and key != FLAG for key in keys)
    assert f"{FLAG}_2" in keys


@given(st.lists(st.text(max_size=70), unique=True, max_size=30))
def test_any_names_get_keys_that_workos_takes(names: list[str]) -> None:
    listed = propose_metadata(found(*(AttributeUse(f"custom:{one}", 9) for one in names)), flag=FLAG)
    keys = [one.key for one in listed]
    assert len(listed) == len(set(keys)) == len(names)
    assert all(key.isascii() and 0 < len(key) <= 40 for key in keys)
    assert sum(1 for one in listed if not one.why) <= 9


@pytest.mark.parametrize(
    "name", ["custom:a b", "custom:\n", "custom:\u202ex", "custom:" + "x" * 60, "custom:sk_live_abcdefgh12"]
)
def test_names_that_no_attribute_has_are_left(name: str) -> None:
    (one,) = propose_metadata(found(AttributeUse(name, 9)), flag=FLAG)
    assert one.why
    assert "sk_live" not in one.key


def test_developer_attributes_are_left() -> None:
    profile = PoolProfile(schema=(SchemaAttribute("dev:custom:old", developer_only=True),))
    findings = replace(found(AttributeUse("dev:custom:old", 3)), profile=profile)
    (one,) = propose_metadata(findings, flag=FLAG)
    assert one.why == "for developers only: Cognito does not list it"


def test_without_a_census_the_schema_alone_counts() -> None:
    findings = replace(found(schema=("custom:plan", "address")), census=None)
    (one,) = propose_metadata(findings, flag=FLAG)
    assert (one.key, one.users, one.why) == ("plan", None, "")
    assert users_of(findings, "email") is None
    assert not has_whole_names(findings)


def test_names_and_tenants_are_seen() -> None:
    findings: Findings = found(
        AttributeUse("name", 3), AttributeUse("custom:tenant_id", 9), AttributeUse("custom:organ", 9)
    )
    assert has_whole_names(findings)
    assert users_of(findings, "name") == 3
    assert users_of(findings, "given_name") == 0
    listed = propose_metadata(findings, flag=FLAG)
    assert tenant_attribute(listed) == "custom:tenant_id"
    assert tenant_attribute(listed[:1]) is None
