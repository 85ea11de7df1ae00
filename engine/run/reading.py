"""The pools into a snapshot: read, filtered, mapped, decisions held against them, one person an address."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import count

from engine.model.errors import GuardRefused, Interrupted
from engine.model.keys import user_key
from engine.model.ports import Progress, shown_to_nobody
from engine.plan_file.model import Pool, Spec
from engine.plan_file.providers import providers_with
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.coverage import names_read
from engine.resources.users.mapper import Mapper, Mappers
from engine.run.identity import decision_key
from engine.run.placing import Placing
from engine.run.results import SourceCounts
from engine.run.sources import Sources
from engine.snapshot import ingest
from engine.snapshot.decisions import leave_skipped
from engine.snapshot.ingest import Ingest, read_pages
from engine.snapshot.people import merge_people
from engine.snapshot.traits import Traits


@dataclass(frozen=True, slots=True)
class Watch:
    """How a long preparation is watched and ended: progress by stage, and whether somebody wants it to stop."""

    reading: Progress
    listing: Progress
    stopping: Callable[[], bool]
    planning: Progress = shown_to_nobody

    def check(self, doing: str) -> None:
        """Raise Interrupted where somebody does."""
        if self.stopping():
            raise Interrupted(f"interrupted while {doing}; nothing was changed", remedy="run again")


@dataclass(frozen=True, slots=True)
class People:
    """Who was read. `merged` are the records that were merged into another with the same address."""

    mappers: Mappers
    fingerprints: Fingerprints
    source: SourceCounts
    merged: int
    traits: Mapping[str, Traits]  # what their records show, by the pool's key
    placing: Placing | None = None  # where the plan has organizations


def check_selected(spec: Spec, source: SourceCounts) -> None:
    """A plan that selects nobody of a pool that has users looks done and is not. Raises GuardRefused."""
    for pool in spec.pools:
        counts = source.pools.get(pool.name, source)
        if counts.selected or not counts.seen or pool.filters.allow_empty:
            continue
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.filtered.items()))
        which = f" of pool {pool.name}" if source.pools else ""
        raise GuardRefused(
            f"the plan selects nobody of {counts.seen:,} users{which} ({reasons})",
            remedy="correct filters; if that is meant, write filters.allow_empty: true",
            code="nobody_selected",
        )


def read_people(
    spec: Spec,
    sources: Sources,
    connection: sqlite3.Connection,
    key: bytes,
    watch: Watch,
    purged: Container[str] = (),
) -> People:
    """Fill an empty snapshot; blocking. `purged` holds keys of users who were erased.

    Raises SourceError, DecisionsMisfit and Interrupted.
    """
    mappers = Mappers({one.key: _mapper(spec, one) for one in spec.pools})
    fingerprints = Fingerprints(key)

    def progress(seen: int) -> None:
        watch.check("reading")
        watch.reading(seen)

    ids, readers = count(1), dict[str, Ingest]()
    described = sources.describe_each()
    placing = Placing.of(spec, sources, connection)
    for number, one in enumerate(sources.pools):
        place = placing.of_pool(one.pool.key) if placing is not None else None
        reader = readers[one.pool.key] = Ingest(
            connection,
            filters=one.pool.filters,
            mapper=mappers.of(user_key(one.pool.key, "")),
            fingerprints=fingerprints,
            skip_providers=providers_with(spec.providers, "skip"),
            reset_providers=providers_with(spec.providers, "password_reset"),
            pool=one.pool.key,
            place=place.place if place is not None else None,
            ids=ids,
            number=number,
            names=names_read(one.pool.attributes) | {name.name for name in spec.written_attributes},
            purged=purged,
        )
        with sources.naming(one):
            reader.begin(
                one.source,
                inline_groups=not described[one.pool.key].live,
                progress=progress,
                placing=place.groups if place is not None else None,
            )
    with closing(sources.pages()) as pages:
        by_reader = ((readers[one.pool.key], page) for one, page in pages)
        read_pages(connection, by_reader, list(readers.values()), progress)
    key_of = decision_key(spec)
    leave_skipped(connection, spec.decisions, str(spec.path), key_of=key_of)
    merge_people(
        connection,
        duplicates=spec.duplicates,
        mappers=mappers,
        fingerprints=fingerprints,
        decided={key_of(one) for one in spec.decisions if one.action == "primary"},
    )
    if placing is not None:
        placing.settle()
    traits = {pool: reader.traits for pool, reader in readers.items()}
    counts, merged = _counts(connection, sources), ingest.count_merged(connection)
    return People(mappers, fingerprints, counts, merged, traits, placing)


def _mapper(spec: Spec, pool: Pool) -> Mapper:
    return Mapper(
        pool.attributes,
        spec.destination.limits,
        trusted_providers=spec.trusted_providers,
        pool=pool.key,
        placeholder=spec.placeholder if spec.no_email == "placeholder" else None,
    )


def _counts(connection: sqlite3.Connection, sources: Sources) -> SourceCounts:
    pools = {name: SourceCounts(*ingest.counts_of_pool(connection, pool)) for pool, name in sources.names.items()}
    return SourceCounts(*ingest.counts(connection), pools)
