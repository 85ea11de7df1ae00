"""Owns passwords: their rules, how they are kept, and whether one is right."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from engine.sandbox.errors import listed, refused

HASH_TYPES = frozenset({"bcrypt", "firebase-scrypt", "ssha", "scrypt", "pbkdf2", "argon2"})
_SHORTEST = 10  # the default of a new environment
_ROUNDS = 1000  # a sandbox need not withstand guessing, only never hold a password in clear


def new_password(given: Mapping[str, Any]) -> str | None:
    """What to keep of a body's password fields, None where there are none. Raises ApiError 400."""
    password, hashed = given.get("password"), given.get("password_hash")
    if password is not None:
        if hashed is not None:
            raise refused(400, "password_and_password_hash_provided")
        if given.get("password_hash_type") is not None:
            raise refused(400, "password_and_password_hash_type_provided")
        return hash_password(password, "password_strength_error")
    if hashed is None:
        return None
    if given.get("password_hash_type") is None:
        raise refused(400, "invalid_password_hash")
    # Kept as a mark that there is one: signing in with it would need the vendor's hash libraries.
    return f"foreign${given['password_hash_type']}"


def hash_password(password: str, refusal: str) -> str:
    """Salt and hash. Raises ApiError 400 with the code `refusal` for a weak password."""
    if len(password) < _SHORTEST:
        raise listed(refusal, [("password_too_short", f"Password must be at least {_SHORTEST} characters long.")])
    salt = secrets.token_hex(8)
    return f"{salt}${_digest(password, salt)}"


def is_password(password: str, kept: str | None) -> bool:
    """Whether the password is the one that was kept."""
    if kept is None:
        return False
    salt, _, digest = kept.partition("$")
    return hmac.compare_digest(digest, _digest(password, salt))


def _digest(password: str, salt: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), _ROUNDS).hex()
