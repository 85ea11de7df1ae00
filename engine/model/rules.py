"""The rules of docs/rules.md by number, and which of them stands behind each reason for what becomes of somebody.

A reason is a word that whoever decides puts beside the decision; a code of a conflict or of a skip is one as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.model.codes import explain

_SECTIONS = (
    (3, "Addresses and verification"),
    (5, "One address, several records"),
    (8, "Already in WorkOS"),
    (11, "Over time"),
    (12, "Mapping"),
    (16, "State and files"),
    (20, "Organizations and memberships"),
    (21, "Several pools, and users without an address"),
    (24, "Waves"),
)
RULES = (*range(1, 22), 24)

# A reason: the rule that stands behind it, None where the plan file alone says so; and what it means. A code's sentence
# is in `engine.model.codes`.
_REASONS: Mapping[str, tuple[int | None, str]] = {
    "new": (6, "WorkOS has neither the external ID nor the address: the user is created"),
    "unverified": (1, "Cognito has not verified the address, so WorkOS gets it as not verified"),
    "ours": (6, "WorkOS has this external ID with this address: the user is ours"),
    "begun": (6, "an earlier run began to create the user, and WorkOS has it"),
    "lost": (8, "the state does not know the user: metadata is brought up to date, names and verification are left"),
    "linked": (7, "WorkOS has the address without an external ID, and both sides have verified it"),
    "decided": (7, "a decision of the plan links the person to this WorkOS user"),
    "same_person": (4, "WorkOS has the address under the external ID of another record of this person"),
    "unchanged": (9, "nothing has changed in Cognito since the last run: nothing is sent"),
    "changed": (9, "what has changed in Cognito since the last run is sent, and nothing else"),
    "key_removed": (9, "a metadata key that Cognito or the plan no longer has is removed"),
    "name_vanished": (9, "a name is gone in Cognito; it stays in WorkOS, whose API cannot clear names"),
    "address_changed": (2, "the address has changed: the WorkOS user is read before it is written, with its flag"),
    "flag_changed": (
        3,
        "the address counts as verified, or no longer: the flag is sent along with its address",
    ),
    "flag_kept": (3, "Cognito has verified the address, and the flag is raised only on users that this plan created"),
    "update_begun": (9, "an earlier run began this update: what WorkOS holds already is not sent again"),
    "taken_over": (2, "the record takes over the WorkOS user of another record, which has the address last written"),
    "not_taken_over": (
        2,
        "the WorkOS user of another record does not go over: it has another address, or is in use",
    ),
    "stands": (4, "of the records with this address, this one ranks first: it gives external ID and fields"),
    "speaks": (4, "another record spoke for this person; this one does now"),
    "merged": (4, "the record shares its address with one that ranks before it: both point to one WorkOS user"),
    "merged_unverified": (4, "another record has verified the address: this one is merged, and gives nothing"),
    "linked_profile": (5, "Cognito has linked the provider's profile to the native user: one person"),
    "left_alone": (10, "what was changed in WorkOS is left alone"),
    "gives_over": (4, "the record is gone, and another one of this person speaks for the WorkOS user now"),
    "record_gone": (10, "the record is gone from Cognito, and was never in WorkOS"),
    "waits": (2, "another user gives up the address in the same run, and goes first"),
}
_OF_CODES: Mapping[str, int | None] = {
    # Users.
    "address_in_use": 2,
    "usage_unreadable": 16,
    "email_change_unverified": 2,
    "email_not_available": 2,
    "email_change_not_allowed": 2,
    "answer_mismatch": 3,
    "email_not_applied": 3,
    "duplicate": 4,
    "orphaned": 4,
    "external_id_other_email": 6,
    "other_external_id": 6,
    "unverified_link": 7,
    "existing_user": 7,
    "gone": 10,
    "left_source": 10,
    "invalid_value": 12,
    "no_external_id": 12,
    "shared_external_id": 21,
    "invalid_email": 1,
    "not_due": 24,
    "not_sampled": 24,
    "no_cohort": 24,
    # Memberships.
    "unverified_member": 18,
    "no_user": 18,
    "membership_inactive": 18,
    "membership_pending": 18,
    "other_roles": 18,
    "last_role": 20,
    "not_asked_for": 19,
    "membership_gone": 10,
}
# What a membership's change follows where no code says it.
_OF_MEMBERSHIPS: Mapping[str, tuple[int, str]] = {
    "create": (18, "the user is ours, and the address is verified or lies in a verified domain"),
    "update": (18, "the membership is of this plan's making: it gets the roles that the plan gives now"),
    "unchanged": (18, "the membership is as the plan has it, or somebody else's and left alone"),
    "deactivate": (19, "only memberships of this plan are switched off"),
    "reactivate": (19, "this plan switched it off, and the user is enabled again"),
    "remove": (19, "nothing asks for it any more, and this plan made it"),
    "wait": (24, "it is not the user's turn: nothing is decided, written or noted"),
}


@dataclass(frozen=True, slots=True)
class Because:
    """One reason as people read it; `rule` and its `title` are None where the plan file alone says so."""

    rule: int | None
    title: str | None
    text: str


def title_of(rule: int) -> str:
    """The heading of docs/rules.md that a rule stands under."""
    return next(title for last, title in _SECTIONS if rule <= last)


def because(reasons: Iterable[str]) -> tuple[Because, ...]:
    """Reasons, in their order, as people read them; each once."""
    return tuple(_because(one) for one in dict.fromkeys(reasons))


def because_of_membership(action: str, code: str | None) -> tuple[Because, ...]:
    """Why a membership's change is what it is."""
    if code is not None:
        rule = 19 if code == "left_source" else _OF_CODES.get(code, 19 if code == "disabled" else None)
        return (_made(rule, explain(code)[0]),)
    return (_made(*_OF_MEMBERSHIPS[action]),)


def rules_of(reasons: Iterable[str]) -> list[int]:
    """The numbers of the rules behind these reasons, in order, each once."""
    return list(dict.fromkeys(one.rule for one in because(reasons) if one.rule is not None))


def _because(reason: str) -> Because:
    if reason in _REASONS:
        return _made(*_REASONS[reason])
    return _made(_OF_CODES.get(reason), explain(reason)[0])


def _made(rule: int | None, text: str) -> Because:
    return Because(rule, title_of(rule) if rule is not None else None, text)
