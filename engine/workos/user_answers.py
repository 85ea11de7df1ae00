"""One user of an answer, read strictly: a page has a hundred of them, a whole listing hundreds of thousands."""

from __future__ import annotations

from datetime import datetime

from engine.model.call_errors import Ambiguous
from engine.model.users import TargetUser, normalise_email
from engine.workos.calls import identifier, metadata, optional_text

# What the API promises of every user (API description), null or not: what lacks one is no user of WorkOS's.
_PROMISED = frozenset(
    {
        *("id", "email", "email_verified", "first_name", "last_name", "profile_picture_url", "external_id"),
        *("last_sign_in_at", "created_at", "updated_at"),
    }
)


def read_user(given: object) -> TargetUser:
    """A user as the API describes it. Raises Ambiguous for anything else: something else answered.

    Not by the SDK's model, which takes every field as it comes, and is three times as slow.
    """
    if not isinstance(given, dict) or not given.keys() >= _PROMISED:
        raise Ambiguous("unexpected_answer")
    verified = given["email_verified"]
    if not isinstance(verified, bool):
        raise Ambiguous("unexpected_answer")
    created, updated, signed_in = given["created_at"], given["updated_at"], given["last_sign_in_at"]
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
