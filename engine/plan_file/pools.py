"""The plan's pools: where they stand in its data, and how each is built with its own filters and attributes.

A pool's own section stands in place of the plan's key by key. Checks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from engine.plan_file import model
from engine.plan_file.fault import Key
from engine.plan_file.references import Opaque
from engine.plan_file.section import given, section, text, texts, word
from engine.plan_file.values import parse_moment, region_of

FIELDS = ("email", "email_verified", "first_name", "last_name", "external_id")
"""What `attributes` maps, but for metadata."""

# About people, not records: one person may have records in several pools.
OF_PEOPLE = ("sample", "cohorts")
"""The filters that no pool has of its own."""


def written_pools(data: Mapping[str, Any]) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    """Each pool of the plan with its key: `source` itself, or the entries of the list that it is."""
    source = data.get("source")
    if isinstance(source, Mapping):
        yield ("source",), source
    for at, one in enumerate(source if isinstance(source, list) else ()):
        if isinstance(one, Mapping):
            yield ("source", at), one


def written_sections(data: Mapping[str, Any], name: str) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    """The plan's section of that name and those of its pools, each with its key."""
    yield (name,), section(data, name)
    for key, pool in written_pools(data):
        if isinstance(pool.get(name), Mapping):
            yield (*key, name), pool[name]


def written_mappings(data: Mapping[str, Any]) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    """Every mapping in full under `attributes`, the plan's and its pools'."""
    for key, attributes in written_sections(data, "attributes"):
        places = [*((name,) for name in FIELDS), *(("metadata", name) for name in section(attributes, "metadata"))]
        for place in places:
            mapping = section(attributes, *place)
            if mapping:
                yield (*key, *place), mapping


def build_pools(data: Mapping[str, Any], path: Path) -> tuple[model.Pool, ...]:
    """The pools in the order of the plan file; there is always one."""
    return tuple(_pool(data, one, path) for _, one in written_pools(data))


def _pool(data: Mapping[str, Any], pool: Mapping[str, Any], path: Path) -> model.Pool:
    source = _source(pool, path)
    filters = {**section(data, "filters"), **section(pool, "filters")}
    filters |= {name: section(data, "filters").get(name) for name in OF_PEOPLE}
    if data.get("disabled") == "deactivate":
        filters = {"enabled": "any", **filters}
    return model.Pool(
        name=str(pool.get("name") or source.user_pool_id or model.NAMELESS_POOL),
        source=source,
        organization=text(pool.get("organization")),
        filters=_filters(filters),
        attributes=_attributes({**section(data, "attributes"), **section(pool, "attributes")}),
    )


def _source(pool: Mapping[str, Any], path: Path) -> model.CognitoSource | model.ExportSource:
    export = section(pool, "export")
    if export:
        return model.ExportSource(base=path.parent, **given(export, files=texts, user_pool_id=text))
    cognito = section(pool, "cognito")
    told = given(cognito, user_pool_id=text, region=text, profile=text, role_arn=text, endpoint_url=text)
    told.setdefault("region", region_of(told["user_pool_id"]) or "")
    return model.CognitoSource(**told, **given(cognito, requests_per_second=lambda rate: rate))


def _filters(written: Mapping[str, Any]) -> model.Filters:
    created, groups = section(written, "created"), section(written, "groups")
    sample = section(written, "sample")
    return model.Filters(
        **given(
            written,
            status=lambda statuses: frozenset(texts(statuses)),
            enabled=lambda enabled: None if enabled == "any" else enabled,
            allow_empty=bool,
        ),
        created_after=_moment(created.get("after")),
        created_before=_moment(created.get("before")),
        groups_any=texts(groups.get("any")),
        groups_none=texts(groups.get("none")),
        attributes=_attribute_filters(written),
        sample=model.Sample(**given(sample, percent=float, seed=int)) if sample else None,
        cohorts=tuple(_cohort(one) for one in written.get("cohorts") or ()),
    )


def _moment(written: Any) -> Any:
    return None if written is None or isinstance(written, Opaque) else parse_moment(written)


def _attribute_filters(written: Mapping[str, Any]) -> tuple[model.AttributeFilter, ...]:
    return tuple(_attribute_filter(one) for one in written.get("attributes") or ())


def _attribute_filter(test: Mapping[str, Any]) -> model.AttributeFilter:
    return model.AttributeFilter(
        any_of=texts(test["in"]) if "in" in test else None,
        **given(test, name=text, not_in=texts, matches=text, not_matches=text, exists=bool),
    )


def _cohort(written: Mapping[str, Any]) -> model.Cohort:
    starts = written["from"]
    return model.Cohort(
        name=str(written["name"]),
        # A day that a variable names stays unread by commands that read no variables; they have nobody due.
        starts=date.max if isinstance(starts, Opaque) else date.fromisoformat(starts),
        groups=texts(written.get("groups")),
        attributes=_attribute_filters(written),
    )


def _attributes(written: Mapping[str, Any]) -> model.Attributes:
    fields: dict[str, Any] = {name: _mapping(one) for name, one in written.items() if name != "metadata"}
    verified = fields.get("email_verified")
    if verified is not None and "email_verified" in verified.sources:
        fields["email_verified"] = _with_camel_case(verified)
    metadata: dict[str, Any] = {str(name): _mapping(one) for name, one in section(written, "metadata").items()}
    return model.Attributes(**fields, metadata=metadata)


def _with_camel_case(verified: model.FieldMapping) -> model.FieldMapping:
    """Federated profiles carry the flag as `emailVerified` at times; it is read right after the usual name."""
    sources: list[str] = []
    for source in verified.sources:
        sources += [source, "emailVerified"] if source == "email_verified" else [source]
    return replace(verified, sources=tuple(dict.fromkeys(sources)))


def _mapping(written: Any) -> model.FieldMapping | None:
    if written is None:
        return None
    if isinstance(written, str):
        return model.FieldMapping(sources=(str(written),))
    origin = written.get("from", ())
    translate = written.get("map")
    return model.FieldMapping(
        sources=(str(origin),) if isinstance(origin, str) else texts(origin),
        translate=None if translate is None else {key: str(value) for key, value in translate.items()},
        constant=text(written.get("const")),
        **given(
            written, template=text, default=text, when_invalid=word, split=text, optional=bool, trust_writable=bool
        ),
    )
