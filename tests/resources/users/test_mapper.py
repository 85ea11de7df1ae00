"""The contract's `attributes`: rules 1 and 12."""

from __future__ import annotations

import pytest

from engine.model.users import SourceUser
from engine.plan_file.model import Attributes, FieldMapping, Limits
from engine.resources.users.mapper import Mapper, left_out
from engine.resources.users.values import escape, fit_metadata, is_email
from tests.support.people import cognito_user, source


def _metadata(mapping: FieldMapping, user: SourceUser) -> tuple[str | None, str | None]:
    mapper = Mapper(Attributes(metadata={"key": mapping}), Limits())
    record = mapper.map(user)
    return mapper.with_defaults(record.fields).get("metadata.key"), record.invalid.get("metadata.key")


@pytest.mark.parametrize(
    ("mapping", "attributes", "expected"),
    [
        (source("custom:plan"), {"custom__plan": "pro"}, "pro"),
        (source("custom:plan"), {}, None),
        (source("custom:plan"), {"custom__plan": ""}, None),
        (source("locale", "custom:lang"), {"locale": "de", "custom__lang": "en"}, "de"),
        (source("locale", "custom:lang"), {"locale": "", "custom__lang": "en"}, "en"),
        (source("locale", "custom:lang", default="en"), {}, "en"),
        (source("locale", default="en"), {"locale": "de"}, "de"),
        (source("custom:tier", translate={"1": "gold"}, default="basic"), {"custom__tier": "1"}, "gold"),
        (source("custom:tier", translate={"1": "gold"}, default="basic"), {"custom__tier": "9"}, "basic"),
        (source("custom:tier", translate={"1": "gold"}), {"custom__tier": "9"}, None),
        (source("custom:tier", translate={"1": ""}), {"custom__tier": "1"}, None),
        (FieldMapping(template="{given_name} {family_name}"), {"given_name": "Ann", "family_name": "Lee"}, "Ann Lee"),
        (FieldMapping(template="{given_name} {family_name}"), {"family_name": "Lee"}, "Lee"),
        (FieldMapping(template="Dr {a}  {b}  {c}!"), {"a": "x", "c": "y"}, "Dr x y!"),
        (FieldMapping(template="Dr {a}"), {}, None),
        (FieldMapping(template="Dr {a}", default="nobody"), {"a": ""}, "nobody"),
        (FieldMapping(template="fixed"), {}, "fixed"),
        (FieldMapping(template="{a}", translate={"x": "y"}), {"a": "x"}, "y"),
        (source("username"), {}, "sub-1"),
        (source("cognito:user_status"), {}, "CONFIRMED"),
        (source("identities.provider"), {}, None),
    ],
)
def test_sources_fallbacks_defaults_maps_and_templates(
    mapping: FieldMapping, attributes: dict[str, str], expected: str | None
) -> None:
    assert _metadata(mapping, cognito_user(**attributes)) == (expected, None)


@pytest.mark.parametrize(
    ("value", "when_invalid", "expected"),
    [
        ("plain", "error", ("plain", None)),
        ("x" * 600, "error", ("x" * 600, None)),
        ("x" * 601, "error", (None, "too_long")),
        ("x" * 601, "omit", (None, None)),
        ("x" * 601, "escape", (None, "too_long")),
        ("Jürgen", "error", (None, "not_ascii")),
        ("Jürgen", "omit", (None, None)),
        ("Jürgen", "escape", ("J\\u00fcrgen", None)),
        ("\U0001f600", "escape", ("\\ud83d\\ude00", None)),
        ("ü" * 100, "escape", ("\\u00fc" * 100, None)),
        ("ü" * 101, "escape", (None, "too_long")),
        ("ü" * 601, "omit", (None, None)),
    ],
)
def test_metadata_limits(value: str, when_invalid: str, expected: tuple[str | None, str | None]) -> None:
    assert fit_metadata(value, limit=600, when_invalid=when_invalid) == expected  # type: ignore[arg-type]
    mapping = source("custom:v", when_invalid=when_invalid)
    assert _metadata(mapping, cognito_user(custom__v=value)) == expected


def test_an_omitted_value_gives_way_to_the_default() -> None:
    mapping = source("custom:v", when_invalid="omit", default="none")
    assert _metadata(mapping, cognito_user(custom__v="ü")) == ("none", None)


def test_escape_leaves_ascii_alone() -> None:
    assert escape("a\\u b") == "a\\u b"


VERIFIED = {"email": "ann@example.com", "email_verified": "true"}


