"""What a right plan becomes, and how the loader gathers, orders and hides."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.model.errors import InvalidPlanFile
from engine.plan_file.document import MAX_BYTES
from engine.plan_file.loader import LoadedPlan, load
from engine.plan_file.model import (
    AttributeFilter,
    Attributes,
    CognitoSource,
    Destination,
    Duplicates,
    ExportSource,
    FieldMapping,
    Filters,
    Limits,
    PasswordReset,
    Safety,
    Spec,
)
from tests.plan_file.plan_text import KEY, LEAST, more, source, workos

Load = Callable[..., LoadedPlan]
Faults = Callable[..., list[str]]
PLANS = Path(__file__).parents[2] / "plans"


def test_the_least_plan_has_the_models_defaults(load_text: Load) -> None:
    assert load_text(LEAST).spec == Spec(
        name="acme",
        path=Path("p.yaml"),
        source=CognitoSource(user_pool_id="us-east-1_AbCdEf123", region="us-east-1"),
        destination=Destination(client_id="client_1", api_key=KEY),
        state_path=Path(".migrate/acme.state.db"),
    )


def test_everything_written_out(load_text: Load) -> None:
    spec = load_text(
        LEAST.replace("client_id: client_1", "client_id: ${CLIENT}-${EMPTY_NOT}$${x}")
        + """\
    base_url: http://LOCALHOST:4100/
    environment: production
    writes_per_10s: null
    reads_per_10s: 5.0
    limits: {metadata_keys: 50}
filters:
  status: [UNCONFIRMED]
  enabled: any
  created: {after: 2020-01-01, before: "2021-01-01T01:00:00+01:00"}
  groups: {any: [a], none: [b]}
  attributes:
    - {name: a, in: [x]}
    - {name: b, not_in: ["no"]}
    - {name: c, matches: x$}
    - {name: d, exists: false}
attributes:
  email: {from: [email, mail]}
  email_verified: {from: [verified, email_verified]}
  first_name: null
  last_name: {template: "{identities.provider} {custom:x}"}
  metadata:
    tier: {from: custom:tier, map: {1: gold, no: "2"}, default: basic, when_invalid: omit}
