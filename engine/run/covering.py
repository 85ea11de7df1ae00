"""What a plan covers of its pools, once they are read: names held against them, and figures for people."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from engine.plan_file.model import Spec
from engine.resources.users.coverage import PoolCoverage, build_coverage
from engine.run.naming import PoolNames, check_names, schema_names
from engine.run.sources import Sources
from engine.snapshot.traits import Traits, count_traits


def cover(
    spec: Spec, sources: Sources, connection: sqlite3.Connection, traits: Mapping[str, Traits]
) -> tuple[tuple[PoolCoverage, ...], tuple[str, ...]]:
    """Coverage of each pool, in the plan's order, and warnings of names that nobody fills. Blocking.

    Raises InvalidPlanFile for names that no pool can have, and SourceError.
    """
    counts = count_traits(connection, traits)
    described, profiles = sources.describe_each(), sources.profiles()
    schemas = {key: schema_names(profile) for key, profile in profiles.items()}
    warnings = check_names(
        spec,
        [
            PoolNames(one.name, schemas[one.key], counts[one.key].filled, counts[one.key].seen, described[one.key].live)
            for one in spec.pools
        ],
    )
    organizations = spec.organizations.attribute if spec.organizations.source == "attribute" else None
    coverage = (
        build_coverage(
            sources.names.get(one.key), one.attributes, counts[one.key], schemas[one.key], organizations=organizations
        )
        for one in spec.pools
    )
    return tuple(coverage), tuple(str(one) for one in warnings)
