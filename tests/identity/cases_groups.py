"""One address, several records (rules 1, 4, 5 and 12): who stands for it, and what fills the gaps."""

from __future__ import annotations

import json
from dataclasses import replace

from engine.model.users import SourceUser
from tests.identity.case import Case, Step
from tests.support.identity import record

_ALL = "attributes: {metadata: {plan: 'custom:plan'}}\n"
_PROVIDER = "attributes: {metadata: {provider: identities.provider, id: identities.user_id}}\n"


def linked(user: SourceUser, *providers: tuple[str, str], primary: object = False) -> SourceUser:
    """The record with linked profiles: (provider, the provider's user id)."""
    identities = [
        {"userId": one, "providerName": name, "providerType": name, "primary": primary} for name, one in providers
    ]
    return replace(user, attributes={**user.attributes, "identities": json.dumps(identities)})


GROUPS = [
    Case(
        "one record, one user",
        [
            Step(
                [record("a", " Ann@X.co ", first="Ann", last="Lee", plan="gold")],
                "created 1",
                ["1 ann@x.co verified a first=Ann last=Lee plan=gold"],
                ["a 1 primary done made"],
            )
        ],
    ),
    Case(
        "an unverified record stays unverified",
        [Step([record("a", flag="no")], "created 1", ["1 ann@x.co unverified a"], ["a 1 primary done made"])],
    ),
    Case(
        "verified before unverified, though older and federated",
        [
            Step(
                [record("a", via="Google", day=-9), record("m", flag="no", day=9)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary done made", "m 1 unverified of a done"],
            )
        ],
    ),
    Case(
        "verified before unverified, whatever is preferred",
        [
            Step(
                [record("a", day=5), record("m", flag="no", via="Google", day=1)],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary done made", "m 1 unverified of a done"],
            )
        ],
        plan="duplicates: {prefer: [federated, oldest]}\n",
    ),
    Case(
        "native before federated, by default",
        [
            Step(
                [record("a", via="Google", day=9), record("b")],
                "created 1, merged 1",
                ["1 ann@x.co verified b"],
                ["a 1 merged of b done", "b 1 primary done made"],
            )
        ],
    ),
    Case(
        "the newest among natives, by default",
        [
            Step(
                [record("a"), record("b", day=2), record("c", day=1)],
                "created 1, merged 2",
                ["1 ann@x.co verified b"],
                ["a 1 merged of b done", "b 1 primary done made", "c 1 merged of b done"],
            )
        ],
    ),
    Case(
        "equal in everything: the smallest sub",
        [
            Step(
                [record("c"), record("b"), record("d")],
                "created 1, merged 2",
                ["1 ann@x.co verified b"],
                ["b 1 primary done made", "c 1 merged of b done", "d 1 merged of b done"],
            )
        ],
    ),
    Case(
        "prefer oldest",
        [
            Step(
                [record("a", day=3), record("b", day=1), record("c", day=2)],
                "created 1, merged 2",
                ["1 ann@x.co verified b"],
                ["a 1 merged of b done", "b 1 primary done made", "c 1 merged of b done"],
            )
        ],
        plan="duplicates: {prefer: [oldest]}\n",
    ),
    Case(
        "prefer federated, then the newest of them",
        [
            Step(
                [record("a", day=9), record("b", via="Google", day=1), record("c", via="SignInWithApple", day=2)],
                "created 1, merged 2",
                ["1 ann@x.co verified c"],
                ["a 1 merged of c done", "b 1 merged of c done", "c 1 primary done made"],
            )
        ],
        plan="duplicates: {prefer: [federated, newest]}\n",
    ),
    Case(
        "prefer newest before native",
        [
            Step(
                [record("a"), record("b", via="Google", day=1)],
                "created 1, merged 1",
                ["1 ann@x.co verified b"],
                ["a 1 merged of b done", "b 1 primary done made"],
            )
        ],
        plan="duplicates: {prefer: [newest, native]}\n",
    ),
    Case(
        "prefer nothing: newest",
        [
            Step(
                [record("a"), record("b", via="Google", day=1)],
                "created 1, merged 1",
                ["1 ann@x.co verified b"],
                ["a 1 merged of b done", "b 1 primary done made"],
            )
        ],
        plan="duplicates: {prefer: []}\n",
    ),
    Case(
        "gaps are filled from the next verified ones, in their order",
        [
            Step(
                [
                    record("a", day=3, first="Ann"),
                    record("b", day=2, first="Not", last="Lee"),
                    record("c", day=1, last="Not", plan="gold", tier="1"),
                ],
                "created 1, merged 2",
                ["1 ann@x.co verified a first=Ann last=Lee plan=gold tier=1"],
                ["a 1 primary done made", "b 1 merged of a done", "c 1 merged of a done"],
            )
        ],
    ),
    Case(
        "an unverified record writes nothing into a verified one",
        [
            Step(
                [record("a", first="Ann"), record("m", flag="no", day=1, first="Not", last="Evil", plan="evil")],
                "created 1, merged 1",
                ["1 ann@x.co verified a first=Ann"],
                ["a 1 primary done made", "m 1 unverified of a done"],
            )
        ],
    ),
    Case(
        "allow_unverified fills gaps from unverified ones, and marks them all the same",
        [
            Step(
                [record("a", first="Ann"), record("m", flag="no", day=1, first="Not", last="Lee")],
                "created 1, merged 1",
                ["1 ann@x.co verified a first=Ann last=Lee"],
                ["a 1 primary done made", "m 1 unverified of a done"],
            )
        ],
        plan="duplicates: {allow_unverified: true}\n",
    ),
    Case(
        "where nobody is verified, unverified ones fill each other's gaps and nobody becomes verified",
        [
            Step(
                [record("a", flag="no", day=1, first="Ann"), record("b", flag="no", last="Lee")],
                "created 1, merged 1",
                ["1 ann@x.co unverified a first=Ann last=Lee"],
                ["a 1 primary done made", "b 1 merged of a done"],
            )
        ],
    ),
    Case(
        "a default comes after every record's own value",
        [
            Step(
                [record("a", day=1), record("b", plan="gold"), record("c", "bob@x.co")],
                "created 2, merged 1",
                ["1 ann@x.co verified a plan=gold", "2 bob@x.co verified c plan=free"],
                ["a 1 primary done made", "b 1 merged of a done", "c 2 primary done made"],
            )
        ],
        plan="attributes: {metadata: {plan: {from: 'custom:plan', default: free}}}\n",
    ),
    Case(
        "addresses are compared trimmed and lower-cased",
        [
            Step(
                [record("a", "Ann@x.co", day=1), record("b", " ANN@X.CO"), record("c", "ann@x.co", day=-1)],
                "created 1, merged 2",
                ["1 ann@x.co verified a"],
                ["a 1 primary done made", "b 1 merged of a done", "c 1 merged of a done"],
            )
        ],
    ),
    Case(
        "an empty string counts as missing",
        [
            Step(
                [record("a", first="", day=1), record("b", first="Ann")],
                "created 1, merged 1",
                ["1 ann@x.co verified a first=Ann"],
                ["a 1 primary done made", "b 1 merged of a done"],
            )
        ],
    ),
    Case(
        "an OIDC provider's flag counts for nothing: its record gives way, unverified",
        [
            Step(
                [record("a"), record("b", via="Okta", day=9, last="Evil")],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary done made", "b 1 unverified of a done"],
            )
        ],
        plan="duplicates: {prefer: [federated]}\n",
    ),
    Case(
        "a federated user by themselves, and no password reset for them",
        [
            Step(
                [record("a", via="Google"), record("b", "bob@x.co")],
                "created 2",
                ["1 ann@x.co verified a", "2 bob@x.co verified b password_reset_pending=true"],
                ["a 1 primary done made", "b 2 primary done made"],
            )
        ],
        plan="password_reset: {strategy: on_next_sign_in}\n",
    ),
    Case(
        "a group with one native record in it has a password; one whose native record is unverified has none",
        [
            Step(
                [
                    record("a", via="Google"),
                    record("b", day=-1),
                    record("c", "bob@x.co", via="Google"),
                    record("m", "bob@x.co", "no", day=9),
                ],
                "created 2, merged 2",
                ["1 ann@x.co verified a password_reset_pending=true", "2 bob@x.co verified c"],
                ["a 1 primary done made", "b 1 merged of a done", "c 2 primary done made", "m 2 unverified of c done"],
            )
        ],
        plan="duplicates: {prefer: [federated]}\npassword_reset: {strategy: on_next_sign_in}\n",
    ),
    Case(
        "linked profiles are one person, and their provider can be mapped",
        [
            Step(
                [linked(record("a"), ("Google", "1089"), ("SignInWithApple", "77"), primary="true")],
                "created 1",
                ["1 ann@x.co verified a id=1089 provider=Google"],
                ["a 1 primary done made"],
            )
        ],
        plan=_PROVIDER,
    ),
    Case(
        "a linked profile that is listed as well gives way to the native user",
        [
            Step(
                [
                    linked(record("a"), ("Google", "1089")),
                    linked(record("g", via="Google", day=9), ("Google", "1089"), primary=True),
                ],
                "created 1, merged 1",
                ["1 ann@x.co verified a id=1089 provider=Google"],
                ["a 1 primary done made", "g 1 merged of a done"],
            )
        ],
        plan=_PROVIDER,
    ),
    Case(
        "a linked profile listed under another address is still one person (rule 5)",
        [
            Step(
                [
                    linked(record("a"), ("Google", "1089")),
                    linked(record("g", "ann@gmail.com", via="Google", day=9), ("Google", "1089"), primary=True),
                ],
                "created 1, merged 1",
                ["1 ann@x.co verified a"],
                ["a 1 primary done made", "g 1 merged of a done"],
            )
        ],
    ),
    Case(
        "profiles without the provider's user id are linked to nobody",
        [
            Step(
                [
                    linked(record("a"), ("Google", "")),
                    linked(record("g", "eve@x.co", via="Google", day=9, last="Evil"), ("Google", ""), primary=True),
                ],
                "created 2",
                ["1 ann@x.co verified a", "2 eve@x.co verified g last=Evil"],
                ["a 1 primary done made", "g 2 primary done made"],
            )
        ],
    ),
    Case(
        "junk in identities is no identity, and verifies nobody",
        [
            Step(
                [record("a", identities="[{"), record("b", "bob@x.co", identities='{"providerName": []}')],
                "created 2",
                ["1 ann@x.co unverified a", "2 bob@x.co unverified b"],
                ["a 1 primary done made", "b 2 primary done made"],
            )
        ],
        plan=_PROVIDER,
    ),
    Case(
        "duplicates: error makes each record of a group a conflict, and nobody else",
        [
            Step(
                [record("a"), record("b", via="Google"), record("m", flag="no"), record("c", "bob@x.co")],
                "created 1, conflicts 3",
                ["1 bob@x.co verified c"],
                [
                    "a - primary conflict:duplicate",
                    "b - primary conflict:duplicate",
                    "c 1 primary done made",
                    "m - primary conflict:duplicate",
                ],
            )
        ],
        plan="duplicates: {strategy: error}\n",
    ),
    Case(
        "two people with one external ID are both conflicts",
        [
            Step(
                [record("a", tier="7"), record("b", "bob@x.co", tier="7"), record("c", "cat@x.co")],
                "conflicts 3",
                [],
                [
                    "a - primary conflict:shared_external_id",
                    "b - primary conflict:shared_external_id",
                    "c - primary conflict:no_external_id",
                ],
            )
        ],
        plan="attributes: {external_id: 'custom:tier'}\n",
    ),
    Case(
        "within a group one external ID is nobody else's, and is never filled from another record",
        [
            Step(
                [record("a", day=1, tier="7"), record("b", tier="7")],
                "created 1, merged 1",
                ["1 ann@x.co verified 7"],
                ["a 1 primary done made", "b 1 merged of a done"],
            )
        ],
        plan="attributes: {external_id: 'custom:tier'}\n",
    ),
    Case(
        "a value that WorkOS does not take is that person's conflict, not the group's other values'",
        [
            Step(
                [record("a", day=1, plan="größe"), record("b", plan="gold"), record("c", "bob@x.co", plan="gold")],
                "created 1, merged 1, conflicts 1",
                ["1 bob@x.co verified c plan=gold"],
                ["a - primary conflict:invalid_value", "c 1 primary done made"],
            )
        ],
        plan=_ALL,
    ),
    Case(
        "omit and escape",
        [
            Step(
                [record("a", plan="größe", tier="größe")],
                "created 1",
                ["1 ann@x.co verified a tier=gr\\u00f6\\u00dfe"],
                ["a 1 primary done made"],
            )
        ],
        plan="attributes: {metadata: {plan: {from: 'custom:plan', when_invalid: omit},"
        " tier: {from: 'custom:tier', when_invalid: escape}}}\n",
    ),
    Case(
        "who is left out gives nothing to the group",
        [
            Step(
                [record("a", first="Ann"), record("b", day=9, last="Off", enabled=False), record("c", None)],
                "created 1",
                ["1 ann@x.co verified a first=Ann"],
                ["a 1 primary done made"],
            )
        ],
    ),
    Case(
        "the address of another attribute than email is never verified",
        [
            Step(
                [record("a", "ann@x.co", tier="bob@x.co")],
                "created 1",
                ["1 bob@x.co unverified a"],
                ["a 1 primary done made"],
            )
        ],
        plan="attributes: {email: 'custom:tier'}\n",
    ),
]
