"""What a plan covers: what users have, what becomes of it, whom each filter excludes. Words and sums, no storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.attribute_names import CAMEL_CASE_VERIFIED, OF_AN_IDENTITY
from engine.model.users import METADATA, SourceUser
from engine.plan_file.model import Attributes, FieldMapping
from engine.resources.users.lookup import attributes_read
from engine.resources.users.mapper import MappedRecord

# What a record can show, each a tuple of its kind and names.
Trait = tuple[str, ...]
HAS = "has"  # (HAS, attribute): it has a value
GIVES = "gives"  # (GIVES, field): the mapping gives a value that WorkOS takes
INVALID = "invalid"  # (INVALID, field, fault): WorkOS would not take it, which is a conflict
OMITTED = "omitted"  # (OMITTED, field, fault): the same under `when_invalid: omit`
EXCLUDED = "excluded"  # (EXCLUDED, filter)
ALONE = "alone"  # (ALONE, filter): no other filter, and nothing else, excludes the record
# Every user has it, under whatever name the record carries it.
_ALWAYS = frozenset({"sub"})
_IDENTITIES = "identities"


@dataclass(frozen=True, slots=True)
class TraitCounts:
    """How many records of one pool show each trait: of all, and of those selected. `filters` are their labels.

    `incomplete`: there are more attributes than anybody counts; those that the plan names are counted in any case.
    """

    seen: int
    selected: int
    of_all: Mapping[Trait, int]
    of_selected: Mapping[Trait, int]
    filters: tuple[str, ...] = ()
    incomplete: bool = False

    @property
    def filled(self) -> frozenset[str]:
        """Attributes that some record has."""
        return frozenset(one[1] for one, number in self.of_all.items() if one[0] == HAS and number)


@dataclass(frozen=True, slots=True)
class AttributeCoverage:
    """One attribute of the pool. `mapped_to` are fields of WorkOS, and `organizations` where it decides those.

    `in_schema` is None where nobody could read the schema.
    """

    name: str
    mapped_to: tuple[str, ...]
    filled: int  # selected records that have a value
    in_pool: int  # of all records
    in_schema: bool | None = None


@dataclass(frozen=True, slots=True)
class FieldCoverage:
    """One field of WorkOS: selected records that give it a value of their own, and those whose value is not taken.

    `filled` of `email_verified` are the records that arrive verified.
    """

    name: str
    origin: str  # attributes, template or constant, for people
    filled: int
    invalid: Mapping[str, int] = field(default_factory=dict)  # by fault: a conflict for the user
    omitted: Mapping[str, int] = field(default_factory=dict)  # by fault: the field is left out
    default: bool = False


@dataclass(frozen=True, slots=True)
class FilterCoverage:
    """One filter: records that it excludes, and those that it alone keeps from being migrated."""

    name: str
    excludes: int
    alone: int


@dataclass(frozen=True, slots=True)
class PoolCoverage:
    """What a plan covers of one pool, which is named where the plan has several.

    `schema_read`: whether its schema could be asked for.
    """

    pool: str | None
    seen: int
    selected: int
    schema_read: bool
    attributes: tuple[AttributeCoverage, ...] = ()
    fields: tuple[FieldCoverage, ...] = ()
    filters: tuple[FilterCoverage, ...] = ()
    incomplete: bool = False

    def to_json(self) -> dict[str, object]:
        """An entry of `coverage` in plan-result.v1."""
        return {
            **({"pool": self.pool} if self.pool is not None else {}),
            "seen": self.seen, "selected": self.selected,
            "schema_read": self.schema_read, "complete": not self.incomplete,
            "attributes": [
                {"name": one.name, "mapped_to": list(one.mapped_to), "filled": one.filled, "in_pool": one.in_pool,
                 "in_schema": one.in_schema}
                for one in self.attributes
            ],
            "fields": [
                {"name": one.name, "from": one.origin, "filled": one.filled, "invalid": dict(one.invalid),
                 "omitted": dict(one.omitted), "default": one.default}
                for one in self.fields
            ],
            "filters": [{"name": one.name, "excludes": one.excludes, "alone": one.alone} for one in self.filters],
        }  # fmt: skip


def attributes_had(user: SourceUser) -> tuple[str, ...]:
    """The attributes that a record has a value of."""
    values = user.attributes
    return tuple(values) if all(values.values()) else tuple(name for name, value in values.items() if value)


def fields_given(record: MappedRecord) -> tuple[str, ...]:
    """The mapped fields, but for address and flag, that a record gives a value which WorkOS takes."""
    return tuple(name for name in record.fields if name not in record.invalid)


def exceptions_of(record: MappedRecord, failed: Sequence[str], *, otherwise: bool) -> Iterator[Trait]:
    """What few records show. `failed` are the filters that one does not pass; `otherwise`: is excluded anyhow."""
    yield from ((INVALID, name, fault) for name, fault in record.invalid.items())
    yield from ((OMITTED, name, fault) for name, fault in record.omitted.items())
    yield from ((EXCLUDED, name) for name in failed)
    if len(failed) == 1 and not otherwise:
        yield (ALONE, failed[0])


def mappings_of(attributes: Attributes) -> dict[str, FieldMapping]:
    """Every field of WorkOS that the plan maps, by flat name."""
    named = {
        "email": attributes.email,
        "email_verified": attributes.email_verified,
        "first_name": attributes.first_name,
        "last_name": attributes.last_name,
        "external_id": attributes.external_id,
    }
    found = {name: one for name, one in named.items() if one is not None}
    return found | {METADATA + key: one for key, one in attributes.metadata.items()}


def names_read(attributes: Attributes) -> frozenset[str]:
    """Every attribute that the mappings read, defaults of the plan among them."""
    return frozenset(name for one in mappings_of(attributes).values() for name in _reads(one))


def build_coverage(
    pool: str | None,
    attributes: Attributes,
    counts: TraitCounts,
    schema: Iterable[str] | None,
    *,
    organizations: str | None = None,
) -> PoolCoverage:
    """Coverage of one pool; `schema` are the names of its schema, None where it could not be read.

    `organizations` is the attribute that they come from, if they do.
    """
    known = None if schema is None else frozenset(schema)
    mappings = mappings_of(attributes)
    readers: dict[str, list[str]] = {}
    for target, one in mappings.items():
        for name in _reads(one):
            readers.setdefault(name, []).append(target)
    if organizations is not None:
        readers.setdefault(organizations, []).append("organizations")
    names = counts.filled | (known or frozenset()) | (_ALWAYS if counts.seen else frozenset())
    if known is None:
        # Nobody has it, and nobody can say that the pool lacks it; the flag's other name is only read as well.
        names |= readers.keys() - {CAMEL_CASE_VERIFIED}
    return PoolCoverage(
        pool,
        counts.seen,
        counts.selected,
        known is not None,
        tuple(
            AttributeCoverage(
                name,
                tuple(readers.get(name, ())),
                counts.selected if name in _ALWAYS else counts.of_selected.get((HAS, name), 0),
                counts.seen if name in _ALWAYS else counts.of_all.get((HAS, name), 0),
                None if known is None else name in known,
            )
            for name in sorted(names)
        ),
        tuple(_field(name, one, counts.of_selected) for name, one in mappings.items()),
        tuple(
            FilterCoverage(one, counts.of_all.get((EXCLUDED, one), 0), counts.of_all.get((ALONE, one), 0))
            for one in counts.filters
        ),
        counts.incomplete,
    )


def _field(name: str, mapping: FieldMapping, counts: Mapping[Trait, int]) -> FieldCoverage:
    origin = mapping.template or ", ".join((*mapping.sources, *((mapping.split,) if mapping.split else ())))
    return FieldCoverage(
        name,
        "a constant" if mapping.constant is not None else origin,
        counts.get((GIVES, name), 0),
        _faults(counts, INVALID, name),
        _faults(counts, OMITTED, name),
        mapping.default is not None,
    )


def _reads(mapping: FieldMapping) -> tuple[str, ...]:
    sources = (*mapping.sources, *((mapping.split,) if mapping.split else ()))
    read = attributes_read((_IDENTITIES if one in OF_AN_IDENTITY else one for one in sources), mapping.template)
    if mapping.template and any(f"{{{one}}}" in mapping.template for one in OF_AN_IDENTITY):
        read = (*read, _IDENTITIES)
    return tuple(dict.fromkeys(read))


def _faults(counts: Mapping[Trait, int], kind: str, name: str) -> dict[str, int]:
    return {one[2]: number for one, number in sorted(counts.items()) if one[:2] == (kind, name) and number}
