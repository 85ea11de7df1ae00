"""`migrate oauth check` over HTTPS against a stand-in of a provider: each row in pass, fail and cannot-tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from engine.model.identity_providers import IdentityProvider
from engine.oauth.answers import Answer
from engine.oauth.checking import NOBODYS_URI, Checking
from engine.oauth.checks import Check
from engine.oauth.handling import SignsInBy, find_problems, handle
from engine.plan_file.providers import ConnectionSpec, OAuthChecks, ProviderSpec
from engine.probe.provider_probe import HttpsProbe
from tests.support.fake_workos import FakeWorkOS
from tests.support.oauth_provider import CLIENT_ID, SECRET, Provider, oauth_provider

WORKOS_URI = "https://auth.workos.com/sso/oauth/google/abc/callback"
HOST = {"https://accounts.google.com/o/oauth2/v2/auth": "/authorize", "https://oauth2.googleapis.com/token": "/token",
        "https://github.com/login/oauth/authorize": "/authorize",
        "https://github.com/login/oauth/access_token": "/token",
        "https://appleid.apple.com/auth/authorize": "/authorize"}  # fmt: skip


class Rerouted:
    """The real probe, with the providers' published endpoints on the stand-in."""

    def __init__(self, provider: Provider, *, allow: bool = True) -> None:
        self._issuer = provider.issuer
        self._probe = HttpsProbe(["localhost"] if allow else [], context=provider.context())

    async def get(self, url: str) -> Answer:
        return await self._probe.get(self._there(url))

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Answer:
        return await self._probe.post(self._there(url), form, basic=basic)

    def _there(self, url: str) -> str:
        address, _, query = url.partition("?")
        if address not in HOST:
            assert url.startswith(self._issuer), f"nobody else is asked: {url}"
            return url
        return f"{self._issuer}{HOST[address]}?{query}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with oauth_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(served: Provider) -> Provider:
    served.behaviour.__init__()  # type: ignore[misc]
    served.behaviour.redirect_uris.add(WORKOS_URI)
    return served


@pytest.fixture
def workos() -> FakeWorkOS:
    environment = FakeWorkOS()
    environment.sends("GoogleOAuth", CLIENT_ID, WORKOS_URI)
    return environment


async def checked(
    provider: Provider,
    workos: FakeWorkOS,
    *,
    found: IdentityProvider | None = None,
    plan: ProviderSpec | None = None,
    known: dict[str, str] | None = None,
    probe: bool = True,
    allow: bool = True,
    staging: bool = False,
    coming: bool = False,
    users: int = 0,
) -> dict[str, Check]:
    """The rows of one provider by check."""
    google = IdentityProvider("Google", "Google", CLIENT_ID, SECRET, ("openid", "email"))
    found = found or google
    plans = {found.name: plan or ProviderSpec(reuse_credentials=True, client_id=CLIENT_ID)}
    uses = handle([found], plans, [SignsInBy(frozenset({found.name}), False, users)] if users else ())
    checking = Checking(
        plan=plans,
        options=OAuthChecks(probe=probe, allow_hosts=("localhost",)),
        pool=[found],
        known=known or {},
        redirect_uris=workos.uris,
        sign_in=workos.sign_in,
        probe=Rerouted(provider, allow=allow),
        staging=staging,
        coming=coming,
        problems=find_problems(uses, [found.name]),
    )
    rows = await checking.run(uses)
    for row in rows:
        assert SECRET not in repr(row)
    return {row.check: row for row in rows}


def verdicts(rows: dict[str, Check]) -> dict[str, str]:
    return {name: row.verdict for name, row in rows.items()}


def code(rows: dict[str, Check], check: str) -> tuple[str, str]:
    return rows[check].verdict, rows[check].code


async def test_all_is_well(provider: Provider, workos: FakeWorkOS) -> None:
    rows = await checked(provider, workos)
    assert verdicts(rows) == dict.fromkeys(
        ["plan", "pinned_client", "workos_client", "redirect_uri", "secret", "scopes"], "pass"
    )
    # The secret goes to the token endpoint alone, in the body.
    assert all("client_secret" not in given for _, path, given in provider.behaviour.seen if path != "/token")
    assert [given["client_secret"] == SECRET for _, path, given in provider.behaviour.seen if path == "/token"] == [
        True, False,
    ]  # fmt: skip


