"""Which of a pool's attributes become which WorkOS fields: proposed by name, use and WorkOS's limits. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.draft.findings import AttributeUse, Findings
from engine.model.pool_profile import SchemaAttribute
from engine.model.redaction import looks_secret
from engine.plan_file.checks.names import can_be_named
from engine.plan_file.model import Limits, WhenInvalid

_LIMITS = Limits()
# What the five fields beside metadata take, and what Cognito keeps for itself.
_TAKEN = frozenset(
    {"sub", "email", "email_verified", "emailVerified", "given_name", "family_name", "name", "identities"}
)
# Of the standard attributes these say how somebody wants to be addressed; the others are personal data that an
# application should ask for on purpose.
_HARMLESS = ("locale", "zoneinfo")
_CUSTOM = ("custom:", "dev:")
# Cognito's names have 20 characters at most (botocore, CustomAttributeNameType) and a prefix; an export may hold any.
_LONGEST_NAME = 64
_TENANT = re.compile(r"(?i)tenant|organi[sz]ation|workspace|(?:^|:)org(?:_?id)?$")


@dataclass(frozen=True, slots=True)
class MetadataProposal:
    """One metadata key. With `why` it is left to the author, for that reason; `notes` tell what becomes of misfits."""

    key: str
    attribute: str
    users: int | None
    when_invalid: WhenInvalid = "error"
    notes: tuple[str, ...] = ()
    why: str = ""


def propose_metadata(findings: Findings, *, flag: str | None) -> list[MetadataProposal]:
    """Every attribute that could become metadata, those proposed first, within the docs' ten keys.

    `flag` is the key that password resets take, None where they take none.
    """
    uses = {one.name: one for one in findings.census.attributes} if findings.census else {}
    schema = {one.name: one for one in findings.profile.schema} if findings.profile else {}
    counted = findings.census is not None
    taken = {flag} if flag else set()
    room = _LIMITS.metadata_keys - len(taken)
    proposed: list[MetadataProposal] = []
    left: list[MetadataProposal] = []
    for name in sorted({*uses, *schema}, key=lambda one: _rank(one, uses)):
        if name in _TAKEN or name.startswith("cognito:"):
            continue
        if not name.startswith(_CUSTOM) and name not in uses:
            # A pool has all twenty standard attributes whether anybody wants them or not.
            continue
        one = _propose(name, uses.get(name), schema.get(name), taken, counted=counted)
        if not one.why and len(proposed) == room:
            beside = f", and {flag} is one of them" if flag else ""
            one = replace(one, why=f"WorkOS takes {_LIMITS.metadata_keys} keys{beside}", notes=())
        (left if one.why else proposed).append(one)
        taken.add(one.key)
    return proposed + left


def has_whole_names(findings: Findings) -> bool:
    """Whether somebody has `name`, out of which both names can be made where they are missing."""
    return findings.census is not None and any(one.name == "name" for one in findings.census.attributes)


def users_of(findings: Findings, attribute: str) -> int | None:
    """How many selected users have an attribute; None where nobody has counted."""
    if findings.census is None:
        return None
    return next((one.users for one in findings.census.attributes if one.name == attribute), 0)


def tenant_attribute(proposals: Iterable[MetadataProposal]) -> str | None:
    """The attribute whose name says that it is a person's organization, if one does."""
    return next((one.attribute for one in proposals if one.users and _TENANT.search(one.attribute)), None)


def _rank(name: str, uses: Mapping[str, AttributeUse]) -> tuple[int, int, str]:
    custom = name.startswith(_CUSTOM)
    return (0 if custom else 1 if name in _HARMLESS else 2, -uses[name].users if name in uses else 0, name)


def _propose(
    name: str, use: AttributeUse | None, schema: SchemaAttribute | None, taken: Iterable[str], *, counted: bool
) -> MetadataProposal:
    one = MetadataProposal(_key(name, frozenset(taken)), name, use.users if use else 0 if counted else None)
    if (schema and schema.developer_only) or name.startswith("dev:"):
        return replace(one, why="for developers only: Cognito does not list it")
    if len(name) > _LONGEST_NAME or not name.isprintable() or not can_be_named(name):
        return replace(one, why="no name that a plan gives an attribute")
    if looks_secret(name):
        return replace(one, key=_key("", frozenset(taken)), why="its name looks like a key, which no plan may hold")
    if counted and use is None:
        return replace(one, why="in the schema, and none of these users has it")
    if not name.startswith(_CUSTOM) and name not in _HARMLESS:
        return replace(one, why="personal data: map it if your application reads it")
    return _fitted(one, use) if use else one


def _fitted(one: MetadataProposal, use: AttributeUse) -> MetadataProposal:
    """What to do about values that WorkOS refuses: escape where all then fit, else leave those out."""
    limit = _LIMITS.metadata_value_length
    if not use.misfits:
        return one
    if not use.long_escaped:
        return replace(one, when_invalid="escape", notes=(rf"{use.not_ascii:,} not ASCII: written as \uXXXX",))
    notes = []
    if use.too_long:
        notes.append(f"{use.too_long:,} longer than {limit} characters")
    if use.not_ascii:
        notes.append(f"{use.not_ascii:,} not ASCII")
    if use.misfits == use.users:
        return replace(one, why=f"none of the values fits ({', '.join(notes)})")
    return replace(one, when_invalid="omit", notes=(f"{', '.join(notes)}: left out for those",))


def _key(name: str, taken: frozenset[str]) -> str:
    """The name without its prefix, in letters that need no quotes, and nobody else's."""
    bare = name.removeprefix("dev:").removeprefix("custom:")
    most = _LIMITS.metadata_key_length
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", bare).strip("_")[:most] or "attribute"
    key, number = plain, 1
    while key in taken:
        number += 1
        key = f"{plain[: most - len(str(number)) - 1]}_{number}"
    return key
