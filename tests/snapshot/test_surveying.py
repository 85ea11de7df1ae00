"""Finding out what a source holds: what cannot be read becomes a remark, where a plan can be drafted without it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from engine.draft.findings import Findings, GroupUse
from engine.model.errors import SourceError
from engine.model.groups import Group
from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile, SchemaAttribute
from engine.run import surveying
from engine.run.surveying import find_out
from engine.snapshot.survey import Survey
from tests.support.fake_source import FakeSource
from tests.support.people import cognito_user

PROFILE = PoolProfile("acme", 3, (SchemaAttribute("custom:plan"),), "OFF")
USERS = [cognito_user(f"s{at}", email=f"p{at}@example.com", username=f"u{at}") for at in range(3)]


@dataclass
class Refusing(FakeSource):
    """Refuses what `refused` names, with that code."""

    refused: dict[str, str] = field(default_factory=dict)

    def _ask(self, what: str) -> None:
        if what in self.refused:
            raise SourceError(f"{what} refused", remedy=f"allow {what}", code=self.refused[what])

    def groups(self) -> Sequence[Group] | None:
        self._ask("groups")
        return super().groups()

    def group_members(self, group: str) -> Iterator[Sequence[str]]:
        self._ask("group_members")
        self._ask(group)
        return super().group_members(group)

    def identity_providers(self) -> Sequence[IdentityProvider] | None:
        self._ask("identity_providers")
        return super().identity_providers()


class Factors:
    """Says that nobody but these has a password."""

    per_second = 100

    def __init__(self, *without: str, code: str = "") -> None:
        self.without, self.code = without, code
        self.asked: list[tuple[str, str]] = []

    def read(self, users: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
        raise NotImplementedError

    def passwordless(self, users: Iterable[tuple[str, str]]) -> Iterator[str]:
        if self.code:
            raise SourceError("refused", code=self.code)
        self.asked = list(users)
        yield from self.without


def found(source: FakeSource) -> Findings:
    with closing(Survey()) as survey:
        return find_out(source, survey, lambda _: None)


def test_everything() -> None:
    google = IdentityProvider("Google", "Google", client_id="id", client_secret="hidden", metadata_file="hidden")
    source = Refusing(
        USERS, {"a": ["u1"], "b": ["u1", "u2"]}, {"a": 4}, size=2, providers=[google], described_as=PROFILE
    )
    result = found(source)
    assert result.unread == ()
    assert result.census is not None
    assert (result.census.seen, source.readings) == (3, 1)
    assert result.providers == (IdentityProvider("Google", "Google", client_id="id"),)
    assert result.groups == (GroupUse("a", 1, 4), GroupUse("b", 2))
    assert result.passwordless is None


@pytest.mark.parametrize(
    ("refused", "right"),
    [
        ("groups", "cognito-idp:ListGroups"),
        ("group_members", "cognito-idp:ListUsersInGroup"),
        ("identity_providers", "cognito-idp:ListIdentityProviders and cognito-idp:DescribeIdentityProvider"),
    ],
)
def test_a_missing_right_is_named(refused: str, right: str) -> None:
    source = Refusing(USERS, {"a": ["u1"]}, described_as=PROFILE, refused={refused: "access_denied"})
    result = found(source)
    (one,) = result.unread
    assert (one.right, one.remedy, one.message) == (right, f"allow {right}", f"{refused} refused")
    assert result.census is not None
    if refused == "group_members":
        assert result.groups == (GroupUse("a"),)


def test_a_quota_that_ran_out_is_named() -> None:
    source = Refusing(USERS, described_as=PROFILE, refused={"identity_providers": "throttled"})
    (one,) = found(source).unread
    assert (one.right, one.remedy) == (None, "allow identity_providers")


def test_lost_credentials_end_it() -> None:
    for what in ("groups", "identity_providers"):
        with pytest.raises(SourceError, match="refused"):
            found(Refusing(USERS, described_as=PROFILE, refused={what: "no_credentials"}))
    with pytest.raises(SourceError, match="refused"):
        found(Refusing(USERS, {"a": []}, described_as=PROFILE, refused={"group_members": "no_credentials"}))


def test_a_pool_that_may_not_be_described() -> None:
    (one,) = found(Refusing(USERS)).unread
    assert one.right == "cognito-idp:DescribeUserPool"
    assert found(Refusing(USERS, live=False)).unread == ()


def test_users_that_may_not_be_listed_leave_the_schema() -> None:
    denied = SourceError("no", code="access_denied")
    result = found(Refusing(USERS, described_as=PROFILE, fail_after=0, error=denied))
    assert result.census is None
    assert [one.right for one in result.unread] == ["cognito-idp:ListUsers"]
    with pytest.raises(SourceError):
        found(Refusing(USERS, fail_after=0, error=denied))


def test_half_a_pool_is_none() -> None:
    with pytest.raises(SourceError):
        found(Refusing(USERS, size=1, described_as=PROFILE, fail_after=2, error=SourceError("x", code="throttled")))


def test_groups_are_counted_as_far_as_that_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "MOST_GROUPS_COUNTED", 2)
    monkeypatch.setattr(surveying, "PAGES_A_GROUP", 3)
    members = {"a": [f"u{at}" for at in range(10)], "b": [f"u{at}" for at in range(6)], "c": ["u1"]}
    source = Refusing(USERS, members, size=2, described_as=PROFILE)
    assert found(source).groups == (GroupUse("a", 6, more=True), GroupUse("b", 6), GroupUse("c"))


def test_a_group_that_was_deleted_meanwhile() -> None:
    source = Refusing(USERS, {"a": [], "b": ["u1"]}, described_as=PROFILE, refused={"a": "group_not_found"})
    result = found(source)
    assert (result.groups, result.unread) == ((GroupUse("a"), GroupUse("b", 1)), ())


PASSKEYS = PoolProfile("acme", 3, (), "OFF", ("PASSWORD", "WEB_AUTHN"))


def test_passwordless_users_are_counted_where_the_pool_has_any() -> None:
    factors = Factors("s1")
    result = found(Refusing(USERS, described_as=PASSKEYS, factor_reader=factors))
    assert result.passwordless == 1
    assert factors.asked == [("s0", "u0"), ("s1", "u1"), ("s2", "u2")]
    assert found(Refusing(USERS, described_as=PROFILE, factor_reader=factors)).passwordless is None


def test_passwordless_users_that_may_not_be_asked_for() -> None:
    result = found(Refusing(USERS, described_as=PASSKEYS, factor_reader=Factors(code="access_denied")))
    assert result.passwordless is None
    assert [one.right for one in result.unread] == ["cognito-idp:AdminGetUserAuthFactors"]


def test_too_many_to_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "MOST_ASKED_FOR_FACTORS", 2)
    factors = Factors("s1")
    result = found(Refusing(USERS, described_as=PASSKEYS, factor_reader=factors))
    assert (result.passwordless, factors.asked) == (None, [])
    assert [one.what for one in result.unread] == ["who has no password"]
