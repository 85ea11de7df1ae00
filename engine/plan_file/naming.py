"""Finds every Cognito attribute that a plan file names: in mappings, templates, filters, organizations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.model.attribute_names import is_attribute
from engine.plan_file.checks.names import PLACEHOLDER
from engine.plan_file.fault import Key
from engine.plan_file.pools import written_pools
from engine.plan_file.references import Opaque
from engine.plan_file.section import entries, known_items, section
from engine.plan_file.written_attribute import NamedIn

# In a template it is the user pool's ID.
_POOL = "pool"


@dataclass(frozen=True, slots=True)
class Naming:
    """One attribute's name at one key; the rest as in `WrittenAttribute`."""

    key: Key
    name: str
    named_in: NamedIn
    pools: tuple[int, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class _Section:
    """A section of the plan or of one pool, and for which pools each of its keys counts."""

    key: Key
    data: Mapping[str, Any]
    own: int | None
    pools: tuple[Mapping[str, Any], ...]  # the same section of each pool

    def counts_for(self, name: str) -> tuple[int, ...]:
        """Positions of the pools that take this key from here."""
        if self.own is not None:
            return (self.own,)
        return tuple(at for at, one in enumerate(self.pools) if name not in one)


def find_names(data: Mapping[str, Any]) -> Iterator[Naming]:
    """Every name in the plan's data; defaults are not written and not found."""
    for one in _sections(data, "attributes"):
        for name, mapping in one.data.items():
            if name != "metadata":
                yield from _of_mapping((*one.key, name), mapping, one.counts_for(name))
        for name, mapping in section(one.data, "metadata").items():
            yield from _of_mapping((*one.key, "metadata", name), mapping, one.counts_for("metadata"))
    for one in _sections(data, "filters"):
        yield from _of_tests(one.key, one.data, one.counts_for("attributes"))
    every = tuple(range(len(list(written_pools(data)))))
    # Cohorts are about people, and the same for all pools.
    for at, cohort in entries(section(data, "filters"), "cohorts"):
        yield from _of_tests(("filters", "cohorts", at), cohort, every)
    organizations = section(data, "organizations").get("attribute")
    if _is_attribute(organizations):
        yield Naming(("organizations", "attribute"), str(organizations), "organizations", every)


def _sections(data: Mapping[str, Any], name: str) -> Iterator[_Section]:
    pools = list(written_pools(data))
    mine = tuple(section(pool, name) for _, pool in pools)
    yield _Section((name,), section(data, name), None, mine)
    for at, (key, _) in enumerate(pools):
        yield _Section((*key, name), mine[at], at, mine)


def _of_tests(key: Key, tests: Mapping[str, Any], pools: tuple[int, ...]) -> Iterator[Naming]:
    for at, test in entries(tests, "attributes"):
        name = test.get("name")
        if _is_attribute(name):
            yield Naming((*key, "attributes", at, "name"), str(name), "filter", pools)


def _of_mapping(key: Key, mapping: Any, pools: tuple[int, ...]) -> Iterator[Naming]:
    if not isinstance(mapping, Mapping):
        found: list[tuple[Key, Any]] = [(key, mapping)]
        optional = False
    else:
        found = [((*key, "from"), mapping.get("from")), ((*key, "split"), mapping.get("split"))]
        found += [((*key, "from", at), name) for at, name in _listed(mapping)]
        template = mapping.get("template")
        if isinstance(template, str) and not isinstance(template, Opaque):
            found += [((*key, "template"), name) for name in PLACEHOLDER.findall(template) if name != _POOL]
        optional = mapping.get("optional") is True
    yield from (Naming(at, str(name), "mapping", pools, optional) for at, name in found if _is_attribute(name))


def _listed(mapping: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    if isinstance(mapping.get("from"), list):
        yield from known_items(mapping, "from")


def _is_attribute(name: Any) -> bool:
    return isinstance(name, str) and not isinstance(name, Opaque) and is_attribute(name)
