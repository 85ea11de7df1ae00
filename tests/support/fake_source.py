"""The fake of the port `UserSource`: users in memory, and failures by script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.errors import SourceError
from engine.model.groups import Group, WritableAttributes
from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile
from engine.model.ports import FactorReader, SourceDescription
from engine.model.users import SourceUser


@dataclass
class FakeSource:
    """Gives `users` in pages of `size`; `fail_after` pages it raises `error`. `closed` tells of an early end."""

    users: Sequence[SourceUser] = ()
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)  # usernames by group
    precedence: Mapping[str, int] = field(default_factory=dict)  # by group, of those that have one
    writable: WritableAttributes | None = field(default_factory=WritableAttributes)
    size: int = 60
    pool_id: str | None = "us-east-1_Fake00001"
    fail_after: int | None = None
    error: SourceError = field(default_factory=lambda: SourceError("scripted", code="scripted"))
    describe_error: SourceError | None = None
    estimate: int | None = None
    providers: Sequence[IdentityProvider] | None = None
    described_as: PoolProfile | None = None
    factor_reader: FactorReader | None = None
    live: bool = True
    closed: int = 0
    readings: int = 0

    def describe(self) -> SourceDescription:
        if self.describe_error is not None:
            raise self.describe_error
        return SourceDescription(
            label=f"fake pool {self.pool_id}", pool_id=self.pool_id, estimated_users=self.estimate, live=self.live
        )

    def profile(self) -> PoolProfile | None:
        return self.described_as

    def groups(self) -> Sequence[Group] | None:
        return [Group(name, self.precedence.get(name)) for name in sorted(self.members)] if self.live else None

    def writable_attributes(self) -> WritableAttributes | None:
        return self.writable

    def group_members(self, group: str) -> Iterator[Sequence[str]]:
        if group not in self.members:
            raise SourceError(f"no group {group!r}", code="group_not_found")
        found = self.members[group]
        return iter([found[at : at + self.size] for at in range(0, len(found), self.size)])

    def identity_providers(self) -> Sequence[IdentityProvider] | None:
        return self.providers

    def factors(self) -> FactorReader | None:
        return self.factor_reader

    def pages(self) -> Iterator[Sequence[SourceUser]]:
        self.readings += 1
        try:
            for number, at in enumerate(range(0, len(self.users), self.size)):
                if number == self.fail_after:
                    raise self.error
                yield self.users[at : at + self.size]
            if self.fail_after is not None:
                raise self.error
        except GeneratorExit:
            self.closed += 1
            raise
