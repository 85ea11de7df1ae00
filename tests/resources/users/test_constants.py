"""`const` and `when_invalid: omit` in the mapping: a constant needs no attribute, an omitted value is remembered."""

from __future__ import annotations

from engine.plan_file.model import Attributes, FieldMapping, Limits
from engine.resources.users.mapper import Mapper
from tests.support.people import cognito_user, source


def test_a_constant_is_every_users_value() -> None:
    attributes = Attributes(first_name=FieldMapping(constant="X"), metadata={"from": FieldMapping(constant="cognito")})
    fields = Mapper(attributes, Limits()).map(cognito_user(given_name="Ann")).fields
    assert (fields["first_name"], fields["metadata.from"]) == ("X", "cognito")


def test_a_constant_can_be_translated() -> None:
    mapping = FieldMapping(constant="1", translate={"1": "gold"})
    assert (
        Mapper(Attributes(metadata={"tier": mapping}), Limits()).map(cognito_user()).fields["metadata.tier"] == "gold"
    )


def test_what_is_omitted_is_remembered_with_its_fault() -> None:
    metadata = {"a": source("custom:a", when_invalid="omit"), "b": source("custom:b", when_invalid="omit")}
    record = Mapper(Attributes(metadata=metadata), Limits()).map(cognito_user(custom__a="Jürgen", custom__b="x" * 601))
    assert record.omitted == {"metadata.a": "not_ascii", "metadata.b": "too_long"}
    assert record.invalid == {}
    assert not {"metadata.a", "metadata.b"} & record.fields.keys()
