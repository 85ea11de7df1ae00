"""Organizations, pools, waves, disabled users and placeholders that make no sense, each with its exact faults.

A fault reads `code|line:column: wrong; right`; the least plan ends in line 9. That this release does not run some of
it yet is another matter (`NOT_YET` in test_sense.py), and left out here.
"""

# ruff: noqa: E501 - messages stand here as they are shown, on one line

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.plan_file.plan_text import more, source

Faults = Callable[..., list[str]]
Case = tuple[str, list[str]]

POOLS = source(
    "  - {name: us, cognito: {user_pool_id: us-east-1_A}}\n  - {name: eu, cognito: {user_pool_id: eu-west-1_B}}\n"
)

# Organizations: options that would do nothing, or contradict each other.
OPTIONS: list[Case] = [
    (
        more(
            "organizations: {from: group, attribute: 'custom:t', separator: ',', trust_writable: false, map: {a: {organization: a}}}\n"
        ),
        [
            "no_effect|10:30: organizations.attribute does nothing with from: group; leave it out, or write from: attribute",
            "no_effect|10:53: organizations.separator does nothing with from: group; leave it out, or write from: attribute",
            "no_effect|10:69: organizations.trust_writable does nothing with from: group; leave it out, or write from: attribute",
        ],
    ),
    (
        more("organizations: {from: attribute, map: {a: {organization: a}}}\n"),
        ["missing_key|10:1: organizations.attribute is missing; add it, for example attribute: custom:tenant"],
    ),
    (
        more(
            "organizations: {from: attribute, attribute: 'custom:t', separator: ',', map: {'a,b': {organization: a}}}\n"
        ),
        [
            'no_effect|10:79: organizations.map.a,b does nothing with the separator "," in it; write an entry for each part'
        ],
    ),
    (
        more(
            "organizations: {from: none, map: {}, default: {organization: a}, unmapped: skip, create_missing: true, create_roles: false, roles: {}, remove_missing: false, unverified: false}\n"
        ),
        [
            "no_effect|10:29: organizations.map does nothing with from: none; leave it out",
            "no_effect|10:38: organizations.default does nothing with from: none; leave it out",
            "no_effect|10:66: organizations.unmapped does nothing with from: none; leave it out",
            "no_effect|10:82: organizations.create_missing does nothing with from: none; leave it out",
            "no_effect|10:104: organizations.create_roles does nothing with from: none; leave it out",
            "no_effect|10:125: organizations.roles does nothing with from: none; leave it out",
            "no_effect|10:136: organizations.remove_missing does nothing with from: none; leave it out",
            "no_effect|10:159: organizations.unverified does nothing with from: none; leave it out",
        ],
    ),
    (
        more(
            "organizations: {from: none, remove_missing: true}\noauth_providers: {Okta: {connection: {organization: a, members: false}}}\n"
        ),
        ["no_effect|10:29: organizations.remove_missing does nothing with from: none; leave it out"],
    ),
    (
        more("organizations: {from: group}\n"),
        [
            "missing_key|10:1: organizations places nobody: it has neither map nor default; add map: {<group>: {organization: acme}}, or unmapped: create"
        ],
    ),
    (
        more("organizations: {from: attribute, attribute: 'custom:t', unmapped: skip}\n"),
        [
            "missing_key|10:1: organizations places nobody: it has neither map nor default; add map: {<value>: {organization: acme}}, or unmapped: create"
        ],
    ),
    (
        more("organizations: {from: group, unmapped: create, create_missing: false}\n"),
        [
            "contradiction|10:40: organizations.unmapped: create makes organizations, and create_missing: false makes none; change one of the two"
        ],
    ),
    (
        more("organizations: {from: group, map: {a: {organization: a, role: admin}}, roles: {admin: {}}}\n"),
        [
            "no_effect|10:72: organizations.roles does nothing without create_roles: true; add create_roles: true, or leave it out"
        ],
    ),
    (
        more("organizations: {from: group, map: {a: {organization: a}}, create_roles: true}\n"),
        [
            "no_effect|10:59: organizations.create_roles does nothing where no entry has a role; give entries a role, or leave it out"
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {a: {organization: a, role: admin}}, create_roles: true, roles: {admni: {name: A}, other: {}, No Slug: {}}}\n"
        ),
        [
            "no_effect|10:100: organizations.roles.admni does nothing: no entry has that role; did you mean admin?",
            "no_effect|10:118: organizations.roles.other does nothing: no entry has that role; give an entry of map that role, or leave it out",
            'invalid_value|10:129: organizations.roles["No Slug"] is no slug of a role; lower-case letters, digits, dashes and underscores, at most 48',
        ],
    ),
    (
        more("organizations: {from: group, map: {a: {organization: a, role: x, roles: [y]}}}\n"),
        ["two_sources|10:66: organizations.map.a has both role and roles; keep one of them"],
    ),
    (
        more(
            "organizations: {from: group, map: {'a*': {organization: a}, ab: {organization: b}, 'a*b': {organization: c}, a: {organization: d}, '*': {organization: e}}}\n"
        ),
        [
            'no_effect|10:61: organizations.map.ab does nothing: "a*" before it fits all that it fits; move it up, or leave it out',
            'no_effect|10:84: organizations.map.a*b does nothing: "a*" before it fits all that it fits; move it up, or leave it out',
        ],
    ),
]

