"""Organizations of connections, their domains, and the row `domains` of `migrate oauth check`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engine.oauth.checks import check_domains
from engine.plan_file.providers import ConnectionSpec, DomainSpec, DomainState
from engine.resources.organizations.organization import (
    Addresses,
    complete_domains,
    domain_of,
    lacking_domains,
    organizations,
)
from engine.resources.organizations.port import HeldOrganization, Organization

ACME = Organization("acme", "Acme", {"acme.com": "verified", "acme.org": "pending"})


def test_everything_that_names_an_organization_counts() -> None:
    found = organizations(
        [
            ConnectionSpec("acme", None, (DomainSpec("acme.com"),)),
            ConnectionSpec("acme", "Acme", (DomainSpec("acme.com", "verified"), DomainSpec("acme.org"))),
            ConnectionSpec("acme", "Another", (DomainSpec("acme.com"),)),
            ConnectionSpec("globex"),
        ]
    )
    assert found == {"acme": ACME, "globex": Organization("globex", "globex")}


@pytest.mark.parametrize(
    ("held", "lacking"),
    [
        ({}, {"acme.com", "acme.org"}),
        ({"acme.com": "verified"}, {"acme.org"}),
        ({"acme.com": "pending", "acme.org": "pending"}, {"acme.com"}),
        ({"acme.com": "failed", "acme.org": "pending"}, {"acme.com"}),
        ({"acme.com": "verified", "acme.org": "pending"}, set()),
        ({"acme.com": "legacy_verified", "acme.org": "verified", "more.com": "verified"}, set()),
    ],
)
def test_nothing_is_made_less_verified(held: Mapping[str, str], lacking: set[str]) -> None:
    found = HeldOrganization("org", held)
    assert lacking_domains(ACME, found) == lacking
    sent = complete_domains(ACME, found)
    assert sent.keys() == {*ACME.domains, *found.domains}
    assert {name for name, state in sent.items() if state == "verified"} == ACME.verified | found.verified
    assert lacking_domains(ACME, HeldOrganization("org", sent)) == set()


@pytest.mark.parametrize(
    ("wanted", "held", "used", "verdict", "code"),
    [
        ({}, {}, {"acme.com": 2}, "fail", "outside_domains"),
        ({"acme.com": "pending"}, {}, {"acme.com": 2}, "fail", "outside_domains"),
        ({"acme.com": "verified"}, {}, {"acme.com": 2}, "pass", "inside_domains"),
        ({}, {"acme.com": "verified"}, {"acme.com": 2}, "pass", "inside_domains"),
        ({"acme.com": "verified"}, {}, {"acme.com": 2, "sub.acme.com": 1}, "fail", "outside_domains"),
        ({"acme.com": "verified"}, {}, {}, "pass", "nobody"),
    ],
)
def test_who_is_let_in(
    wanted: Mapping[str, DomainState], held: Mapping[str, str], used: Mapping[str, int], verdict: str, code: str
) -> None:
    row = check_domains(
        "Okta", Organization("acme", "Acme", wanted), HeldOrganization("org", held), Addresses({"Okta": used}, {})
    )
    assert (row.verdict, row.code) == (verdict, code)
    if verdict == "fail":
        assert f" of {sum(used.values())} have an address outside acme's verified domains" in row.message
        assert "oauth_providers.Okta.connection.domains" in row.remedy


def test_whom_a_domain_policy_would_reach() -> None:
    addresses = Addresses({"Okta": {"acme.com": 2}}, {"acme.com": 3, "acme.org": 4, "gmail.com": 99})
    row = check_domains("Okta", ACME, None, addresses)
    assert row.verdict == "pass"
    assert "7 with an address in its domains have a password or another provider today" in row.message


def test_an_organization_that_lets_outsiders_in() -> None:
    held = HeldOrganization("org", {}, allows_outside=True)
    row = check_domains("Okta", Organization("acme", "Acme"), held, Addresses({"Okta": {"acme.com": 2}}, {}))
    assert (row.verdict, row.code) == ("cannot-tell", "outside_allowed")


def test_the_domain_of_an_address() -> None:
    assert [domain_of(one) for one in (" Ann@Acme.COM ", "no address", None)] == ["acme.com", "no address", ""]
