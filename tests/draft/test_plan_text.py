"""The drafted text: valid whatever names a pool has, the same for the same findings, and nobody's secrets in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.draft.findings import AttributeUse, Census, DraftProvider, Findings, GroupUse, Unread
from engine.draft.plan_text import write_plan
from engine.draft.proposal import Choices, propose
from engine.draft.yaml_text import in_remark, key, value
from engine.model.errors import InvalidPlanFile
from engine.model.identity_providers import IdentityProvider
from engine.model.pool_profile import PoolProfile
from engine.plan_file.loader import LoadedPlan, load
from engine.plan_file.model import CognitoSource, ExportSource, Limits
from tests.draft.found import CHOICES, found

HOSTILE = [
    "a: b", 'a"b', "a'b", "#c", "a #c", "${X}", "$${X}", "{a}", "[x", "]", "&a", "*a", "!!str", "|", ">", "%", "@", "`",
    "\\", "\nversion: 2", "\rversion: 2", "\u2028version: 2", "\x00", "\x1b[2J", "\u202eevil", "名前", "😀", "<<", "no",
    "null", "1", "0o17", "1e3", "~", "", " ", "- x", "? x", "sk_live_abcdefghijkl", "\ud800", "\ufeff", "\x85", "a,b",
]  # fmt: skip


def drafted(tmp_path: Path, findings: Findings, choices: Choices = CHOICES) -> LoadedPlan:
    """The plan as the loader sees it."""
    path = tmp_path / "plan.yaml"
    path.write_bytes(write_plan(findings, propose(findings, choices), choices).encode())
    return load(path, resolve=False)


def hostile(names: list[str]) -> Findings:
    """These names for everything that a pool names."""
    kinds = ["OIDC", "Google", "SAML", "Facebook", *names]
    label = f"user pool us-east-1_AbCdEf123 {' '.join(names)}".encode("utf-8", "replace").decode()
    return replace(
        found(
            *(AttributeUse(f"custom:{one}", at + 1) for at, one in enumerate(names)),
            *(AttributeUse(one, at + 1) for at, one in enumerate(names)),
            providers=tuple(IdentityProvider(one, kinds[at % len(kinds)]) for at, one in enumerate(names)),
            groups=tuple(GroupUse(one, 2) for one in names),
            uses=tuple(DraftProvider(one + "x", "OIDC", 1) for one in names),
        ),
        label=label,
        unread=tuple(Unread(one, one, one) for one in names if one.isprintable()),
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_changes_nothing_else(tmp_path: Path, name: str) -> None:
    plain = drafted(tmp_path, hostile(["plain"])).spec
    spec = drafted(tmp_path, hostile([name])).spec
    assert (spec.name, spec.source, spec.filters, spec.safety) == (
        plain.name,
        plain.source,
        plain.filters,
        plain.safety,
    )
    assert set(spec.attributes.metadata.values()) <= {
        mapping for mapping in spec.attributes.metadata.values() if mapping.sources == (f"custom:{name}",)
    }
    assert set(spec.providers or {}) <= {name, name + "x"}


def test_all_hostile_names_at_once(tmp_path: Path) -> None:
    plan = drafted(tmp_path, hostile(HOSTILE))
    assert len(plan.spec.attributes.metadata) == 9
    assert {"<<", "no", "${X}", "a: b"} <= set(plan.spec.providers or {})
    assert "sk_live" not in (tmp_path / "plan.yaml").read_text()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=15, unique=True))
def test_any_names(tmp_path: Path, names: list[str]) -> None:
    spec = drafted(tmp_path, hostile(names)).spec
    assert spec.name == "acme"
    assert {one.sources[0] for one in spec.attributes.metadata.values()} <= {f"custom:{one}" for one in names}
    assert set(spec.providers or {}) <= {*names, *(one + "x" for one in names)}


@pytest.mark.parametrize("text", HOSTILE)
def test_names_mean_themselves_to_other_readers_too(text: str) -> None:
    if text == "\ud800":
        return
    assert yaml.safe_load(f"{key(text)}: 1") == {text: 1}
    assert yaml.safe_load(f"{{a: [{value(text)}]}}") == {"a": [text.replace("${", "$${")]}
    assert in_remark(text).isprintable()


def test_the_same_findings_give_the_same_text() -> None:
    one, two = (write_plan(hostile(HOSTILE[:9]), propose(hostile(HOSTILE[:9]), CHOICES), CHOICES) for _ in range(2))
    assert one == two


def test_choices_and_findings_stand_in_the_plan(tmp_path: Path) -> None:
    source = CognitoSource("local_1", "eu-west-1", "prof", "arn:aws:iam::123456789012:role/x", "http://127.0.0.1:5000")
    choices = Choices("prod", source, "KEY_1", "CLIENT_1", "production", {"Okta": "acme"})
    okta = IdentityProvider("Okta", "OIDC", issuer="https://acme.okta.com", client_secret="hidden")
    findings = found(AttributeUse("name", 4), providers=(okta,), mfa="OPTIONAL")
    plan = drafted(tmp_path, findings, choices)
    spec = plan.spec
    assert (spec.name, spec.mfa, spec.source) == ("prod", "report", source)
    assert spec.destination.environment == "production"
    assert spec.providers is not None
    assert spec.providers["Okta"].connection is not None
    assert spec.providers["Okta"].connection.organization == "acme"
    assert spec.attributes.first_name is not None
    assert spec.attributes.first_name.split == "name"
    assert spec.password_reset.strategy == "on_next_sign_in"
    text = (tmp_path / "plan.yaml").read_text()
    assert "${KEY_1}" in text
    assert "${CLIENT_1}" in text
    assert "hidden" not in text
    assert plan.warnings == ()


def test_the_commented_parts_work_when_uncommented(tmp_path: Path) -> None:
    findings = found(providers=(IdentityProvider("Ac: me", "SAML"),))
    text = write_plan(findings, propose(findings, CHOICES), CHOICES)
    (entry,) = [line for line in text.splitlines() if "FILL-IN" in line]
    was = next(line for line in text.splitlines() if line.startswith('  "Ac: me": {fallback: error}'))
    path = tmp_path / "plan.yaml"
    path.write_text(text.replace(was + "\n", "").replace(entry, entry.replace("# ", "", 1)))
    providers = load(path, resolve=False).spec.providers
    assert providers is not None
    assert providers["Ac: me"].connection is not None
    assert providers["Ac: me"].connection.organization_name == "Ac: me"


@pytest.mark.parametrize("groups", [(GroupUse("a: b", 2), GroupUse("staff", 3)), ()])
def test_organizations_work_when_uncommented(tmp_path: Path, groups: tuple[GroupUse, ...]) -> None:
    findings = found(AttributeUse("custom:tenant", 5), groups=groups)
    lines = write_plan(findings, propose(findings, CHOICES), CHOICES).splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("# organizations:"))
    end = lines.index("", start)
    lines[start:end] = [line[2:] for line in lines[start:end]]
    path = tmp_path / "plan.yaml"
    path.write_text("\n".join(lines))
    section = yaml.safe_load(path.read_text())["organizations"]
    assert section["from"] == ("group" if groups else "attribute")
    assert list(section.get("map", {})) == [one.name for one in groups]
    try:
        load(path, resolve=False)
    except InvalidPlanFile as error:
        # A version that has no memberships yet says so, and finds nothing else wrong.
        assert {one.code for one in error.found} == {"not_supported_yet"}


def test_an_export(tmp_path: Path) -> None:
    source = ExportSource(("a/users_*.json", "b c.jsonl"), tmp_path, "us-east-1_AbCdEf123")
    plan = drafted(tmp_path, found(live=False), Choices("acme", source))
    assert plan.spec.source == source
    nameless = drafted(tmp_path, found(live=False), Choices("acme", replace(source, user_pool_id=None)))
    assert nameless.spec.source == replace(source, user_pool_id=None)


def test_nothing_counted_is_said(tmp_path: Path) -> None:
    unread = Unread("the pool's users", "denied", "allow it", "cognito-idp:ListUsers")
    findings = replace(found(schema=("custom:plan",), mfa="OFF"), census=None, unread=(unread,))
    plan = drafted(tmp_path, findings)
    assert list(plan.spec.attributes.metadata) == ["plan"]
    text = (tmp_path / "plan.yaml").read_text()
    assert "# Not read: the pool's users. It needs cognito-idp:ListUsers." in text
    assert "nothing here is counted" in text


def test_what_was_counted_is_said(tmp_path: Path) -> None:
    census = Census(
        200_000, 180_000, {"status": 20_000}, {"CONFIRMED": 200_000}, 7, 5, 3, 2, 4, 9, incomplete=True
    )  # fmt: skip
    profile = PoolProfile(mfa="OFF", first_factors=("PASSWORD", "WEB_AUTHN"))
    groups = tuple(GroupUse(f"g{at:02}", 1, more=at == 0) for at in range(40))
    findings = replace(found(), census=census, profile=profile, passwordless=11, groups=groups)
    drafted(tmp_path, findings)
    text = (tmp_path / "plan.yaml").read_text()
    for said in (
        "200,000 users read, 180,000 selected",
        "Excluded: 20,000 status.",
        "179,995 native, 5 of identity providers alone",
        "3 with an address that nobody has verified",
        "2 may sign in to Cognito with a name",
        "7 are disabled",
        "9 users share 4 addresses",
        "11 of the native users have none",
        "take at least 67 min",
        "g00: {organization: FILL-IN}  # at least 1 user",
        "and 10 more groups",
        "some are not listed",
        "mfa: ignore",
    ):
        assert said in text


def test_the_limits_are_those_that_the_loader_holds() -> None:
    assert (Limits().metadata_keys, Limits().metadata_key_length) == (10, 40)


@pytest.mark.parametrize("tenant", ["custom:tenant", "custom:org_id", "custom:Organization"])
def test_a_tenants_attribute_is_offered_for_organizations(tenant: str) -> None:
    findings = found(AttributeUse(tenant, 5))
    assert f'#   attribute: "{tenant}"' in write_plan(findings, propose(findings, CHOICES), CHOICES)