# Organizations: external IDs, names, domains, metadata, roles.
ORGANIZATIONS: list[Case] = [
    (
        more(
            "organizations: {from: group, map: {a: {organization: 'münchen'}, b: {organization: ' b'}, c: {organization: "
            + "y" * 65
            + "}}}\n"
        ),
        [
            'invalid_value|10:54: organizations.map.a.organization is "münchen", which is no external ID of an organization; write it in ASCII, with no space around it',
            'invalid_value|10:84: organizations.map.b.organization is " b", which is no external ID of an organization; write it in ASCII, with no space around it',
            "external_id_too_long|10:109: organizations.map.c.organization has 65 characters, and WorkOS takes 64; shorten it",
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {a: {organization: '{1}'}, 'b-*': {organization: '{2}', organization_name: '{x} {0}'}, 'c-*-*': {organization: '{1'}}, default: {organization: '{1}'}}\n"
        ),
        [
            "invalid_template|10:54: organizations.map.a.organization has {1}, and its pattern has no star; {1} is what the pattern's first star stands for",
            "invalid_template|10:84: organizations.map.b-*.organization has {2}, and its pattern has 1 star; {1} is what the pattern's first star stands for",
            'invalid_template|10:110: organizations.map.b-*.organization_name has "{x}", which stands for nothing; {1} is what the pattern\'s first star stands for',
            'invalid_template|10:110: organizations.map.b-*.organization_name has "{0}", which stands for nothing; {1} is what the pattern\'s first star stands for',
            "invalid_template|10:146: organizations.map.c-*-*.organization has a brace without its partner; {1} is what the pattern's first star stands for",
            "invalid_template|10:178: organizations.default.organization has {1}, and its pattern has no star; {1} is what the pattern's first star stands for",
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {'a-*': {organization: '{1}', metadata: {t: '{1}', ü: x, o: ü, l: "
            + "y" * 601
            + "}}}}\n"
        ),
        [
            'invalid_template|10:79: organizations.map.a-*.metadata.t is "{1}": only organization and organization_name take parts of the pattern; write the value itself',
            'metadata_key|10:86: the metadata key "ü" is not ASCII; WorkOS takes ASCII keys only',
            "metadata_not_ascii|10:95: organizations.map.a-*.metadata.o is not ASCII, and WorkOS takes nothing else in metadata; write it in ASCII",
            "metadata_too_long|10:101: organizations.map.a-*.metadata.l has 601 characters, and WorkOS takes 600; shorten it",
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {a: {organization: a, metadata: {k0: v, k1: v, k2: v, k3: v, k4: v, k5: v, k6: v, k7: v, k8: v, k9: v, k10: v}}}}\n"
        ),
        [
            "metadata_limit|10:57: organizations.map.a.metadata has 11 keys, and destination.workos.limits.metadata_keys is 10; give fewer, or raise the limit if your environment takes more"
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {a: {organization: a, domains: [nope, {domain: acme.com, state: verified}, Acme.com]}}}\n"
        ),
        [
            'invalid_value|10:67: organizations.map.a.domains[0] is "nope", which is no domain; write what stands after the @ in ASCII: acme.com',
            "contradiction|10:110: organizations.map.a.domains[2] is both pending and verified; keep one of the two",
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {a: {organization: a, role: Big Boss}}, create_roles: true, roles: {x: {permissions: [No]}}}\n"
        ),
        [
            'invalid_value|10:63: organizations.map.a.role is "Big Boss"; a slug: lower-case letters, digits, dashes and underscores, at most 48, for example admin',
            'invalid_value|10:121: organizations.roles.x.permissions[0] is "No"; a slug: lower-case letters, digits and _ : . * -, at most 48',
        ],
    ),
    (
        more("organizations: {from: group, map: {a: {organization: a, roles: []}, b: {organisation: b}}}\n"),
        [
            'invalid_value|10:57: organizations.map.a.roles is empty; a slug: lower-case letters, digits, dashes and underscores, at most 48, for example ["admin", "billing"]',
            "unknown_key|10:73: unknown key organizations.map.b.organisation; did you mean organization?",
        ],
    ),
    (
        more("organizations: {from: group, map: {a: {organization: a, domains: [{domian: acme.com}, {domain: 5}]}}}\n"),
        [
            "unknown_key|10:68: unknown key organizations.map.a.domains[0].domian; did you mean domain?",
            'wrong_type|10:96: organizations.map.a.domains[1].domain must be text, found the number 5; put it in quotes: "5"',
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {a: {organization: x, organization_name: X, metadata: {p: '1'}}, b: {organization: x, organization_name: Y, metadata: {p: '2'}}}}\n"
        ),
        [
            'contradiction|10:140: organizations.map.b.organization_name is "Y", but organizations.map.a.organization_name is "X"; the organization "x" has one: keep it',
            'contradiction|10:157: organizations.map.b.metadata.p is "2", but organizations.map.a.metadata.p is "1"; the organization "x" has one: keep it',
        ],
    ),
    (
        more(
            "organizations: {from: group, map: {a: {organization: x, organization_name: X}}}\noauth_providers:\n  A: {connection: {organization: x, organization_name: Z}}\n  B: {connection: {organization: 'ü'}}\n"
        ),
        [
            'contradiction|12:56: oauth_providers.A.connection.organization_name is "Z", but organizations.map.a.organization_name is "X"; the organization "x" has one: keep it',
            'invalid_value|13:34: oauth_providers.B.connection.organization is "ü", which is no external ID of an organization; write it in ASCII, with no space around it',
        ],
    ),
    (
        more("organizations: {from: groups, map: {a: {organization: x}}}\n"),
        [
            'invalid_value|10:23: organizations.from is "groups"; did you mean group? possible: none, group, attribute, pool'
        ],
    ),
    (
        more("organizations: {from: group, map: {a: {organization: x}}, unmaped: skip}\n"),
        ["unknown_key|10:59: unknown key organizations.unmaped; did you mean unmapped?"],
    ),
]

