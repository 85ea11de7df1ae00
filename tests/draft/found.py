"""Findings in few words."""

from __future__ import annotations

from engine.draft.findings import AttributeUse, Census, DraftProvider, Findings, GroupUse
from engine.draft.proposal import Choices
from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile, SchemaAttribute
from engine.plan_file.model import CognitoSource

CHOICES = Choices("acme", CognitoSource("us-east-1_AbCdEf123", "us-east-1"))


def found(
    *attributes: AttributeUse,
    schema: tuple[str, ...] = (),
    providers: tuple[IdentityProvider, ...] | None = (),
    uses: tuple[DraftProvider, ...] = (),
    groups: tuple[GroupUse, ...] = (),
    live: bool = True,
    mfa: str | None = None,
) -> Findings:
    """A pool of a hundred users with these."""
    return Findings(
        label="user pool us-east-1_AbCdEf123 (us-east-1)",
        live=live,
        profile=PoolProfile(schema=tuple(SchemaAttribute(one) for one in schema), mfa=mfa) if live else None,
        census=Census(100, 90, {"status": 10}, {"CONFIRMED": 100}, attributes=attributes, providers=uses),
        providers=providers if live else None,
        groups=groups,
    )
