"""Every option of the plan file's schema: does the digest of a plan change with it, or not?

An option that is in neither list fails the test: whoever adds one says which it is.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.plan_file.builder import build_spec
from engine.plan_file.meaning import meaning
from engine.plan_file.model import Spec
from engine.run.identity import state_identity
from engine.run.review import whole_digest
from tests.support.cli import ROOT

SCHEMA = json.loads((ROOT / "schemas" / "plan.v1.schema.json").read_text())
Path_ = tuple[str | int, ...]

PLAN: dict[str, Any] = {
    "version": 1,
    "name": "acme",
    "source": {"cognito": {"user_pool_id": "us-east-1_AbCdEf123"}},
    "destination": {"workos": {"api_key": "sk_test_1", "client_id": "client_1"}},
    "attributes": {"metadata": {"plan": {"from": "custom:plan"}}},
    "oauth_providers": {"Okta": {"connection": {"organization": "acme"}}},
    "organizations": {
        "from": "attribute", "attribute": "custom:tenant",
        "map": {"a": {"organization": "acme"}}, "default": {"organization": "community"}, "roles": {"admin": {}},
    },
    "decisions": [{"sub": "s-1", "action": "adopt", "user_id": "user_1"}],
    "password_reset": {"strategy": "email", "email": {"window": {"from": "08:00", "to": "18:00"}}},
}  # fmt: skip
EXPORT = PLAN | {"source": {"export": {"files": ["a.json"], "user_pool_id": "us-east-1_AbCdEf123"}}}
TWO = PLAN | {
    "source": [
        {"name": "eu", "cognito": {"user_pool_id": "eu-west-1_AbCdEf123"}},
        {"name": "us", "cognito": {"user_pool_id": "us-east-1_AbCdEf123"}},
    ],
    "organizations": {"from": "pool", "map": {"eu": {"organization": "acme"}}},
}
TWO_DECIDED = TWO | {"decisions": [{"sub": "s-1", "pool": "eu", "action": "skip"}]}
OPTIONAL = PLAN | {"attributes": {"metadata": {"plan": {"from": "custom:plan"}}, "external_id": {"from": "custom:id"}}}
FILTERS = ("filters",)
TEST = [{"name": "email", "exists": True}]
COHORT = {"name": "pilot", "from": "2026-12-01"}
MAPPED = ("attributes", "metadata", "plan")
PLACED = ("organizations", "map", "a")
OKTA = ("oauth_providers", "Okta")

# Option, as the schema has it (a name of $defs, or the top, and the keys below): where it stands in which plan, and two
# values for it. `None`: not written.
CHANGES: dict[str, tuple[Any, ...]] = {
    "name": (PLAN, ("name",), "acme", "globex"),
    "source": (PLAN, ("source",), PLAN["source"], TWO["source"]),
    "source.cognito": (PLAN, ("source",), PLAN["source"], {"cognito": {"user_pool_id": "us-east-1_Other0001"}}),
    "source.export": (PLAN, ("source",), PLAN["source"], {"export": {"files": ["a.json"]}}),
    "cognito.user_pool_id": (PLAN, ("source", "cognito", "user_pool_id"), "us-east-1_AbCdEf123", "us-east-1_Other0001"),
    "export.user_pool_id": (EXPORT, ("source", "export", "user_pool_id"), None, "us-east-1_AbCdEf123"),
    "pool.name": (TWO, ("source", 0, "name"), "eu", "europe"),  # under `from: pool` it chooses the organization
    "pool.cognito": (TWO, ("source", 0, "cognito"), *({"user_pool_id": f"eu-west-1_Pool0000{n}"} for n in (1, 2))),
    "pool.export": (TWO, ("source", 0), TWO["source"][0], {"name": "eu", "export": {"files": ["a.json"]}}),
    "pool.organization": (TWO, ("source", 0, "organization"), None, "acme-eu"),
    "pool.filters": (TWO, ("source", 0, "filters"), None, {"enabled": "any"}),
    "pool.attributes": (TWO, ("source", 0, "attributes"), None, {"first_name": "nickname"}),
    "destination": (PLAN, ("destination", "workos", "client_id"), "client_1", "client_2"),
    "destination.workos": (PLAN, ("destination", "workos", "client_id"), "client_1", "client_2"),
    "destination.workos.client_id": (PLAN, ("destination", "workos", "client_id"), "client_1", "client_2"),
    "destination.workos.base_url": (PLAN, ("destination", "workos", "base_url"), None, "https://workos.example"),
    "destination.workos.environment": (PLAN, ("destination", "workos", "environment"), None, "production"),
    "destination.workos.limits": (PLAN, ("destination", "workos", "limits"), None, {"metadata_keys": 50}),
    "destination.workos.limits.metadata_keys": (PLAN, ("destination", "workos", "limits", "metadata_keys"), 10, 50),
    "destination.workos.limits.external_id_length":
        (PLAN, ("destination", "workos", "limits", "external_id_length"), 64, 128),
    "destination.workos.redirect_uris": (PLAN, ("destination", "workos", "redirect_uris"), [], ["https://a.example/c"]),
    "filters": (PLAN, FILTERS, None, {"enabled": "any"}),
    "filters.status": (PLAN, (*FILTERS, "status"), ["CONFIRMED"], ["CONFIRMED", "UNCONFIRMED"]),
    "filters.enabled": (PLAN, (*FILTERS, "enabled"), True, "any"),
    "filters.created": (PLAN, (*FILTERS, "created"), None, {"after": "2020-01-01"}),
    "filters.created.after": (PLAN, (*FILTERS, "created", "after"), "2020-01-01", "2021-01-01"),
    "filters.created.before": (PLAN, (*FILTERS, "created", "before"), "2020-01-01", "2021-01-01"),
    "filters.groups": (PLAN, (*FILTERS, "groups"), None, {"any": ["a"]}),
    "filters.groups.any": (PLAN, (*FILTERS, "groups", "any"), ["a"], ["b"]),
    "filters.groups.none": (PLAN, (*FILTERS, "groups", "none"), ["a"], ["b"]),
    "filters.attributes": (PLAN, (*FILTERS, "attributes"), None, TEST),
    "attribute_filter.name": (PLAN, (*FILTERS, "attributes"), TEST, [{"name": "sub", "exists": True}]),
    **{
        f"attribute_filter.{name}": (PLAN, (*FILTERS, "attributes"), [{"name": "a", name: x}], [{"name": "a", name: y}])
        for name, x, y in (
            ("in", ["a"], ["b"]), ("not_in", ["a"], ["b"]), ("matches", "a", "b"), ("not_matches", "a", "b"),
            ("exists", True, False),
        )
    },
    "filters.sample": (PLAN, (*FILTERS, "sample"), None, {"percent": 5}),
    "filters.sample.percent": (PLAN, (*FILTERS, "sample"), {"percent": 5}, {"percent": 20}),
    "filters.sample.seed": (PLAN, (*FILTERS, "sample"), {"percent": 5, "seed": 7}, {"percent": 5, "seed": 8}),
    "filters.cohorts": (PLAN, (*FILTERS, "cohorts"), None, [COHORT]),
    "cohort.name": (PLAN, (*FILTERS, "cohorts"), [COHORT], [COHORT | {"name": "first"}]),
    "cohort.from": (PLAN, (*FILTERS, "cohorts"), [COHORT], [COHORT | {"from": "2026-12-02"}]),
    "cohort.groups": (PLAN, (*FILTERS, "cohorts"), [COHORT], [COHORT | {"groups": ["beta"]}]),
    "cohort.attributes": (PLAN, (*FILTERS, "cohorts"), [COHORT], [COHORT | {"attributes": TEST}]),
    "attributes": (PLAN, ("attributes",), None, {"first_name": "nickname"}),
    **{
        f"attributes.{name}": (PLAN, ("attributes", name), None, "nickname")
        for name in ("email", "email_verified", "first_name", "last_name", "external_id")
    },
    "attributes.metadata": (PLAN, ("attributes", "metadata"), {"plan": "custom:plan"}, {"tier": "custom:plan"}),
    **{
        f"mapping_object.{name}": (PLAN, MAPPED, x, y)
        for name, x, y in (
            ("from", {"from": "a"}, {"from": "b"}),
            ("template", {"template": "{a}"}, {"template": "{b}"}),
            ("const", {"const": "a"}, {"const": "b"}),
            ("map", {"from": "a", "map": {"1": "x"}}, {"from": "a", "map": {"1": "y"}}),
            ("default", {"from": "a"}, {"from": "a", "default": "x"}),
            ("when_invalid", {"from": "a"}, {"from": "a", "when_invalid": "omit"}),
        )
    },
    "mapping_object.split": (PLAN, ("attributes", "first_name"), {"from": "a"}, {"from": "a", "split": "name"}),
    "duplicates": (PLAN, ("duplicates",), None, {"strategy": "error"}),
    "duplicates.strategy": (PLAN, ("duplicates", "strategy"), "merge", "error"),
    "duplicates.prefer": (PLAN, ("duplicates", "prefer"), ["native"], ["newest"]),
    "duplicates.allow_unverified": (PLAN, ("duplicates", "allow_unverified"), False, True),
    "existing_users": (PLAN, ("existing_users",), "adopt", "skip"),
    "decisions": (PLAN, ("decisions",), None, PLAN["decisions"]),
    "decision.sub": (PLAN, ("decisions", 0, "sub"), "s-1", "s-2"),
    "decision.pool": (TWO_DECIDED, ("decisions", 0, "pool"), "eu", "us"),
    "decision.action": (PLAN, ("decisions", 0, "action"), "adopt", "skip"),
    "decision.user_id": (PLAN, ("decisions", 0, "user_id"), "user_1", "user_2"),
    "oauth_providers": (PLAN, ("oauth_providers",), None, {"Okta": {"fallback": "skip"}}),
    "oauth_provider.fallback": (PLAN, OKTA, {"fallback": "skip"}, {"fallback": "password_reset"}),
    "oauth_provider.connection": (PLAN, OKTA, {"fallback": "skip"}, PLAN["oauth_providers"]["Okta"]),
    "oauth_provider.connection.organization": (PLAN, (*OKTA, "connection", "organization"), "acme", "globex"),
    "oauth_provider.connection.organization_name": (PLAN, (*OKTA, "connection", "organization_name"), None, "Acme"),
    "oauth_provider.connection.domains": (PLAN, (*OKTA, "connection", "domains"), None, ["acme.com"]),
    "oauth_provider.connection.members": (PLAN, (*OKTA, "connection", "members"), None, False),
    "oauth_provider.trust_email": (PLAN, (*OKTA, "trust_email"), None, True),
    "domain.domain": (PLAN, (*PLACED, "domains"), [{"domain": "a.com"}], [{"domain": "b.com"}]),
    "domain.state": (PLAN, (*PLACED, "domains"), *([{"domain": "a", "state": one}] for one in ("pending", "verified"))),
    "organizations": (PLAN, ("organizations",), None, {"from": "group"}),
    "organizations.from": (PLAN, ("organizations", "from"), "group", "attribute"),
    "organizations.attribute": (PLAN, ("organizations", "attribute"), "custom:tenant", "custom:team"),
    "organizations.separator": (PLAN, ("organizations", "separator"), None, ","),
    "organizations.map": (PLAN, ("organizations", "map"), {"a": {"organization": "x"}}, {"b": {"organization": "x"}}),
    "organizations.default": (PLAN, ("organizations", "default"), None, {"organization": "x"}),
    "organization.organization": (PLAN, (*PLACED, "organization"), "acme", "globex"),
    "organization.organization_name": (PLAN, (*PLACED, "organization_name"), None, "Acme"),
    "organization.role": (PLAN, (*PLACED, "role"), None, "admin"),
    "organization.roles": (PLAN, (*PLACED, "roles"), ["a", "b"], ["b", "a"]),
    "organization.domains": (PLAN, (*PLACED, "domains"), None, ["acme.com"]),
    "organization.metadata": (PLAN, (*PLACED, "metadata"), None, {"plan": "gold"}),
    "organizations.unmapped": (PLAN, ("organizations", "unmapped"), "error", "create"),
    "organizations.create_missing": (PLAN, ("organizations", "create_missing"), True, False),
    "organizations.create_roles": (PLAN, ("organizations", "create_roles"), True, False),
    "organizations.roles": (PLAN, ("organizations", "roles"), {"a": {}}, {"b": {}}),
    "role.name": (PLAN, ("organizations", "roles", "admin", "name"), None, "Administrator"),
    "role.permissions": (PLAN, ("organizations", "roles", "admin", "permissions"), None, ["users:read"]),
    "organizations.remove_missing": (PLAN, ("organizations", "remove_missing"), True, False),
    "organizations.unverified": (PLAN, ("organizations", "unverified"), True, False),
    "disabled": (PLAN, ("disabled",), "skip", "deactivate"),
    "left": (PLAN, ("left",), "report", "deactivate"),
    "no_email": (PLAN, ("no_email",), "skip", "placeholder"),
    "placeholder": (PLAN, ("placeholder",), "{sub}@a.example", "{sub}@b.example"),
    "password_reset": (PLAN, ("password_reset",), None, {"strategy": "on_next_sign_in"}),
    "password_reset.strategy": (PLAN, ("password_reset", "strategy"), "email", "on_next_sign_in"),
    "password_reset.flag": (PLAN, ("password_reset", "flag"), None, "reset"),
    "password_reset.email": (PLAN, ("password_reset", "email"), None, {"unverified": True}),
    "password_reset.email.send": (PLAN, ("password_reset", "email", "send"), "manual", "after_apply"),
    "password_reset.email.status": (PLAN, ("password_reset", "email", "status"), None, ["CONFIRMED"]),
    "password_reset.email.unverified": (PLAN, ("password_reset", "email", "unverified"), False, True),
    "password_reset.email.locale": (PLAN, ("password_reset", "email", "locale"), None, "en"),
    "password_reset.email.deliver": (PLAN, ("password_reset", "email", "deliver"), "workos", "file"),
    "password_reset.email.allow_addresses": (PLAN, ("password_reset", "email", "allow_addresses"), None, ["*@a.com"]),
    "mfa": (PLAN, ("mfa",), "ignore", "report"),
}  # fmt: skip

_EMAIL = ("password_reset", "email")
_WORKOS = ("destination", "workos")
_COGNITO = ("source", "cognito")
# How fast, with what right, from where, under which guards, and what is only checked or written down.
DOES_NOT: dict[str, tuple[Any, ...]] = {
    "version": (PLAN, ("version",), 1, 1),
    "cognito.region": (PLAN, (*_COGNITO, "region"), None, "us-east-1"),
    "cognito.profile": (PLAN, (*_COGNITO, "profile"), None, "acme"),
    "cognito.role_arn": (PLAN, (*_COGNITO, "role_arn"), None, "arn:aws:iam::123456789012:role/reader"),
    "cognito.endpoint_url": (PLAN, (*_COGNITO, "endpoint_url"), None, "http://127.0.0.1:5000"),
    "cognito.requests_per_second": (PLAN, (*_COGNITO, "requests_per_second"), 25, None),
    "export.files": (EXPORT, ("source", "export", "files"), ["a.json"], ["b/*.json"]),
    "destination.workos.api_key": (PLAN, (*_WORKOS, "api_key"), "sk_test_1", "sk_test_2"),
    "destination.workos.writes_per_10s": (PLAN, (*_WORKOS, "writes_per_10s"), None, 10),
    "destination.workos.reads_per_10s": (PLAN, (*_WORKOS, "reads_per_10s"), None, 10),
    "destination.workos.requests_per_60s": (PLAN, (*_WORKOS, "requests_per_60s"), None, 10),
    "filters.allow_empty": (PLAN, (*FILTERS, "allow_empty"), False, True),
    "decision.because": (PLAN, ("decisions", 0, "because"), None, "a test account"),
    "oauth": (PLAN, ("oauth",), None, {"require": True}),
    "oauth.require": (PLAN, ("oauth", "require"), False, True),
    "oauth.probe": (PLAN, ("oauth", "probe"), False, True),
    "oauth.allow_hosts": (PLAN, ("oauth", "allow_hosts"), [], ["idp.example"]),
    "oauth_provider.reuse_credentials": (PLAN, (*OKTA, "reuse_credentials"), False, True),
    "oauth_provider.client_id": (PLAN, (*OKTA, "client_id"), None, "123"),
    "password_reset.email.batch": (PLAN, (*_EMAIL, "batch"), 500, 5),
    "password_reset.email.every": (PLAN, (*_EMAIL, "every"), "1h", "2h"),
    "password_reset.email.window": (PLAN, (*_EMAIL, "window"), None, {"from": "09:00", "to": "10:00"}),
    "password_reset.email.window.from": (PLAN, (*_EMAIL, "window", "from"), "08:00", "09:00"),
    "password_reset.email.window.to": (PLAN, (*_EMAIL, "window", "to"), "18:00", "19:00"),
    "password_reset.email.window.days": (PLAN, (*_EMAIL, "window", "days"), None, ["mon"]),
    "password_reset.email.timezone": (PLAN, (*_EMAIL, "timezone"), "UTC", "Europe/Berlin"),
    "mapping_object.optional": (PLAN, MAPPED, {"from": "a"}, {"from": "a", "optional": True}),
    "mapping_object.trust_writable": (OPTIONAL, ("attributes", "external_id", "trust_writable"), False, True),
    "organizations.trust_writable": (PLAN, ("organizations", "trust_writable"), False, True),
    "safety": (PLAN, ("safety",), None, {"max_changes": 5}),
    **{f"safety.{name}": (PLAN, ("safety", name), 5, "10%")
       for name in ("max_changes", "max_failures", "max_left_source", "max_updates")},
    "state": (PLAN, ("state",), None, {"path": "elsewhere.db"}),
    "state.path": (PLAN, ("state", "path"), "a.db", "b.db"),
    "keep_snapshot": (PLAN, ("keep_snapshot",), False, True),
}  # fmt: skip


def options(node: dict[str, Any], name: str) -> Iterator[str]:
    """Every option of a schema by name; what stands in `$defs` is walked once, under its own name."""
    for part in ("oneOf", "anyOf", "allOf"):
        for one in node.get(part, ()):
            yield from options(one, name)
    for key, one in node.get("properties", {}).items():
        under = f"{name}.{key}" if name else key
        yield under
        yield from options(one, under)
    for inner in (node.get("additionalProperties"), node.get("items")):
        if isinstance(inner, dict):
            yield from options(inner, name)


def every_option() -> set[str]:
    found = set(options(SCHEMA, ""))
    for name, one in SCHEMA["$defs"].items():
        found |= set(options(one, name))
    return found


def digest(data: dict[str, Any]) -> str:
    """Of a plan that has nothing to do: what its options alone make of it."""
    spec = build_spec(data, Path("plan.yaml"))
    return whole_digest(meaning(spec, state_identity(spec, sandbox=False).destination), "", [], "", iter(()))


def written(base: dict[str, Any], path: Path_, value: Any) -> dict[str, Any]:
    """The plan with this value there, or without any."""
    data = copy.deepcopy(base)
    at: Any = data
    for step in path[:-1]:
        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
    if value is None and isinstance(at, dict):
        at.pop(path[-1], None)
    else:
        at[path[-1]] = copy.deepcopy(value)
    return data


def test_every_option_is_in_one_of_the_lists() -> None:
    assert CHANGES.keys() & DOES_NOT.keys() == set()
    assert {*CHANGES, *DOES_NOT} == every_option()


@pytest.mark.parametrize("option", CHANGES)
def test_an_option_that_changes_what_is_done(option: str) -> None:
    base, path, one, other = CHANGES[option]
    assert digest(written(base, path, one)) != digest(written(base, path, other))


@pytest.mark.parametrize("option", DOES_NOT)
def test_an_option_that_does_not(option: str) -> None:
    base, path, one, other = DOES_NOT[option]
    assert digest(written(base, path, one)) == digest(written(base, path, other))


def test_order_and_comments_change_nothing() -> None:
    backwards = dict(reversed(PLAN.items())) | {"x-note": "free"}
    assert digest(backwards) == digest(PLAN)
    turned = written(PLAN, (*FILTERS, "status"), ["CONFIRMED", "UNCONFIRMED"])
    assert digest(turned) == digest(written(PLAN, (*FILTERS, "status"), ["UNCONFIRMED", "CONFIRMED"]))


def test_no_secret_is_in_it() -> None:
    spec: Spec = build_spec(written(PLAN, (*_WORKOS, "api_key"), "sk_test_verysecret"), Path("plan.yaml"))
    assert "verysecret" not in json.dumps(meaning(spec, state_identity(spec, sandbox=False).destination))
