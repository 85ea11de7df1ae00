"""Several records with one address become one user: who comes first, and what fills the gaps (rule 4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.plan_file.model import Preference
from engine.resources.users.mapper import MappedRecord

Relation = Literal["primary", "merged", "unverified"]


@dataclass(frozen=True, slots=True)
class MergedUser:
    """One user out of several records: fields of the first, gaps filled. `relations` stands in the records' order."""

    fields: dict[str, str]
    invalid: dict[str, str]
    had_password: bool
    joins_resets: bool
    relations: tuple[Relation, ...]


def rank(record: MappedRecord, prefer: Sequence[Preference], decided: Collection[str] = ()) -> tuple[object, ...]:
    """Sort key: verified first, always; then who the plan's decisions name; then `prefer`; then newest; then
    smallest sub (rule 4).
    """
    keys: list[object] = [not record.verified, record.sub not in decided]
    for preference in prefer:
        match preference:
            case "native":
                keys.append(not record.native)
            case "federated":
                keys.append(record.native)
            case "newest":
                keys.append(-record.created)
            case "oldest":
                keys.append(record.created)
    return (*keys, -record.created, record.sub)


def merge(ranked: Sequence[MappedRecord], *, allow_unverified: bool, linked: Collection[str] = ()) -> MergedUser:
    """One user out of records that share an address, the preferred first.

    `linked` are provider profiles that Cognito has linked to one of the records: the same person for sure (rule 5).
    """
    first = ranked[0]
    fields = dict(first.fields)
    invalid = dict(first.invalid)
    refused: dict[str, str] = {}
    relations: list[Relation] = ["primary"]
    had_password, joins_resets = first.native, first.joins_resets
    for record in ranked[1:]:
        # Whoever signed up unverified with somebody's address must not write into that person's account.
        outsider = first.verified and not record.verified and record.sub not in linked
        relations.append("unverified" if outsider else "merged")
        if outsider and not allow_unverified:
            continue
        if not outsider:
            had_password = had_password or record.native
            joins_resets = joins_resets or record.joins_resets
        for name, value in record.fields.items():
            if name not in invalid and name != "external_id":
                fields.setdefault(name, value)
        for name, fault in record.invalid.items():
            refused.setdefault(name, fault)
    for name, fault in refused.items():
        if name not in fields and name != "external_id":
            invalid.setdefault(name, fault)
    return MergedUser(fields, invalid, had_password, joins_resets, tuple(relations))