@pytest.mark.parametrize(
    ("user", "trusted", "expected"),
    [
        (cognito_user(**VERIFIED), (), True),
        (cognito_user(email="a@b.co", email_verified="True"), (), True),
        (cognito_user(email="a@b.co", email_verified=" TRUE "), (), True),
        (cognito_user(email="a@b.co", emailVerified="true"), (), True),
        (cognito_user(email="a@b.co", email_verified="false"), (), False),
        (cognito_user(email="a@b.co", email_verified="1"), (), False),
        (cognito_user(email="a@b.co", email_verified=""), (), False),
        (cognito_user(email="a@b.co"), (), False),
        (cognito_user(email_verified="true"), (), False),
        # Who asserted it: Cognito itself and the social providers count, OIDC and SAML only where trusted.
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Google", "Google"), **VERIFIED), (), True),
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Apple", "SignInWithApple"), **VERIFIED), (), True),
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Okta", "OIDC"), **VERIFIED), (), False),
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Okta", "SAML"), **VERIFIED), (), False),
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Okta", "OIDC"), **VERIFIED), ("Okta",), True),
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Okta", "SAML"), **VERIFIED), ("Other",), False),
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Okta", "oidc"), **VERIFIED), (), False),
        (cognito_user(status="EXTERNAL_PROVIDER", provider=("Okta", ""), **VERIFIED), (), False),
        # A native user who is linked to a provider: its sign-in may have written the flag.
        (cognito_user(provider=("Google", "Google"), **VERIFIED), (), True),
        (cognito_user(provider=("Okta", "OIDC"), **VERIFIED), (), False),
        (cognito_user(provider=("Okta", "SAML"), **VERIFIED), (), False),
        (cognito_user(provider=("Okta", "SAML"), **VERIFIED), ("Okta",), True),
        (cognito_user(status="EXTERNAL_PROVIDER", **VERIFIED), (), False),
        (cognito_user(status="EXTERNAL_PROVIDER", identities="junk", **VERIFIED), (), False),
        # Linked to nobody, and to somebody who cannot be told.
        *[(cognito_user(identities=none, **VERIFIED), (), True) for none in ("", " ", "[]", "null")],
        *[
            (cognito_user(identities=junk, **VERIFIED), (), False)
            for junk in ("junk", "7", "[null]", '[{"userId": "1"}]', '[{"providerName": {}, "providerType": "SAML"}]')
        ],
        (
            cognito_user(identities='[{"providerName": "G", "providerType": "Google"}, {"userId": 1}]', **VERIFIED),
            (),
            False,
        ),
    ],
)
def test_verified(user: SourceUser, trusted: tuple[str, ...], expected: bool) -> None:
    assert Mapper(Attributes(), Limits(), trusted_providers=frozenset(trusted)).map(user).verified is expected


@pytest.mark.parametrize(
    ("email", "verified", "expected"),
    [
        (source("email", "custom:mail"), source("email_verified"), ("ann@example.com", True)),
        (source("custom:mail", "email"), source("email_verified"), ("second@example.com", False)),
        (source("custom:none", "email"), source("email_verified"), ("ann@example.com", True)),
        (FieldMapping(template="{email}"), source("email_verified"), ("ann@example.com", False)),
        (source("email", translate={"ANN@example.com": "X@y.co"}), source("email_verified"), ("x@y.co", False)),
        (source("email"), None, ("ann@example.com", False)),
        # A mapping can lower Cognito's own flag, never stand in for it.
        (source("email"), source("custom:never"), ("ann@example.com", False)),
    ],
)
def test_only_the_attribute_email_is_ever_verified(
    email: FieldMapping, verified: FieldMapping | None, expected: tuple[str | None, bool]
) -> None:
    mapper = Mapper(Attributes(email=email, email_verified=verified), Limits())
    record = mapper.map(
        cognito_user(email=" Ann@Example.COM ", email_verified="true", custom__mail="Second@Example.com")
    )
    assert (record.email, record.verified) == expected


def test_a_custom_flag_does_not_verify() -> None:
    mapper = Mapper(Attributes(email_verified=source("custom:trusted")), Limits())
    assert not mapper.map(cognito_user(email="a@b.co", email_verified="false", custom__trusted="true")).verified


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (None, "no_email"),
        ("", "no_email"),
        ("   ", "no_email"),
        ("ann", "invalid_email"),
        ("ann@example", "invalid_email"),
        ("ann@@example.com", "invalid_email"),
        ("an n@example.com", "invalid_email"),
        ("ann@example..com", "invalid_email"),
        ("ann@.example.com", "invalid_email"),
        ("a\x00b@example.com", "invalid_email"),
        ("a" * 320 + "@example.com", "invalid_email"),
        # What a server could store as somebody else's address.
        ("\u212aate@example.com", "invalid_email"),  # the Kelvin sign
        ("k\u0131m@example.com", "invalid_email"),  # dotless i
        ("K\u0130M@example.com", "invalid_email"),  # I with a dot above
        ("\u017fam@example.com", "invalid_email"),  # long s
        ("\uff41nn@example.com", "invalid_email"),  # full-width a
        ("ann\uff20example.com", "invalid_email"),  # full-width @
        ("ann@example\uff0ecom", "invalid_email"),  # full-width dot
        ("of\ufb01ce@example.com", "invalid_email"),  # a ligature
        ("u\u0308nal@example.com", "invalid_email"),  # decomposed
        ("\ufeffann@example.com", "invalid_email"),  # byte order mark
        ("ann@example.com\ufeff", "invalid_email"),
        ("a\u200bnn@example.com", "invalid_email"),  # zero width space
        ("a\u200dnn@example.com", "invalid_email"),
        ("a\u00adnn@example.com", "invalid_email"),  # soft hyphen
        ("a\u034fnn@example.com", "invalid_email"),
        ("a\u3164nn@example.com", "invalid_email"),
        ("a\ufe0fnn@example.com", "invalid_email"),
        ("a\U000e0041nn@example.com", "invalid_email"),
        ("a\u202enn@example.com", "invalid_email"),  # right-to-left override
        ("a\x85nn@example.com", "invalid_email"),
        ("a\x7fnn@example.com", "invalid_email"),
        ("\u00a0ann@example.com", "invalid_email"),
        ("\x1cann@example.com", "invalid_email"),
        ("a\ue000nn@example.com", "invalid_email"),
        (" ANN@Example.com\n", None),
        ("jürgen@exämple.de", None),
        ("a+b@sub.example.co.uk", None),
    ],
)
def test_addresses(address: str | None, reason: str | None) -> None:
    user = cognito_user(**({} if address is None else {"email": address}))
    assert left_out(Mapper(Attributes(), Limits()).map(user)) == reason
    assert reason == "no_email" or is_email((address or "").strip(" \n")) is (reason is None)


