"""What becomes of one organization (rule 17), which ones a plan asks for, and of the roles that it names."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import GuardRefused
from engine.plan_file.organizations import Organizations, Placement, PlacementRule, RoleSpec
from engine.plan_file.providers import ConnectionSpec, DomainSpec
from engine.resources.fingerprints import Fingerprints
from engine.resources.organizations.desired import DesiredOrganizations
from engine.resources.organizations.planner import FoundOrganization, KnownOrganization, OrganizationPlanner
from engine.resources.organizations.port import HeldOrganization, Organization, OrganizationChanges
from engine.resources.roles.decision import KnownRole, RoleChange, decide_roles, missing_permissions
from engine.resources.roles.port import HeldRole

PLANNER = OrganizationPlanner(Fingerprints(b"k" * 32))
ACME = Organization("acme", "Acme", {"acme.com": "verified"}, {"tier": "gold"})
HELD = HeldOrganization("org_1", {"acme.com": "verified"}, name="Acme", external_id="acme", metadata={"tier": "gold"})
KNOWN = KnownOrganization("org_1", PLANNER.marks(ACME), created_here=True)


@pytest.mark.parametrize(
    ("found", "action", "send"),
    [
        (HELD, "adopt", None),
        # Its name is left; what it lacks is filled; what it holds is kept.
        (replace(HELD, name="Acme Inc."), "adopt", None),
        (replace(HELD, metadata={"tier": "silver", "a": "b"}), "adopt", None),
        (replace(HELD, metadata={}), "adopt", OrganizationChanges(metadata={"tier": "gold"})),
        (
            replace(HELD, domains={"more.com": "verified", "x.com": "failed"}),
            "adopt",
            OrganizationChanges(domains={"acme.com": "verified", "more.com": "verified", "x.com": "pending"}),
        ),
        ("absent", "create", None),
        ("unknown", "create", None),
    ],
)
def test_one_that_the_state_does_not_know(
    found: FoundOrganization, action: str, send: OrganizationChanges | None
) -> None:
    change = PLANNER.decide(ACME, None, found)
    assert (change.action, change.send) == (action, send)
    assert change.created_here is (action == "create")
    assert change.needs_look is (found == "unknown")


def test_one_that_must_not_be_made() -> None:
    planner = OrganizationPlanner(Fingerprints(b"k" * 32), create_missing=False)
    change = planner.decide(ACME, None, "absent")
    assert (change.action, change.code) == ("conflict", "organization_missing")
    assert planner.decide(ACME, None, HELD).action == "adopt"
    assert planner.decide(ACME, None, "unknown").needs_look


@pytest.mark.parametrize(
    ("wanted", "found", "action", "send"),
    [
        (ACME, "unknown", "unchanged", None),
        # Changed in WorkOS: left.
        (ACME, replace(HELD, name="Acme Inc.", domains={}, metadata={}), "unchanged", None),
        (replace(ACME, name="Acme Ltd."), "unknown", "update", OrganizationChanges(name="Acme Ltd.")),
        (replace(ACME, name="Acme Ltd."), replace(HELD, name="Acme Ltd."), "update", None),
        (
            replace(ACME, metadata={"tier": "silver", "b": "c"}),
            replace(HELD, metadata={"tier": "gold", "b": "c"}),
            "update",
            OrganizationChanges(metadata={"tier": "silver"}),
        ),
        (replace(ACME, metadata={}), "unknown", "update", OrganizationChanges(metadata={"tier": None})),
        (replace(ACME, metadata={}), replace(HELD, metadata={}), "update", None),
        # A domain goes with all that WorkOS holds; one that somebody took away there is not given back.
        (
            replace(ACME, domains={"acme.com": "verified", "acme.org": "pending"}),
            replace(HELD, domains={"more.com": "legacy_verified"}),
            "update",
            OrganizationChanges(domains={"acme.org": "pending", "more.com": "verified"}),
        ),
        # Never less verified, and what left the plan stays.
        (replace(ACME, domains={"acme.com": "pending"}), HELD, "update", None),
        (replace(ACME, domains={}), "unknown", "update", None),
    ],
)
def test_one_of_ours(
    wanted: Organization, found: FoundOrganization, action: str, send: OrganizationChanges | None
) -> None:
    change = PLANNER.decide(wanted, KNOWN, found)
    assert (change.action, change.send, change.created_here) == (action, send, True)


def test_domains_are_looked_at_before_they_are_sent() -> None:
    wanted = replace(ACME, domains={"acme.com": "verified", "acme.org": "pending"})
    assert PLANNER.decide(wanted, KNOWN, "unknown").needs_look
    assert not PLANNER.decide(wanted, KNOWN, HELD).needs_look


@pytest.mark.parametrize("known", [KNOWN, replace(KNOWN, gone=True)])
def test_one_that_was_deleted_is_not_made_again(known: KnownOrganization) -> None:
    change = PLANNER.decide(ACME, known, "absent")
    assert (change.action, change.code) == ("conflict", "organization_gone")


def test_what_a_run_began() -> None:
    # Its external ID was free when it was begun.
    begun = KnownOrganization(None, claimed="create")
    assert PLANNER.decide(ACME, begun, HELD).created_here
    assert PLANNER.decide(ACME, begun, "absent").action == "create"
    again = PLANNER.decide(ACME, replace(KNOWN, claimed="update"), HELD)
    assert (again.action, again.send) == ("update", None)


NAMES = st.sampled_from(["a.co", "b.co", "c.co"])
WANTED = st.builds(
    Organization, st.just("acme"), st.sampled_from(["Acme", "Acme Ltd."]),
    st.dictionaries(NAMES, st.sampled_from(["pending", "verified"])),
    st.dictionaries(st.sampled_from("xy"), st.sampled_from("12")),
)  # fmt: skip


@given(st.lists(WANTED, min_size=1, max_size=4), st.dictionaries(NAMES, st.sampled_from(["failed", "verified"])))
def test_after_each_plan_nothing_is_left_to_do(plans: list[Organization], domains: dict[str, str]) -> None:
    held = HeldOrganization("org_1", domains, name="Theirs", external_id="acme")
    known: KnownOrganization | None = None
    for wanted in plans:
        change = PLANNER.decide(wanted, known, held)
        before = held
        if change.send is not None:
            gone = {key for key, value in (change.send.metadata or {}).items() if value is None}
            metadata = {**held.metadata, **{k: v for k, v in (change.send.metadata or {}).items() if v is not None}}
            held = replace(
                held,
                name=change.send.name or held.name,
                domains=dict(change.send.domains) if change.send.domains is not None else held.domains,
                metadata={key: value for key, value in metadata.items() if key not in gone},
            )
        known = KnownOrganization("org_1", PLANNER.marks(wanted), change.created_here)
        again = PLANNER.decide(wanted, known, held)
        assert (again.action, again.send) == ("unchanged", None)
        # Nothing of WorkOS's is lost, or made less verified.
        assert before.domains.keys() <= held.domains.keys()
        assert before.verified <= held.verified
        assert held.verified <= before.verified | wanted.verified
        assert wanted.metadata.items() <= held.metadata.items()


# --- which ones ---------------------------------------------------------------------------------------------------

SECTION = Organizations(
    "group",
    rules=(
        PlacementRule("acme-admins", Placement("acme", None, domains=(DomainSpec("acme.com"),), metadata={"a": "1"})),
        PlacementRule("acme-users", Placement("acme", "Acme", metadata={"a": "2", "b": "2"})),
        PlacementRule("acme-guests", Placement("acme", "Guests", domains=(DomainSpec("acme.com", "verified"),))),
        PlacementRule("tenant-*", Placement("{1}", "Tenant {1}")),
        PlacementRule("empty", Placement("empty", "Empty")),
    ),
    default=Placement("community", "Community"),
)


def test_everything_that_names_an_organization_describes_it_and_some_user_must_need_it() -> None:
    wanted = DesiredOrganizations(SECTION, [ConnectionSpec("globex", None, (DomainSpec("globex.com"),))])
    assert list(wanted.all()) == ["globex"]
    wanted.need(SECTION.rules[1].placement, 1)
    assert wanted.all() == {
        "acme": Organization("acme", "Acme", {"acme.com": "verified"}, {"a": "1", "b": "2"}),
        "globex": Organization("globex", "globex", {"globex.com": "pending"}),
    }


def test_a_connections_name_stands_first() -> None:
    connections = [ConnectionSpec("acme"), ConnectionSpec("acme", "ACME"), ConnectionSpec("acme", "Later")]
    assert DesiredOrganizations(SECTION, connections).all()["acme"].name == "ACME"


def test_the_order_of_users_decides_nothing() -> None:
    heard = [
        (Placement("x", "X of b", metadata={"k": "b"}), 3),
        (Placement("x", "X of a", metadata={"k": "a"}), 3),
        (Placement("x", "Later", metadata={"k": "c", "l": "d"}), 4),
        (Placement("x"), 0),
    ]
    found = []
    for order in permutations(heard):
        wanted = DesiredOrganizations(Organizations())
        for placement, at in order:
            wanted.need(placement, at)
        found.append(wanted.all())
    assert found == [{"x": Organization("x", "X of a", {}, {"k": "a", "l": "d"})}] * len(found)


# --- roles --------------------------------------------------------------------------------------------------------

ROLES = Organizations(
    rules=(PlacementRule("a", Placement("x", roles=("admin", "member"))), PlacementRule("b", Placement("y"))),
    default=Placement("z", roles=("guest",)),
    roles={"admin": RoleSpec("admin", "Admin", ("read", "write")), "unused": RoleSpec("unused", "Unused")},
)
MAKING = replace(ROLES, create_roles=True)
THERE = [HeldRole("1", "admin", "Boss", ("read",)), HeldRole("2", "guest", "Guest"), HeldRole("3", "member", "Member")]


def test_roles_that_are_there_are_left() -> None:
    expected = [RoleChange("unchanged", one.slug, one.name) for one in THERE]
    assert decide_roles(ROLES, {}, THERE) == expected
    assert decide_roles(MAKING, {}, THERE) == expected


def test_a_role_that_is_missing_ends_the_run_before_it_begins() -> None:
    with pytest.raises(GuardRefused, match="no roles guest, member") as caught:
        decide_roles(ROLES, {}, THERE[:1])
    assert caught.value.code == "role_missing"
    with pytest.raises(GuardRefused, match="no role guest"):
        decide_roles(ROLES, {}, [THERE[0], THERE[2]])


def test_missing_roles_are_made_with_their_permissions() -> None:
    changes = decide_roles(MAKING, {}, [])
    assert changes == [
        RoleChange("create", "admin", "Admin", ("read", "write"), created_here=True),
        RoleChange("create", "guest", "guest", created_here=True),
        RoleChange("create", "member", "member", created_here=True),
    ]
    assert missing_permissions(changes, ["read"]) == ["write"]


@pytest.mark.parametrize(
    ("known", "held", "action", "permissions"),
    [
        (KnownRole(("read", "write"), created_here=True), ("read", "write"), "unchanged", None),
        (KnownRole(("read", "write"), created_here=True), (), "unchanged", None),  # changed in WorkOS: left
        (KnownRole(("read",), created_here=True), ("read",), "update", ("read", "write")),
        (KnownRole(("old", "read"), created_here=True), ("old", "more", "read"), "update", ("more", "read", "write")),
        (KnownRole(("read",), created_here=True), ("read", "write"), "update", None),
        (KnownRole(("read",)), ("read",), "unchanged", None),  # somebody else's
        (KnownRole(claimed="create"), (), "update", ("read", "write")),
        (KnownRole(claimed="create"), ("read", "write"), "update", None),
    ],
)
def test_permissions_follow_the_plan_on_our_own_roles(
    known: KnownRole, held: tuple[str, ...], action: str, permissions: tuple[str, ...] | None
) -> None:
    there = [HeldRole("1", "admin", "Admin", held), *THERE[1:]]
    change = decide_roles(MAKING, {"admin": known}, there)[0]
    assert (change.action, change.permissions) == (action, permissions)
    assert change.created_here is (known.created_here or known.claimed is not None)
