"""Organizations, pools, waves, disabled users and placeholders: what a right plan becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from engine.plan_file.builder import build_spec
from engine.plan_file.checks import find_senseless
from engine.plan_file.loader import LoadedPlan
from engine.plan_file.model import (
    AttributeFilter,
    CognitoSource,
    Cohort,
    Decision,
    ExportSource,
    FieldMapping,
    Filters,
    Pool,
    Sample,
    Spec,
)
from engine.plan_file.organizations import Organizations, Placement, PlacementRule, RoleSpec
from engine.plan_file.providers import DomainSpec
from engine.plan_file.references import replace as replaced
from engine.plan_file.shape import find_misshapen
from tests.plan_file.plan_text import LEAST, more, source

Load = Callable[..., LoadedPlan]


def understood(text: str, environ: Mapping[str, str] | None = MappingProxyType({"KEY": "k"})) -> Spec:
    """The `Spec` of a plan of right shape and sense, whether or not this release runs all of it."""
    data = replaced(yaml.safe_load(text), environ, leave=lambda key: False).data
    assert find_misshapen(data) == []
    assert find_senseless(data) == []
    return build_spec(data, Path("p.yaml"))


def test_organizations_of_groups() -> None:
    spec = understood(
        more("""\
organizations:
  from: group
  map:
    acme-admins:
      {organization: acme, organization_name: Acme, role: admin, domains: [Acme.com], metadata: {plan: gold}}
    acme-users: {organization: acme, roles: [member, billing]}
    "tenant-*-*": {organization: "{1}", organization_name: "{2} of {1}"}
  default: {organization: community, domains: [{domain: c.org, state: verified}]}
  unmapped: create
  create_roles: true
  roles: {admin: {name: Admin, permissions: ["users:read"]}, billing: {}}
  remove_missing: true
  unverified: true
""")
    )
    assert spec.organizations == Organizations(
        source="group",
        rules=(
            PlacementRule(
                "acme-admins", Placement("acme", "Acme", ("admin",), (DomainSpec("acme.com"),), {"plan": "gold"})
            ),
            PlacementRule("acme-users", Placement("acme", roles=("member", "billing"))),
            PlacementRule("tenant-*-*", Placement("{1}", "{2} of {1}")),
        ),
        default=Placement("community", domains=(DomainSpec("c.org", "verified"),)),
        unmapped="create",
        create_roles=True,
        roles={"admin": RoleSpec("admin", "Admin", ("users:read",)), "billing": RoleSpec("billing", "billing")},
        remove_missing=True,
        unverified=True,
    )


@pytest.mark.parametrize(
    "text",
    [
        more(
            "organizations: {from: none, remove_missing: true}\noauth_providers: {O: {connection: {organization: a}}}\n"
        ),
        more("organizations: {from: pool, map: {'us-*': {organization: '{1}'}}}\n"),
        more("organizations: {from: pool, default: {organization: acme}}\n"),
        source("  - {name: us, cognito: {user_pool_id: us-a-1_A}}\n  - {name: eu, cognito: {user_pool_id: eu-a-1_B}}\n")
        + "organizations: {from: pool, unmapped: skip, map: {us: {organization: acme}}}\n",
        more("organizations: {from: group, unmapped: skip, default: {organization: acme}}\n"),
        more("organizations: {from: group, map: {ab: {organization: a}, 'a*b': {organization: b}}}\n"),
    ],
)
def test_organizations_that_are_meant(text: str) -> None:
    assert understood(text).organizations != Organizations()


def test_organizations_of_an_attribute() -> None:
    text = "organizations: {from: attribute, attribute: 'custom:tenant', separator: ',', unmapped: create, "
    spec = understood(more(text + "create_missing: true, trust_writable: true}\n"))
    assert spec.organizations == Organizations(
        source="attribute", attribute="custom:tenant", separator=",", unmapped="create", trust_writable=True
    )


SEVERAL = """\
version: 1
name: acme
source:
  - name: us
    cognito: {user_pool_id: us-east-1_AbCdEf123}
    organization: acme-us
  - name: eu
    export: {files: [eu.jsonl], user_pool_id: eu-west-1_AbCdEf456}
    organization: acme-eu
    filters: {groups: {none: []}, allow_empty: true}
    attributes: {first_name: name, metadata: {}}
destination: {workos: {api_key: "${KEY}", client_id: client_1}}
filters:
  status: [CONFIRMED]
  groups: {none: [internal-test]}
  sample: {percent: 12.5, seed: 7}
  cohorts:
    - {name: pilot, groups: [beta], attributes: [{name: "custom:tenant", in: [acme]}], from: "2026-12-01"}
    - {name: everybody, from: "2027-01-15"}
