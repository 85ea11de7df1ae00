"""Decides what becomes of one person: desired, known, found in WorkOS: change (rules 2, 3 and 6 to 10).

`plan` and `apply` both call `decide`, and `apply` calls it again when WorkOS turns out to hold somebody whom the
plan did not foresee: there is no second opinion. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from engine.model.users import METADATA, TargetUser, held_value
from engine.plan_file.model import ExistingUsers
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.changes import Change, Desired, Found, Guard, Known
from engine.resources.users.marks import UserMarks, fingerprints_of, holds_what_was_sent

_NAMES = ("first_name", "last_name")
# What the snapshot found wrong with a person as a whole; every other fault is a value's.
_REFUSED = {
    ("email", "duplicate"): "duplicate",
    ("external_id", "shared"): "shared_external_id",
    ("organization", "unmapped_organization"): "unmapped_organization",
    ("organization", "invalid_organization"): "invalid_organization",
}


class Planner:
    """Decides under one plan file's options and one state's fingerprints."""

    def __init__(
        self,
        fingerprints: Fingerprints,
        *,
        existing_users: ExistingUsers = "adopt",
        adoptions: Mapping[str, str] | None = None,
    ) -> None:
        self._fingerprints = fingerprints
        self._adoptions = adoptions or {}
        self._existing = existing_users

    def decide(self, desired: Desired, known: Known | None, found: Found) -> Change:
        """The one change for this person, with its reasons; same input, same change."""
        change = self._decide(desired, known, found)
        if change.action not in ("create", "update", "adopt"):
            return change
        return replace(change, marks=self._marks(change, desired, known, found))

    def _marks(self, change: Change, desired: Desired, known: Known | None, found: Found) -> UserMarks:
        """How the write can be told and taken back afterwards."""
        of = self._fingerprints
        if change.action == "create":
            flag = fingerprints_of({"email_verified": desired.verified}, of)
            begun = known.marks.wholes if known is not None and known.claimed == "create" else ()
            return UserMarks(sought=of.field("external_id", desired.fields["external_id"]), sent=flag, wholes=begun)
        if change.created_here:
            # What an earlier write carried whose end no run has seen still counts: it may have been done.
            before, begun = (known.marks.sent, known.marks.wholes) if known is not None else ({}, ())
            adopted = change.action == "adopt"
            sought = of.field("external_id", desired.fields["external_id"]) if adopted else None
            return UserMarks(sought=sought, sent={**before, **fingerprints_of(change.send, of)}, wholes=begun)
        seen = (found.by_external_id, found.by_email, found.by_id)
        held = next((one for one in seen if one is not None and one.id == change.workos_id), None)
        return (known.marks if known is not None else UserMarks()).with_write(change.send, held, of)

    def _decide(self, desired: Desired, known: Known | None, found: Found) -> Change:
        if known is not None and known.removing and (known.status == "gone" or found.by_id is None):
            # Removed by us, as was begun: asked for anew, the user is made anew.
            known = None
        if desired.invalid:
            code = next((_REFUSED[one] for one in desired.invalid.items() if one in _REFUSED), "invalid_value")
            return _conflict(desired, code, known.workos_id if known else None)
        if "external_id" not in desired.fields:
            return _conflict(desired, "no_external_id", known.workos_id if known else None)
        first: tuple[str, ...] = ()
        if known is not None and known.handover:
            verdict = self._handover(desired, known, found.by_id)
            if verdict == "conflict":
                return _conflict(desired, "address_in_use")
            first = ("taken_over",) if verdict == "goes" else ("not_taken_over",)
            if verdict == "stays":
                known = None
        if known is not None and known.workos_id is not None:
            if known.status == "gone":
                return _conflict(desired, "gone", known.workos_id)
            change = self._update(desired, known, found.by_id)
        else:
            change = self._place(desired, known, found)
        return replace(change, because=(*first, *change.because)) if first else change

    def _update(self, desired: Desired, known: Known, current: TargetUser | None) -> Change:
        """A person of ours in WorkOS: send what changed in Cognito since, and nothing else (rules 2, 3, 9, 10)."""
        wanted = self._fingerprints.each(desired.email, desired.verified, desired.fields)
        changed = {name for name, mark in wanted.items() if known.fields.get(name) != mark}
        gone = [name for name in known.fields if name not in wanted]
        send: dict[str, str | bool | None] = {name: desired.fields[name] for name in changed if name in desired.fields}
        send.update({name: None for name in gone if name.startswith(METADATA)})
        verified = known.verified
        settled = self._adoptions.get(desired.key) == known.workos_id
        recorded = known.fields.get("email_verified") == self._fingerprints.field("email_verified", "true")
        # Another's WorkOS user is taken over only by somebody to whom the address belongs, or while nobody uses it.
        unused = known.handover and not desired.verified
        if "email" in changed:
            unused = unused or not recorded
            if known.verified and not desired.verified:
                return _conflict(desired, "email_change_unverified", known.workos_id)
            # The flag belongs to the address: the new one's goes along (rule 2), raised only on our own (rule 3).
            verified = desired.verified and (known.created_here or known.verified)
            send["email"] = desired.email
            send["email_verified"] = verified
        elif "email_verified" in changed and (not desired.verified or known.created_here):
            # Never alone: wherever the user has moved to in WorkOS, the flag is this address's (rule 3).
            verified = desired.verified
            send["email"] = desired.email
            send["email_verified"] = verified
        if known.claimed is not None and current is not None:
            # A run began this update and did not see its end: what WorkOS already holds is not sent again.
            send = {name: value for name, value in send.items() if held_value(current, name) != value}
            if "email" in send or "email_verified" in send:
                send["email"], send["email_verified"] = desired.email, verified
        stamp = known.stamp
        if current is not None and not send and self._was_done(known, current):
            # Else what was ours would look like somebody else's doing from now on.
            stamp = current.updated_at
        guard = None
        if ("email" in send or known.handover) and not settled:
            guard = Guard(known.fields.get("email", ""), unused, known.stamp, begun=known.claimed is not None)
        elif send and (settled or not recorded):
            # Whether others changed the user before this write: afterwards nobody could tell.
            guard = Guard(None, False, known.stamp, begun=known.claimed is not None)
        return Change(
            "update" if send or known.claimed is not None else "unchanged",
            desired.key,
            known.workos_id,
            send=dict(sorted(send.items())),
            created_here=known.created_here,
            verified=verified,
            vanished=tuple(name for name in gone if name in _NAMES),
            counts_as="updated" if send or known.claimed is not None else "unchanged",
            guard=guard,
            stamp=stamp,
            lineage=guard is None,
            because=tuple(_why_updated(desired, known, send, changed, gone)),
        )

    def _was_done(self, known: Known, current: TargetUser) -> bool:
        """Whether an update that a run began is what WorkOS shows, and its last change."""
        if known.claimed is None:
            return False
        return holds_what_was_sent(current, known.fields, known.marks.sent, self._fingerprints)

    def _handover(
        self, desired: Desired, known: Known, user: TargetUser | None
    ) -> Literal["goes", "stays", "conflict"]:
        """Whether the WorkOS user of another record goes over to this one, which speaks for the person now.

        Only with the address that was last written there, and to a record that has verified it, or while nobody uses
        the account: somebody may have signed up with an address that is another's (rule 2).
        """
        if known.fields.get("email") != self._fingerprints.field("email", desired.email):
            return "stays"
        if known.relation == "unverified":
            # An application may have given somebody a password for an address that is not theirs.
            goes = user is not None and user.email == desired.email and (user.email_verified or not user.signed_in)
            return "goes" if goes else "stays"
        if user is None or self._adoptions.get(desired.key) == user.id:
            # The performer reads it again: only it can tell a deleted user from one that could not be read.
            return "goes"
        if user.email != desired.email or (not desired.verified and (user.email_verified or user.signed_in)):
            return "conflict"
        return "goes"

    def _place(self, desired: Desired, known: Known | None, found: Found) -> Change:
        """A person without a WorkOS id in the state: create, adopt, or leave alone (rules 6 to 8)."""
        ours, same_address = found.by_external_id, found.by_email
        if ours is not None:
            if ours.email != desired.email:
                return _conflict(desired, "external_id_other_email", ours.id)
            begun = known is not None and known.claimed == "create"
            if known is not None and not known.marks.fits(ours, desired.flags, self._fingerprints):
                # Somebody else may have made a user of our external ID since, and ours never came to be.
                begun = False
            return self._adopt_ours(desired, ours, begun_here=begun)
        if found.by_id is not None and self._adoptions.get(desired.key) == found.by_id.id:
            # Settled by a person, in git: the one way to link what is not verified on both sides (rule 7).
            return self._link(desired, found.by_id, overwrite=self._existing == "update", why="decided")
        if same_address is not None:
            if same_address.external_id in found.relatives:
                # Made for another record of this very person, which has given way to this one since.
                if not desired.verified and (same_address.email_verified or same_address.signed_in):
                    return _conflict(desired, "address_in_use")
                change = self._adopt_ours(desired, same_address, begun_here=False)
                address = self._fingerprints.field("email", desired.email)
                guard = Guard(address, not desired.verified, same_address.updated_at)
                return replace(change, guard=guard, because=("same_person", "lost"))
            return self._existing_user(desired, same_address)
        why = ("new",) if desired.verified else ("new", "unverified")
        return Change(
            "create", desired.key, created_here=True, verified=desired.verified, counts_as="created", because=why
        )

    def _adopt_ours(self, desired: Desired, ours: TargetUser, *, begun_here: bool) -> Change:
        """Our external ID and our address: metadata brought up to date, names and verification left (rule 8)."""
        send = _differing_metadata(desired.fields, ours)
        if ours.external_id != desired.fields["external_id"]:
            send["external_id"] = desired.fields["external_id"]
        verified, guard = ours.email_verified, None
        if begun_here and is_untouched(ours):
            # Cognito may have changed since that creation began, and there is nothing of anybody else's to keep.
            send |= _differing_names(desired.fields, ours)
            if ours.email_verified != desired.verified:
                send |= {"email": desired.email, "email_verified": desired.verified}
                address = self._fingerprints.field("email", desired.email)
                verified, guard = desired.verified, Guard(address, desired.verified, ours.updated_at)
        return Change(
            "adopt",
            desired.key,
            ours.id,
            send=dict(sorted(send.items())),
            created_here=begun_here,
            verified=verified,
            guard=guard,
            stamp=ours.updated_at if is_untouched(ours) else None,
            lineage=is_untouched(ours),
            # A claim of ours that had gone through: this run sees the end of a creation, not a stranger.
            counts_as="created" if begun_here else "adopted",
            because=("begun",) if begun_here else ("ours", "lost"),
        )

    def _existing_user(self, desired: Desired, theirs: TargetUser) -> Change:
        """Our address, not our external ID (rules 6 and 7)."""
        if theirs.external_id is not None:
            return _conflict(desired, "other_external_id", theirs.id)
        if self._existing == "error":
            return _conflict(desired, "existing_user", theirs.id)
        if self._existing == "skip":
            return Change(
                "skip", desired.key, theirs.id, code="existing_user", counts_as="skipped", because=("existing_user",)
            )
        if not (desired.verified and theirs.email_verified):
            return _conflict(desired, "unverified_link", theirs.id)
        return self._link(desired, theirs, overwrite=self._existing == "update", why="linked")

    @staticmethod
    def _link(desired: Desired, theirs: TargetUser, *, overwrite: bool, why: str) -> Change:
        """Set our external ID; fill empty fields, or write ours. Verification is never raised (rule 3)."""
        send: dict[str, str | bool | None] = {
            name: value
            for name, value in desired.fields.items()
            if (overwrite or held_value(theirs, name) is None) and held_value(theirs, name) != value
        }
        return Change(
            "adopt",
            desired.key,
            theirs.id,
            send=dict(sorted(send.items())),
            verified=theirs.email_verified,
            lineage=False,
            counts_as="adopted",
            because=(why,),
        )


def _conflict(desired: Desired, code: str, workos_id: str | None = None) -> Change:
    return Change("conflict", desired.key, workos_id, code=code, because=(code,))


def _why_updated(
    desired: Desired, known: Known, send: Mapping[str, object], changed: Collection[str], gone: Collection[str]
) -> Iterator[str]:
    """The reasons of an update, or of there being nothing to send."""
    if "email" in changed:
        yield "address_changed"
    elif "email_verified" in changed:
        yield "flag_changed" if "email_verified" in send else "flag_kept"
    if any(name in changed for name in desired.fields):
        yield "changed"
    if any(name.startswith(METADATA) for name in gone):
        yield "key_removed"
    if any(name in _NAMES for name in gone):
        yield "name_vanished"
    if known.claimed is not None:
        yield "update_begun"
    if not (changed or gone or known.claimed):
        yield "unchanged"


def is_untouched(user: TargetUser) -> bool:
    """Whether WorkOS says that nobody has changed the user since it was made."""
    return user.created_at is not None and user.created_at == user.updated_at


def _differing_metadata(fields: Mapping[str, str], held: TargetUser) -> dict[str, str | bool | None]:
    return {
        name: value
        for name, value in sorted(fields.items())
        if name.startswith(METADATA) and held_value(held, name) != value
    }


def _differing_names(fields: Mapping[str, str], held: TargetUser) -> dict[str, str]:
    return {name: fields[name] for name in _NAMES if name in fields and held_value(held, name) != fields[name]}
