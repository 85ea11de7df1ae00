"""HTTPS_PROXY, NO_PROXY and the variables for certificates, with a proxy that speaks CONNECT."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.acceptance.conftest import World
from tests.support.cli import export_source
from tests.support.cognito import invent_users
from tests.support.oauth_provider import certificate
from tests.support.proxy import connect_proxy, tls_before

HOST = "api.workos.test"  # no resolver knows it: only the proxy does


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def https(world: World, authority: tuple[Path, ssl.SSLContext]) -> Iterator[int]:
    """The port of the world's WorkOS with TLS before it; the plan names it by a host of its own."""
    with tls_before(urlsplit(world.url).port or 0, authority[1]) as port:
        lines = [json.dumps(one) + "\n" for one in invent_users(3)]
        (world.plan.parent / "users.jsonl").write_text("".join(lines), encoding="utf-8")
        world.url = f"https://{HOST}"
        world.write_plan(export_source("users.jsonl"))
        yield port


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_migration_through_a_proxy(
    world: World, https: int, authority: tuple[Path, ssl.SSLContext], variable: str
) -> None:
    with connect_proxy({HOST: https}, login="ann:pass-word") as proxy:
        ended = world.cli("apply", "plan.yaml", "--json", HTTPS_PROXY=proxy.url, **{variable: str(authority[0])})
    assert ended.code == 0, ended.said
    assert ended.json("result.v1")["users"]["created"] == 3
    assert set(proxy.asked) == {f"{HOST}:443"} and "pass-word" not in ended.said


def test_what_stands_in_the_way(world: World, https: int, authority: tuple[Path, ssl.SSLContext]) -> None:
    bundle = {"REQUESTS_CA_BUNDLE": str(authority[0])}
    with connect_proxy({HOST: https}, login="ann:pass-word") as proxy:
        without = proxy.url.replace("ann:pass-word@", "")
        refused = world.cli("plan", "plan.yaml", "--json", HTTPS_PROXY=without, **bundle)
        untrusted = world.cli("plan", "plan.yaml", "--json", HTTPS_PROXY=proxy.url)
        passed_by = world.cli("plan", "plan.yaml", "--json", HTTPS_PROXY=proxy.url, NO_PROXY=HOST, **bundle)
    socks = world.cli("plan", "plan.yaml", "--json", HTTPS_PROXY="socks5://ann:pass-word@127.0.0.1:9", **bundle)
    missing = world.cli("plan", "plan.yaml", "--json", REQUESTS_CA_BUNDLE="/nowhere.pem")
    absent = world.cli("plan", "plan.yaml", "--json", SSL_CERT_FILE="/nowhere.pem")
    ends = [refused, untrusted, passed_by, socks, missing, absent]
    assert [one.code for one in ends] == [1] * 6
    codes = [one.json("error.v1")["errors"][0]["code"] for one in ends]
    assert codes == [
        "proxy_refused", "untrusted_certificate", "unreachable", "bad_proxy", "bad_ca_bundle", "bad_ca_bundle",
    ]  # fmt: skip
    assert not any("pass-word" in one.said for one in ends)
