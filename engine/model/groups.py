"""The words for a user pool's groups, and for what its users can write of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# What no user can set by default: Cognito's own, what it verifies itself, and the legacy developer-only attributes
# (botocore, SchemaAttributeType: read-only to all app clients).
_NOBODYS = frozenset({"sub", "identities", "email_verified", "phone_number_verified", "cognito:mfa_enabled"})
_DEVELOPERS = "dev:"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a pool. The lowest `precedence` (from 0) comes first, None last (botocore, GroupType)."""

    name: str
    precedence: int | None = None


@dataclass(frozen=True, slots=True)
class WritableAttributes:
    """What users can write themselves, through which app client.

    `by` are the attributes that clients list, with the ID of one such client. `all_by` is a client that lists none:
    its users can write every attribute. The API reference says the standard ones (UserPoolClientType,
    WriteAttributes); AWS's console says all of them, and custom ones were seen to be among them
    (aws-cdk issue 21835, terraform-provider-aws issue 28684): the worse is taken for true. An immutable attribute
    counts as well, as users write it when they sign up (botocore, SchemaAttributeType).
    """

    by: Mapping[str, str] = field(default_factory=dict)
    all_by: str | None = None

    def client_for(self, attribute: str) -> str | None:
        """The ID of an app client by which users can write the attribute; None where they cannot."""
        if attribute in self.by:
            return self.by[attribute]
        return None if attribute in _NOBODYS or attribute.startswith(_DEVELOPERS) else self.all_by