attributes: {external_id: {template: "{pool}:{sub}"}, metadata: {origin: {const: cognito}}}
organizations: {from: pool}
decisions: [{pool: eu, sub: a, action: skip}, {pool: us, sub: a, action: skip}]
"""
PEOPLE = Filters(
    status=frozenset({"CONFIRMED"}),
    sample=Sample(12.5, 7),
    cohorts=(
        Cohort("pilot", date(2026, 12, 1), ("beta",), (AttributeFilter("custom:tenant", any_of=("acme",)),)),
        Cohort("everybody", date(2027, 1, 15)),
    ),
)


def test_several_pools() -> None:
    spec = understood(SEVERAL)
    both = FieldMapping(template="{pool}:{sub}")
    us, eu = spec.pools
    assert us == Pool(
        "us",
        CognitoSource("us-east-1_AbCdEf123", "us-east-1"),
        "acme-us",
        replace(PEOPLE, groups_none=("internal-test",)),
        replace(spec.attributes, external_id=both, metadata={"origin": FieldMapping(constant="cognito")}),
    )
    assert eu.source == ExportSource(("eu.jsonl",), Path(), "eu-west-1_AbCdEf456")
    assert eu.organization == "acme-eu"
    assert eu.filters == replace(PEOPLE, allow_empty=True)
    assert eu.attributes == replace(us.attributes, first_name=FieldMapping(("name",)), metadata={})
    assert (spec.source, spec.filters, spec.attributes) == (us.source, us.filters, us.attributes)
    assert spec.decisions == (Decision("a", "skip", pool="eu"), Decision("a", "skip", pool="us"))
    assert us.filters.need_groups
    assert eu.filters.need_groups, "a cohort asks for a group"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LEAST, "us-east-1_AbCdEf123"),
        (source("  export: {files: [a], user_pool_id: eu-west-1_A}\n"), "eu-west-1_A"),
        (source("  export: {files: [a]}\n"), "export files"),
    ],
)
def test_one_pool_has_a_name_too(text: str, name: str, load_text: Load) -> None:
    spec = load_text(text).spec
    assert spec.pools == (Pool(name, spec.source, None, spec.filters, spec.attributes),)


def test_a_spec_has_one_truth_about_its_first_pool(load_text: Load) -> None:
    spec = load_text(LEAST).spec
    with pytest.raises(ValueError, match="the first of pools has another source"):
        replace(spec, filters=Filters(allow_empty=True))
    assert replace(spec, filters=Filters(allow_empty=True), pools=()).pools[0].filters.allow_empty


DEACTIVATE = "disabled: deactivate\norganizations: {from: group, unmapped: create}\n"


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        (LEAST, True),
        (more("disabled: skip\n"), True),
        (more(DEACTIVATE), None),
        (more(DEACTIVATE + "filters: {enabled: any}\n"), None),
        (more(DEACTIVATE + "filters: {enabled: false}\n"), False),
    ],
)
def test_who_is_deactivated_comes_along(text: str, enabled: bool | None) -> None:
    assert understood(text).filters.enabled is enabled


def test_leavers_and_placeholders() -> None:
    spec = understood(more('left: deactivate\nno_email: placeholder\nplaceholder: "{sub}@No-Email.acme.com"\n'))
    assert (spec.left, spec.no_email, spec.placeholder) == ("deactivate", "placeholder", "{sub}@no-email.acme.com")
    assert understood(more("safety: {max_updates: 12%}\n")).safety.max_updates == pytest.approx(0.12)


def test_mappings_say_what_may_be_missing() -> None:
    fields = "external_id: {from: 'custom:id', trust_writable: true}, last_name: {from: name, optional: true}"
    attributes = understood(more(f"attributes: {{{fields}}}\n")).attributes
    assert attributes.external_id == FieldMapping(("custom:id",), trust_writable=True)
    assert attributes.last_name == FieldMapping(("name",), optional=True)


def test_guests_of_a_connection() -> None:
    text = "oauth_providers: {Okta: {connection: {organization: acme, members: false}}}\n"
    providers = understood(more(text)).providers or {}
    assert [one.connection and one.connection.members for one in providers.values()] == [False]


def test_free_keys_hold_anchors(load_text: Load) -> None:
    text = (
        LEAST + 'x-groups: &groups [internal-test]\nx-unused: {any: "${NOWHERE}"}\nfilters: {groups: {none: *groups}}\n'
    )
    assert load_text(text).spec.filters.groups_none == ("internal-test",)


def test_a_free_key_is_no_place_for_a_secret(faults_of: Callable[..., list[str]]) -> None:
    assert faults_of(more("x-key: sk_test_literal\n")) == [
        "literal_secret|10:8: x-key holds what looks like a secret; write ${NAME} and set NAME in the environment; "
        "take a key that was committed out of use"
    ]
    # What stands behind an alias is judged where it is used.
    assert faults_of(more("x-rest: &rest '${NOWHERE}'\nfilters: {groups: {any: [*rest]}}\n")) == [
        "missing_variable|10:9: filters.groups.any[0] reads ${NOWHERE}, which is not set; "
        "set it in the environment: export NOWHERE=…"
    ]


def test_references_that_nobody_reads_yet(load_text: Load) -> None:
    sections = 'disabled: "${A}"\nleft: "${A}"\nno_email: "${A}"\nplaceholder: "${A}"\n'
    organizations = "organizations: {from: '${A}', attribute: '${B}', map: {x: {organization: '${C}'}}}\n"
    spec = load_text(more(sections + organizations), {}, resolve=False).spec
    assert (spec.disabled, spec.left, spec.no_email) == ("skip", "report", "skip")
    assert spec.organizations.source == "none"
    spec = understood(
        more("""\
filters: {cohorts: [{name: "${N}", from: "${D}"}]}
organizations:
  {from: group, create_roles: true, roles: {a: {}}, map: {x: {organization: "${O}", role: "${R}", domains: ["${D}"]}}}
"""),
        None,
    )
    assert [one.starts for one in spec.filters.cohorts] == [date.max], "nobody is due"
