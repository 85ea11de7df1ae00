"""The probe: no private address, no redirect, little read, not for long; and what it connects to is what it judged."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from engine.oauth.ports import ProbeFailed
from engine.targets import provider_probe
from engine.targets.provider_probe import CheckedResolver, HttpsProbe, is_public
from tests.support.oauth_provider import Provider, oauth_provider


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with oauth_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(served: Provider) -> Provider:
    served.behaviour.__init__()  # type: ignore[misc]
    return served


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("192.0.2.1", False),
        ("::1", False), ("::", False), ("fe80::1%eth0", False), ("fd00:ec2::254", False), ("ff02::1", False),
        ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True), ("::ffff:a9fe:a9fe", False),
        ("64:ff9b::a9fe:a9fe", False), ("64:ff9b::808:808", True), ("2002:a9fe:a9fe::1", False),
        ("nonsense", False),
    ],
)  # fmt: skip
def test_which_addresses_are_everybodys(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://accounts.google.com/", "not_https"),
        ("ftp://accounts.google.com/", "not_https"),
        ("https://127.0.0.1/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://[::ffff:10.0.0.1]/", "private_address"),
        ("https://169.254.169.254/latest/meta-data/", "private_address"),
        ("https://127.1/", "private_address"),  # what a resolver makes of short and odd figures
        ("https://2130706433/", "private_address"),
        ("https://0x7f000001/", "private_address"),
        ("https://localhost/", "private_address"),
        ("https:///nowhere", "bad_discovery"),
        ("https://user:pw@example.com/", "bad_discovery"),
        ("https://example.com:99999/", "bad_discovery"),
        ("https://no-such-host.invalid/", "unreachable"),
    ],
)
async def test_who_is_not_asked(url: str, code: str) -> None:
    with pytest.raises(ProbeFailed) as caught:
        await HttpsProbe().get(url)
    assert caught.value.code == code


async def test_an_allowed_host_is_asked(provider: Provider) -> None:
    probe = HttpsProbe(["localhost"], context=provider.context())
    answer = await probe.get(f"{provider.issuer}/.well-known/openid-configuration")
    assert (answer.status, answer.location) == (200, None)
    with pytest.raises(ProbeFailed, match="private_address"):
        await probe.get(provider.issuer.replace("localhost", "127.0.0.1"))  # not the name that was allowed


async def test_a_certificate_of_nobody_is_refused(provider: Provider) -> None:
    with pytest.raises(ProbeFailed, match="unreachable"):
        await HttpsProbe(["localhost"]).get(provider.issuer)


async def test_redirects_are_not_followed(provider: Provider) -> None:
    provider.behaviour.redirects = True
    answer = await HttpsProbe(["localhost"], context=provider.context()).get(f"{provider.issuer}/authorize")
    assert answer.status == 302
    assert answer.location == f"{provider.issuer}/authorize"
    assert len(provider.behaviour.seen) == 1


async def test_no_more_than_64_kb_are_read(provider: Provider) -> None:
    provider.behaviour.huge = True
    answer = await HttpsProbe(["localhost"], context=provider.context()).get(provider.issuer)
    assert len(answer.body) == 65_536


async def test_it_waits_for_so_long(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_probe, "TIMEOUT_S", 0.2)
    provider.behaviour.slow_s = 2
    with pytest.raises(ProbeFailed, match="timeout"):
        await HttpsProbe(["localhost"], context=provider.context()).get(provider.issuer)


async def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(ProbeFailed, match="private_address"):
        await CheckedResolver(()).resolve("login.acme.com", 443)


async def test_the_address_that_was_judged_is_the_one_connected_to(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is judged and private a moment later (DNS rebinding) leads nowhere."""
    looked_up = _resolve_to(monkeypatch, ["8.8.8.8"], then=["127.0.0.1"])
    connected: list[str] = []

    async def refuse(self: Any, *arguments: Any, addr_infos: list[Any], **_: Any) -> Any:
        connected.extend(info[4][0] for info in addr_infos)
        raise OSError("not in tests")

    monkeypatch.setattr("aiohttp.connector.TCPConnector._wrap_create_connection", refuse)
    with pytest.raises(ProbeFailed, match="unreachable"):
        await HttpsProbe(context=provider.context()).get("https://login.acme.com/")
    assert looked_up == ["login.acme.com"]
    assert connected == ["8.8.8.8"]


async def test_proxies_of_the_environment_are_not_used(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    probe = HttpsProbe(["localhost"], context=provider.context())
    assert (await probe.get(f"{provider.issuer}/.well-known/openid-configuration")).status == 200


def _resolve_to(monkeypatch: pytest.MonkeyPatch, first: list[str], then: list[str] | None = None) -> list[str]:
    """What names lead to; gives the list of names that were looked up."""
    looked_up: list[str] = []

    async def getaddrinfo(_self: Any, host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        found = first if len(looked_up) == 1 or then is None else then
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", getaddrinfo)
    return looked_up