# Pools.
SEVERAL: list[Case] = [
    (
        source(
            "  - {name: us, cognito: {user_pool_id: us-east-1_A}}\n  - {name: us, cognito: {user_pool_id: us-east-1_A}}\n"
        ),
        [
            'duplicate_pool|5:12: source[1].name is "us", the same name as source[0].name; each pool stands once in the list, under a name of its own',
            'duplicate_pool|5:40: source[1].cognito.user_pool_id is "us-east-1_A", the same user pool as source[0].cognito.user_pool_id; each pool stands once in the list, under a name of its own',
        ],
    ),
    (
        source("  - {name: us, cognito: {user_pool_id: us-east-1_A}}\n  - {name: eu, export: {files: [a]}}\n"),
        [
            "missing_key|5:16: source[1].export.user_pool_id is missing: users of several pools are known by pool and sub; add the ID of the pool that the files came from"
        ],
    ),
    (
        source(
            "  - {name: us, cognito: {user_pool_id: nope}}\n  - {name: eu, cognito: {user_pool_id: eu-west-1_A, region: us-east-1, endpoint_url: 'http://h?x'}}\n"
        ),
        [
            'invalid_value|4:40: source[0].cognito.user_pool_id is "nope", which is no user pool ID; write it as AWS shows it, for example us-east-1_AbCdEf123',
            'region_mismatch|5:61: source[1].cognito.region is "us-east-1", but the pool "eu-west-1_A" is in another Region; leave region out: it is taken from the pool\'s ID',
            "invalid_value|5:86: source[1].cognito.endpoint_url is not the address of an API; write scheme, host and port: http://127.0.0.1:5000",
        ],
    ),
    (
        source(
            "  - {cognito: {user_pool_id: us-east-1_A}}\n  - {name: eu}\n  - {name: a b, cognito: {user_pool_id: us-east-1_C}, export: {files: [a]}}\n"
        ),
        [
            "missing_key|4:5: source[0].name is missing; add it, for example name: eu",
            "missing_key|5:5: source[1] has neither cognito nor export; give exactly one of them",
            'invalid_value|6:12: source[2].name is "a b"; for example eu',
            "two_sources|6:55: source[2] has both cognito and export; keep one of them",
        ],
    ),
    (
        source("  []\n"),
        ['invalid_value|3:1: source is empty; for example {"cognito": {"user_pool_id": "us-east-1_AbCdEf123"}}'],
    ),
    (
        source("  5\n"),
        [
            'wrong_type|4:3: source must be a mapping or a list, found the number 5; for example {"cognito": {"user_pool_id": "us-east-1_AbCdEf123"}}'
        ],
    ),
    (
        source("  - {name: us, cognito: {user_pool_id: us-east-1_A}, organization: acme}\n"),
        [
            "no_effect|4:54: source[0].organization does nothing without organizations.from: pool; add organizations: {from: pool}, or leave it out"
        ],
    ),
    (
        POOLS + "organizations: {from: pool}\n",
        [
            'missing_key|4:5: the pool "us" has no organization; add organization to it, or an entry to organizations.map, or organizations.default',
            'missing_key|5:5: the pool "eu" has no organization; add organization to it, or an entry to organizations.map, or organizations.default',
        ],
    ),
    (
        POOLS + "organizations: {from: pool, unmapped: skip}\n",
        [
            'missing_key|4:5: the pool "us" has no organization; add organization to it, or an entry to organizations.map, or organizations.default',
            'missing_key|5:5: the pool "eu" has no organization; add organization to it, or an entry to organizations.map, or organizations.default',
        ],
    ),
    (
        POOLS + "organizations: {from: pool, unmapped: skip, default: {organization: acme}}\n",
        [
            "no_effect|10:29: organizations.unmapped does nothing with from: pool beside default, which every other pool's users get; leave it out"
        ],
    ),
    (
        more("organizations: {from: pool}\n"),
        ["missing_key|3:1: source has no organization; add organizations.default: {organization: acme}"],
    ),
    (
        source("  - {name: us, cognito: {user_pool_id: us-east-1_A}, organization: acme}\n")
        + "organizations: {from: pool, map: {us: {organization: b}}}\n",
        [
            "two_sources|4:68: source[0].organization and organizations.map.us both say where the pool's users belong; keep one of the two"
        ],
    ),
    (
        source(
            "  - {name: us, cognito: {user_pool_id: us-east-1_A}, filters: {sample: {percent: 5}, cohorts: [], created: {after: 2020-02-30}, groups: {any: [a], none: [a]}}}\n"
        ),
        [
            "contradiction|4:64: source[0].filters.sample is about people, and one person may have records in several pools; write it under filters.sample, for all pools",
            "contradiction|4:86: source[0].filters.cohorts is about people, and one person may have records in several pools; write it under filters.cohorts, for all pools",
            'invalid_value|4:116: source[0].filters.created.after is "2020-02-30", which no calendar has; write a date: 2020-01-01',
            'contradiction|4:144: the group "a" stands under any and under none; keep one of the two',
        ],
    ),
    (
        source(
            "  - {name: us, cognito: {user_pool_id: us-east-1_A}, filters: {stauts: []}, attributes: {metadata: {é: x}, email: {template: x}, external_id: {from: a, default: é}}}\n"
        ),
        [
            "unknown_key|4:64: unknown key source[0].filters.stauts; did you mean status?",
            'metadata_key|4:101: the metadata key "é" is not ASCII; WorkOS takes ASCII keys only',
            "invalid_template|4:126: source[0].attributes.email.template names no attribute; write attributes in braces: {given_name} {family_name}",
            "external_id_not_ascii|4:162: source[0].attributes.external_id.default is not ASCII, and WorkOS takes no other external ID; write it in ASCII",
        ],
    ),
    (
        POOLS
        + "decisions: [{sub: a, action: skip}, {pool: ue, sub: a, action: skip}, {pool: eu, sub: a, action: skip}, {pool: eu, sub: a, action: primary}, {pool: zz, sub: b, action: skip}]\n",
        [
            "missing_key|10:13: decisions[0].pool is missing, and source lists 2 pools; name the user's: us, eu",
            'unknown_pool|10:44: decisions[1].pool is "ue", and no pool is called that; possible: us, eu',
            'duplicate_decision|10:121: decisions[3] is the second decision about "a", after decisions[2]; keep one',
            'unknown_pool|10:149: decisions[4].pool is "zz", and no pool is called that; possible: us, eu',
        ],
    ),
    (
        more("decisions: [{pool: eu, sub: a, action: skip}]\n"),
        ["no_effect|10:20: decisions[0].pool does nothing: source is one pool; leave it out"],
    ),
    (
        source("  export: {files: [a]}\n") + "attributes: {external_id: {template: '{pool}:{sub}'}}\n",
        [
            "missing_key|9:38: attributes.external_id.template has {pool}, and source.export.user_pool_id is missing; add the ID of the pool that the files came from"
        ],
    ),
    (
        source(
            "  - {name: a, export: {files: [a], user_pool_id: us-east-1_A}}\n  - {name: b, export: {files: [b], user_pool_id: us-east-1_B}}\n"
        )
        + "mfa: report\noauth_providers: {A: {connection: {organization: a}}}\n",
        [
            "no_effect|10:6: mfa does nothing over source.export, which holds no second factors; read the pool itself",
            "contradiction|11:23: oauth_providers.A.connection is made from the pool's provider, and an export has no providers; read the pool itself: source.cognito",
        ],
    ),
]

