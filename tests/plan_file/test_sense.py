"""Plans of the right shape that make no sense or ask too much, each with its exact faults.

A fault reads `code|line:column: wrong; right`; the least plan ends in line 9.
"""

# ruff: noqa: E501 - messages stand here as they are shown, on one line

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.plan_file.plan_text import more, source, workos

Faults = Callable[..., list[str]]

SENSELESS: list[tuple[str | bytes, list[str]]] = [
    (
        more("filters: {attributes: [{name: x, not_matches: '(?!a)b'}]}\n"),
        [
            "invalid_regex|10:47: filters.attributes[0].not_matches is no regular expression that can be used: invalid perl operator; RE2's syntax: no look-around or back-references (not_matches excludes), \\z for the end; in single quotes YAML leaves \\ alone",
        ],
    ),
    (
        more(
            "attributes: {email: {from: mail, default: a@b.co, when_invalid: omit}, email_verified: {from: x, split: y}, last_name: {from: z, when_invalid: escape, split: name}, external_id: {from: c, default: ö}, metadata: {a: {from: b, split: name}}}\n"
        ),
        [
            "no_effect|10:43: attributes.email.default does nothing there: nobody gets an address or its flag from the plan; leave it out",
            "no_effect|10:65: attributes.email.when_invalid does nothing outside metadata; leave it out",
            "no_effect|10:105: attributes.email_verified.split does nothing outside first_name and last_name; leave it out",
            "no_effect|10:144: attributes.last_name.when_invalid does nothing outside metadata; leave it out",
            "external_id_not_ascii|10:198: attributes.external_id.default is not ASCII, and WorkOS takes no other external ID; write it in ASCII",
            "no_effect|10:233: attributes.metadata.a.split does nothing outside first_name and last_name; leave it out",
        ],
    ),
    (
        more(
            "attributes: {metadata: {a: {from: b, default: Zürich, when_invalid: omit}, c: {from: b, default: "
            + "ü" * 101
            + ", when_invalid: escape}}}\n"
        ),
        [
            "metadata_not_ascii|10:47: attributes.metadata.a.default is not ASCII, and WorkOS takes nothing else in metadata; write it in ASCII, or when_invalid: escape",
            "metadata_too_long|10:98: attributes.metadata.c.default has 606 characters, and WorkOS takes 600; shorten it",
        ],
    ),
    (
        more(
            "password_reset: {strategy: none, flag: f, email: {batch: 5}}\nduplicates: {prefer: [newest, native, oldest]}\noauth: {probe: true}\n"
        ),
        [
            "no_effect|10:40: password_reset.flag does nothing with strategy: none; it is on_next_sign_in's",
            "no_effect|10:43: password_reset.email does nothing with strategy: none; write strategy: email, or take the section out",
            "no_effect|11:39: duplicates.prefer[2] does nothing after newest; keep one of the two",
            "no_effect|12:16: oauth.probe does nothing without oauth_providers; list the pool's providers there",
        ],
    ),
    (
        more(
            "password_reset: {strategy: email, email: {timezone: Europe/Berlin}}\noauth_providers: {Google: {reuse_credentials: true, trust_email: true}}\n"
        ),
        [
            "no_effect|10:53: password_reset.email.timezone does nothing without a window; add window: {from: …, to: …}, or leave it out",
            "no_effect|11:66: oauth_providers.Google.trust_email does nothing on Google, whose word counts anyway; leave it out",
        ],
    ),
    (
        more("filters: {attributes: [{name: x, matches: '('}]}\n"),
        [
            "invalid_regex|10:43: filters.attributes[0].matches is no regular expression that can be used: missing ); RE2's syntax: no look-around or back-references (not_matches excludes), \\z for the end; in single quotes YAML leaves \\ alone",
        ],
    ),
    (
        more("filters: {created: {after: 2020-01-01, before: 2020-01-01}}\n"),
        [
            "empty_range|10:28: filters.created is an empty range: after is not earlier than before; swap the two, or leave one out",
        ],
    ),
    (
        more("filters: {created: {after: 2020-13-01}}\n"),
        [
            'invalid_value|10:28: filters.created.after is "2020-13-01", which no calendar has; write a date: 2020-01-01',
        ],
    ),
    (
        more("filters: {groups: {any: [a], none: [a]}}\n"),
        [
            'contradiction|10:26: the group "a" stands under any and under none; keep one of the two',
        ],
    ),
    (
        more("password_reset: {strategy: on_next_sign_in, flag: a}\nattributes: {metadata: {a: b}}\n"),
        [
            'two_sources|10:51: the metadata key "a" has two sources, attributes.metadata and password_reset.flag; rename one of the two',
        ],
    ),
    (
        more("attributes: {metadata: {password_reset_pending: b}}\npassword_reset: {strategy: on_next_sign_in}\n"),
        [
            'two_sources|10:49: the metadata key "password_reset_pending" has two sources, attributes.metadata and password_reset.flag; rename one of the two',
        ],
    ),
    (
        more("password_reset: {strategy: on_next_sign_in, flag: ä}\n"),
        [
            "metadata_key|10:51: password_reset.flag is not ASCII; WorkOS takes ASCII keys only",
        ],
    ),
    (
        more(
            "password_reset: {strategy: on_next_sign_in}\nattributes: {metadata: {a: x, b: x, c: x, d: x, e: x, f: x, g: x, h: x, i: x, j: x}}\n"
        ),
        [
            "metadata_limit|11:14: 11 metadata keys with password_reset.flag, and destination.workos.limits.metadata_keys is 10; map fewer, or raise the limit if your environment takes more",
        ],
    ),
    (
        more("attributes: {metadata: {é: b}}\n"),
        [
            'metadata_key|10:25: the metadata key "é" is not ASCII; WorkOS takes ASCII keys only',
        ],
    ),
    (
        more("attributes: {metadata: {a2345678901234567890123456789012345678901: b}}\n"),
        [
            'metadata_key|10:25: the metadata key "a2345678901234567890123456789012345678901" has 41 characters; WorkOS takes at most 40',
        ],
    ),
    (
        more("attributes: {metadata: {'': b}}\n"),
        [
            "metadata_key|10:25: a metadata key is empty; WorkOS takes ASCII keys only",
        ],
    ),
    (
        more("attributes: {metadata: {d: {from: x, map: {a: é}}}}\n"),
        [
            "metadata_not_ascii|10:47: attributes.metadata.d.map.a is not ASCII, and WorkOS takes nothing else in metadata; write it in ASCII, or when_invalid: escape",
        ],
    ),
    (
        more("attributes: {email_verified: {from: x, map: {a: maybe}}}\n"),
        [
            'invalid_value|10:49: attributes.email_verified.map.a is neither true nor false; write "true" or "false", in quotes',
        ],
    ),
    (
        more("attributes: {first_name: {template: 'a{b'}}\n"),
        [
            "invalid_template|10:37: attributes.first_name.template has a brace without its partner; write attributes in braces: {given_name} {family_name}",
        ],
    ),
    (
        more("attributes: {first_name: {template: '{a b}'}}\n"),
        [
            'invalid_template|10:37: attributes.first_name.template has the placeholder "{a b}", which names no attribute; write attributes in braces: {given_name} {family_name}',
        ],
    ),
    (
        more("attributes: {first_name: {template: x}}\n"),
        [
            "invalid_template|10:37: attributes.first_name.template names no attribute; write attributes in braces: {given_name} {family_name}",
        ],
    ),
    (
        more("state: {path: .}\n"),
        [
            'invalid_value|10:15: state.path is ".", which is a folder; name a file in it, for example .migrate/acme.state.db',
        ],
    ),
    (
        more("state: {path: gs://b/k}\n"),
        [
            'invalid_value|10:15: state.path is "gs://b/k", and no state can be kept there; name a local file',
        ],
    ),
    (
        more("state: {path: x/}\n"),
        [
            'invalid_value|10:15: state.path is "x/", which is a folder; name a file in it, for example .migrate/acme.state.db',
        ],
    ),
    (
        more("safety: {max_changes: '$${'}\n"),
        [
            'invalid_value|10:23: safety.max_changes is "${"; a whole number of users, or a share in percent as text, for example 500',
        ],
    ),
    (
        more("duplicates: {strategy: '$${x}'}\n"),
        [
            'invalid_value|10:24: duplicates.strategy is "${x}"; possible: merge, error',
        ],
    ),
    (
        more("decisions: [{sub: a, action: adopt}, {sub: a, action: skip, user_id: user_1}]\n"),
        [
            "missing_key|10:13: decisions[0].user_id is missing; adopt needs the WorkOS user: user_id: user_…",
            'duplicate_decision|10:44: decisions[1] is the second decision about "a", after decisions[0]; keep one',
            "contradiction|10:70: decisions[1].user_id means nothing with skip; remove it, or write action: adopt",
        ],
    ),
    (
        more(
            "password_reset: {strategy: email, email: {timezone: Mars/X, window: {from: '08:00', to: '08:00'}, every: 5x}}\n"
        ),
        [
            'invalid_value|10:53: password_reset.email.timezone is "Mars/X", which is no time zone; an IANA name, for example Europe/Berlin',
            "empty_range|10:89: password_reset.email.window.to equals from; leave the window out to send at any time",
            'invalid_value|10:106: password_reset.email.every is "5x"; a whole number and a unit: s, m, h or d, for example 1h',
        ],
    ),
    (
        more("oauth: {require: true, allow_hosts: ['https://h', login.acme.com]}\n"),
        [
            "contradiction|10:18: oauth.require: true has nothing to check: the plan has no oauth_providers; list the pool's providers, or leave require out",
            "no_effect|10:24: oauth.allow_hosts does nothing without oauth_providers; list the pool's providers there",
            'invalid_value|10:38: oauth.allow_hosts[0] is "https://h", which is no host name; write the host alone: login.acme.com',
        ],
    ),
    (
        more(
            "oauth_providers:\n  A: {connection: {organization: a}, fallback: skip}\n  B: {reuse_credentials: true, fallback: error}\n"
        ),
        [
            "contradiction|11:48: oauth_providers.A.fallback means nothing beside connection: those users sign in through it; keep one of the two",
            "contradiction|12:42: oauth_providers.B.fallback means nothing with reuse_credentials: true; keep one of the two",
        ],
    ),
    (
        more(
            "oauth_providers:\n  A: {connection: {organization: a, domains: [acme.com, '@acme.com', {domain: münchen.de}]}}\n"
            "  B: {connection: {organization: b, domains: [Acme.com, {domain: acme.com, state: verified}]}}\n"
        ),
        [
            'invalid_value|11:57: oauth_providers.A.connection.domains[1] is "@acme.com", which is no domain; write what stands after the @ in ASCII: acme.com',
            'invalid_value|11:79: oauth_providers.A.connection.domains[2].domain is "münchen.de", which is no domain; write what stands after the @ in ASCII: acme.com',
            "contradiction|12:66: oauth_providers.B.connection.domains[1].domain is both pending and verified; keep one of the two",
        ],
    ),
    (
        source("  export: {files: [u.jsonl]}\n") + "oauth_providers: {A: {connection: {organization: a}}}\n",
        [
            "contradiction|9:23: oauth_providers.A.connection is made from the pool's provider, and an export has no providers; read the pool itself: source.cognito",
        ],
    ),
    (
        workos("redirect_uris: ['nowhere', 'http://app.acme.com/cb', 'http://localhost:3000/cb', 'https://a.b/#x']"),
        [
            'invalid_value|10:21: destination.workos.redirect_uris[0] is "nowhere", which is no redirect URI; write an address without fragment: https://app.acme.com/callback',
            'insecure_url|10:32: destination.workos.redirect_uris[1] is "http://app.acme.com/cb": sign-in codes would cross the network unencrypted; write https://; plain http is for 127.0.0.1 and localhost only',
            'invalid_value|10:86: destination.workos.redirect_uris[3] is "https://a.b/#x", which is no redirect URI; write an address without fragment: https://app.acme.com/callback',
        ],
    ),
    (
        more("state: {path: " + "y" * 400 + "}\n"),
        [
            'invalid_value|10:15: state.path is "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy…", which cannot be a path; name a local file',
        ],
    ),
    (
        more("attributes: {metadata: {e: {from: x, default: " + "y" * 601 + "}}}\n"),
        [
            "metadata_too_long|10:47: attributes.metadata.e.default has 601 characters, and WorkOS takes 600; shorten it",
        ],
    ),
    (
        workos("base_url: http://api.workos.com"),
        [
            'insecure_url|10:15: destination.workos.base_url is "http://api.workos.com": the key and every user would cross the network unencrypted; write https://; plain http is for 127.0.0.1 and localhost only',
        ],
    ),
    (
        workos("base_url: https://user@h"),
        [
            "invalid_value|10:15: destination.workos.base_url holds a user name; write scheme and host only",
        ],
    ),
    (
        workos("base_url: https://h/x?y"),
        [
            "invalid_value|10:15: destination.workos.base_url goes on after the host; write scheme and host only: https://api.workos.com",
        ],
    ),
    (
        workos("base_url: 'http://[::1'"),
        [
            "invalid_value|10:15: destination.workos.base_url is not the address of an API; write https://api.workos.com",
        ],
    ),
    (
        workos("base_url: https://h:99999"),
        [
            "invalid_value|10:15: destination.workos.base_url is not the address of an API; write https://api.workos.com",
        ],
    ),
    (
        workos("base_url: ftp://x"),
        [
            'invalid_value|10:15: destination.workos.base_url is "ftp://x"; for example https://api.workos.com',
        ],
    ),
    (
        workos("environment: staging"),
        [
            "wrong_environment|8:14: the key in destination.workos.api_key begins with sk_live_, but environment is staging; set the variable to the key of the environment that the plan is for",
        ],
    ),
    (
        source("  cognito: {user_pool_id: AbC}\n"),
        [
            'invalid_value|4:27: source.cognito.user_pool_id is "AbC", which is no user pool ID; write it as AWS shows it, for example us-east-1_AbCdEf123',
        ],
    ),
    (
        source("  cognito: {user_pool_id: local_abc}\n"),
        [
            'invalid_value|4:27: source.cognito.user_pool_id "local_abc" does not begin with an AWS Region; write it as AWS shows it, us-east-1_AbCdEf123, or give region',
        ],
    ),
    (
        source("  cognito: {user_pool_id: us-east-1_a, region: eu-west-1}\n"),
        [
            'region_mismatch|4:48: source.cognito.region is "eu-west-1", but the pool "us-east-1_a" is in another Region; leave region out: it is taken from the pool\'s ID',
        ],
    ),
    (
        source("  cognito: {user_pool_id: us-east-1_a, endpoint_url: 'http://h?x'}\n"),
        [
            "invalid_value|4:54: source.cognito.endpoint_url is not the address of an API; write scheme, host and port: http://127.0.0.1:5000",
        ],
    ),
    (
        source("  export: {files: [a], user_pool_id: a b}\n"),
        [
            'invalid_value|4:38: source.export.user_pool_id is "a b"; for example us-east-1_AbCdEf123',
        ],
    ),
    (
        source("  export: {files: [a], user_pool_id: ab}\n"),
        [
            'invalid_value|4:38: source.export.user_pool_id is "ab", which is no user pool ID; write it as AWS shows it, for example us-east-1_AbCdEf123',
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), SENSELESS)
def test_no_sense(text: str | bytes, faults: list[str], faults_of: Faults) -> None:
    assert faults_of(text) == faults


NOT_YET: list[tuple[str | bytes, list[str]]] = [
    (
        more("state: {path: s3://b/k}\n"),
        [
            "not_supported_yet|10:15: state.path: s3://b/k is not supported by this version of migrate yet; leave it out or name a local file",
        ],
    ),
    (
        more("state: {path: postgresql://h/d}\n"),
        [
            "not_supported_yet|10:15: state.path: postgresql://h/d is not supported by this version of migrate yet; leave it out or name a local file",
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), NOT_YET)
def test_what_does_not_run_yet_is_refused(text: str | bytes, faults: list[str], faults_of: Faults) -> None:
    assert faults_of(text) == faults