def test_names_and_external_id() -> None:
    attributes = Attributes(first_name=source("given_name"), last_name=None, external_id=source("custom:id"))
    record = Mapper(attributes, Limits(external_id_length=4)).map(
        cognito_user(given_name="Ünal", family_name="Lee", custom__id="12345")
    )
    assert record.fields == {"external_id": "12345", "first_name": "Ünal"}
    assert record.invalid == {"external_id": "too_long"}
    assert "external_id" not in Mapper(attributes, Limits()).map(cognito_user()).fields


def test_native_and_provider() -> None:
    mapper = Mapper(Attributes(), Limits())
    linked = mapper.map(cognito_user(provider=("Google", "Google")))
    federated = mapper.map(cognito_user(status="EXTERNAL_PROVIDER", provider=("Okta", "OIDC")))
    assert [(one.native, one.provider) for one in (linked, federated, mapper.map(cognito_user()))] == [
        (True, "Google"),
        (False, "Okta"),
        (True, None),
    ]


SPLIT = Attributes(
    first_name=source("given_name", split="name"),
    last_name=source("family_name", split="name"),
    external_id=source("x"),
)


@pytest.mark.parametrize(
    ("user", "names"),
    [
        (cognito_user(name="Ann Lee"), {"first_name": "Ann", "last_name": "Lee"}),
        (cognito_user(name="  Ann  Maria   Lee "), {"first_name": "Ann Maria", "last_name": "Lee"}),
        (cognito_user(name="Ann"), {"first_name": "Ann"}),
        (cognito_user(name="  "), {}),
        (cognito_user(), {}),
        # Only who has neither of the two: a name half known is not completed by guessing.
        (cognito_user(name="Ann Lee", given_name="Anna"), {"first_name": "Anna"}),
        (cognito_user(name="Ann Lee", family_name="Li"), {"last_name": "Li"}),
    ],
)
def test_a_whole_name_is_split_where_nothing_else_is_known(user: SourceUser, names: dict[str, str]) -> None:
    assert Mapper(SPLIT, Limits()).map(user).fields == names


def test_defaults_go_the_way_of_values() -> None:
    default = source("custom:city", default="Zürich", when_invalid="escape")
    assert Mapper(Attributes(metadata={"city": default}), Limits()).defaults == {"metadata.city": "Z\\u00fcrich"}
    too_long = source("custom:city", default="x" * 601, when_invalid="omit")
    assert Mapper(Attributes(metadata={"city": too_long}), Limits()).defaults == {}


def test_an_external_id_is_ascii() -> None:
    record = Mapper(Attributes(external_id=source("custom:id")), Limits()).map(cognito_user(custom__id="Zoë"))
    assert record.invalid == {"external_id": "not_ascii"}


def test_the_address_is_the_same_wherever_it_is_read() -> None:
    attributes = Attributes(
        metadata={
            "mail": source("email"),
            "login": FieldMapping(template="{email}!"),
            "tier": source("email", translate={"ANN@acme.com": "gold"}),
            "both": FieldMapping(template="{email} {custom:x}", translate={"ann@ACME.com 1": "one"}),
        }
    )
    record = Mapper(attributes, Limits()).map(cognito_user(email=" Ann@Acme.com ", custom__x="1"))
    assert {name: value for name, value in record.fields.items() if name != "external_id"} == {
        "metadata.mail": "ann@acme.com",
        "metadata.login": "ann@acme.com!",
        "metadata.tier": "gold",
        "metadata.both": "one",
    }


@pytest.mark.parametrize(
    ("user", "by_name"),
    [
        (cognito_user(), False),
        (cognito_user(username="ann@example.com"), False),
        (cognito_user(username="ann"), True),
        (cognito_user(preferred_username="ann"), True),
        (cognito_user(preferred_username="ann@example.com"), False),
        (cognito_user(username="google_1", status="EXTERNAL_PROVIDER"), False),
    ],
)
def test_who_signs_in_by_name(user: SourceUser, by_name: bool) -> None:
    assert Mapper(Attributes(), Limits()).map(user).by_name is by_name
