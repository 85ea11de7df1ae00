"""Groups and app clients of a pool: pages, refusals, and what an app client without a list lets its users write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engine.cognito.pool import CognitoUserPool
from engine.model.errors import SourceError
from engine.model.groups import Group, WritableAttributes
from engine.plan_file.model import CognitoSource
from tests.support.cognito import REGION, StandIn, serving

Open = Callable[..., CognitoUserPool]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with serving(StandIn([])) as served:
        yield served


def test_groups_sixty_a_page_and_each_once(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.groups = {f"group-{at:03}": [] for at in range(150)}
    stand_in.precedence = {"group-000": 0}
    stand_in.faults.expire_tokens = 1
    found = open_pool(stand_in).groups()
    assert found == [Group("group-000", 0), *(Group(f"group-{at:03}") for at in range(1, 150))]
    # Two pages whose second was refused, and three again.
    assert len(stand_in.operations("ListGroups")) == 5


def test_a_pool_without_groups(stand_in: StandIn, open_pool: Open) -> None:
    assert open_pool(stand_in).groups() == []


def test_group_lists_in_a_circle_end(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.groups, stand_in.faults.repeat_token = {f"g{at}": [] for at in range(150)}, True
    with pytest.raises(SourceError) as caught:
        open_pool(stand_in).groups()
    assert caught.value.code == "token_loop"


@pytest.mark.parametrize("what", ["groups", "writable_attributes"])
def test_an_answer_without_the_list_is_no_empty_list(stand_in: StandIn, open_pool: Open, what: str) -> None:
    stand_in.faults.no_users_key = True
    with pytest.raises(SourceError) as caught:
        getattr(open_pool(stand_in), what)()
    assert caught.value.code == "bad_answer"


def test_groups_that_may_not_be_listed_name_the_right(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.faults.deny = frozenset({"ListGroups"})
    with pytest.raises(SourceError, match="cognito-idp:ListGroups") as caught:
        open_pool(stand_in).groups()
    assert caught.value.code == "access_denied"


@pytest.mark.parametrize("what", ["groups", "writable_attributes"])
def test_a_pool_that_is_not_there(stand_in: StandIn, open_pool: Open, what: str) -> None:
    stand_in.faults.no_pool = True
    with pytest.raises(SourceError) as caught:
        getattr(open_pool(stand_in), what)()
    assert caught.value.code == "pool_not_found"


@pytest.mark.parametrize("what", ["groups", "writable_attributes"])
def test_without_credentials(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(SourceError) as caught:
        getattr(CognitoUserPool(CognitoSource(f"{REGION}_A", REGION)), what)()
    assert caught.value.code == "no_credentials"


@pytest.mark.parametrize("listed", [None, []])
def test_a_client_without_a_list_lets_users_write_everything(
    stand_in: StandIn, open_pool: Open, listed: list[str] | None
) -> None:
    stand_in.clients = {"a": ["name"], "b": listed, "c": ["custom:x"]}
    found = open_pool(stand_in).writable_attributes()
    assert found == WritableAttributes({"name": "a"}, "b")
    assert [found.client_for(one) for one in ("name", "custom:x", "email", "custom:other")] == ["a", "b", "b", "b"]
    # The third client could add nothing.
    assert len(stand_in.operations("DescribeUserPoolClient")) == 2


@pytest.mark.parametrize(
    "name", ["sub", "identities", "email_verified", "phone_number_verified", "dev:tenant", "dev:custom:tenant"]
)
def test_nobody_writes_what_is_cognitos_own(name: str) -> None:
    assert WritableAttributes({"name": "a"}, "b").client_for(name) is None
    # Unless a client says otherwise: it must know.
    assert WritableAttributes({name: "a"}).client_for(name) == "a"


def test_many_clients_each_counts(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.clients = {f"client-{at:03}": [f"custom:a{at}"] for at in range(130)}
    found = open_pool(stand_in).writable_attributes()
    assert found is not None and found.all_by is None
    assert dict(found.by) == {f"custom:a{at}": f"client-{at:03}" for at in range(130)}


def test_no_client_lets_nobody_write(stand_in: StandIn, open_pool: Open) -> None:
    found = open_pool(stand_in).writable_attributes()
    assert found == WritableAttributes()
    assert found.client_for("custom:tenant") is None


def test_a_client_that_is_gone_by_now_is_none(stand_in: StandIn, open_pool: Open) -> None:
    stand_in.clients, stand_in.faults.lose = {"a": None, "b": ["name"]}, frozenset({"a"})
    assert open_pool(stand_in).writable_attributes() == WritableAttributes({"name": "b"})


@pytest.mark.parametrize("denied", ["ListUserPoolClients", "DescribeUserPoolClient"])
def test_clients_that_may_not_be_read_are_unknown(stand_in: StandIn, open_pool: Open, denied: str) -> None:
    stand_in.clients, stand_in.faults.deny = {"a": ["name"]}, frozenset({denied})
    assert open_pool(stand_in).writable_attributes() is None
