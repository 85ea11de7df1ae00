"""Providers recognised, users stranded, rows judged, connections designed: the rules by table."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import pytest

from engine.model.errors import GuardRefused
from engine.model.identity_providers import IdentityProvider, endpoints_of, offer_for
from engine.oauth.answers import Answer
from engine.oauth.checks import (
    Redirect,
    check_client,
    check_pin,
    check_redirect_uri,
    check_scopes,
    check_secret,
    read_redirect,
    unreachable,
)
from engine.oauth.handling import SignsInBy, find_problems, handle
from engine.plan_file.providers import ConnectionSpec, ProviderSpec
from engine.resources.connections.design import design
from engine.resources.connections.directions import read_directions

KEY = b"k" * 32
GOOGLE = IdentityProvider("Google", "Google", "g-1", "g-secret", ("openid", "email", "profile"))
FACEBOOK = IdentityProvider("Facebook", "Facebook", "f-1", "f-secret")
OKTA = IdentityProvider(
    "AcmeOkta", "OIDC", "o-1", "o-secret", issuer="https://acme.okta.com/",
    attributes={"email": "mail", "given_name": "first", "custom:x": "y", "username": "sub"},
)  # fmt: skip
METADATA = """<?xml version="1.0"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.acme.com/saml">
 <IDPSSODescriptor>
  <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
   <X509Certificate> MIIC
   AAAA </X509Certificate></X509Data></KeyInfo></KeyDescriptor>
  <KeyDescriptor use="encryption"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>
   <X509Certificate>NOT</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
  <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.acme.com/post"/>
  <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.acme.com/go"/>
 </IDPSSODescriptor>