duplicates: {strategy: error, prefer: [oldest], allow_unverified: true}
password_reset: {strategy: on_next_sign_in, flag: reset}
safety: {max_changes: 7, max_failures: 12.5%, max_left_source: 100}
state: {path: ../states/x.db}
keep_snapshot: true
""",
        {"KEY": KEY, "CLIENT": "client", "EMPTY_NOT": "2"},
    ).spec
    assert [(one.name, one.where) for one in spec.written_attributes] == [
        ("email", "attributes.email.from[0]"),
        ("mail", "attributes.email.from[1]"),
        ("verified", "attributes.email_verified.from[0]"),
        ("email_verified", "attributes.email_verified.from[1]"),
        ("custom:x", "attributes.last_name.template"),
        ("custom:tier", "attributes.metadata.tier.from"),
        *((name, f"filters.attributes[{at}].name") for at, name in enumerate("abcd")),
    ]
    assert replace(spec, written_attributes=()) == Spec(
        name="acme",
        path=Path("p.yaml"),
        source=CognitoSource(user_pool_id="us-east-1_AbCdEf123", region="us-east-1"),
        destination=Destination(
            client_id="client-2${x}",
            api_key=KEY,
            base_url="http://localhost:4100",
            environment="production",
            writes_per_10s=None,
            reads_per_10s=5,
            limits=Limits(metadata_keys=50),
        ),
        state_path=Path("../states/x.db"),
        filters=Filters(
            status=frozenset({"UNCONFIRMED"}),
            enabled=None,
            created_after=datetime(2020, 1, 1, tzinfo=UTC),
            created_before=datetime(2021, 1, 1, tzinfo=UTC),
            groups_any=("a",),
            groups_none=("b",),
            attributes=(
                AttributeFilter("a", any_of=("x",)),
                AttributeFilter("b", not_in=("no",)),
                AttributeFilter("c", matches="x$"),
                AttributeFilter("d", exists=False),
            ),
        ),
        attributes=Attributes(
            email=FieldMapping(sources=("email", "mail")),
            email_verified=FieldMapping(sources=("verified", "email_verified", "emailVerified")),
            first_name=None,
            last_name=FieldMapping(template="{identities.provider} {custom:x}"),
            metadata={
                "tier": FieldMapping(
                    sources=("custom:tier",),
                    translate={"1": "gold", "no": "2"},
                    default="basic",
                    when_invalid="omit",
                )
            },
        ),
        duplicates=Duplicates(strategy="error", prefer=("oldest",), allow_unverified=True),
        password_reset=PasswordReset(strategy="on_next_sign_in", flag="reset"),
        safety=Safety(max_changes=7, max_failures=0.125, max_left_source=100),
        keep_snapshot=True,
    )
    assert type(spec.destination.api_key) is str
    assert KEY not in repr(spec)


def test_export_source_and_paths_count_from_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plans" / "p.yaml"
    path.parent.mkdir()
    path.write_text(source("  export: {files: ['e/*.json']}\n"))
    spec = load(path, environ={"KEY": KEY}).spec
    assert spec.source == ExportSource(files=("e/*.json",), base=path.parent)
    assert spec.state_path == path.parent / ".migrate/acme.state.db"


def test_a_stand_ins_pool_needs_its_region_only(load_text: Load) -> None:
    spec = load_text(source("  cognito: {user_pool_id: local_a1, region: eu-west-1}\n")).spec
    assert spec.source == CognitoSource(user_pool_id="local_a1", region="eu-west-1")


def test_aliases_in_moderation(load_text: Load) -> None:
    text = more("filters: {groups: {any: &g [a, b], none: []}, status: &s [CONFIRMED]}\nkeep_snapshot: &y true\n")
    assert load_text(text + "duplicates: {allow_unverified: *y}\n").spec.duplicates.allow_unverified is True


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf" + LEAST.encode(), LEAST.replace("\n", "\r\n").encode()])
def test_other_editors_files(text: bytes, load_text: Load) -> None:
    assert load_text(text).spec.name == "acme"


def test_all_faults_at_once_in_the_order_of_the_file(faults_of: Faults) -> None:
    unknown = "name: again\nfliters: {}\nsafety: {max_failures: x}\nstate: {path: '${NOPE}'}\n"
    text = more("filters: {created: {after: 2020-02-30}}\n" + unknown)
    places = [(fault.split("|")[0], fault.split(":")[0].split("|")[1]) for fault in faults_of(text)]
    assert places == [
        ("invalid_value", "10"),
        ("duplicate_key", "11"),
        ("unknown_key", "12"),
        ("invalid_value", "13"),
        ("missing_variable", "14"),
    ]


@pytest.mark.parametrize(
    ("text", "environ", "faults"),
    [
        (
            LEAST,
            {},
            [
                "missing_variable|8:14: destination.workos.api_key reads ${KEY}, which is not set; "
                "set it in the environment: export KEY=…"
            ],
        ),
        (
            LEAST,
            {"KEY": ""},
            [
                "missing_variable|8:14: destination.workos.api_key reads ${KEY}, which is empty; "
                "set it in the environment: export KEY=…"
            ],
        ),
        (
            LEAST,
            {"KEY": "sk_live_a\n"},
            [
                "invalid_value|8:14: destination.workos.api_key was read from the environment and holds a space, a "
                "line break or a foreign character; set the variable to the key alone"
            ],
        ),
        (
            workos("environment: production"),
            {"KEY": "sk_test_a"},
            [
                "wrong_environment|8:14: the key in destination.workos.api_key begins with sk_test_, but environment "
                "is production; set the variable to the key of the environment that the plan is for"
            ],
        ),
        (
            workos('environment: "\\n${ENV}"'),
            {"KEY": "k", "ENV": "hushhush"},
            [
                "invalid_value|10:18: destination.workos.environment is the value of ${ENV}; "
                "possible: production, staging, null"
            ],
        ),
        (
            workos("writes_per_10s: ${ENV}"),
            {"KEY": "k", "ENV": "hushhush"},
            [
                "wrong_type|10:21: destination.workos.writes_per_10s must be a whole number or null, found text; "
                "a ${NAME} reference always gives text: write the value itself"
            ],
        ),
        (
            more("state: {path: '${ENV}'}\n"),
            {"KEY": "k", "ENV": "s3://hushhush/x"},
            [
                "not_supported_yet|10:15: state.path: the value of ${ENV} is not supported by this version of migrate "
                "yet; leave it out or name a local file"
            ],
        ),
    ],
)
def test_what_comes_out_of_the_environment(
    text: str, environ: dict[str, str], faults: list[str], faults_of: Faults
) -> None:
    found = faults_of(text, environ)
    assert found == faults
    assert "hushhush" not in "".join(found)


UNRESOLVED = (
    LEAST.replace("us-east-1_AbCdEf123", "${POOL}").replace("name: acme", "name: ${N}").replace("client_1", "${C}")
    + """\
    base_url: ${URL}
    environment: ${ENV}
