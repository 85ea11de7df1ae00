"""One user of an answer, read strictly: a page has a hundred of them, a whole listing hundreds of thousands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.model.call_errors import Ambiguous
from engine.model.users import TargetUser, normalise_email
from engine.workos.calls import identifier, metadata, optional_text


def read_user(given: object) -> TargetUser:
    """A user as the API describes it. Raises Ambiguous for anything else: something else answered.

    Not by the SDK's model: that takes every field as it comes, and half as long again.
    """
    if not isinstance(given, dict):
        raise Ambiguous("unexpected_answer")
    try:
        return _user(given)
    except KeyError as error:
        raise Ambiguous("unexpected_answer") from error


def _user(given: dict[str, Any]) -> TargetUser:
    verified, created, updated = given["email_verified"], given["created_at"], given["updated_at"]
    # The API promises this as well, null or not (API description): what lacks it is no user of WorkOS's.
    signed_in, _ = given["last_sign_in_at"], given["profile_picture_url"]
    if not isinstance(verified, bool):
        raise Ambiguous("unexpected_answer")
    created_at = _moment(created)
    return TargetUser(
        id=identifier(given["id"]),
        email=normalise_email(identifier(given["email"])),
        email_verified=verified,
        external_id=optional_text(given["external_id"]),
        first_name=optional_text(given["first_name"]),
        last_name=optional_text(given["last_name"]),
        metadata=metadata(given.get("metadata")),
        signed_in=signed_in is not None and bool(_moment(signed_in)),
        created_at=created_at,
        updated_at=created_at if updated == created else _moment(updated),
    )


def _moment(value: object) -> str:
    """A moment in one spelling, whatever the answer's: two answers about one user are compared."""
    try:
        return datetime.fromisoformat(value).isoformat()  # type: ignore[arg-type]  # what is no text raises
    except (TypeError, ValueError) as error:
        raise Ambiguous("unexpected_answer") from error
