"""The plan's user pools as one source: read side by side, told apart by name, asked together. Opens nothing itself."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby

from engine.model.errors import SourceError
from engine.model.identity_providers import IdentityProvider
from engine.model.keys import split_user_key
from engine.model.pool_profile import PoolProfile
from engine.model.ports import FactorReader, SourceDescription, UserSource
from engine.model.side_by_side import ReadingStop, read_side_by_side
from engine.model.users import SourceUser
from engine.plan_file.model import Pool, Spec


@dataclass(frozen=True, slots=True)
class PoolSource:
    """One pool of the plan, and where its users come from."""

    pool: Pool
    source: UserSource


class Sources:
    """All pools of a plan, in its order. What they raise and warn of names the pool where there are several."""

    def __init__(self, pools: Sequence[PoolSource]) -> None:
        self.pools = tuple(pools)
        self.names = pool_names([one.pool for one in pools])
        self._described: dict[str, SourceDescription] = {}

    @classmethod
    def of(cls, spec: Spec, *sources: UserSource) -> Sources:
        """The plan's pools with these sources, in the plan's order."""
        return cls([PoolSource(pool, source) for pool, source in zip(spec.pools, sources, strict=True)])

    @property
    def several(self) -> bool:
        """Whether users have to be told apart by pool."""
        return len(self.pools) > 1

    def label(self, pool: str, provider: str) -> str:
        """What a provider of the pool with this ID is called where several pools may each have one of that name."""
        return f"{self.names[pool]}/{provider}" if self.several else provider

    def label_of_record(self, key: str, provider: str) -> str:
        """The same for a provider of the user with this key."""
        return self.label(split_user_key(key)[0], provider) if self.several else provider

    @property
    def warnings(self) -> list[str]:
        """See the port."""
        return [
            f"pool {one.pool.name}: {text}" if self.several else text
            for one in self.pools
            for text in one.source.warnings
        ]

    def describe_each(self) -> Mapping[str, SourceDescription]:
        """Every pool, by user pool ID; each is contacted once. Raises SourceError."""
        for one in self.pools:
            if one.pool.key not in self._described:
                with self.naming(one):
                    self._described[one.pool.key] = one.source.describe()
        return self._described

    def describe(self) -> SourceDescription:
        """All of them as one. Raises SourceError."""
        every = list(self.describe_each().values())
        if len(every) == 1:
            return every[0]
        sizes = [one.estimated_users for one in every]
        may = [one.passwordless for one in every]
        return SourceDescription(
            label=f"{len(every)} pools",
            pool_id=None,
            estimated_users=None if None in sizes else sum(size or 0 for size in sizes),
            passwordless=True if True in may else None if None in may else False,
            live=any(one.live for one in every),
        )

    def pages(self) -> Generator[tuple[PoolSource, Sequence[SourceUser]], None, None]:
        """Pages of all pools as they come, each with its pool. Raises SourceError; closing it ends the reading."""
        if not self.several:
            (only,) = self.pools
            yield from ((only, page) for page in only.source.pages())
            return
        chains = [self._chain(one) for one in self.pools]
        with closing(read_side_by_side(chains, workers=len(chains), stop=ReadingStop())) as pages:
            yield from pages

    def profiles(self) -> Mapping[str, PoolProfile | None]:
        """Each pool's schema and settings, by user pool ID; None where they cannot be read. See the port."""
        found: dict[str, PoolProfile | None] = {}
        for one in self.pools:
            with self.naming(one):
                found[one.pool.key] = one.source.profile()
        return found

    def identity_providers(self) -> Mapping[str, Sequence[IdentityProvider] | None]:
        """Each pool's, by user pool ID; None where they cannot be asked for. Blocking; raises SourceError."""
        found: dict[str, Sequence[IdentityProvider] | None] = {}
        for one in self.pools:
            with self.naming(one):
                found[one.pool.key] = one.source.identity_providers()
        return found

    def factors(self) -> FactorReader | None:
        """What users of all pools sign in with; None where no pool can be asked."""
        readers = {one.pool.key: one.source.factors() for one in self.pools}
        found = {key: reader for key, reader in readers.items() if reader is not None}
        if not self.several:
            return next(iter(found.values()), None)
        return _FactorsOfPools(found) if found else None

    @contextmanager
    def naming(self, one: PoolSource) -> Iterator[None]:
        """Errors of this pool name it, where there are several."""
        try:
            yield
        except SourceError as error:
            if not self.several:
                raise
            raise error.of_pool(one.pool.name) from error

    def _chain(self, one: PoolSource) -> Iterator[tuple[PoolSource, Sequence[SourceUser]]]:
        with self.naming(one):
            for page in one.source.pages():
                yield one, page


class _FactorsOfPools:
    """Each user is asked for in their pool, one pool after the other: the quota is the account's."""

    def __init__(self, readers: Mapping[str, FactorReader]) -> None:
        self._readers = readers

    @property
    def per_second(self) -> int:
        """See the port."""
        return min(one.per_second for one in self._readers.values())

    def read(self, users: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
        """See the port."""
        for reader, chunk in self._by_pool(users):
            yield from reader.read(chunk)

    def passwordless(self, users: Iterable[tuple[str, str]]) -> Iterator[str]:
        """See the port."""
        for reader, chunk in self._by_pool(users):
            yield from reader.passwordless(chunk)

    def _by_pool(self, users: Iterable[tuple[str, str]]) -> Iterator[tuple[FactorReader, Iterator[tuple[str, str]]]]:
        for pool, chunk in groupby(users, key=lambda user: split_user_key(user[0])[0]):
            # Users of files cannot be asked for.
            if pool in self._readers:
                yield self._readers[pool], chunk


def pool_names(pools: Sequence[Pool]) -> Mapping[str, str]:
    """User pool ID to the plan's name for it, where a plan has several; empty where nobody has to be told apart."""
    return {one.key: one.name for one in pools} if len(pools) > 1 else {}
