"""Users who are in WorkOS already (rules 6 and 7): every mode, every external ID, verified on either side."""

from __future__ import annotations

from tests.identity.case import Case, Step
from tests.support.identity import record

BOTH, COGNITO, WORKOS, NEITHER = "both sides", "Cognito alone", "WorkOS alone", "neither side"

# Cognito has a: Ann Lee, plan gold. WorkOS has her address with the name Theirs and the external ID given.
_ROWS = """
adopt  | -     | both sides    | adopted 1   | verified a first=Theirs last=Lee plan=gold | done
adopt  | -     | Cognito alone | conflicts 1 | unverified - first=Theirs                  | conflict:unverified_link
adopt  | -     | WorkOS alone  | conflicts 1 | verified - first=Theirs                    | conflict:unverified_link
adopt  | -     | neither side  | conflicts 1 | unverified - first=Theirs                  | conflict:unverified_link
adopt  | a     | both sides    | adopted 1   | verified a first=Theirs plan=gold          | done
adopt  | a     | Cognito alone | adopted 1   | unverified a first=Theirs plan=gold        | done
adopt  | a     | WorkOS alone  | adopted 1   | verified a first=Theirs plan=gold          | done
adopt  | a     | neither side  | adopted 1   | unverified a first=Theirs plan=gold        | done
adopt  | other | both sides    | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
adopt  | other | Cognito alone | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
adopt  | other | WorkOS alone  | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
adopt  | other | neither side  | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
update | -     | both sides    | adopted 1   | verified a first=Ann last=Lee plan=gold    | done
update | -     | Cognito alone | conflicts 1 | unverified - first=Theirs                  | conflict:unverified_link
update | -     | WorkOS alone  | conflicts 1 | verified - first=Theirs                    | conflict:unverified_link
update | -     | neither side  | conflicts 1 | unverified - first=Theirs                  | conflict:unverified_link
update | a     | both sides    | adopted 1   | verified a first=Theirs plan=gold          | done
update | a     | Cognito alone | adopted 1   | unverified a first=Theirs plan=gold        | done
update | a     | WorkOS alone  | adopted 1   | verified a first=Theirs plan=gold          | done
update | a     | neither side  | adopted 1   | unverified a first=Theirs plan=gold        | done
update | other | both sides    | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
update | other | Cognito alone | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
update | other | WorkOS alone  | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
update | other | neither side  | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
skip   | -     | both sides    | skipped 1   | verified - first=Theirs                    | skipped:existing_user
skip   | -     | Cognito alone | skipped 1   | unverified - first=Theirs                  | skipped:existing_user
skip   | -     | WorkOS alone  | skipped 1   | verified - first=Theirs                    | skipped:existing_user
skip   | -     | neither side  | skipped 1   | unverified - first=Theirs                  | skipped:existing_user
skip   | a     | both sides    | adopted 1   | verified a first=Theirs plan=gold          | done
skip   | a     | Cognito alone | adopted 1   | unverified a first=Theirs plan=gold        | done
skip   | a     | WorkOS alone  | adopted 1   | verified a first=Theirs plan=gold          | done
skip   | a     | neither side  | adopted 1   | unverified a first=Theirs plan=gold        | done
skip   | other | both sides    | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
skip   | other | Cognito alone | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
skip   | other | WorkOS alone  | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
skip   | other | neither side  | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
error  | -     | both sides    | conflicts 1 | verified - first=Theirs                    | conflict:existing_user
error  | -     | Cognito alone | conflicts 1 | unverified - first=Theirs                  | conflict:existing_user
error  | -     | WorkOS alone  | conflicts 1 | verified - first=Theirs                    | conflict:existing_user
error  | -     | neither side  | conflicts 1 | unverified - first=Theirs                  | conflict:existing_user
error  | a     | both sides    | adopted 1   | verified a first=Theirs plan=gold          | done
error  | a     | Cognito alone | adopted 1   | unverified a first=Theirs plan=gold        | done
error  | a     | WorkOS alone  | adopted 1   | verified a first=Theirs plan=gold          | done
error  | a     | neither side  | adopted 1   | unverified a first=Theirs plan=gold        | done
error  | other | both sides    | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
error  | other | Cognito alone | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
error  | other | WorkOS alone  | conflicts 1 | verified other first=Theirs                | conflict:other_external_id
error  | other | neither side  | conflicts 1 | unverified other first=Theirs              | conflict:other_external_id
"""


def _case(row: str) -> Case:
    mode, external_id, verified, counts, workos, state = (cell.strip() for cell in row.split("|"))
    cognito = "verified" if verified in (BOTH, COGNITO) else "unverified"
    theirs = "verified" if verified in (BOTH, WORKOS) else "unverified"
    person = record("a", "ann@x.co", cognito, first="Ann", last="Lee", plan="gold")
    number = "1" if state == "done" else "-"
    return Case(
        f"{mode}, external ID {external_id}, verified on {verified}",
        [Step([person], counts, [f"1 ann@x.co {workos}"], [f"a {number} primary {state}"])],
        before=[f"ann@x.co {theirs} {external_id} first=Theirs"],
        plan=f"existing_users: {mode}\n",
    )


EXISTING = [_case(row) for row in _ROWS.strip().splitlines()] + [
    Case(
        "our external ID under another address, and no state (rule 6)",
        [
            Step(
                [record("a")],
                "conflicts 1",
                ["1 old@x.co verified a"],
                ["a - primary conflict:external_id_other_email"],
            )
        ],
        before=["old@x.co verified a"],
    ),
    Case(
        "our external ID under one address, our address under another external ID",
        [
            Step(
                [record("a")],
                "conflicts 1",
                ["1 old@x.co verified a", "2 ann@x.co verified z"],
                ["a - primary conflict:external_id_other_email"],
            )
        ],
        before=["old@x.co verified a", "ann@x.co verified z"],
    ),
    Case(
        "the address in WorkOS under a record that gives way to ours: the same person, adopted",
        [
            Step(
                [record("a", first="Ann", plan="gold"), record("b", day=-1)],
                "adopted 1, merged 1",
                ["1 ann@x.co verified a first=Theirs plan=gold"],
                ["a 1 primary done", "b 1 merged of a done"],
            )
        ],
        before=["ann@x.co verified b first=Theirs"],
    ),
    Case(
        "the address in WorkOS under an unverified record of the group is not ours, in every mode",
        [
            Step(
                [record("a"), record("m", flag="no", day=1)],
                "merged 1, conflicts 1",
                ["1 ann@x.co unverified m"],
                ["a - primary conflict:other_external_id"],
            )
        ],
        before=["ann@x.co unverified m"],
        plan="existing_users: update\nduplicates: {allow_unverified: true}\n",
    ),
    Case(
        "a group is linked when its first record and WorkOS have verified the address",
        [
            Step(
                [
                    record("a", first="Ann"),
                    record("b", day=-1, last="Lee"),
                    record("m", "ANN@x.co ", "no", plan="evil"),
                ],
                "adopted 1, merged 2",
                ["1 ann@x.co verified a first=Theirs last=Lee"],
                ["a 1 primary done", "b 1 merged of a done", "m 1 unverified of a done"],
            )
        ],
        before=["ann@x.co verified - first=Theirs"],
    ),
    Case(
        "strangers in WorkOS are left alone",
        [
            Step(
                [record("a")],
                "created 1",
                ["1 bob@x.co verified - first=Bob", "2 eve@x.co unverified e", "3 ann@x.co verified a"],
                ["a 3 primary done made"],
            )
        ],
        before=["bob@x.co verified - first=Bob", "eve@x.co unverified e"],
    ),
]