# Waves.
WAVES: list[Case] = [
    (
        more("filters: {sample: {percent: 0}}\n"),
        ["invalid_value|10:29: filters.sample.percent is 0, not more than 0; for example 5"],
    ),
    (
        more("filters: {sample: {percent: 100.5, sead: 1}}\n"),
        [
            "invalid_value|10:29: filters.sample.percent is 100.5, more than 100; for example 5",
            "unknown_key|10:36: unknown key filters.sample.sead; did you mean seed?",
        ],
    ),
    (
        more("filters: {sample: {percent: 5%}}\n"),
        ['wrong_type|10:29: filters.sample.percent must be a number, found the text "5%"; for example 5'],
    ),
    (
        more("filters: {sample: {seed: 1}}\n"),
        ["missing_key|10:11: filters.sample.percent is missing; add it, for example percent: 5"],
    ),
    (
        more("filters: {cohorts: [{from: 2026-12-01}, {name: a, from: soon}, {name: a, groups: []}]}\n"),
        [
            "missing_key|10:21: filters.cohorts[0].name is missing; add it, for example name: pilot",
            "no_effect|10:41: filters.cohorts[1] does nothing: everybody is in filters.cohorts[0] already; give that one groups or attributes, or make it the last",
            'invalid_value|10:57: filters.cohorts[1].from is "soon"; a date (YYYY-MM-DD), for example 2026-12-01',
            "missing_key|10:64: filters.cohorts[2].from is missing; add it, for example from: 2026-12-01",
            "no_effect|10:64: filters.cohorts[2] does nothing: everybody is in filters.cohorts[0] already; give that one groups or attributes, or make it the last",
            'duplicate_cohort|10:71: filters.cohorts[2].name is "a", as filters.cohorts[1].name is; give each a name of its own',
            'invalid_value|10:74: filters.cohorts[2].groups is empty; for example ["beta"]',
        ],
    ),
    (
        more(
            "filters: {cohorts: [{name: a, groups: [x], from: 2026-02-30}, {name: a, attributes: [{name: b, matches: '('}], from: 2026-12-01}, {name: all, from: 2026-12-02}, {name: late, groups: [x], from: 2026-12-03}]}\n"
        ),
        [
            'invalid_value|10:50: filters.cohorts[0].from is "2026-02-30", which no calendar has; write a date: 2020-01-01',
            'duplicate_cohort|10:70: filters.cohorts[1].name is "a", as filters.cohorts[0].name is; give each a name of its own',
            "invalid_regex|10:105: filters.cohorts[1].attributes[0].matches is no regular expression that can be used: missing ); RE2's syntax: no look-around or back-references (not_matches excludes), \\z for the end; in single quotes YAML leaves \\ alone",
            "no_effect|10:162: filters.cohorts[3] does nothing: everybody is in filters.cohorts[2] already; give that one groups or attributes, or make it the last",
        ],
    ),
    (
        more("safety: {max_updates: 101%}\n"),
        [
            'invalid_value|10:23: safety.max_updates is "101%"; a whole number of users, or a share in percent as text, for example "30%"'
        ],
    ),
]

