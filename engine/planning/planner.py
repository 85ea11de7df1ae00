"""Decides what becomes of one person: desired, known, found in WorkOS: change (rules 2, 3 and 6 to 10).

`plan` and `apply` both call `decide`, and `apply` calls it again when WorkOS turns out to hold somebody whom the
plan did not foresee: there is no second opinion. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.planning.changes import Change, Desired, Found, Known
from engine.planning.fingerprints import Fingerprints
from engine.spec.model import ExistingUsers
from engine.users import TargetUser

METADATA = "metadata."
_NAMES = ("first_name", "last_name")
# What the snapshot found wrong with a person as a whole; every other fault is a value's.
_REFUSED = {("email", "duplicate"): "duplicate", ("external_id", "shared"): "shared_external_id"}


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
        """The one change for this person; same input, same change."""
        if desired.invalid:
            code = next((_REFUSED[one] for one in desired.invalid.items() if one in _REFUSED), "invalid_value")
            return Change("conflict", desired.sub, known.workos_id if known else None, code=code)
        if "external_id" not in desired.fields:
            return Change("conflict", desired.sub, known.workos_id if known else None, code="no_external_id")
        if known is not None and known.handover and not _goes_over(desired, found.by_id):
            known = None
        if known is not None and known.workos_id is not None:
            if known.status == "gone":
                return Change("conflict", desired.sub, known.workos_id, code="gone")
            return self._update(desired, known, found.by_id)
        return self._place(desired, known, found)

    def _update(self, desired: Desired, known: Known, current: TargetUser | None) -> Change:
        """A person of ours in WorkOS: send what changed in Cognito since, and nothing else (rules 2, 3, 9, 10)."""
        wanted = self._fingerprints.each(desired.email, desired.verified, desired.fields)
        changed = {name for name, mark in wanted.items() if known.fields.get(name) != mark}
        gone = [name for name in known.fields if name not in wanted]
        send: dict[str, str | bool | None] = {name: desired.fields[name] for name in changed if name in desired.fields}
        send.update({name: None for name in gone if name.startswith(METADATA)})
        verified = known.verified
        if "email" in changed:
            if known.verified and not desired.verified:
                return Change("conflict", desired.sub, known.workos_id, code="email_change_unverified")
            # The flag belongs to the address: the new one's goes along (rule 2), raised only on our own (rule 3).
            verified = desired.verified and (known.created_here or known.verified)
            send["email"] = desired.email
            send["email_verified"] = verified
        elif "email_verified" in changed and (not desired.verified or known.created_here):
            verified = desired.verified
            send["email_verified"] = verified
        if known.claimed is not None and current is not None:
            # A run began this update and did not see its end: what WorkOS already holds is not sent again.
            send = {name: value for name, value in send.items() if held_value(current, name) != value}
            if "email" in send:
                send["email_verified"] = verified
        return Change(
            "update" if send or known.claimed is not None else "unchanged",
            desired.sub,
            known.workos_id,
            send=dict(sorted(send.items())),
            created_here=known.created_here,
            verified=verified,
            vanished=tuple(name for name in gone if name in _NAMES),
            counts_as="updated" if send or known.claimed is not None else "unchanged",
        )

    def _place(self, desired: Desired, known: Known | None, found: Found) -> Change:
        """A person without a WorkOS id in the state: create, adopt, or leave alone (rules 6 to 8)."""
        ours, same_address = found.by_external_id, found.by_email
        if ours is not None:
            if ours.email != desired.email:
                return Change("conflict", desired.sub, code="external_id_other_email")
            return self._adopt_ours(desired, ours, begun_here=known is not None and known.claimed == "create")
        if found.by_id is not None and self._adoptions.get(desired.sub) == found.by_id.id:
            # Settled by a person, in git: the one way to link what is not verified on both sides (rule 7).
            return self._link(desired, found.by_id, overwrite=self._existing == "update")
        if same_address is not None:
            if same_address.external_id in found.relatives:
                # Made for another record of this very person, which has given way to this one since.
                return self._adopt_ours(desired, same_address, begun_here=False)
            return self._existing_user(desired, same_address)
        return Change("create", desired.sub, created_here=True, verified=desired.verified, counts_as="created")

    def _adopt_ours(self, desired: Desired, ours: TargetUser, *, begun_here: bool) -> Change:
        """Our external ID and our address: metadata brought up to date, names and verification left (rule 8)."""
        send = _differing_metadata(desired.fields, ours)
        if ours.external_id != desired.fields["external_id"]:
            send["external_id"] = desired.fields["external_id"]
        return Change(
            "adopt",
            desired.sub,
            ours.id,
            send=send,
            created_here=begun_here,
            verified=ours.email_verified,
            # A claim of ours that had gone through: this run sees the end of a creation, not a stranger.
            counts_as="created" if begun_here else "adopted",
        )

    def _existing_user(self, desired: Desired, theirs: TargetUser) -> Change:
        """Our address, not our external ID (rules 6 and 7)."""
        if theirs.external_id is not None:
            return Change("conflict", desired.sub, code="other_external_id")
        if self._existing == "error":
            return Change("conflict", desired.sub, code="existing_user")
        if self._existing == "skip":
            return Change("skip", desired.sub, theirs.id, code="existing_user", counts_as="skipped")
        if not (desired.verified and theirs.email_verified):
            return Change("conflict", desired.sub, code="unverified_link")
        return self._link(desired, theirs, overwrite=self._existing == "update")

    @staticmethod
    def _link(desired: Desired, theirs: TargetUser, *, overwrite: bool) -> Change:
        """Set our external ID; fill empty fields, or write ours. Verification is never raised (rule 3)."""
        send: dict[str, str | bool | None] = {
            name: value
            for name, value in desired.fields.items()
            if (overwrite or held_value(theirs, name) is None) and held_value(theirs, name) != value
        }
        return Change(
            "adopt",
            desired.sub,
            theirs.id,
            send=dict(sorted(send.items())),
            verified=theirs.email_verified,
            counts_as="adopted",
        )


def _goes_over(desired: Desired, user: TargetUser | None) -> bool:
    """Whether a user whom we made under an unverified address may go to the record that has verified it.

    Not if they have moved to another address since, and not if somebody has signed in without ever verifying it: an
    application may have given them a password for an address that is not theirs.
    """
    return user is not None and user.email == desired.email and (user.email_verified or not user.signed_in)


def _differing_metadata(fields: Mapping[str, str], held: TargetUser) -> dict[str, str | bool | None]:
    return {
        name: value
        for name, value in sorted(fields.items())
        if name.startswith(METADATA) and held_value(held, name) != value
    }


def held_value(user: TargetUser, name: str) -> str | bool | None:
    """One field of what WorkOS holds, by its flat name; None where it holds none."""
    if name.startswith(METADATA):
        return user.metadata.get(name[len(METADATA) :])
    value = getattr(user, name)
    return value if isinstance(value, str | bool) else None
