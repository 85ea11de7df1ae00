"""Which organizations a record belongs to: patterns, attributes, pools, connections, and a person's union of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.errors import GuardRefused
from engine.model.groups import Group
from engine.model.patterns import compile_stars
from engine.plan_file.organizations import Organizations, Placement, PlacementRule
from engine.plan_file.providers import ConnectionSpec
from engine.resources.memberships.placements import (
    DesiredMembership,
    Placed,
    PlacedRecord,
    Placer,
    RecordPlacements,
    check_groups,
    desired_memberships,
    one_role,
)
from tests.support.people import cognito_user


def rules(*entries: tuple[str, str, tuple[str, ...]]) -> tuple[PlacementRule, ...]:
    return tuple(PlacementRule(pattern, Placement(to, roles=roles)) for pattern, to, roles in entries)


MAP = rules(
    ("acme-admins", "acme", ("admin",)),
    ("acme-*", "acme", ()),
    ("tenant-*-admin", "{1}", ("admin", "billing")),
    ("tenant-*", "{1}", ()),
    ("*.*", "{2}-{1}", ()),
)

COMMUNITY = Placement("community", roles=("guest",))


def by_group(*groups: str, **options: Any) -> RecordPlacements:
    section = Organizations("group", rules=options.pop("rules", MAP), **options)
    return Placer(section, groups=[Group("acme-admins", 3)]).place(cognito_user(groups=groups))


def organizations(found: RecordPlacements) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.placement.organization, one.placement.roles) for one in found.placed]


@pytest.mark.parametrize(
    ("pattern", "name", "stars"),
    [
        ("a", "a", ()),
        ("a", "A", None),  # group names are case-sensitive
        ("a", "ab", None),
        ("*", "anything at all\n", ("anything at all\n",)),
        ("*", "", None),
        ("tenant-*", "tenant-", None),
        ("tenant-*", "tenant-a-b", ("a-b",)),
        ("*-*", "a-b-c", ("a-b", "c")),
        ("a.*", "abc", None),
        ("[*]", "[x]", ("x",)),
        ("*", "\ud800", None),
    ],
)
def test_patterns(pattern: str, name: str, stars: tuple[str, ...] | None) -> None:
    assert compile_stars(pattern)(name) == stars


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_star_stands_for_what_it_stands_for(name: str) -> None:
    assert compile_stars("t-*-x")(f"t-{name}-x") == (name,)


def test_a_pattern_of_many_stars_ends() -> None:
    assert compile_stars("*a" * 40)("b" * 2000) is None


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((), []),
        (("acme-admins",), [("acme", ("admin",))]),
        (("acme-users",), [("acme", ())]),
        (("tenant-x-admin",), [("x", ("admin", "billing"))]),
        (("tenant-x",), [("x", ())]),
        (("eu.shop",), [("shop-eu", ())]),
        (("tenant-x", "acme-admins", "tenant-y"), [("acme", ("admin",)), ("x", ()), ("y", ())]),
        (("tenant-x", "tenant-x"), [("x", ())]),
    ],
)
def test_the_first_entry_that_fits_a_group_counts(groups: tuple[str, ...], expected: list[object]) -> None:
    found = by_group(*groups)
    assert (organizations(found), found.fault) == (expected, None)


def test_what_a_star_stands_for_is_not_filled_in_again() -> None:
    section = (PlacementRule("*/*", Placement("{1}", name="{1} of {2} and {3}")),)
    (placed,) = by_group("{2}/x", rules=section).placed
    assert (placed.placement.organization, placed.placement.name) == ("{2}", "{2} of x and {3}")


def test_precedence_and_order_come_along() -> None:
    assert [(one.precedence, one.order) for one in by_group("acme-admins", "acme-users").placed] == [(3, 0), (None, 1)]


def test_unmapped_groups() -> None:
    found = by_group("beta", "acme-users", "alpha")
    assert (organizations(found), found.fault, found.names) == (
        [("acme", ())], "unmapped_organization", ("alpha", "beta"),
    )  # fmt: skip
    found = by_group("beta", "acme-users", unmapped="skip")
    assert (organizations(found), found.fault, found.named) == ([("acme", ())], None, True)
    assert by_group("beta", unmapped="skip") == RecordPlacements(named=True)
    assert by_group() == RecordPlacements()
    found = by_group("beta", "acme-users", unmapped="create")
    assert (organizations(found), found.fault) == ([("acme", ()), ("beta", ())], None)


@pytest.mark.parametrize(
    "name",
    [
        "tenant-a\tb",
        "tenant-a\nb",
        "tenant-\u200b",
        "tenant- a",
        "tenant-a ",
        f"tenant-{'a' * 65}",
        "tenant-\0",
        "tenant-é",
    ],
)
def test_organizations_that_cannot_be(name: str) -> None:
    found = by_group(name, "tenant-good")
    assert (organizations(found), found.fault, found.names) == ([("good", ())], "invalid_organization", (name,))


def test_the_limit_is_the_plans() -> None:
    section = Organizations("group", rules=MAP)
    user = cognito_user(groups=(f"tenant-{'a' * 100}",))
    assert Placer(section, id_length=128).place(user).fault is None
    assert by_group(f"tenant-{'a' * 64}").fault is None


@pytest.mark.parametrize(
    ("value", "separator", "expected"),
    [
        (None, ",", []),
        ("", ",", []),
        (" , ", ",", []),
        ("tenant-a", None, ["a"]),
        (" tenant-b , tenant-a,tenant-b", ",", ["b", "a"]),
        ("tenant-a,b", None, ["a,b"]),
    ],
)
def test_an_attributes_values(value: str | None, separator: str | None, expected: list[str]) -> None:
    section = Organizations("attribute", "custom:tenant", separator, rules=MAP)
    user = cognito_user(groups=("acme-admins",), **({"custom__tenant": value} if value is not None else {}))
    assert [name for name, _ in organizations(Placer(section).place(user))] == expected


@pytest.mark.parametrize(
    ("own", "options", "expected", "fault"),
    [
        ("eu-org", {}, ["eu-org"], None),
        ("eu\n", {}, [], "invalid_organization"),
        (None, {"rules": rules(("e*", "europe", ()))}, ["europe"], None),
        (None, {"rules": rules(("us", "america", ()))}, [], "unmapped_organization"),
        (None, {"default": COMMUNITY}, ["community"], None),
        (None, {"unmapped": "skip"}, [], None),
        (None, {"unmapped": "create"}, ["eu"], None),
    ],
)
def test_one_organization_a_pool(own: str | None, options: dict[str, Any], expected: list[str], fault: str) -> None:
    placer = Placer(Organizations("pool", **options), pool_name="eu", pool_organization=own)
    found = placer.place(cognito_user(groups=("acme-admins",)))
    assert ([name for name, _ in organizations(found)], found.fault) == (expected, fault)


def test_from_none_places_nobody() -> None:
    placer = Placer(Organizations("none", rules=MAP), pool_name="eu", pool_organization="eu")
    assert placer.place(cognito_user(groups=("acme-admins",))) == RecordPlacements()


def test_users_of_a_connection_are_members_unless_it_says_otherwise() -> None:
    connections = {
        "Okta": ConnectionSpec("acme"), "Adfs": ConnectionSpec("globex"),
        "Guests": ConnectionSpec("acme", members=False),
    }  # fmt: skip
    placer = Placer(Organizations(), connections=connections)
    found = placer.place(cognito_user(), ["Okta", "Guests", "Google"])
    assert organizations(found) == [("acme", ())]


def test_a_placer_that_meets_many_values_keeps_few() -> None:
    placer = Placer(Organizations("attribute", "custom:tenant", rules=MAP))
    for number in range(25_000):
        (placed,) = placer.place(cognito_user(custom__tenant=f"tenant-{number}")).placed
        assert placed.placement.organization == str(number)
    assert len(placer._found) <= 10_000


# --- a person ---------------------------------------------------------------------------------------------------


def record(*placed: tuple[str, tuple[str, ...], int | None, int], **rest: Any) -> PlacedRecord:
    return PlacedRecord(tuple(Placed(Placement(to, roles=roles), p, order) for to, roles, p, order in placed), **rest)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], []),
        ([record()], [DesiredMembership("community", ("guest",))]),
        ([record(enabled=False)], [DesiredMembership("community", ("guest",), enabled=False)]),
        ([record(enabled=False), record()], [DesiredMembership("community", ("guest",))]),
        # A group that the plan skips is a group all the same.
        ([record(named=True)], []),
        ([record(), record(named=True, counts=False)], [DesiredMembership("community", ("guest",))]),
        # Unverified records of a verified group contribute none, and no default of their own.
        ([record(("acme", ("admin",), 0, 0), counts=False)], []),
        (
            [record(counts=True), record(("acme", ("admin",), 0, 0), counts=False)],
            [DesiredMembership("community", ("guest",))],
        ),
        # The union of all records, whatever pools they are of.
        (
            [record(("b", (), None, 0)), record(("a", ("x",), None, 1)), record(("a", ("y",), None, 0))],
            [DesiredMembership("a", ("y", "x")), DesiredMembership("b")],
        ),
        # Disabled in one pool and enabled in another.
        (
            [record(("a", ("x",), 0, 0), enabled=False), record(("b", (), None, 0))],
            [DesiredMembership("a", ("x",), enabled=False), DesiredMembership("b")],
        ),
        # What only the disabled record would bring is not had.
        (
            [record(("a", ("admin",), 0, 0), enabled=False), record(("a", ("user",), 5, 0))],
            [DesiredMembership("a", ("user",))],
        ),
        (
            [record(("a", ("user",), 5, 0)), record(("a", ("admin",), 0, 0), enabled=False)],
            [DesiredMembership("a", ("user",))],
        ),
    ],
)
def test_a_persons_memberships(records: list[PlacedRecord], expected: list[DesiredMembership]) -> None:
    assert desired_memberships(records, COMMUNITY) == tuple(expected)


def test_without_a_default_nobody_is_placed() -> None:
    assert desired_memberships([record()]) == ()


@pytest.mark.parametrize(
    ("placed", "first"),
    [
        ([("a", ("late",), 9, 0), ("a", ("early",), 0, 5)], "early"),
        ([("a", ("none",), None, 0), ("a", ("some",), 9, 5)], "some"),
        ([("a", ("second",), None, 5), ("a", ("first",), None, 0)], "first"),
        ([("a", ("second",), 1, 5), ("a", ("first",), 1, 0)], "first"),
        ([("a", ("first", "second"), None, 0)], "first"),
    ],
)
def test_which_role_comes_first(placed: list[Any], first: str) -> None:
    for order in (placed, placed[::-1]):
        (found,) = desired_memberships([record(*order)])
        assert one_role(found.roles)[0] == first
        assert {first, *one_role(found.roles)[1]} == {role for one in placed for role in one[1]}


@given(
    st.lists(
        st.builds(
            record,
            st.tuples(
                st.sampled_from("ab"), st.lists(st.sampled_from("xyz"), max_size=2).map(tuple),
                st.none() | st.integers(0, 3), st.integers(0, 3),
            ),
            enabled=st.booleans(), counts=st.booleans(),
        ),
        max_size=5,
    )
)  # fmt: skip
def test_the_order_of_records_decides_nothing(records: list[PlacedRecord]) -> None:
    found = desired_memberships(records, COMMUNITY)
    assert desired_memberships(records[::-1], COMMUNITY) == found
    counting = [one for one in records if one.counts]
    assert {one.organization for one in found} <= {p.placement.organization for r in counting for p in r.placed} | {
        "community"
    }
    for one in found:
        asking = [r for r in counting if one.organization in {p.placement.organization for p in r.placed}] or counting
        assert one.enabled is any(r.enabled for r in asking)
        given_ = {role for r in asking if r.enabled is one.enabled for p in r.placed
                  if p.placement.organization == one.organization for role in p.placement.roles}  # fmt: skip
        assert set(one.roles) == (given_ or ({"guest"} if one.organization == "community" else set()))


def test_a_group_that_no_pool_has() -> None:
    check_groups(MAP, ["acme-admins", "other"])
    with pytest.raises(GuardRefused, match="acme-admins") as caught:
        check_groups(MAP, ["acme-Admins"])
    assert caught.value.code == "group_not_found"
