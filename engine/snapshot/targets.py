"""WorkOS's users in the snapshot's table `target`: packed, and read again."""

from __future__ import annotations

import orjson

from engine.model.users import TargetUser


def dump_target(user: TargetUser) -> bytes:
    """A user for the column `user`."""
    return orjson.dumps(
        [user.id, user.email, user.email_verified, user.external_id, user.first_name, user.last_name,
         dict(user.metadata), user.signed_in, user.created_at, user.updated_at]
    )  # fmt: skip


def load_target(raw: bytes | None) -> TargetUser | None:
    """A user from the column `user`."""
    return TargetUser(*orjson.loads(raw)) if raw is not None else None
