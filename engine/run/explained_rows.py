"""Rows of one person as `explain` shows them: records, the state's rows, users of WorkOS. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from engine.model.keys import name_of_pool, sub_of, written_user
from engine.model.outcomes import ResourceRow
from engine.model.users import METADATA, TargetUser, held_value
from engine.resources.users.changes import Desired
from engine.resources.users.verification import desired_value
from engine.run.explanation import ExplainedRecord, ExplainedState, ExplainedUser, HeldPlace, Value
from engine.snapshot.person_rows import PersonRecord

_NAMES = ("first_name", "last_name")


def explained_record(row: PersonRecord, desired: Desired | None, pools: Mapping[str, str]) -> ExplainedRecord:
    """One record; `desired` is the person that it stands for, None where another one does. `pools` as everywhere."""
    fields = orjson.loads(row.fields) if desired is None else desired.fields
    personal = {"username": row.username, "email": row.email} | dict(sorted(fields.items()))
    return ExplainedRecord(
        source_id=sub_of(row.key),
        pool=name_of_pool(pools, row.key),
        status=row.status,
        enabled=bool(row.enabled),
        created=row.created,
        native=bool(row.native),
        provider=row.provider,
        verified=bool(row.verified),
        reason=row.reason,
        failed=tuple(orjson.loads(row.failed)) if row.failed else (),
        into=written_user(pools, row.primary_key) if row.primary_key is not None else None,
        relation=row.relation,
        personal=tuple(Value(name, value) for name, value in personal.items() if value is not None),
        invalid=orjson.loads(row.invalid) if row.invalid else {},
    )


def explained_state(row: ResourceRow, pools: Mapping[str, str]) -> ExplainedState:
    """One row of the state."""
    return ExplainedState(
        source_id=sub_of(row.key),
        pool=name_of_pool(pools, row.key),
        workos_id=row.workos_id,
        relation=row.relation,
        primary=written_user(pools, row.primary_key) if row.primary_key is not None else None,
        status=row.status,
        code=row.error_code,
        operation=row.operation,
        created_here=bool(row.created_here),
        verified=bool(row.verified),
        left_source=bool(row.left_source),
        changed_at=row.changed_at,
        fields=tuple(sorted(orjson.loads(row.fields))) if row.fields else (),
    )


def explained_user(
    user: TargetUser, found_by: Sequence[str], desired: Desired | None, places: Sequence[HeldPlace]
) -> ExplainedUser:
    """One user of WorkOS; `desired` is what they are to hold, None where nobody is to be them."""
    named = {name: getattr(user, name) for name in _NAMES}
    metadata = {METADATA + key: value for key, value in sorted(user.metadata.items())}
    personal = {"email": user.email} | named | metadata
    return ExplainedUser(
        workos_id=user.id,
        found_by=tuple(dict.fromkeys(found_by)),
        external_id=user.external_id,
        verified=user.email_verified,
        signed_in=user.signed_in,
        updated_at=user.updated_at,
        personal=tuple(Value(name, value) for name, value in personal.items() if value is not None),
        differs=tuple(differing(desired, user)) if desired is not None else (),
        places=tuple(places),
    )


def differing(desired: Desired, held: TargetUser) -> list[str]:
    """Fields that WorkOS holds otherwise than is desired."""
    names = ("email", "email_verified", *desired.fields)
    return [name for name in names if held_value(held, name) != desired_value(desired, name)]