</EntityDescriptor>"""


@pytest.mark.parametrize(
    ("kind", "issuer", "workos"),
    [
        ("Google", None, "GoogleOAuth"), ("SignInWithApple", None, "AppleOAuth"),
        ("Facebook", None, None), ("LoginWithAmazon", None, None), ("SAML", None, None), ("OIDC", None, None),
        ("OIDC", "https://login.microsoftonline.com/common/v2.0", "MicrosoftOAuth"),
        ("OIDC", "https://sts.windows.net/0000/", "MicrosoftOAuth"),
        ("OIDC", "https://github.com", "GitHubOAuth"), ("OIDC", "https://gitlab.com", "GitLabOAuth"),
        ("OIDC", "https://www.linkedin.com/oauth", "LinkedInOAuth"), ("OIDC", "https://slack.com", "SlackOAuth"),
        ("OIDC", "https://appleid.apple.com", "AppleOAuth"), ("OIDC", "https://accounts.google.com", "GoogleOAuth"),
        ("OIDC", "https://acme.okta.com", None), ("OIDC", "https://gitlab.acme.com", None),
        ("OIDC", "http://github.com", None), ("OIDC", "https://github.com.evil.example", None),
        ("OIDC", "https://[", None), ("OIDC", "https://evil.example/github.com", None),
    ],
)  # fmt: skip
def test_who_is_who(kind: str, issuer: str | None, workos: str | None) -> None:
    offer = offer_for(kind, issuer)
    assert (offer.workos if offer else None) == workos


def test_microsofts_tenant() -> None:
    offer = offer_for("OIDC", "https://login.microsoftonline.com/acme/v2.0")
    assert offer is not None
    assert endpoints_of(offer, "https://login.microsoftonline.com/acme/v2.0") == (
        "https://login.microsoftonline.com/acme/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/acme/oauth2/v2.0/token",
    )
    assert endpoints_of(offer, None)[1] == "https://login.microsoftonline.com/common/oauth2/v2.0/token"


PEOPLE = [
    SignsInBy(frozenset({"Google"}), False, 5),
    SignsInBy(frozenset({"Facebook"}), False, 3),
    SignsInBy(frozenset({"Facebook"}), True, 2),
    SignsInBy(frozenset({"Facebook", "Google"}), False, 1),
]


@pytest.mark.parametrize(
    ("plan", "handling", "users", "stranded", "codes"),
    [
        (None, {"Google": "reported", "Facebook": "reported"}, {"Google": 6, "Facebook": 6}, {}, []),
        ({}, {"Google": "unlisted", "Facebook": "unlisted"}, {"Google": 6, "Facebook": 6},
         {"Google": 6, "Facebook": 4}, ["provider_not_in_plan", "provider_not_in_plan"]),
        ({"Google": ProviderSpec(reuse_credentials=True)}, {"Google": "provider", "Facebook": "unlisted"},
         {"Google": 6, "Facebook": 6}, {"Facebook": 3}, ["provider_not_in_plan"]),
        ({"Google": ProviderSpec(), "Facebook": ProviderSpec()}, {"Google": "provider", "Facebook": "error"},
         {"Google": 6, "Facebook": 6}, {"Facebook": 3}, ["provider_without_equivalent"]),
        ({"Google": ProviderSpec(), "Facebook": ProviderSpec(fallback="password_reset")},
         {"Google": "provider", "Facebook": "password_reset"}, {"Google": 6, "Facebook": 6}, {}, []),
        ({"Google": ProviderSpec(fallback="error"), "Facebook": ProviderSpec(fallback="skip")},
         {"Google": "error", "Facebook": "skip"}, {"Google": 6, "Facebook": 6}, {"Google": 5},
         ["provider_without_equivalent"]),
        ({"Google": ProviderSpec(), "Facebook": ProviderSpec(fallback="skip"), "Gogle": ProviderSpec()},
         {"Google": "provider", "Facebook": "skip", "Gogle": "unknown"}, {"Google": 6, "Facebook": 6}, {},
         ["unknown_provider"]),
    ],
)  # fmt: skip
def test_who_is_stranded(
    plan: dict[str, ProviderSpec] | None,
    handling: dict[str, str],
    users: dict[str, int],
    stranded: dict[str, int],
    codes: list[str],
) -> None:
    uses = handle([GOOGLE, FACEBOOK], plan, PEOPLE)
    assert {one.name: one.handling for one in uses} == handling
    assert {one.name: one.users for one in uses if one.users} == users
    assert {one.name: one.stranded for one in uses if one.stranded} == stranded
    assert [one.code for one in find_problems(uses, ["Google", "Facebook"])] == codes


def test_nobody_stranded_is_not_said() -> None:
    uses = handle([GOOGLE, FACEBOOK], {"Google": ProviderSpec()}, [SignsInBy(frozenset({"Facebook"}), True, 2)])
    (problem,) = find_problems(uses, ["Google", "Facebook"])
    assert problem.message == "2 users sign in with Facebook, which is not in oauth_providers"


def test_a_pool_provider_that_nobody_uses_stops_nobody() -> None:
    uses = handle([GOOGLE, FACEBOOK, OKTA], {"AcmeOkta": ProviderSpec()}, [])
    assert find_problems(uses, ["Google", "Facebook", "AcmeOkta"]) == []


@pytest.mark.parametrize(
    ("plan", "handling"),
    [
        (ProviderSpec(fallback="skip"), "skip"),
        (ProviderSpec(), "error"),
        (ProviderSpec(connection=ConnectionSpec("acme")), "error"),
    ],
)
def test_a_provider_deleted_from_the_pool_can_be_settled(plan: ProviderSpec, handling: str) -> None:
    (use,) = handle([], {"Old": plan}, [SignsInBy(frozenset({"Old"}), False, 2)])
    assert (use.handling, use.users) == (handling, 2)


def test_without_the_pool_the_plans_word_stands() -> None:
    people = [SignsInBy(frozenset({"AcmeOkta"}), False, 1), SignsInBy(frozenset({"Facebook"}), False, 1)]
    uses = handle(None, {"AcmeOkta": ProviderSpec(), "Facebook": ProviderSpec()}, people)
    assert [(one.name, one.handling) for one in uses] == [("AcmeOkta", "provider"), ("Facebook", "error")]


def test_remedies_fit_the_provider() -> None:
    uses = handle([GOOGLE, FACEBOOK, OKTA], {"Gogle": ProviderSpec()}, [
        SignsInBy(frozenset({name}), False, 1) for name in ("Google", "Facebook", "AcmeOkta")
    ])  # fmt: skip
    found = {one.provider: one.remedy for one in find_problems(uses, ["Google", "Facebook", "AcmeOkta"])}
    assert found == {
        "AcmeOkta": "add AcmeOkta to oauth_providers: "
        "connection: {organization: …}, or fallback: password_reset or skip",
        "Facebook": "add Facebook to oauth_providers: fallback: password_reset or skip",
        "Gogle": "did you mean Google?",
        "Google": "add Google to oauth_providers: reuse_credentials: true",
    }


OFFER = offer_for("Google")
assert OFFER is not None
AT_GOOGLE = Redirect("accounts.google.com", "g-1", "https://auth.workos.com/cb", ("openid", "email"), None)


@pytest.mark.parametrize(
    ("pinned", "provider", "verdict"),
    [
        (None, GOOGLE, None), ("g-1", GOOGLE, "pass"), ("g-2", GOOGLE, "fail"), ("g-1", None, "cannot-tell"),
        ("g-1", IdentityProvider("Google", "Google"), "cannot-tell"),
    ],
)  # fmt: skip
def test_pins(pinned: str | None, provider: IdentityProvider | None, verdict: str | None) -> None:
    row = check_pin("Google", pinned, provider)
    assert (row.verdict if row else None) == verdict


@pytest.mark.parametrize(
    ("redirect", "wanted", "staging", "verdict", "code"),
    [
        (AT_GOOGLE, "g-1", False, "pass", "same_client"),
        (AT_GOOGLE, "g-2", False, "fail", "other_client"),
        (AT_GOOGLE, "g-2", True, "fail", "default_or_other_client"),
        (AT_GOOGLE, None, False, "cannot-tell", "nothing_to_compare"),
        (None, "g-1", False, "cannot-tell", "no_redirect"),
        (Redirect("app.acme.com", None, None, (), "connection_invalid"), "g-1", False, "fail", "not_configured"),
        (Redirect("accounts.google.com", None, None, (), None), "g-1", False, "cannot-tell", "no_client_in_address"),
    ],
)
def test_the_client_in_workos(
    redirect: Redirect | None, wanted: str | None, staging: bool, verdict: str, code: str
) -> None:
    assert OFFER is not None
    row = check_client("Google", OFFER, wanted, redirect, staging=staging)
    assert (row.verdict, row.code) == (verdict, code)


def test_scopes() -> None:
    same = check_scopes("Google", ("openid", "email"), AT_GOOGLE)
    fewer = check_scopes("Google", ("openid", "phone", "calendar"), AT_GOOGLE)
    assert same is not None and same.verdict == "pass"
    assert fewer is not None and fewer.verdict == "cannot-tell"
    assert fewer.message == "Cognito asked for phone, calendar, WorkOS does not"
    assert check_scopes("Google", (), AT_GOOGLE) is None
    assert check_scopes("Google", ("openid",), None) is None


@pytest.mark.parametrize(
    ("real", "control", "verdict", "code"),
    [
        (None, None, "cannot-tell", "not_asked"),
        ((Answer(302), "known"), None, "pass", "redirect_uri_known"),
        ((Answer(400), "unknown_uri"), None, "fail", "redirect_uri_unknown"),
        ((Answer(400), "unknown_client"), None, "fail", "client_unknown"),
        ((Answer(200), "unclear"), (Answer(400), "unknown_uri"), "pass", "redirect_uri_known"),
        ((Answer(200), "unclear"), (Answer(400), "unclear"), "pass", "redirect_uri_known"),
        ((Answer(302), "unclear"), (Answer(302), "unclear"), "cannot-tell", "answer_unclear"),
        ((Answer(400), "unclear"), (Answer(400), "unclear"), "cannot-tell", "answer_unclear"),
        ((Answer(200), "unclear"), (Answer(503), "unclear"), "cannot-tell", "answer_unclear"),
    ],
)
def test_redirect_uri_rows(real: Any, control: Any, verdict: str, code: str) -> None:
    row = check_redirect_uri("Google", "https://auth.workos.com/cb", "the console", real, control)
    assert (row.verdict, row.code) == (verdict, code)
    assert "https://auth.workos.com/cb" in row.message + row.remedy or code == "client_unknown"


@pytest.mark.parametrize(
    ("real", "control", "verdict", "code"),
    [
        (None, None, "cannot-tell", "not_asked"),
        ("wrong_client", None, "fail", "secret_wrong"),
        ("wrong_code", "wrong_client", "pass", "secret_right"),
        ("wrong_code", "wrong_code", "cannot-tell", "secret_not_looked_at"),
        ("wrong_code", "unclear", "cannot-tell", "secret_not_looked_at"),
        ("unclear", None, "cannot-tell", "answer_unclear"),
    ],
)
def test_secret_rows(real: Any, control: Any, verdict: str, code: str) -> None:
    row = check_secret("Google", real, control)
    assert (row.verdict, row.code) == (verdict, code)


def test_every_way_not_to_be_asked_has_words() -> None:
    for code in ("unreachable", "timeout", "not_https", "private_address", "bad_discovery", "another"):
        row = unreachable("A", "secret", code)
        assert row.verdict == "cannot-tell" and row.message and row.remedy


def test_read_redirect() -> None:
    found = read_redirect("https://accounts.google.com/o?client_id=g-1&redirect_uri=https%3A%2F%2Fa%2Fb&scope=a+b")
    assert found == Redirect("accounts.google.com", "g-1", "https://a/b", ("a", "b"), None)
    assert read_redirect("https://[") is None


WHERE = ConnectionSpec("acme", "Acme")


def test_oidc_design() -> None:
    made = design(OKTA, WHERE, "us-east-1_A")
    assert made.options == {
        "discovery_endpoint": "https://acme.okta.com/.well-known/openid-configuration",
        "client_id": "o-1",
        "client_secret": "o-secret",
    }
    assert made.external_id == "us-east-1_A:AcmeOkta"
    assert made.attributes == {"email": "mail", "first_name": "first"}
    assert "o-secret" not in repr(made) and "o-secret" not in repr(OKTA)


def test_saml_design() -> None:
    by_url = design(IdentityProvider("S", "SAML", metadata_url="https://idp/m"), WHERE, "p")
    assert by_url.options == {"idp_metadata_url": "https://idp/m"}
    by_file = design(IdentityProvider("S", "SAML", metadata_file=METADATA), WHERE, "p")
    assert by_file.options == {
        "idp_entity_id": "https://idp.acme.com/saml",
        "idp_sso_url": "https://idp.acme.com/go",
        "idp_signing_certs": ["MIICAAAA"],
    }


@pytest.mark.parametrize(
    "provider",
    [
        GOOGLE,
        IdentityProvider("O", "OIDC", "c"),
        IdentityProvider("O", "OIDC", issuer="https://i"),
        IdentityProvider("S", "SAML"),
        IdentityProvider("S", "SAML", metadata_file="<not xml"),
        IdentityProvider("S", "SAML", metadata_file="<a/>"),
        IdentityProvider("S", "SAML", metadata_file='<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    ],
)
def test_impossible_connections(provider: IdentityProvider) -> None:
    with pytest.raises(GuardRefused, match="no connection can be made of it") as caught:
        design(provider, WHERE, "p")
    assert caught.value.code == "connection_impossible" and caught.value.remedy


def test_fingerprints() -> None:
    made = design(OKTA, WHERE, "p")
    assert made.fingerprint(KEY) == design(OKTA, WHERE, "p").fingerprint(KEY) != made.fingerprint(b"j" * 32)


def _saml(text: str) -> str:
    deflate = zlib.compressobj(wbits=-15)
    encoded = base64.b64encode(deflate.compress(text.encode()) + deflate.flush()).decode()
    return "https://idp/?SAMLRequest=" + encoded.replace("+", "%2B")


@pytest.mark.parametrize(
    ("location", "directions"),
    [
        (None, {}),
        ("https://idp/authorize?client_id=1&redirect_uri=https%3A%2F%2Fw%2Fcb", {"redirect_uri": "https://w/cb"}),
        ("https://app/cb?error=connection_invalid&client_id=1&redirect_uri=x", {}),
        ("https://idp/login", {}),
        ("https://[", {}),
        (_saml('<R AssertionConsumerServiceURL="https://w/acs">'
               '<s:Issuer xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion"> urn:w </s:Issuer></R>'),
         {"acs_url": "https://w/acs", "entity_id": "urn:w"}),
        (_saml("<R/>"), {}),
        (_saml("<R"), {}),
        (_saml('<!DOCTYPE r [<!ENTITY e "x">]><R AssertionConsumerServiceURL="a"/>'), {}),
        (_saml("<R>" + " " * 200_000 + "</R>"), {}),  # a bomb is not inflated
        ("https://idp/?SAMLRequest=%%%", {}),
        ("https://idp/?SAMLRequest=AAAA", {}),
    ],
)  # fmt: skip
def test_directions(location: str | None, directions: dict[str, str]) -> None:
    assert read_directions(location) == directions
