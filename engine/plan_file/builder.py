"""From a plan's checked data to its `Spec`: texts turned into values, the rest left to the model's defaults.

Checks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.plan_file import model
from engine.plan_file.organizations import build_organizations
from engine.plan_file.pools import build_pools
from engine.plan_file.providers import build_checks, build_providers
from engine.plan_file.references import Opaque
from engine.plan_file.section import given, section, text, texts, whole, word
from engine.plan_file.values import origin_of, parse_duration, parse_minutes, parse_share, split_url

SANDBOX_API_KEY = "sandbox"
SANDBOX_CLIENT_ID = "client_sandbox"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def build_spec(data: Mapping[str, Any], path: Path, *, sandbox: bool = False) -> model.Spec:
    """The `Spec` of a plan without faults; with `sandbox` the destination is a placeholder."""
    name = str(data["name"])
    pools = build_pools(data, path)
    providers = build_providers(data)
    return model.Spec(
        name=name,
        path=path,
        source=pools[0].source,
        destination=_destination(section(data, "destination", "workos"), sandbox=sandbox),
        state_path=_state_path(section(data, "state").get("path"), name, path),
        filters=pools[0].filters,
        attributes=pools[0].attributes,
        pools=pools,
        duplicates=_duplicates(section(data, "duplicates")),
        decisions=_decisions(data),
        oauth=build_checks(data),
        providers=providers,
        trusted_providers=frozenset(provider for provider, one in (providers or {}).items() if one.trust_email),
        organizations=build_organizations(data),
        password_reset=_password_reset(section(data, "password_reset")),
        safety=_safety(section(data, "safety")),
        **given(data, existing_users=word, mfa=word, disabled=word, left=word, no_email=word, keep_snapshot=bool),
        # Addresses are compared in lower case, and {sub} is written in it already.
        **given(data, placeholder=lambda address: str(address).lower()),
    )


def _destination(workos: Mapping[str, Any], *, sandbox: bool) -> model.Destination:
    shared: dict[str, Any] = {
        **given(workos, writes_per_10s=whole, reads_per_10s=whole, requests_per_60s=whole, redirect_uris=texts),
        "limits": model.Limits(**given(section(workos, "limits"), metadata_keys=int, external_id_length=int)),
    }
    if sandbox:
        return model.Destination(client_id=SANDBOX_CLIENT_ID, api_key=SANDBOX_API_KEY, **shared)
    parts = split_url(str(workos.get("base_url")))
    if parts:
        shared["base_url"] = origin_of(parts)
    return model.Destination(**given(workos, client_id=text, api_key=text, environment=word), **shared)


def _state_path(written: str | None, name: str, path: Path) -> Path:
    relative = Path(written) if written is not None else Path(".migrate") / f"{name}.state.db"
    return path.parent / relative


def _duplicates(written: Mapping[str, Any]) -> model.Duplicates:
    return model.Duplicates(**given(written, strategy=word, prefer=texts, allow_unverified=bool))


def _decisions(data: Mapping[str, Any]) -> tuple[model.Decision, ...]:
    return tuple(
        model.Decision(
            # One whose references are not replaced is not carried out either.
            action="skip" if isinstance(one["action"], Opaque) else text(one["action"]),
            **given(one, sub=text, pool=text, user_id=text, because=text),
        )
        for one in data.get("decisions", ())
    )


def _password_reset(written: Mapping[str, Any]) -> model.PasswordReset:
    return model.PasswordReset(
        **given(written, strategy=word, flag=text), email=_reset_email(section(written, "email"))
    )


def _reset_email(written: Mapping[str, Any]) -> model.ResetEmail:
    return model.ResetEmail(
        **given(
            written,
            send=word,
            batch=int,
            every=parse_duration,
            timezone=word,
            status=lambda statuses: frozenset(texts(statuses)),
            unverified=bool,
            locale=word,
            deliver=word,
            allow_addresses=texts,
        ),
        hours=_hours(section(written, "window")),
    )


def _hours(window: Mapping[str, Any]) -> model.Hours | None:
    told = given(window, **{"from": parse_minutes, "to": parse_minutes})
    if len(told) < 2:
        return None
    hours = {"opens": told["from"], "closes": told["to"]}
    # A day that a variable names stays unread by commands that read no variables; else the shape has been checked.
    days = frozenset(_DAYS.index(one) for one in texts(window.get("days")) if one in _DAYS)
    return model.Hours(**hours, days=days) if window.get("days") else model.Hours(**hours)


def _safety(written: Mapping[str, Any]) -> model.Safety:
    return model.Safety(
        **given(written, max_changes=_guard, max_failures=_guard, max_left_source=_guard, max_updates=_guard)
    )


def _guard(written: Any) -> int | float | None:
    return parse_share(written) if isinstance(written, str) else whole(written)
