"""What a plan should say of each provider, by kind, pool and users."""

from __future__ import annotations

import pytest

from engine.draft.findings import DraftProvider
from engine.draft.providers import ProviderProposal, propose_providers
from engine.model.identity_providers import IdentityProvider
from tests.draft.found import found

CLIENT = "123-abc.apps.googleusercontent.com"


def proposed(provider: IdentityProvider, **organizations: str) -> ProviderProposal:
    (one,) = propose_providers(found(providers=(provider,)), organizations)
    return one


def test_google_and_apple_are_reused_with_the_pools_client() -> None:
    google = proposed(IdentityProvider("Google", "Google", client_id=CLIENT))
    assert (google.handling, google.client_id, google.users) == ("reuse", CLIENT, 0)
    assert proposed(IdentityProvider("SignInWithApple", "SignInWithApple")).handling == "reuse"


@pytest.mark.parametrize("client_id", ["a b", "${X}", "", "sk_live_abcdefgh", "x" * 300])
def test_a_client_that_is_none_is_not_pinned(client_id: str) -> None:
    one = proposed(IdentityProvider("Google", "Google", client_id=client_id))
    assert (one.handling, one.client_id) == ("reuse", None)


@pytest.mark.parametrize("kind", ["Facebook", "LoginWithAmazon", "", "New"])
def test_what_workos_lacks_falls_back_to_passwords(kind: str) -> None:
    assert proposed(IdentityProvider("Some", kind)).handling == "password_reset"


@pytest.mark.parametrize("kind", ["OIDC", "SAML"])
def test_an_enterprise_provider_waits_for_its_organization(kind: str) -> None:
    one = proposed(IdentityProvider("AcmeOkta", kind, issuer="https://acme.okta.com"))
    assert (one.handling, one.connection) == ("error", True)
    decided = proposed(IdentityProvider("AcmeOkta", kind), AcmeOkta="acme")
    assert (decided.handling, decided.organization, decided.connection) == ("connection", "acme", False)


def test_an_issuer_that_workos_has_is_reused() -> None:
    one = proposed(
        IdentityProvider("Entra", "OIDC", client_id="abc", issuer="https://login.microsoftonline.com/x/v2.0")
    )
    assert (one.handling, one.client_id) == ("reuse", "abc")


def test_a_provider_that_left_the_pool_gets_no_connection() -> None:
    uses = (DraftProvider("Gone", "OIDC", 7),)
    (one,) = propose_providers(found(providers=(), uses=uses), {"Gone": "acme"})
    assert (one.handling, one.users) == ("password_reset", 7)
    assert "no longer in the pool" in one.notes[0]


def test_providers_that_nobody_may_list_are_known_by_their_users() -> None:
    uses = (DraftProvider("Okta", "OIDC", 7), DraftProvider("Google", "Google", 2))
    found_out = propose_providers(found(providers=None, uses=uses))
    assert [(one.name, one.handling, one.connection) for one in found_out] == [
        ("Google", "reuse", False),
        ("Okta", "error", True),
    ]


def test_an_export_has_no_connections() -> None:
    (one,) = propose_providers(found(uses=(DraftProvider("Okta", "SAML", 7),), live=False), {"Okta": "acme"})
    assert (one.handling, one.connection, one.organization) == ("error", False, None)


@pytest.mark.parametrize("name", ["", "a\nb", "\u202e", "x" * 200, "sk_live_abcdefgh"])
def test_names_that_no_provider_has_are_left_out(name: str) -> None:
    assert proposed(IdentityProvider(name, "Google")).handling == "left_out"
