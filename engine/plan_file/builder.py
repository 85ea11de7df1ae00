"""From a plan's checked data to its `Spec`: defaults filled in, texts turned into values. Checks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.plan_file import model
from engine.plan_file.providers import build_checks, build_providers
from engine.plan_file.references import Opaque
from engine.plan_file.section import section
from engine.plan_file.values import (
    origin_of,
    parse_duration,
    parse_minutes,
    parse_moment,
    parse_share,
    region_of,
    split_url,
)

DEFAULT_BASE_URL = "https://api.workos.com"
SANDBOX_API_KEY = "sandbox"
SANDBOX_CLIENT_ID = "client_sandbox"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def build_spec(data: Mapping[str, Any], path: Path, *, sandbox: bool = False) -> model.Spec:
    """The `Spec` of a plan without faults; with `sandbox` the destination is a placeholder."""
    name = str(data["name"])
    providers = build_providers(data)
    return model.Spec(
        name=name,
        path=path,
        source=_source(data, path),
        destination=_destination(section(data, "destination", "workos"), sandbox=sandbox),
        state_path=_state_path(section(data, "state").get("path"), name, path),
        filters=_filters(section(data, "filters")),
        attributes=_attributes(section(data, "attributes")),
        duplicates=_duplicates(section(data, "duplicates")),
        existing_users=_known(data.get("existing_users"), "adopt"),
        decisions=_decisions(data),
        oauth=build_checks(data),
        providers=providers,
        trusted_providers=frozenset(provider for provider, one in (providers or {}).items() if one.trust_email),
        password_reset=_password_reset(section(data, "password_reset")),
        mfa=_known(data.get("mfa"), "ignore"),
        safety=_safety(section(data, "safety")),
        keep_snapshot=data.get("keep_snapshot", False),
    )


def _known(value: Any, default: Any) -> Any:
    """A value, or the default where it is left out or its references are not replaced."""
    return default if value is None or isinstance(value, Opaque) else _text(value)


def _text(value: Any) -> Any:
    """A plain str for a text: where it came from matters to messages only."""
    return str(value) if isinstance(value, str) else value


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in values or ())


def _source(data: Mapping[str, Any], path: Path) -> model.CognitoSource | model.ExportSource:
    export = section(data, "source", "export")
    if export:
        pool = _text(export.get("user_pool_id"))
        return model.ExportSource(files=_texts(export["files"]), base=path.parent, user_pool_id=pool)
    cognito = section(data, "source", "cognito")
    pool = str(cognito["user_pool_id"])
    return model.CognitoSource(
        user_pool_id=pool,
        region=_text(cognito.get("region")) or region_of(pool) or "",
        profile=_text(cognito.get("profile")),
        role_arn=_text(cognito.get("role_arn")),
        endpoint_url=_text(cognito.get("endpoint_url")),
        requests_per_second=cognito.get("requests_per_second", 25),
    )


def _destination(workos: Mapping[str, Any], *, sandbox: bool) -> model.Destination:
    base_url = DEFAULT_BASE_URL
    parts = None if sandbox else split_url(str(workos.get("base_url", base_url)))
    limits = section(workos, "limits")
    return model.Destination(
        client_id=SANDBOX_CLIENT_ID if sandbox else str(workos["client_id"]),
        api_key=SANDBOX_API_KEY if sandbox else str(workos["api_key"]),
        base_url=origin_of(parts) if parts else base_url,
        environment=None if sandbox else _known(workos.get("environment"), None),
        writes_per_10s=_whole(workos.get("writes_per_10s", 450)),
        reads_per_10s=_whole(workos.get("reads_per_10s", 900)),
        requests_per_60s=_whole(workos.get("requests_per_60s", 5700)),
        limits=model.Limits(
            metadata_keys=int(limits.get("metadata_keys", 10)),
            external_id_length=int(limits.get("external_id_length", 64)),
        ),
        redirect_uris=_texts(workos.get("redirect_uris")),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)  # the schema lets 5.0 pass as a whole number


def _state_path(written: str | None, name: str, path: Path) -> Path:
    relative = Path(written) if written is not None else Path(".migrate") / f"{name}.state.db"
    return path.parent / relative


def _filters(filters: Mapping[str, Any]) -> model.Filters:
    created, groups = section(filters, "created"), section(filters, "groups")
    enabled = _known(filters.get("enabled"), True)
    return model.Filters(
        status=frozenset(_texts(filters["status"])) if "status" in filters else model.DEFAULT_STATUSES,
        enabled=None if enabled == "any" else enabled,
        created_after=_moment(created.get("after")),
        created_before=_moment(created.get("before")),
        groups_any=_texts(groups.get("any")),
        groups_none=_texts(groups.get("none")),
        attributes=tuple(_attribute_filter(one) for one in filters.get("attributes", ())),
        allow_empty=filters.get("allow_empty", False),
    )


def _moment(written: Any) -> Any:
    known = _known(written, None)
    return None if known is None else parse_moment(known)


def _attribute_filter(test: Mapping[str, Any]) -> model.AttributeFilter:
    return model.AttributeFilter(
        name=str(test["name"]),
        any_of=_texts(test["in"]) if "in" in test else None,
        not_in=_texts(test["not_in"]) if "not_in" in test else None,
        matches=_text(test.get("matches")),
        not_matches=_text(test.get("not_matches")),
        exists=test.get("exists"),
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
    from dataclasses import replace

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
        sources=(str(origin),) if isinstance(origin, str) else _texts(origin),
        template=_text(written.get("template")),
        translate=None if translate is None else {key: str(value) for key, value in translate.items()},
        default=_text(written.get("default")),
        when_invalid=_known(written.get("when_invalid"), "error"),
        split=_text(written.get("split")),
    )


def _duplicates(written: Mapping[str, Any]) -> model.Duplicates:
    prefer: Any = tuple(str(one) for one in written.get("prefer", ("native", "newest")))
    return model.Duplicates(
        strategy=_known(written.get("strategy"), "merge"),
        prefer=prefer,
        allow_unverified=written.get("allow_unverified", False),
    )


def _decisions(data: Mapping[str, Any]) -> tuple[model.Decision, ...]:
    return tuple(
        model.Decision(
            sub=str(one["sub"]),
            action=_known(one["action"], "skip"),
            user_id=_text(one.get("user_id")),
            because=_text(one.get("because")),
        )
        for one in data.get("decisions", ())
    )


def _password_reset(written: Mapping[str, Any]) -> model.PasswordReset:
    return model.PasswordReset(
        strategy=_known(written.get("strategy"), "none"),
        flag=str(written.get("flag", model.PasswordReset().flag)),
        email=_reset_email(section(written, "email")),
    )


def _reset_email(written: Mapping[str, Any]) -> model.ResetEmail:
    usual = model.ResetEmail()
    every = _known(written.get("every"), None)
    return model.ResetEmail(
        send=_known(written.get("send"), usual.send),
        batch=int(written.get("batch", usual.batch)),
        every=usual.every if every is None else parse_duration(every),
        hours=_hours(section(written, "window")),
        timezone=_known(written.get("timezone"), usual.timezone),
        status=frozenset(_texts(written["status"])) if "status" in written else usual.status,
        unverified=written.get("unverified", usual.unverified),
        locale=_known(written.get("locale"), None),
        deliver=_known(written.get("deliver"), usual.deliver),
        allow_addresses=_texts(written.get("allow_addresses")),
    )


def _hours(window: Mapping[str, Any]) -> model.Hours | None:
    opens, closes = _known(window.get("from"), None), _known(window.get("to"), None)
    if opens is None or closes is None:
        return None
    # A day that a variable names stays unread by commands that read no variables; else the shape has been checked.
    days = _texts(window.get("days")) or _DAYS
    return model.Hours(
        parse_minutes(opens), parse_minutes(closes), frozenset(_DAYS.index(one) for one in days if one in _DAYS)
    )


def _safety(written: Mapping[str, Any]) -> model.Safety:
    return model.Safety(
        max_changes=_guard(written.get("max_changes")),
        max_failures=_guard(written.get("max_failures", "5%")),
        max_left_source=_guard(written.get("max_left_source", "5%")),
    )


def _guard(written: Any) -> int | float | None:
    known = _known(written, None)
    if isinstance(known, str):
        return parse_share(known)
    return None if known is None else int(known)
