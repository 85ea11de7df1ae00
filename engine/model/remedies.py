"""What to do about each kind of difference that `verify` finds. Commands are as in `engine.model.codes`."""

from __future__ import annotations

from typing import Literal

from engine.model.users import METADATA

ComparedKind = Literal["user", "organization", "membership"]

_AGAIN = "run `migrate apply` if Cognito or the plan has changed since the last run"
_USERS = {
    ("missing", ""): "run `migrate apply`; where it does not create the user, `migrate explain SUB` says why",
    ("different", "email"): f"{_AGAIN}; if it was changed in WorkOS, change it on one of the two sides",
    ("different", "email_verified"): f"{_AGAIN}; else have the person verify the address in WorkOS",
    ("different", "external_id"): "find out whose user that is (`migrate explain SUB`), and set it in WorkOS if it is "
    "this person's",
    ("different", "metadata"): f"{_AGAIN}; what was changed in WorkOS is left: set it there, or "
    "`migrate state forget SUB` lets the next apply bring it up to date",
    ("drift", "first_name"): "nothing: sign-ins with a provider write names; change it in WorkOS if it is to be "
    "Cognito's",
    ("drift", "email_verified"): "nothing: the person raises the flag in WorkOS, and this tool only on users that it "
    "created",
    ("drift", "metadata"): "nothing: adopting fills gaps and takes nothing away; remove it in WorkOS if it is to go",
}
_ORGANIZATIONS = {
    "missing": "run `migrate apply`; one that was deleted in WorkOS has to be made there again",
    "different": "run `migrate apply` if the plan has changed; a domain that was removed in WorkOS is set there again",
    "drift": "nothing: what is changed in WorkOS is left; change it there if it is to be the plan's",
}
_MEMBERSHIPS = {
    "missing": "run `migrate apply`; where it does not make the membership, `migrate explain SUB` says why",
    "different": f"{_AGAIN}; what was changed in WorkOS is left: set it there",
    "drift": "nothing: somebody else made or changed it; change it in WorkOS if it is to be the plan's",
}


def remedy_of(kind: ComparedKind, verdict: str, field: str, who: str = "SUB") -> str:
    """What to do; `who` is the user as a command line takes them, in quotes where it needs them."""
    if kind == "organization":
        return _ORGANIZATIONS[verdict]
    if kind == "membership":
        return _MEMBERSHIPS[verdict].replace("SUB", who)
    return _USERS[verdict, group_of(field)].replace("SUB", who)


def group_of(field: str) -> str:
    """The fields of a user that have one remedy."""
    if field == "last_name":
        return "first_name"
    return "metadata" if field.startswith(METADATA) else field
