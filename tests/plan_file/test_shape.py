"""Plans of the wrong shape, each with its exact faults.

A fault reads `code|line:column: wrong; right`; the least plan ends in line 9.
"""

# ruff: noqa: E501 - messages stand here as they are shown, on one line

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.plan_file.plan_text import LEAST, more, source, workos

Faults = Callable[..., list[str]]

MISSHAPEN: list[tuple[str | bytes, list[str]]] = [
    (
        "{}",
        [
            "missing_key|1:1: version is missing; add it, for example version: 1",
            "missing_key|1:1: name is missing; add it, for example name: acme-production",
            'missing_key|1:1: source is missing; add it, for example source: {"cognito": {"user_pool_id": "us-east-1_AbCdEf123"}}',
            'missing_key|1:1: destination is missing; add it, for example destination: {"workos": {"api_key": "${WORKOS_API_KEY}", "client_id": "${WORKOS_CLIENT_ID}"}}',
        ],
    ),
    (
        "version: 2\nanything: 1\n",
        [
            "unknown_version|1:10: version is 2, which this program does not know; write version: 1, or install a newer migrate",
        ],
    ),
    (
        "version: '1'\n",
        [
            'unknown_version|1:10: version is "1", which this program does not know; write version: 1, or install a newer migrate',
        ],
    ),
    (
        more("fliters: {}\n"),
        [
            "unknown_key|10:1: unknown key fliters; did you mean filters?",
        ],
    ),
    (
        more("filters: {statuss: []}\n"),
        [
            "unknown_key|10:11: unknown key filters.statuss; did you mean status?",
        ],
    ),
    (
        more("filters: {status: CONFIRMED}\n"),
        [
            'wrong_type|10:19: filters.status must be a list, found the text "CONFIRMED"; for example ["CONFIRMED", "RESET_REQUIRED"]',
        ],
    ),
    (
        more("filters:\n"),
        [
            "wrong_type|10:1: filters must be a mapping, found nothing; give it a value or leave it out",
        ],
    ),
    (
        more("filters: {status: [CONFIRMD]}\n"),
        [
            'invalid_value|10:20: filters.status[0] is "CONFIRMD"; did you mean CONFIRMED? possible: UNCONFIRMED, CONFIRMED, FORCE_CHANGE_PASSWORD, RESET_REQUIRED, EXTERNAL_PROVIDER, ARCHIVED, COMPROMISED, UNKNOWN',
        ],
    ),
    (
        more("filters: {status: []}\n"),
        [
            'invalid_value|10:11: filters.status is empty; for example ["CONFIRMED", "RESET_REQUIRED"]',
        ],
    ),
    (
        more("existing_users: adpot\n"),
        [
            'invalid_value|10:17: existing_users is "adpot"; did you mean adopt? possible: adopt, update, skip, error',
        ],
    ),
    (
        more("filters: {enabled: yes}\n"),
        [
            'invalid_value|10:20: filters.enabled is "yes"; did you mean true? possible: true, false, any',
        ],
    ),
    (
        more("filters: {enabled: 3}\n"),
        [
            "invalid_value|10:20: filters.enabled is 3; possible: true, false, any",
        ],
    ),
    (
        more("user_pool_id: x\n"),
        [
            "unknown_key|10:1: unknown key user_pool_id; user_pool_id belongs under source.cognito or under source.export",
        ],
    ),
    (
        more("attributes: {email: {from: email, template: '{x}'}}\n"),
        [
            "two_sources|10:35: attributes.email has both from and template; keep one of them",
        ],
    ),
    (
        more("attributes: {email: {}}\n"),
        [
            "missing_key|10:14: attributes.email has neither from nor template nor const; give exactly one of them",
        ],
    ),
    (
        more("attributes: {email: 5}\n"),
        [
            'wrong_type|10:21: attributes.email must be text or a mapping, found the number 5; put it in quotes: "5"',
        ],
    ),
    (
        more("attributes: {email: null}\n"),
        [
            "wrong_type|10:14: attributes.email must be text or a mapping, found nothing; give it a value or leave it out",
        ],
    ),
    (
        more("attributes: {first_name: [a]}\n"),
        [
            "wrong_type|10:14: attributes.first_name must be text or a mapping or null, found a list; for example given_name",
        ],
    ),
    (
        more("attributes: {metadata: {a: {from: b, deflt: x}}}\n"),
        [
            "unknown_key|10:38: unknown key attributes.metadata.a.deflt; did you mean default?",
        ],
    ),
    (
        more("attributes: {metadata: {a: {from: b, map: {1: 2}}}}\n"),
        [
            'wrong_type|10:47: attributes.metadata.a.map.1 must be text, found the number 2; put it in quotes: "2"',
        ],
    ),
    (
        more("attributes: {metadata: {a: {from: {}}}}\n"),
        [
            "wrong_type|10:29: attributes.metadata.a.from must be text or a list, found a mapping; for example custom:tier",
        ],
    ),
    (
        more("filters: {attributes: [{name: a}, {name: b, in: [x], exists: true}, 5, {in: [x]}]}\n"),
        [
            "missing_key|10:24: filters.attributes[0] has neither in nor not_in nor matches nor not_matches nor exists; give exactly one of them",
            "two_sources|10:54: filters.attributes[1] has both in and exists; keep one of them",
            "wrong_type|10:69: filters.attributes[2] must be a mapping, found the number 5",
            "missing_key|10:72: filters.attributes[3].name is missing; add it, for example name: custom:tenant",
        ],
    ),
    (
        more("filters: {created: {after: yesterday}}\n"),
        [
            'invalid_value|10:28: filters.created.after is "yesterday"; a date (YYYY-MM-DD), or a date and time (YYYY-MM-DDTHH:MM, with seconds and offset if you like), for example 2020-01-01',
        ],
    ),
    (
        more("filters: {created: {after: 2020}}\n"),
        [
            "wrong_type|10:28: filters.created.after must be text or null, found the number 2020; a date (YYYY-MM-DD), or a date and time (YYYY-MM-DDTHH:MM, with seconds and offset if you like), for example 2020-01-01",
        ],
    ),
    (
        more("safety: {max_failures: 0.05}\n"),
        [
            'wrong_type|10:24: safety.max_failures must be a whole number or text or null, found the number 0.05; a whole number of users, or a share in percent as text, for example "5%"',
        ],
    ),
    (
        more("safety: {max_failures: 101%}\n"),
        [
            'invalid_value|10:24: safety.max_failures is "101%"; a whole number of users, or a share in percent as text, for example "5%"',
        ],
    ),
    (
        more("safety: {max_failures: -1}\n"),
        [
            'invalid_value|10:24: safety.max_failures is -1, less than 0; a whole number of users, or a share in percent as text, for example "5%"',
        ],
    ),
    (
        more("safety: {max_failures: true}\n"),
        [
            'wrong_type|10:24: safety.max_failures must be a whole number or text or null, found true; a whole number of users, or a share in percent as text, for example "5%"',
        ],
    ),
    (
        more("organizations: {map: {}}\n"),
        [
            "missing_key|10:1: organizations.from is missing; add it, for example from: group",
        ],
    ),
    (
        more("password_reset: {flag: x}\n"),
        [
            "missing_key|10:1: password_reset.strategy is missing; add it, for example strategy: on_next_sign_in",
        ],
    ),
    (
        more("duplicates: {prefer: [native, native]}\n"),
        [
            'invalid_value|10:14: duplicates.prefer holds one value twice; for example ["native", "newest"]',
        ],
    ),
    (
        more("state: {}\n"),
        [
            "missing_key|10:1: state.path is missing; add it, for example path: .migrate/acme-production.state.db",
        ],
    ),
    (
        workos("environment: prod"),
        [
            'invalid_value|10:18: destination.workos.environment is "prod"; did you mean production? possible: production, staging, null',
        ],
    ),
    (
        workos("writes_per_10s: 0\nlimits: {metadata_keys: 51}"),
        [
            "invalid_value|10:21: destination.workos.writes_per_10s is 0, less than 1; for example 450",
            "invalid_value|11:29: destination.workos.limits.metadata_keys is 51, more than 50; for example 10",
        ],
    ),
    (
        source("  cognito: {user: x}\n"),
        [
            "unknown_key|4:13: unknown key source.cognito.user; did you mean user_pool_id?",
        ],
    ),
    (
        source("  cognito: {user_pool_id: us-east-1_x}\n  export: {files: [a]}\n"),
        [
            "two_sources|5:3: source has both cognito and export; keep one of them",
        ],
    ),
    (
        source("  {}\n"),
        [
            "missing_key|3:1: source has neither cognito nor export; give exactly one of them",
        ],
    ),
    (
        source("  cognito:\n    user_pool_id: us-east-1_x\n    role_arn: foo\n    requests_per_second: 0\n"),
        [
            'invalid_value|6:15: source.cognito.role_arn is "foo"; for example arn:aws:iam::123456789012:role/migrate-read',
            "invalid_value|7:26: source.cognito.requests_per_second is 0, not more than 0; for example 25",
        ],
    ),
    (
        LEAST.replace("name: acme", "name: ../x"),
        [
            'invalid_value|2:7: name is "../x"; 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first, for example acme-production',
        ],
    ),
    (
        LEAST.replace("destination:", "destinaton:"),
        [
            "unknown_key|6:1: unknown key destinaton; did you mean destination?",
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), MISSHAPEN)
def test_wrong_shape(text: str | bytes, faults: list[str], faults_of: Faults) -> None:
    assert faults_of(text) == faults
