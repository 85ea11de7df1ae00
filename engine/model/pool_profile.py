"""The words for what a user pool says of itself: its schema, and how its users sign in."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "PASSWORD"  # noqa: S105 - the name of a factor


@dataclass(frozen=True, slots=True)
class SchemaAttribute:
    """One attribute of a pool's schema (botocore, SchemaAttributeType). Custom ones begin with `custom:` or `dev:`."""

    name: str
    kind: str = "String"  # String, Number, DateTime, Boolean; values are strings in any case
    required: bool = False
    mutable: bool = True
    developer_only: bool = False


@dataclass(frozen=True, slots=True)
class PoolProfile:
    """DescribeUserPool's answer, as far as a migration needs it.

    `first_factors` are those that the pool's SignInPolicy allows first; a pool without one allows passwords alone
    (botocore, SignInPolicyType). `mfa` is OFF, ON or OPTIONAL, None where the answer has none.
    """

    name: str | None = None
    estimated_users: int | None = None
    schema: tuple[SchemaAttribute, ...] = ()
    mfa: str | None = None
    first_factors: tuple[str, ...] = (PASSWORD,)

    @property
    def passwordless(self) -> bool:
        """Whether users may sign in without a password (passkey, one-time code)."""
        return any(one != PASSWORD for one in self.first_factors)
