"""Changes over time (rules 2, 3, 8, 9, 10): what Cognito, WorkOS or the plan file changed between runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.identity.case import Case, Lost, Step
from tests.support.identity import IdentityWorld, record

A, B, C = record("a"), record("b", "bob@x.co"), record("c", "cat@x.co")
A_DONE, B_DONE, C_DONE = "a 1 primary done made", "b 2 primary done made", "c 3 primary done made"
FIRST = Step([A], "created 1", ["1 ann@x.co verified a"], [A_DONE])
TWO = Step([A, B], "created 2", ["1 ann@x.co verified a", "2 bob@x.co verified b"], [A_DONE, B_DONE])


def deleted(number: int) -> Callable[[IdentityWorld], object]:
    return lambda world: world.target.users.pop(f"user_{number:04}")


def changed(number: int, **fields: object) -> Callable[[IdentityWorld], None]:
    def change(world: IdentityWorld) -> None:
        one = f"user_{number:04}"
        world.target.users[one] = replace(world.target.users[one], **fields)  # type: ignore[arg-type]

    return change


_IN_USE = [
    ("was verified in WorkOS", changed(1, email_verified=True), "1 ann@x.co verified a"),
    ("somebody signed in to", changed(1, signed_in=True), "1 ann@x.co unverified a"),
    ("became another in WorkOS", changed(1, email="else@x.co"), "1 else@x.co unverified a"),
]

CHANGES = [
    # E-mail addresses.
    Case(
        "the address changed to a verified one",
        [FIRST, Step([record("a", "new@x.co")], "updated 1", ["1 new@x.co verified a"], [A_DONE])],
    ),
    Case(
        "the address of a verified user changed to one that is not verified (rule 2)",
        [
            FIRST,
            Step(
                [record("a", "new@x.co", "no", first="Ann")],
                "conflicts 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary conflict:email_change_unverified made"],
            ),
        ],
    ),
    Case(
        "the address changed to an unverified one and back",
        [
            FIRST,
            Step(
                [record("a", "new@x.co", "no")],
                "conflicts 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary conflict:email_change_unverified made"],
            ),
            Step([A], "unchanged 1", ["1 ann@x.co verified a"], [A_DONE]),
        ],
    ),
    Case(
        "an unverified address changed to a verified one",
        [
            Step([record("a", flag="no")], "created 1", ["1 ann@x.co unverified a"], [A_DONE]),
            Step([record("a", "new@x.co")], "updated 1", ["1 new@x.co verified a"], [A_DONE]),
        ],
    ),
    Case(
        "an unverified address changed to another unverified one",
        [
            Step([record("a", flag="no")], "created 1", ["1 ann@x.co unverified a"], [A_DONE]),
            Step([record("a", "new@x.co", "no")], "updated 1", ["1 new@x.co unverified a"], [A_DONE]),
        ],
    ),
    Case(
        "an unverified address that was verified in WorkOS since is not changed to another unverified one (rule 2)",
        [
            Step([record("a", flag="no")], "created 1", ["1 ann@x.co unverified a"], [A_DONE]),
            Step(
                [record("a", "new@x.co", "no")],
                "conflicts 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary conflict:email_change_unverified made"],
                unforeseen=1,
                meanwhile=changed(1, email_verified=True),
            ),
        ],
    ),
    *(
        Case(
            f"an unverified address that {what} since does not move to a verified one",
            [
                Step([record("a", flag="no")], "created 1", ["1 ann@x.co unverified a"], [A_DONE]),
                Step(
                    [record("a", "new@x.co")],
                    "conflicts 1",
                    [left],
                    ["a 1 primary conflict:address_in_use made"],
                    unforeseen=1,
                    meanwhile=meanwhile,
                ),
            ],
        )
        for what, meanwhile, left in _IN_USE
    ),
    Case(
        "an address verified in Cognito later",
        [
            Step([record("a", flag="no")], "created 1", ["1 ann@x.co unverified a"], [A_DONE]),
            Step([A], "updated 1", ["1 ann@x.co verified a"], [A_DONE]),
        ],
    ),
    Case(
        "a flag taken back in Cognito",
        [FIRST, Step([record("a", flag="no")], "updated 1", ["1 ann@x.co unverified a"], [A_DONE])],
    ),
    Case(
        "an address verified in Cognito later is never raised on a user whom we did not create (rule 3)",
        [
            Step([record("a", flag="no")], "adopted 1", ["1 ann@x.co unverified a"], ["a 1 primary done"]),
            Step([A], "unchanged 1", ["1 ann@x.co unverified a"], ["a 1 primary done"]),
        ],
        before=["ann@x.co unverified a"],
    ),
    Case(
        "a new verified address does not verify a user whom we did not create (rules 2 and 3)",
        [
            Step([record("a", flag="no")], "adopted 1", ["1 ann@x.co unverified a"], ["a 1 primary done"]),
            Step([record("a", "new@x.co")], "updated 1", ["1 new@x.co unverified a"], ["a 1 primary done"]),
        ],
        before=["ann@x.co unverified a"],
    ),
    Case(
        "an adopted user's verified address changed to a verified one",
        [
            Step([A], "adopted 1", ["1 ann@x.co verified a"], ["a 1 primary done"]),
            Step([record("a", "new@x.co")], "updated 1", ["1 new@x.co verified a"], ["a 1 primary done"]),
        ],
        before=["ann@x.co verified -"],
    ),
    Case(
        "an address changed to that of a stranger in WorkOS",
        [
            Step([A], "created 1", ["1 new@x.co verified -", "2 ann@x.co verified a"], ["a 2 primary done made"]),
            Step(
                [record("a", "new@x.co")],
                "conflicts 1",
                ["1 new@x.co verified -", "2 ann@x.co verified a"],
                ["a 2 primary conflict:email_not_available made"],
                unforeseen=1,
            ),
        ],
        before=["new@x.co verified -"],
    ),
    Case(
        "a chain of addresses in one run, in the order of the subs",
        [
            TWO,
            Step(
                [record("a", "new@x.co"), record("b", "ann@x.co")],
                "updated 2",
                ["1 new@x.co verified a", "2 ann@x.co verified b"],
                [A_DONE, B_DONE],
            ),
        ],
    ),
    Case(
        "a chain of addresses in one run, against the order of the subs",
        [
            Step(
                [A, B, C],
                "created 3",
                ["1 ann@x.co verified a", "2 bob@x.co verified b", "3 cat@x.co verified c"],
                [A_DONE, B_DONE, C_DONE],
            ),
            Step(
                [record("a", "bob@x.co"), record("b", "cat@x.co"), record("c", "new@x.co")],
                "updated 3",
                ["1 bob@x.co verified a", "2 cat@x.co verified b", "3 new@x.co verified c"],
                [A_DONE, B_DONE, C_DONE],
            ),
        ],
    ),
    Case(
        "a swap of addresses is two conflicts, and nobody is moved half-way",
        [
            TWO,
            Step(
                [record("a", "bob@x.co"), record("b", "ann@x.co")],
                "conflicts 2",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                [
                    "a 1 primary conflict:email_not_available made",
                    "b 2 primary conflict:email_not_available made",
                ],
                unforeseen=2,
            ),
        ],
    ),
    Case(
        "an address given up goes to a new record in the same run",
        [
            Step([B], "created 1", ["1 bob@x.co verified b"], ["b 1 primary done made"]),
            Step(
                [record("a", "bob@x.co"), record("b", "new@x.co")],
                "created 1, updated 1",
                ["1 new@x.co verified b", "2 bob@x.co verified a"],
                ["a 2 primary done made", "b 1 primary done made"],
            ),
        ],
    ),
    # Fields.
    Case(
        "one field changed",
        [
            Step(
                [record("a", first="Ann", plan="gold")],
                "created 1",
                ["1 ann@x.co verified a first=Ann plan=gold"],
                [A_DONE],
            ),
            Step(
                [record("a", first="Anna", plan="gold")],
                "updated 1",
                ["1 ann@x.co verified a first=Anna plan=gold"],
                [A_DONE],
            ),
        ],
        lost=None,
    ),
    Case(
        "a name vanished in Cognito stays in WorkOS and is reported (rule 9)",
        [
            Step(
                [record("a", first="Ann", last="Lee")],
                "created 1",
                ["1 ann@x.co verified a first=Ann last=Lee"],
                [A_DONE],
            ),
            Step(
                [record("a", first="Ann")],
                "unchanged 1, vanished 1",
                ["1 ann@x.co verified a first=Ann last=Lee"],
                [A_DONE],
            ),
        ],
    ),
    Case(
        "a metadata value vanished in Cognito is removed",
        [
            Step(
                [record("a", plan="gold", tier="1")], "created 1", ["1 ann@x.co verified a plan=gold tier=1"], [A_DONE]
            ),
            Step([record("a", plan="gold")], "updated 1", ["1 ann@x.co verified a plan=gold"], [A_DONE]),
        ],
    ),
    Case(
        "a metadata key left the plan: removed, and the application's own key is left",
        [
            Step(
                [record("a", plan="gold", tier="1")], "created 1", ["1 ann@x.co verified a plan=gold tier=1"], [A_DONE]
            ),
            Step(
                [record("a", plan="gold", tier="1")],
                "updated 1",
                ["1 ann@x.co verified a own=theirs plan=gold"],
                [A_DONE],
                meanwhile=changed(1, metadata={"plan": "gold", "tier": "1", "own": "theirs"}),
                plan="attributes: {metadata: {plan: 'custom:plan'}}\n",
            ),
        ],
    ),
    Case(
        "the state was lost, and a metadata key left the plan: nobody knows any more that it was ours (rule 8)",
        [
            Step(
                [record("a", plan="gold", tier="1")], "created 1", ["1 ann@x.co verified a plan=gold tier=1"], [A_DONE]
            ),
            Step(
                [record("a", first="Ann", plan="silver", tier="1")],
                "adopted 1",
                ["1 ann@x.co verified a plan=silver tier=1"],
                ["a 1 primary done"],
                meanwhile=IdentityWorld.lose_state,
                plan="attributes: {metadata: {plan: 'custom:plan'}}\n",
            ),
        ],
    ),
    Case(
        "the password-reset flag is written once, and not again once the application has removed it (rule 8)",
        [
            Step([A], "created 1", ["1 ann@x.co verified a password_reset_pending=true"], [A_DONE]),
            Step(
                [record("a", plan="gold")],
                "updated 1",
                ["1 ann@x.co verified a plan=gold"],
                [A_DONE],
                meanwhile=changed(1, metadata={}),
            ),
        ],
        plan="password_reset: {strategy: on_next_sign_in}\n",
    ),
    # WorkOS changed by itself.
    Case(
        "what changed in WorkOS is left alone (rule 10)",
        [
            Step(
                [record("a", first="Ann", plan="gold")],
                "created 1",
                ["1 ann@x.co verified a first=Ann plan=gold"],
                [A_DONE],
            ),
            Step(
                [record("a", first="Ann", plan="gold")],
                "unchanged 1",
                ["1 ann@x.co verified a first=Google plan=free"],
                [A_DONE],
                meanwhile=changed(1, first_name="Google", metadata={"plan": "free"}),
            ),
        ],
        lost=Lost(
            "rule 8: without a state, metadata is brought up to date", ["1 ann@x.co verified a first=Google plan=gold"]
        ),
    ),
    Case(
        "an address changed in WorkOS is left alone (rule 10)",
        [
            FIRST,
            Step([A], "unchanged 1", ["1 else@x.co verified a"], [A_DONE], meanwhile=changed(1, email="else@x.co")),
        ],
    ),
    Case(
        "deleted in WorkOS: gone, and never made again (rule 10)",
        [
            FIRST,
            Step(
                [record("a", plan="gold")],
                "conflicts 1",
                [],
                ["a 1 primary gone:gone made"],
                meanwhile=deleted(1),
                unforeseen=1,
            ),
        ],
        lost=Lost("rule 10: that the user was there is in the state alone", ["2 ann@x.co verified a plan=gold"]),
    ),
    Case(
        "gone stays gone when the record changes back",
        [
            FIRST,
            Step(
                [record("a", plan="gold")],
                "conflicts 1",
                [],
                ["a 1 primary gone:gone made"],
                meanwhile=deleted(1),
                unforeseen=1,
            ),
            Step([A], "conflicts 1", [], ["a 1 primary gone:gone made"]),
        ],
        lost=Lost("rule 10: that the user was there is in the state alone", ["2 ann@x.co verified a"]),
    ),
    # Leaving the source.
    Case(
        "a record deleted in Cognito: reported, kept in WorkOS (rule 10)",
        [
            TWO,
            Step(
                [B],
                "unchanged 1, left 1",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                ["a 1 primary done made left", B_DONE],
            ),
        ],
    ),
    Case(
        "disabled, then enabled again with a change",
        [
            FIRST,
            Step([record("a", enabled=False)], "left 1", ["1 ann@x.co verified a"], ["a 1 primary done made left"]),
            Step([record("a", plan="gold")], "updated 1", ["1 ann@x.co verified a plan=gold"], [A_DONE]),
        ],
    ),
    Case(
        "filtered out by a change of the plan",
        [
            TWO,
            Step(
                [A, B],
                "unchanged 1, left 1",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                [A_DONE, "b 2 primary done made left"],
                plan="filters: {attributes: [{name: email, matches: '^ann'}]}\n",
            ),
        ],
    ),
    Case(
        "the address removed in Cognito",
        [
            FIRST,
            Step([record("a", None)], "left 1", ["1 ann@x.co verified a"], ["a 1 primary done made left"]),
        ],
    ),
    # Groups.
    Case(
        "a record joins and gives way: what it has fills the gaps",
        [
            FIRST,
            Step(
                [A, record("b", day=-1, last="Lee")],
                "updated 1, merged 1",
                ["1 ann@x.co verified a last=Lee"],
                [A_DONE, "b 1 merged of a done"],
            ),
        ],
        lost=Lost("rule 8: names are left", ["1 ann@x.co verified a last=Lee"]),
    ),
    Case(
        "an unverified record joins: nothing changes",
        [
            FIRST,
            Step(
                [A, record("m", flag="no", day=9, last="Evil", plan="evil")],
                "merged 1, unchanged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "m 1 unverified of a done"],
            ),
        ],
    ),
    Case(
        "a record joins and is preferred: the same user, under its external ID",
        [
            Step([record("a", first="Ann")], "created 1", ["1 ann@x.co verified a first=Ann"], [A_DONE]),
            Step(
                [record("a", first="Ann"), record("b", day=1, last="Lee")],
                "updated 1, merged 1",
                ["1 ann@x.co verified b first=Ann last=Lee"],
                ["a 1 merged of b done made", "b 1 primary done made"],
            ),
        ],
    ),
    Case(
        "a verified record joins one that we made unverified: the user goes to who has verified the address",
        [
            Step(
                [record("m", flag="no", first="Old", plan="evil")],
                "created 1",
                ["1 ann@x.co unverified m first=Old plan=evil"],
                ["m 1 primary done made"],
            ),
            Step(
                [A, record("m", flag="no", first="Old", plan="evil")],
                "updated 1, merged 1, vanished 1",
                ["1 ann@x.co verified a first=Old"],
                ["a 1 primary done made", "m 1 unverified of a done made"],
            ),
        ],
    ),
    Case(
        "a verified record joins an unverified user whom we did not make: no link, a conflict",
        [
            Step([record("m", flag="no")], "adopted 1", ["1 ann@x.co unverified m"], ["m 1 primary done"]),
            Step(
                [A, record("m", flag="no")],
                "merged 1, conflicts 1",
                ["1 ann@x.co unverified m"],
                ["a - primary conflict:other_external_id", "m 1 primary done"],
            ),
        ],
        before=["ann@x.co unverified m"],
    ),
    Case(
        "a verified record joins one that we made unverified, whose WorkOS user has another address by now",
        [
            Step([record("m", flag="no")], "created 1", ["1 ann@x.co unverified m"], ["m 1 primary done made"]),
            Step(
                [A, record("m", flag="no")],
                "created 1, merged 1, orphaned 1",
                ["1 mallory@x.co verified m", "2 ann@x.co verified a"],
                ["a 2 primary done made", "m 2 unverified of a done made"],
                meanwhile=changed(1, email="mallory@x.co", email_verified=True),
            ),
        ],
    ),
    Case(
        "a verified record joins one that we made unverified, and that user was verified in WorkOS by somebody",
        [
            Step([record("m", flag="no")], "created 1", ["1 ann@x.co unverified m"], ["m 1 primary done made"]),
            Step(
                [A, record("m", flag="no")],
                "updated 1, merged 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary done made", "m 1 unverified of a done made"],
                meanwhile=changed(1, email_verified=True),
            ),
        ],
    ),
    Case(
        "a verified record joins one that we made unverified, and somebody has signed in there: a conflict",
        [
            Step([record("m", flag="no")], "created 1", ["1 ann@x.co unverified m"], ["m 1 primary done made"]),
            Step(
                [A, record("m", flag="no")],
                "merged 1, conflicts 1",
                ["1 ann@x.co unverified m"],
                ["a - primary conflict:other_external_id", "m 1 primary done made"],
                meanwhile=changed(1, signed_in=True),
            ),
        ],
    ),
    Case(
        "the preferred record deleted: the next takes the user over",
        [
            Step(
                [record("a", first="Ann", plan="gold"), record("b", day=-1, last="Lee")],
                "created 1, merged 1",
                ["1 ann@x.co verified a first=Ann last=Lee plan=gold"],
                [A_DONE, "b 1 merged of a done"],
            ),
            Step(
                [record("b", day=-1, last="Lee")],
                "updated 1, vanished 1",
                ["1 ann@x.co verified b first=Ann last=Lee"],
                ["a 1 merged of b done made left", "b 1 primary done made"],
            ),
        ],
    ),
    Case(
        "the preferred record disabled, then enabled again: it speaks for the user again",
        [
            Step(
                [A, record("b", day=-1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "b 1 merged of a done"],
            ),
            Step(
                [record("a", enabled=False), record("b", day=-1)],
                "updated 1",
                ["1 ann@x.co verified b"],
                ["a 1 merged of b done made left", "b 1 primary done made"],
            ),
            Step(
                [A, record("b", day=-1)],
                "updated 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "b 1 merged of a done made"],
            ),
        ],
    ),
    Case(
        "the preferred record deleted, and only an unverified one is left: it inherits nothing",
        [
            Step(
                [A, record("m", flag="no", day=1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "m 1 unverified of a done"],
            ),
            Step(
                [record("m", flag="no", day=1)],
                "conflicts 1, left 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary done made left", "m 1 unverified of a conflict:other_external_id"],
            ),
        ],
    ),
    Case(
        "an unverified record gets the address verified, and is preferred",
        [
            Step(
                [A, record("m", flag="no", day=1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "m 1 unverified of a done"],
            ),
            Step(
                [A, record("m", day=1)],
                "updated 1, merged 1",
                ["1 ann@x.co verified m"],
                ["a 1 merged of m done made", "m 1 primary done made"],
            ),
        ],
    ),
    Case(
        "a record that gave way moves to an address of its own",
        [
            Step(
                [A, record("b", day=-1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "b 1 merged of a done"],
            ),
            Step(
                [A, B], "created 1, unchanged 1", ["1 ann@x.co verified a", "2 bob@x.co verified b"], [A_DONE, B_DONE]
            ),
        ],
    ),
    Case(
        "the preferred record moves away with its user, and the next gets one of its own in the same run",
        [
            Step(
                [A, record("b", day=-1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "b 1 merged of a done"],
            ),
            Step(
                [record("a", "new@x.co"), record("b", day=-1)],
                "created 1, updated 1",
                ["1 new@x.co verified a", "2 ann@x.co verified b"],
                [A_DONE, B_DONE],
            ),
        ],
    ),
    Case(
        "a record moves from one group into another, and gives way there",
        [
            Step(
                [A, record("b", day=-1), C],
                "created 2, merged 1",
                ["1 ann@x.co verified a", "2 cat@x.co verified c"],
                [A_DONE, "b 1 merged of a done", "c 2 primary done made"],
            ),
            Step(
                [A, record("b", "cat@x.co", day=-1, last="Lee"), C],
                "updated 1, merged 1, unchanged 1",
                ["1 ann@x.co verified a", "2 cat@x.co verified c last=Lee"],
                [A_DONE, "b 2 merged of c done", "c 2 primary done made"],
            ),
        ],
    ),
    Case(
        "a record moves from one group into another, and is preferred there",
        [
            Step(
                [A, record("b", day=-1), record("c", "cat@x.co", day=-2)],
                "created 2, merged 1",
                ["1 ann@x.co verified a", "2 cat@x.co verified c"],
                [A_DONE, "b 1 merged of a done", "c 2 primary done made"],
            ),
            Step(
                [A, record("b", "cat@x.co", day=-1), record("c", "cat@x.co", day=-2)],
                "updated 1, merged 1, unchanged 1",
                ["1 ann@x.co verified a", "2 cat@x.co verified b"],
                [A_DONE, "b 2 primary done made", "c 2 merged of b done made"],
            ),
        ],
    ),
    Case(
        "two users become one address, and the mover gives way: the other's user is nobody's, kept and reported",
        [
            TWO,
            Step(
                [A, record("b", day=-1)],
                "merged 1, unchanged 1, orphaned 1",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                [A_DONE, "b 1 merged of a done made"],
            ),
        ],
    ),
    Case(
        "two users become one address, and the mover is preferred: nobody is moved, nobody's sub points elsewhere",
        [
            TWO,
            Step(
                [A, record("b", day=1)],
                "merged 1, conflicts 1",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                [A_DONE, "b 2 primary conflict:email_not_available made"],
                unforeseen=1,
            ),
        ],
    ),
    Case(
        "two users became one and part again",
        [
            TWO,
            Step(
                [A, record("b", day=-1)],
                "merged 1, unchanged 1, orphaned 1",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                [A_DONE, "b 1 merged of a done made"],
            ),
            Step(
                [A, B],
                "adopted 1, unchanged 1",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                [A_DONE, "b 2 primary done"],
            ),
        ],
    ),
    Case(
        "a migrated user moves to a verified stranger's address, unverified: it keeps its own user, untouched",
        [
            TWO,
            Step(
                [A, record("b", flag="no", day=9, first="Evil")],
                "merged 1, unchanged 1, orphaned 1",
                ["1 ann@x.co verified a", "2 bob@x.co verified b"],
                [A_DONE, "b 1 unverified of a done made"],
            ),
        ],
    ),
    Case(
        "the plan prefers otherwise now",
        [
            Step(
                [A, record("b", day=-1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "b 1 merged of a done"],
            ),
            Step(
                [A, record("b", day=-1)],
                "updated 1, merged 1",
                ["1 ann@x.co verified b"],
                ["a 1 merged of b done made", "b 1 primary done made"],
                plan="duplicates: {prefer: [oldest]}\n",
            ),
        ],
    ),
    Case(
        "the plan makes duplicates an error now: what was merged stays as it is, each is a conflict",
        [
            Step(
                [A, record("b", day=-1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                [A_DONE, "b 1 merged of a done"],
            ),
            Step(
                [A, record("b", day=-1)],
                "conflicts 2",
                ["1 ann@x.co verified a"],
                ["a 1 primary conflict:duplicate made", "b 1 merged of a conflict:duplicate"],
                plan="duplicates: {strategy: error}\n",
            ),
        ],
    ),
    Case(
        "a value that WorkOS does not take comes and goes",
        [
            Step([record("a", plan="gold")], "created 1", ["1 ann@x.co verified a plan=gold"], [A_DONE]),
            Step(
                [record("a", plan="größe")],
                "conflicts 1",
                ["1 ann@x.co verified a plan=gold"],
                ["a 1 primary conflict:invalid_value made"],
            ),
            Step([record("a", plan="new")], "updated 1", ["1 ann@x.co verified a plan=new"], [A_DONE]),
        ],
    ),
    Case(
        "who was skipped is adopted once the plan says so",
        [
            Step([A], "skipped 1", ["1 ann@x.co verified -"], ["a - primary skipped:existing_user"]),
            Step([A], "adopted 1", ["1 ann@x.co verified a"], ["a 1 primary done"], plan="existing_users: adopt\n"),
        ],
        before=["ann@x.co verified -"],
        plan="existing_users: skip\n",
    ),
]