filters: {created: {after: "${A}", before: "${B}"}, enabled: "${E}", attributes: [{name: a, matches: "${M}"}]}
existing_users: ${X}
attributes: {first_name: {template: "${T}"}, metadata: {a: {from: b, default: "${D}", when_invalid: "${W}"}}}
password_reset: {strategy: "${S}", flag: "${F}"}
safety: {max_failures: "${P}"}
state: {path: "${ST}"}
"""
)


def test_unresolved_references_are_no_faults(load_text: Load) -> None:
    spec = load_text(UNRESOLVED, {}, resolve=False).spec
    assert spec.destination.api_key == "${KEY}"
    assert spec.filters == Filters(attributes=(AttributeFilter("a", matches="${M}"),))
    assert spec.existing_users == "adopt"


def test_unresolved_references_do_not_fit_everywhere(faults_of: Faults) -> None:
    assert faults_of(workos("limits: '${L}'\nreads_per_10s: '${R}'"), {}, resolve=False) == [
        "wrong_type|10:13: destination.workos.limits must be a mapping, found text; "
        "a ${NAME} reference always gives text: write the value itself",
        "wrong_type|11:20: destination.workos.reads_per_10s must be a whole number or null, found text; "
        "a ${NAME} reference always gives text: write the value itself",
    ]


def test_sandbox_reads_nothing_of_the_destination(load_text: Load) -> None:
    text = workos("base_url: ${URL}\nenvironment: production\nwrites_per_10s: 7").replace("client_1", "${C}")
    for environ in ({}, {"KEY": "sk_test_opposite", "C": "client_real", "URL": "https://x.y"}):
        loaded = load_text(text, environ, sandbox=True)
        assert loaded.spec.destination == Destination(client_id="client_sandbox", api_key="sandbox", writes_per_10s=7)
        assert loaded.secrets == ()


def test_sandbox_still_reads_the_source(faults_of: Faults) -> None:
    text = source("  cognito: {user_pool_id: '${POOL}'}\n")
    assert [one.split("|")[0] for one in faults_of(text, {}, sandbox=True)] == ["missing_variable"]


NO_RESET = (
    "p.yaml: no password resets: migrated users cannot sign in with a password until they reset it; "
    "consider password_reset: {strategy: on_next_sign_in}"
)


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (LEAST, [NO_RESET]),
        (
            more("password_reset: {strategy: none}\n"),
            [NO_RESET.replace("p.yaml:", "p.yaml:10:28:")],
        ),
        (
            more("filters: {enabled: any}\npassword_reset: {strategy: on_next_sign_in}\n"),
            [
                "p.yaml:10:20: filters.enabled: any migrates disabled users, and WorkOS has no disabled users: they "
                "could sign in; write enabled: true to leave them out"
            ],
        ),
        (
            workos("environment: staging\nwrites_per_10s: 501\nbase_url: https://x.y").replace("${KEY}", "${ODD}"),
            [
                NO_RESET,
                "p.yaml:8:14: the key's prefix does not tell its environment, so environment: staging guards nothing; "
                "make sure that it is the key you mean",
                "p.yaml:11:21: destination.workos.writes_per_10s is 501, above WorkOS's quota of 500; "
                "requests above it are refused and tried again",
            ],
        ),
        (workos("base_url: http://127.0.0.1:4100\nwrites_per_10s: 5000"), [NO_RESET]),
        (
            source("  cognito: {user_pool_id: us-east-1_a, requests_per_second: 31}\n"),
            [
                NO_RESET,
                "p.yaml:4:61: source.cognito.requests_per_second is 31, above Cognito's quota of 30; "
                "requests above it are refused and tried again",
            ],
        ),
    ],
)
def test_warnings(text: str, warnings: list[str], load_text: Load) -> None:
    loaded = load_text(text, {"KEY": KEY, "ODD": "odd-key"})
    assert [str(one) for one in loaded.warnings] == warnings


def test_the_key_is_handed_on_to_be_hidden(load_text: Load) -> None:
    loaded = load_text(LEAST)
    assert loaded.secrets == (KEY,)
    assert KEY not in repr(loaded)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prod.yaml", "prod.yaml: there is no such file; did you mean prd.yaml?"),
        ("x/y.yaml", "x/y.yaml: there is no such file; check the path"),
        (".", ".: this is a folder; name the plan file in it"),
        ("a\0b", "a\0b: the file cannot be read: not a usable path"),
    ],
)
def test_unreadable(name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prd.yaml").write_text(LEAST)
    with pytest.raises(InvalidPlanFile) as caught:
        load(Path(name), environ={})
    assert str(caught.value) == text
    assert [one.code for one in caught.value.diagnostics()] == ["unreadable"]


def test_too_large(faults_of: Faults) -> None:
    assert faults_of(b"#" * (MAX_BYTES + 1)) == ["too_large| the file is larger than 5 MB; this is hardly a plan file"]


@pytest.mark.parametrize("name", ["minimal", "production"])
def test_plans_in_the_repository(name: str) -> None:
    text = (PLANS / f"{name}.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../schemas/plan.v1.schema.json\n")
    loaded = load(PLANS / f"{name}.yaml", environ={}, resolve=False)
    assert [one.code for one in loaded.warnings] == (["no_password_reset"] if name == "minimal" else [])


def test_start_up_is_lazy() -> None:
    program = (
        "import sys, pathlib; from engine.plan_file.loader import load\n"
        f"load(pathlib.Path({str(PLANS / 'production.yaml')!r}), environ={{}}, resolve=False)\n"
        "print(sorted({'boto3', 'botocore', 'workos', 'aiohttp', 'typer', 'rich', 'sqlite3'} & set(sys.modules)))"
    )
    # Coverage measures child processes as well, and keeps its data in SQLite.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "[]\n"