# Disabled users, leavers, placeholders.
PEOPLE: list[Case] = [
    (
        more("disabled: deactivate\nfilters: {enabled: true}\n"),
        [
            "contradiction|10:11: disabled: deactivate needs organizations: without memberships nothing keeps disabled users out; say under organizations.from who is a member, or write skip",
            "contradiction|11:20: filters.enabled: true leaves out the disabled users that disabled: deactivate brings along; leave it out, or write disabled: skip",
        ],
    ),
    (
        more("disabled: deactivate\norganizations: {from: none}\n"),
        [
            "contradiction|10:11: disabled: deactivate needs organizations: without memberships nothing keeps disabled users out; say under organizations.from who is a member, or write skip"
        ],
    ),
    (
        source("  - {name: us, cognito: {user_pool_id: us-east-1_A}, filters: {enabled: true}}\n")
        + "disabled: deactivate\norganizations: {from: group, unmapped: create}\n",
        [
            "contradiction|4:73: source[0].filters.enabled: true leaves out the disabled users that disabled: deactivate brings along; leave it out, or write disabled: skip"
        ],
    ),
    (
        more("disabled: skipp\nleft: delete\nno_email: placehoder\n"),
        [
            'invalid_value|10:11: disabled is "skipp"; did you mean skip? possible: skip, deactivate',
            'invalid_value|11:7: left is "delete"; possible: report, deactivate',
            'invalid_value|12:11: no_email is "placehoder"; did you mean placeholder? possible: skip, placeholder',
        ],
    ),
    (
        more("no_email: placeholder\n"),
        [
            'missing_key|10:11: placeholder is missing, and no_email: placeholder needs it; add it, for example placeholder: "{sub}@no-email.acme.com"'
        ],
    ),
    (
        more("placeholder: '{sub}@x.acme.com'\n"),
        ["no_effect|10:14: placeholder does nothing without no_email: placeholder; add it, or leave it out"],
    ),
    (
        more("no_email: placeholder\nplaceholder: 'nobody@x.acme.com'\n"),
        [
            'invalid_value|11:14: placeholder is "nobody@x.acme.com": {sub} must stand in it once, so that each user has an own address; for example "{sub}@no-email.acme.com"'
        ],
    ),
    (
        more("no_email: placeholder\nplaceholder: '{sub}{sub}@x.acme.com'\n"),
        [
            'invalid_value|11:14: placeholder is "{sub}{sub}@x.acme.com": {sub} must stand in it once, so that each user has an own address; for example "{sub}@no-email.acme.com"'
        ],
    ),
    (
        more("no_email: placeholder\nplaceholder: 'a{name}{sub}@x.acme.com'\n"),
        [
            'invalid_value|11:14: placeholder is "a{name}{sub}@x.acme.com", which makes no addresses; for example "{sub}@no-email.acme.com"'
        ],
    ),
    (
        more("no_email: placeholder\nplaceholder: 'x@{sub}.acme.com'\n"),
        [
            'invalid_value|11:14: placeholder is "x@{sub}.acme.com", which makes no addresses; for example "{sub}@no-email.acme.com"'
        ],
    ),
    (
        more("no_email: placeholder\nplaceholder: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa{sub}@x.acme.com'\n"),
        [
            'invalid_value|11:14: placeholder is "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa{sub}@x.acme.com", which makes no addresses; for example "{sub}@no-email.acme.com"'
        ],
    ),
    (
        more("no_email: placeholder\nplaceholder: '{sub}@acme'\n"),
        [
            'invalid_value|11:14: placeholder is "{sub}@acme", whose domain is none; a domain of yours: for example "{sub}@no-email.acme.com"'
        ],
    ),
    (
        more(
            "no_email: placeholder\nplaceholder: '{sub}@Acme.com'\noauth_providers: {A: {connection: {organization: a, domains: [{domain: acme.com, state: verified}]}}}\n"
        ),
        [
            'invalid_value|11:14: placeholder\'s domain "Acme.com" is verified for an organization, and would make members of users; a domain of its own: for example "{sub}@no-email.acme.com"'
        ],
    ),
]

