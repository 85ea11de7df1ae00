"""A live user pool as a `UserSource`: decides how it is read; calls, pages and threads are its neighbours'."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing

from engine.cognito.app_clients import read_writable_attributes
from engine.cognito.aws_errors import translate
from engine.cognito.calls import FIRST_CONTACT_TRIES, PacedCalls
from engine.cognito.factors import AuthFactors
from engine.cognito.groups import read_groups
from engine.cognito.identity_providers import read_identity_providers
from engine.cognito.listing import PoolListing
from engine.cognito.pacing import Pacer
from engine.cognito.prefixes import PREFIXES, lost_by_prefixes, prove_prefixes
from engine.model.exchanges import Trace, untraced
from engine.model.groups import Group, WritableAttributes
from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile
from engine.model.ports import SourceDescription
from engine.model.side_by_side import ReadingStop, Sleep, read_side_by_side
from engine.model.users import SourceUser
from engine.model.waits import Tell, tell_nobody
from engine.plan_file.model import CognitoSource

WORKERS = len(PREFIXES)

# Sixteen chains cost a few requests more than one and only pay from about twenty pages on. The estimate says which;
# it may be stale, so a pool that has not ended by then is cut whatever it says.
_CUT_AFTER = 4
_CUT_AT_LAST = 20
_WORTH_CUTTING = 1200

_FAR_APART = 0.20
_FAR_APART_USERS = 100


class CognitoUserPool:
    """Reads one pool, in sixteen chains by the sub's first digit where the pool proves to support that, else in one.

    A record is given once, with two exceptions: a chain whose token was refused starts again, and a pool whose
    filters turn out to lose users is read again without them. Consumers therefore keep one record of each sub.

    `warnings` holds, after reading, what a person should know; `chains` how many were read; `calls` what was sent.
    """

    def __init__(
        self,
        source: CognitoSource,
        *,
        workers: int = WORKERS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep | None = None,
        draw: Callable[[float, float], float] = random.uniform,
        tell: Tell = tell_nobody,
        pacer: Pacer | None = None,
        trace: Trace = untraced,
    ) -> None:
        self._source = source
        self._workers = workers
        self._trace = trace
        self._sleep = sleep
        self._listing: PoolListing | None = None
        self._opening = threading.Lock()
        self._profiled: tuple[PoolProfile | None] | None = None
        self.pacer = pacer or Pacer(source.requests_per_second, clock=clock)
        self.calls = PacedCalls(source, self.pacer, sleep=sleep or time.sleep, draw=draw, tell=tell, trace=trace)
        self.warnings: list[str] = []
        self.chains = 0

    def describe(self) -> SourceDescription:
        """The pool's name and estimated size: one DescribeUserPool; where only that is denied, one ListUsers."""
        found = self.profile()
        called = f' "{found.name}"' if found and found.name else ""
        return SourceDescription(
            label=f"user pool {self._source.user_pool_id}{called} ({self._source.region})",
            pool_id=self._source.user_pool_id,
            estimated_users=found.estimated_users if found else None,
            passwordless=found.passwordless if found else None,
        )

    def profile(self) -> PoolProfile | None:
        """One DescribeUserPool, asked for once; None where only that is denied."""
        if self._profiled is None:
            self._profiled = (self._open().profile(tries=FIRST_CONTACT_TRIES),)
        return self._profiled[0]

    def group_members(self, group: str) -> Iterator[Sequence[str]]:
        """Usernames, 60 a page, under the same budget of requests."""
        return iter(self._open().group_members(group))

    def groups(self) -> Sequence[Group]:
        """Every group of the pool, by name; under a quota of their own."""
        return read_groups(self._source, trace=self._trace)

    def writable_attributes(self) -> WritableAttributes | None:
        """What any app client lets users write; None where the credentials may not read app clients."""
        return read_writable_attributes(self._source, trace=self._trace)

    def identity_providers(self) -> Sequence[IdentityProvider]:
        """Every provider of the pool, by name; under a quota of their own."""
        return read_identity_providers(self._source, trace=self._trace)

    def factors(self) -> AuthFactors:
        """AdminGetUserAuthFactors, under a quota of its own."""
        return AuthFactors(self._source, trace=self._trace)

    def pages(self) -> Iterator[Sequence[SourceUser]]:
        """Every record, in pages of at most 60; closing the iterator stops the reading."""
        estimate = self.describe().estimated_users
        stop = ReadingStop(self._sleep)
        self.warnings.clear()
        try:
            read = yield from self._read(self._open(), stop, estimate)
        finally:
            stop.set()
        self._hold_against(estimate, read)

    def _read(
        self, listing: PoolListing, stop: ReadingStop, estimate: int | None
    ) -> Generator[Sequence[SourceUser], None, int]:
        """Gives the pages and returns how many users there were."""
        cut_after = _CUT_AFTER if estimate is None or estimate > _WORTH_CUTTING else _CUT_AT_LAST
        self.chains = 1
        whole = listing.users(stop.sleep)
        witnesses: dict[str, str] = {}  # sub: username, of users seen without a filter
        pages = iter(whole)
        for number, page in enumerate(pages, 1):
            yield page
            if number > cut_after:
                continue
            witnesses.update((user.sub, user.username) for user in page)
            if number == cut_after and not whole.ended and prove_prefixes(listing, witnesses, stop.sleep):
                read = yield from self._read_cut(listing, stop, witnesses)
                if read is not None:
                    return read
                # The single chain goes on from where it stood; what the others gave comes again.
                self.chains = 1
        return whole.delivered

    def _read_cut(
        self, listing: PoolListing, stop: ReadingStop, witnesses: Mapping[str, str]
    ) -> Generator[Sequence[SourceUser], None, int | None]:
        """Gives the pages of all prefixes but for the witnesses; returns the number, None where users are lost."""
        self.chains = len(PREFIXES)
        missing = dict(witnesses)
        # Its own stop: the single chain may have to go on after this one.
        own = ReadingStop(self._sleep)
        chains = [listing.users(own.sleep, prefix=prefix) for prefix in PREFIXES]
        with closing(read_side_by_side(chains, workers=self._workers, stop=own)) as pages:
            for page in pages:
                fresh = [user for user in page if user.sub not in witnesses]
                if len(fresh) < len(page):
                    for user in page:
                        missing.pop(user.sub, None)
                if fresh:
                    yield fresh
        if lost_by_prefixes(listing, missing, stop.sleep):
            self.warnings.append(
                "the pool's filters by sub do not find every user; it was read again without them, which is slower"
            )
            return None
        return sum(chain.delivered for chain in chains)

    def _hold_against(self, estimate: int | None, read: int) -> None:
        if estimate is None:
            return
        apart = abs(estimate - read)
        if apart > _FAR_APART_USERS and apart > _FAR_APART * max(estimate, read):
            self.warnings.append(
                f"{read:,} users were read, but Cognito estimates {estimate:,}; "
                "compare them with the count in the AWS console before you rely on this being everybody"
            )

    def _open(self) -> PoolListing:
        from botocore.exceptions import BotoCoreError, ClientError

        from engine.cognito.aws_session import open_client

        with self._opening:
            if self._listing is None:
                try:
                    client = open_client(self._source, connections=self._workers + 1)
                except (BotoCoreError, ClientError, ValueError) as error:
                    # ValueError: botocore's word for an endpoint that is no address.
                    raise translate(error, "cognito-idp:ListUsers", self._source) from error
                self._listing = PoolListing(client, self._source.user_pool_id, self.calls)
            return self._listing
