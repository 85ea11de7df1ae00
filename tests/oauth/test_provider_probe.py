"""The probe: no private address, no redirect, little read, not for long; and what it connects to is what it judged."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from engine.network.hosts import NoHost, is_public, normalise_host
from engine.oauth.ports import ProbeFailed
from engine.probe import provider_probe
from engine.probe.provider_probe import CheckedResolver, HttpsProbe
from tests.support.oauth_provider import Provider, oauth_provider
from tests.support.proxy import connect_proxy


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
        ("nonsense", False), ("::127.0.0.1", False), ("::8.8.8.8", False), ("fec0::1", False), ("64:ff9b:1::1", False),
        ("2001:0:808:808::1", False), ("2001:20::1", False), ("2002:808:808::1", False), ("3fff::1", False),
        ("5f00::1", False), ("100::1", False), ("4000::1", False), ("2001:db8::1", False),
        ("192.0.0.9", False), ("192.0.0.192", False), ("192.88.99.1", False), ("198.18.0.1", False),
        ("203.0.113.7", False), ("240.0.0.1", False), ("100.100.100.200", False), ("168.63.129.16", False),
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
        ("https://0177.0.0.1/", "private_address"),
        ("https://127.0.0.1./", "private_address"),
        ("https://\uff11\uff12\uff17.0.0.1/", "private_address"),
        ("https://127\u30020\uff0e0\uff611/", "private_address"),
        ("https://169.254.43518/", "private_address"),
        ("https://[::ffff:7f00:1]/", "private_address"),
        ("https://[::127.0.0.1]/", "private_address"),
        ("https://[fe80::1%25lo]/", "bad_discovery"),
        ("https://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/", "private_address"),
        ("https://localhost./", "private_address"),
        ("https://256.1.1.1/", "bad_discovery"),
        ("https://a..example/", "bad_discovery"),
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


@pytest.mark.parametrize(
    ("written", "read"),
    [("B\u00fccher.example", "xn--bcher-kva.example"), ("ACME.com.", "acme.com"), ("acme\u3002com", "acme.com"),
     ("0x8.8.2056", "8.8.8.8"), ("::FFFF:8.8.8.8", "8.8.8.8"), ("2606:4700:0::1111", "2606:4700::1111")],
)  # fmt: skip
def test_one_form_for_all_ways_to_write_a_host(written: str, read: str) -> None:
    assert normalise_host(written) == read


@pytest.mark.parametrize("host", ["", ".", "a b", "a/b", "1.2.3.4.5", "08.1", "9" * 5000, "x" * 300, "\ud800"])
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(NoHost):
        normalise_host(host)


async def test_an_allowed_host_in_another_form(provider: Provider) -> None:
    url = f"{provider.issuer.replace('localhost', 'LOCALHOST')}/.well-known/openid-configuration"
    assert (await HttpsProbe(["Localhost."], context=provider.context()).get(url)).status == 200


async def test_a_proxy_is_told_the_address_that_was_judged(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own look-up could come out otherwise; certificate and Host are the name's."""
    _resolve_to(monkeypatch, ["8.8.8.8"])
    port = int(provider.issuer.rpartition(":")[2])
    with connect_proxy({"8.8.8.8": port, "login.acme.test": port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        probe = HttpsProbe(context=provider.context())
        answer = await probe.get("https://login.acme.test/.well-known/openid-configuration")
        assert answer.status == 200 and proxy.asked == ["8.8.8.8:443"]
        # A host that the plan allows may be one that only the proxy can look up.
        probe = HttpsProbe(["login.acme.test"], context=provider.context())
        assert (await probe.get("https://login.acme.test/.well-known/openid-configuration")).status == 200
        assert proxy.asked[1:] == ["login.acme.test:443"]


async def test_a_proxy_leads_to_no_private_address(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, ["10.0.0.1"])
    with connect_proxy({}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for host in ("login.acme.test", "10.0.0.1", "0xa.1"):
            with pytest.raises(ProbeFailed, match="private_address"):
                await HttpsProbe(context=provider.context()).get(f"https://{host}/")
        assert proxy.asked == []


async def test_no_proxy_counts(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """And this machine's own services are never asked for through a proxy."""
    with connect_proxy({}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        probe = HttpsProbe(["localhost"], context=provider.context())
        assert (await probe.get(f"{provider.issuer}/.well-known/openid-configuration")).status == 200
        monkeypatch.setenv("NO_PROXY", ".acme.test")
        _resolve_to(monkeypatch, ["10.0.0.1"])
        with pytest.raises(ProbeFailed, match="private_address"):
            await HttpsProbe().get("https://login.acme.test/")
        assert proxy.asked == []


def _resolve_to(monkeypatch: pytest.MonkeyPatch, first: list[str], then: list[str] | None = None) -> list[str]:
    """What names lead to; gives the list of names that were looked up."""
    looked_up: list[str] = []

    async def getaddrinfo(_self: Any, host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        found = first if len(looked_up) == 1 or then is None else then
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr("asyncio.base_events.BaseEventLoop.getaddrinfo", getaddrinfo)
    return looked_up
