"""Each row of the README's two tables "What becomes of a user" is shown by cases that are named here."""

from __future__ import annotations

from itertools import dropwhile, takewhile

from tests.identity.test_cases import CASES
from tests.support.cli import ROOT

# The row's first cell, and the cases that show what its second cell says.
SHOWN_BY = {
    "a new user": ["one record, one user"],
    "several records with one address": [
        "verified before unverified, whatever is preferred",
        "prefer newest before native",
        "the newest among natives, by default",
        "gaps are filled from the next verified ones, in their order",
    ],
    "an attribute changed": ["one field changed"],
    "the address changed, the new one verified": ["the address changed to a verified one"],
    "the address changed to an unverified one, the user was verified": [
        "the address of a verified user changed to one that is not verified (rule 2)"
    ],
    "an address that Cognito has not verified": ["an unverified record stays unverified"],
    "the address changed, Cognito had never verified the old one, and the WorkOS user is verified, has signed in, has "
    "identities, second factors or a new password, or was changed there; or has another address there by now": [
        "an unverified address that was verified in WorkOS since does not move to a verified one",
        "an unverified address that somebody signed in to since does not move to a verified one",
        "an unverified address that became another in WorkOS since does not move to a verified one",
    ],
    "a metadata attribute vanished, or its key left the plan": [
        "a metadata value vanished in Cognito is removed",
        "a metadata key left the plan: removed, and the application's own key is left",
    ],
    "a name vanished": ["a name vanished in Cognito stays in WorkOS and is reported (rule 9)"],
    "a record joins an address and ranks first": [
        "a record joins and is preferred: the same user, under its external ID"
    ],
    "a verified record joins an address that was migrated unverified": [
        "a verified record joins one that we made unverified: the user goes to who has verified the address",
        "a verified record joins an unverified user whom we did not make: no link, a conflict",
        "a verified record joins one that we made unverified, and somebody has signed in there: a conflict",
    ],
    "an unverified record joins a verified user's address": ["an unverified record joins: nothing changes"],
    "the first record of an address is deleted": [
        "the preferred record deleted: the next takes the user over",
        "the preferred record deleted, and only an unverified one is left: it inherits nothing",
    ],
    "two migrated users come to share an address": [
        "two users become one address, and the mover gives way: the other's user is nobody's, kept and reported"
    ],
    "addresses move on from one user to the next": [
        "a chain of addresses in one run, in the order of the subs",
        "a chain of addresses in one run, against the order of the subs",
        "a swap of addresses is two conflicts, and nobody is moved half-way",
    ],
    "deleted, disabled or filtered out": [
        "a record deleted in Cognito: reported, kept in WorkOS (rule 10)",
        "disabled, then enabled again with a change",
        "filtered out by a change of the plan",
    ],
    "our external ID and our address": [
        "adopt, external ID a, verified on both sides",
        "adopt, external ID a, verified on Cognito alone",
    ],
    "our external ID, another address": ["our external ID under another address, and no state (rule 6)"],
    "our address, another external ID": ["update, external ID other, verified on both sides"],
    "our address, no external ID, verified on both sides": [
        f"{mode}, external ID -, verified on both sides" for mode in ("adopt", "update", "skip", "error")
    ],
    "the same, not verified on both sides": [
        f"adopt, external ID -, verified on {where}" for where in ("Cognito alone", "WorkOS alone", "neither side")
    ],
    "changed there after the migration": ["what changed in WorkOS is left alone (rule 10)"],
    "deleted there after the migration": ["deleted in WorkOS: gone, and never made again (rule 10)"],
}


def first_cells() -> list[str]:
    """Of the rows of all tables in the README's section, without the tables' heads."""
    lines = dropwhile(lambda line: line != "## What becomes of a user", (ROOT / "README.md").read_text().splitlines())
    next(lines)
    section = takewhile(lambda line: not line.startswith("## "), lines)
    cells = [line.split("|")[1].strip() for line in section if line.startswith("|")]
    rules = [at for at, cell in enumerate(cells) if cell.strip("-") == ""]
    assert len(rules) == 2
    return [cell for at, cell in enumerate(cells) if at not in rules and at + 1 not in rules]


def test_each_row_is_shown_by_a_case() -> None:
    assert sorted(first_cells()) == sorted(SHOWN_BY)
    named = {name for names in SHOWN_BY.values() for name in names}
    assert all(SHOWN_BY.values()) and named - {case.name for case in CASES} == set()