async def test_nothing_is_asked_without_probe(provider: Provider, workos: FakeWorkOS) -> None:
    rows = await checked(provider, workos, probe=False)
    assert code(rows, "redirect_uri") == ("cannot-tell", "not_asked")
    assert WORKOS_URI in rows["redirect_uri"].message
    assert code(rows, "secret") == ("cannot-tell", "not_asked")
    assert provider.behaviour.seen == []


async def test_wrong_client_in_workos(provider: Provider, workos: FakeWorkOS) -> None:
    workos.sends("GoogleOAuth", "another", WORKOS_URI)
    assert code(await checked(provider, workos), "workos_client") == ("fail", "other_client")
    rows = await checked(provider, workos, staging=True)
    assert code(rows, "workos_client") == ("fail", "default_or_other_client")


async def test_wrong_pin(provider: Provider, workos: FakeWorkOS) -> None:
    rows = await checked(provider, workos, plan=ProviderSpec(reuse_credentials=True, client_id="other"))
    assert code(rows, "pinned_client") == ("fail", "other_client_in_pool")


async def test_unknown_client_at_the_provider(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.clients.clear()
    rows = await checked(provider, workos)
    assert code(rows, "redirect_uri") == ("fail", "client_unknown")
    assert code(rows, "secret") == ("fail", "secret_wrong")


async def test_unknown_redirect_uri(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.redirect_uris.clear()
    rows = await checked(provider, workos)
    assert code(rows, "redirect_uri") == ("fail", "redirect_uri_unknown")
    assert rows["redirect_uri"].remedy.startswith(f"add {WORKOS_URI} at the provider (Google Cloud console")
    assert rows["secret"].verdict == "pass"


async def test_a_provider_that_refuses_by_status_alone(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.page = "status"
    assert code(await checked(provider, workos), "redirect_uri") == ("pass", "redirect_uri_known")
    assert NOBODYS_URI in {given.get("redirect_uri") for _, _, given in provider.behaviour.seen}
    provider.behaviour.redirect_uris.clear()
    assert code(await checked(provider, workos), "redirect_uri") == ("cannot-tell", "answer_unclear")


async def test_a_provider_that_shows_everybody_the_same(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.page = "mute"
    assert code(await checked(provider, workos), "redirect_uri") == ("cannot-tell", "answer_unclear")


async def test_wrong_secret(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.clients[CLIENT_ID] = "made anew since"
    assert code(await checked(provider, workos), "secret") == ("fail", "secret_wrong")


async def test_a_provider_that_looks_at_the_code_first(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.code_first = True
    assert code(await checked(provider, workos), "secret") == ("cannot-tell", "secret_not_looked_at")


async def test_a_token_endpoint_of_few_words(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.token_answer = (400, b"<html>")
    assert code(await checked(provider, workos), "secret") == ("cannot-tell", "answer_unclear")


async def test_endless_redirects(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.redirects = True
    rows = await checked(provider, workos)
    assert rows["redirect_uri"].verdict == rows["secret"].verdict == "cannot-tell"
    assert len(provider.behaviour.seen) == 3  # real, control, token: none of them followed


async def test_provider_down(provider: Provider, workos: FakeWorkOS, tmp_path: Any) -> None:
    with oauth_provider(tmp_path) as gone:
        pass
    rows = await checked(gone, workos)
    assert code(rows, "redirect_uri") == code(rows, "secret") == ("cannot-tell", "unreachable")
    assert rows["redirect_uri"].message.endswith(f"WorkOS's redirect URI is {WORKOS_URI}")


async def test_a_provider_on_a_private_address(provider: Provider, workos: FakeWorkOS) -> None:
    rows = await checked(provider, workos, allow=False)
    assert code(rows, "redirect_uri") == code(rows, "secret") == ("cannot-tell", "private_address")
    assert provider.behaviour.seen == []


async def test_fewer_scopes(provider: Provider, workos: FakeWorkOS) -> None:
    workos.sends("GoogleOAuth", CLIENT_ID, WORKOS_URI, scope="openid")
    rows = await checked(provider, workos)
    assert rows["scopes"].message == "Cognito asked for email, WorkOS does not"


async def test_a_provider_that_workos_does_not_know_yet(provider: Provider, workos: FakeWorkOS) -> None:
    workos.sign_in.addresses["GoogleOAuth"] = "https://app.acme.com/cb?error=connection_invalid"
    rows = await checked(provider, workos)
    assert code(rows, "workos_client") == ("fail", "not_configured")
    assert "redirect_uri" not in rows and rows["secret"].verdict == "pass"
    workos.sign_in.addresses.clear()
    assert code(await checked(provider, workos), "workos_client") == ("cannot-tell", "no_redirect")


async def test_an_application_without_redirect_uri(provider: Provider, workos: FakeWorkOS) -> None:
    workos.uris.clear()
    assert code(await checked(provider, workos), "workos_client") == ("fail", "no_application_redirect_uri")
    rows = await checked(provider, workos, coming=True)
    assert code(rows, "workos_client") == ("cannot-tell", "no_application_redirect_uri")
    saml = IdentityProvider("Adfs", "SAML", metadata_url="https://idp/m")
    rows = await checked(provider, workos, found=saml, plan=CONNECTED)
    assert code(rows, "connection") == ("fail", "no_application_redirect_uri")


async def test_apple_keeps_its_secret(provider: Provider, workos: FakeWorkOS) -> None:
    workos.sends("AppleOAuth", CLIENT_ID, WORKOS_URI)
    apple = IdentityProvider("SignInWithApple", "SignInWithApple", CLIENT_ID, None, ("email", "name"))
    rows = await checked(provider, workos, found=apple)
    assert code(rows, "secret") == ("cannot-tell", "not_asked")
    assert rows["secret"].message.startswith("Apple's secret is signed with a private key")
    # No prompt=none there: a page for the known URI, a refusal for nobody's.
    assert code(rows, "redirect_uri") == ("pass", "redirect_uri_known")


async def test_github_speaks_no_openid(provider: Provider, workos: FakeWorkOS) -> None:
    workos.sends("GitHubOAuth", CLIENT_ID, WORKOS_URI)
    provider.behaviour.token_answer = (200, b'{"error": "incorrect_client_credentials"}')
    rows = await checked(
        provider, workos, found=IdentityProvider("GitHub", "OIDC", CLIENT_ID, SECRET, issuer="https://github.com")
    )
    assert code(rows, "secret") == ("fail", "secret_wrong")
    assert all("prompt" not in given for _, _, given in provider.behaviour.seen)


# --- OIDC and SAML connections ---------------------------------------------------------------------------------


CONNECTED = ProviderSpec(connection=ConnectionSpec("acme"))
KNOWN = {"Okta": "conn_1"}


def okta(provider: Provider) -> IdentityProvider:
    return IdentityProvider("Okta", "OIDC", CLIENT_ID, SECRET, issuer=provider.issuer)


async def test_an_oidc_connection(provider: Provider, workos: FakeWorkOS) -> None:
    workos.sends("conn_1", CLIENT_ID, WORKOS_URI)
    rows = await checked(provider, workos, found=okta(provider), plan=CONNECTED, known=KNOWN)
    assert verdicts(rows) == dict.fromkeys(["plan", "connection", "redirect_uri", "secret"], "pass")
    provider.behaviour.redirect_uris.clear()
    rows = await checked(provider, workos, found=okta(provider), plan=CONNECTED, known=KNOWN)
    assert code(rows, "redirect_uri") == ("fail", "redirect_uri_unknown")


async def test_a_connection_that_is_not_made_yet(provider: Provider, workos: FakeWorkOS) -> None:
    rows = await checked(provider, workos, found=okta(provider), plan=CONNECTED)
    assert code(rows, "connection") == ("cannot-tell", "not_created")
    assert rows["secret"].verdict == "pass" and "redirect_uri" not in rows


async def test_a_connection_of_which_workos_says_nothing(provider: Provider, workos: FakeWorkOS) -> None:
    rows = await checked(provider, workos, found=okta(provider), plan=CONNECTED, known=KNOWN, probe=False)
    assert code(rows, "connection") == ("cannot-tell", "no_directions")
    assert code(rows, "secret") == ("cannot-tell", "not_asked")


async def test_basic_authentication_where_there_is_no_other(provider: Provider, workos: FakeWorkOS) -> None:
    provider.behaviour.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
    rows = await checked(provider, workos, found=okta(provider), plan=CONNECTED)
    assert code(rows, "secret") == ("pass", "secret_right")
    assert all("client_secret" not in given for _, _, given in provider.behaviour.seen)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"token_endpoint": "https://169.254.169.254/latest/meta-data"}, "private_address"),
        ({"token_endpoint": "https://127.0.0.1:1/token"}, "private_address"),
        ({"token_endpoint": "https://[::1]/token"}, "private_address"),
        ({"token_endpoint": "http://localhost/token"}, "not_https"),
        ({"token_endpoint": "file:///etc/passwd"}, "bad_discovery"),
        ({"token_endpoint": 7}, "bad_discovery"),
        ({"token_endpoint": "https://user:pw@localhost/token"}, "bad_discovery"),
        ({"issuer": "https://another.example"}, "bad_discovery"),
    ],
)
async def test_a_discovery_document_that_leads_elsewhere(
    provider: Provider, workos: FakeWorkOS, document: dict[str, Any], expected: str
) -> None:
    provider.behaviour.discovery |= document
    found = okta(provider)
    plans = {"Okta": CONNECTED}
    checking = Checking(
        plan=plans, options=OAuthChecks(probe=True), pool=[found], known={}, redirect_uris=workos.uris,
        sign_in=workos.sign_in, probe=HttpsProbe(["localhost"], context=provider.context()), staging=False,
    )  # fmt: skip
    rows = {row.check: row for row in await checking.run(handle([found], plans, ()))}
    assert code(rows, "secret") == ("cannot-tell", expected)
    assert [path for _, path, _ in provider.behaviour.seen] == ["/.well-known/openid-configuration"]


async def test_a_discovery_document_that_is_none(provider: Provider, workos: FakeWorkOS) -> None:
    for wrong in ({"redirects": True}, {"redirects": False, "huge": True}):
        for name, value in wrong.items():
            setattr(provider.behaviour, name, value)
        rows = await checked(provider, workos, found=okta(provider), plan=CONNECTED)
        assert code(rows, "secret") == ("cannot-tell", "bad_discovery")


async def test_saml_has_no_secret(provider: Provider, workos: FakeWorkOS) -> None:
    saml = IdentityProvider("Adfs", "SAML", metadata_url="https://idp/m")
    rows = await checked(provider, workos, found=saml, plan=CONNECTED)
    assert verdicts(rows) == {"plan": "pass", "connection": "cannot-tell"}


@pytest.mark.parametrize(
    ("plan", "verdict", "expected"),
    [
        (ProviderSpec(fallback="skip"), "pass", "skip"),
        (ProviderSpec(fallback="password_reset"), "pass", "password_reset"),
        (ProviderSpec(), "fail", "error"),
    ],
)
async def test_what_workos_lacks(
    provider: Provider, workos: FakeWorkOS, plan: ProviderSpec, verdict: str, expected: str
) -> None:
    facebook = IdentityProvider("Facebook", "Facebook", "f", "s")
    rows = await checked(provider, workos, found=facebook, plan=plan, users=1)
    assert {name: code(rows, name) for name in rows} == {"plan": (verdict, expected)}
    # Without anybody who signs in with it, apply does not refuse either.
    assert (await checked(provider, workos, found=facebook, plan=plan))["plan"].verdict == "pass"


async def test_providers_that_only_one_side_knows(provider: Provider, workos: FakeWorkOS) -> None:
    found = IdentityProvider("Google", "Google", CLIENT_ID, SECRET)
    plans = {"Gogle": ProviderSpec(reuse_credentials=True)}
    for users, verdict in ((0, "pass"), (3, "fail")):
        uses = handle([found], plans, [SignsInBy(frozenset({"Google"}), True, users)] if users else ())
        checking = Checking(
            plan=plans, options=OAuthChecks(), pool=[found], known={}, redirect_uris=workos.uris,
            sign_in=workos.sign_in, probe=Rerouted(provider), staging=False, problems=find_problems(uses, ["Google"]),
        )  # fmt: skip
        rows = await checking.run(uses)
        assert [(row.provider, row.verdict, row.code) for row in rows] == [
            ("Gogle", "fail", "unknown"), ("Google", verdict, "unlisted"),
        ]  # fmt: skip