# Mappings.
MAPPINGS: list[Case] = [
    (
        more("attributes: {email: {const: a@b.c}, email_verified: {const: 'true'}, external_id: {const: x}}\n"),
        [
            "contradiction|10:29: attributes.email.const would be the same for every user; name the attribute that it comes from",
            "contradiction|10:61: attributes.email_verified.const would be the same for every user; name the attribute that it comes from",
            "contradiction|10:91: attributes.external_id.const would be the same for every user; name the attribute that it comes from",
        ],
    ),
    (
        more(
            "attributes: {first_name: {const: x, split: name, default: y, map: {x: y}, optional: true}, metadata: {a: {const: é}, b: {const: x, when_invalid: omit}, c: {const: x, from: y}}}\n"
        ),
        [
            "no_effect|10:44: attributes.first_name.split does nothing beside const; leave it out",
            "no_effect|10:59: attributes.first_name.default does nothing beside const; leave it out",
            "no_effect|10:62: attributes.first_name.map does nothing beside const; leave it out",
            "no_effect|10:85: attributes.first_name.optional does nothing beside const; leave it out",
            "metadata_not_ascii|10:114: attributes.metadata.a.const is not ASCII, and WorkOS takes nothing else in metadata; write it in ASCII, or when_invalid: escape",
            "no_effect|10:146: attributes.metadata.b.when_invalid does nothing beside const, whose value is checked here; leave it out",
            "two_sources|10:157: attributes.metadata.c has both from and const; keep one of them",
        ],
    ),
    (
        more(
            "attributes: {email: {from: email, trust_writable: true}, metadata: {a: {from: x, trust_writable: true}}}\n"
        ),
        [
            "no_effect|10:51: attributes.email.trust_writable does nothing outside external_id; leave it out",
            "no_effect|10:98: attributes.metadata.a.trust_writable does nothing outside external_id; leave it out",
        ],
    ),
    (
        more(
            "attributes: {first_name: Given_Name, last_name: 'custom: plan', email: {from: [email, E-Mail]}, metadata: {a: '{given_name} {family_name}', b: {template: '{Name} {Custom:x}'}, c: Custom:x, d: {from: 'dev: custom:x', split: Name}}}\n"
        ),
        [
            'unknown_attribute|10:26: attributes.first_name is "Given_Name", and no Cognito attribute can be called that; did you mean given_name?',
            'unknown_attribute|10:49: attributes.last_name is "custom: plan", and no Cognito attribute can be called that; did you mean custom:plan?',
            'unknown_attribute|10:87: attributes.email.from[1] is "E-Mail", and no Cognito attribute can be called that; did you mean email?',
            'unknown_attribute|10:111: attributes.metadata.a is "{given_name} {family_name}", and no Cognito attribute can be called that; a template stands under template: {template: "…"}',
            'unknown_attribute|10:155: attributes.metadata.b.template has "{Name}", and Cognito has no such attribute; did you mean {name}?',
            'unknown_attribute|10:155: attributes.metadata.b.template has "{Custom:x}", and Cognito has no such attribute; did you mean {custom:x}?',
            'unknown_attribute|10:180: attributes.metadata.c is "Custom:x", and no Cognito attribute can be called that; did you mean custom:x?',
            'unknown_attribute|10:200: attributes.metadata.d.from is "dev: custom:x", and no Cognito attribute can be called that; did you mean dev:custom:x?',
            'unknown_attribute|10:224: attributes.metadata.d.split is "Name", and no Cognito attribute can be called that; did you mean name?',
            "no_effect|10:224: attributes.metadata.d.split does nothing outside first_name and last_name; leave it out",
        ],
    ),
    (
        more(
            "filters: {attributes: [{name: emailVerified, exists: true}, {name: phoneNumber, exists: true}, {name: '{sub}', exists: true}], cohorts: [{name: a, attributes: [{name: Sub, exists: true}], from: 2026-12-01}]}\n"
        ),
        [
            'unknown_attribute|10:68: filters.attributes[1].name is "phoneNumber", and no Cognito attribute can be called that; did you mean phone_number?',
            'unknown_attribute|10:103: filters.attributes[2].name is "{sub}", and no Cognito attribute can be called that; name one attribute',
            'unknown_attribute|10:168: filters.cohorts[0].attributes[0].name is "Sub", and no Cognito attribute can be called that; did you mean sub?',
        ],
    ),
    (
        more("organizations: {from: attribute, attribute: Custom:tenant, map: {a: {organization: a}}}\n"),
        [
            'unknown_attribute|10:45: organizations.attribute is "Custom:tenant", and no Cognito attribute can be called that; did you mean custom:tenant?'
        ],
    ),
]


@pytest.mark.parametrize(("text", "faults"), [*OPTIONS, *ORGANIZATIONS, *SEVERAL, *WAVES, *PEOPLE, *MAPPINGS])
def test_no_sense(text: str, faults: list[str], faults_of: Faults) -> None:
    assert [one for one in faults_of(text) if not one.startswith("not_supported_yet|")] == faults
