"""Cognito's UserType, as JSON holds it, to `SourceUser` and back. Files, pages and calls are others' business."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.model.users import SourceUser


class BadRecord(Exception):
    """A record that is not a user. Its text names the field and what is wrong, never the value: that is user data."""


def parse_record(record: Mapping[str, Any]) -> SourceUser:
    """One UserType: Username, Attributes [{Name, Value}], UserCreateDate, Enabled, UserStatus and so on.

    Dates may be epoch seconds (Cognito's answers), ISO 8601 (the AWS CLI; without a zone it is UTC) or datetimes
    (botocore's own parser). `Groups` is our export's addition. Raises BadRecord.
    """
    # A million of these are read: the straight way first, the reasons only for what fails.
    try:
        attributes = {one["Name"]: one["Value"] for one in record["Attributes"]}
        sub, username, status = attributes["sub"], record["Username"], record["UserStatus"]
        # join refuses all but strings, encode all that is not Unicode (half of a surrogate pair), at C's speed.
        "".join((username, status, *attributes, *attributes.values())).encode()
        enabled, modified = record["Enabled"], record.get("UserLastModifiedDate")
        if sub and username and status and type(enabled) is bool:
            return SourceUser(
                sub=sub,
                username=username,
                status=status,
                enabled=enabled,
                created=_moment(record["UserCreateDate"]),
                modified=None if modified is None else _moment(modified),
                attributes=attributes,
                groups=_groups(record["Groups"]) if "Groups" in record else None,
            )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        pass
    return _parse_carefully(record)


def dump_record(user: SourceUser) -> dict[str, Any]:
    """The same user as UserType, dates as ISO 8601 in UTC; `Groups` only where they are known."""
    record: dict[str, Any] = {
        "Username": user.username,
        "Attributes": [{"Name": name, "Value": value} for name, value in user.attributes.items()],
        "UserCreateDate": user.created.astimezone(UTC).isoformat(),
        "Enabled": user.enabled,
        "UserStatus": user.status,
    }
    if user.modified is not None:
        record["UserLastModifiedDate"] = user.modified.astimezone(UTC).isoformat()
    if user.groups is not None:
        record["Groups"] = list(user.groups)
    return record


def _parse_carefully(record: Mapping[str, Any]) -> SourceUser:
    """Read field by field, slowly, to say which one is wrong; an attribute without Value is an empty string."""
    if not isinstance(record, Mapping):
        raise BadRecord("is not an object")
    username = _string(record, "Username")
    listed = record.get("Attributes")
    if not isinstance(listed, list):
        raise BadRecord("has no list of Attributes")
    attributes: dict[str, str] = {}
    for one in listed:
        name = one.get("Name") if isinstance(one, Mapping) else None
        if not isinstance(name, str):
            raise BadRecord("has an attribute without Name")
        value = one.get("Value", "")
        if not isinstance(value, str):
            raise BadRecord("has an attribute whose Value is not a string")
        attributes[name] = value
    if not attributes.get("sub"):
        raise BadRecord("has no attribute sub")
    enabled = record.get("Enabled")
    if not isinstance(enabled, bool):
        raise BadRecord("has no Enabled that is true or false")
    status = _string(record, "UserStatus")
    modified = record.get("UserLastModifiedDate")
    groups = record.get("Groups")
    try:
        "".join((username, status, *attributes, *attributes.values())).encode()
    except UnicodeEncodeError:
        raise BadRecord("has text that is not Unicode") from None
    try:
        return SourceUser(
            sub=attributes["sub"],
            username=username,
            status=status,
            enabled=enabled,
            created=_date(record, "UserCreateDate"),
            modified=None if modified is None else _date(record, "UserLastModifiedDate"),
            attributes=attributes,
            groups=None if groups is None else _groups(groups),
        )
    except TypeError:
        raise BadRecord("has Groups that are not a list of names") from None


def _string(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise BadRecord(f"has no {field}")
    return value


def _date(record: Mapping[str, Any], field: str) -> datetime:
    try:
        return _moment(record.get(field))
    except (TypeError, ValueError, OverflowError, OSError):
        raise BadRecord(f"has no {field} that is a date (epoch seconds or ISO 8601)") from None


def _moment(value: Any) -> datetime:
    if type(value) is float or type(value) is int:
        return datetime.fromtimestamp(value, UTC)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _groups(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError
    return tuple(names)
