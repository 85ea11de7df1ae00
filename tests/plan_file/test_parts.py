"""The small parts: scalars, references, values, suggestions, and the redactor."""

from __future__ import annotations

import pytest

from engine.model.redaction import MASK, Redactor, looks_secret
from engine.plan_file.references import Opaque, Resolved, replace
from engine.plan_file.scalars import resolve
from engine.plan_file.suggestions import closest
from engine.plan_file.values import is_loopback, parse_duration, region_of, split_url


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("true", True),
        ("FALSE", False),
        ("no", "no"),
        ("08:00", "08:00"),
        ("2020-01-01", "2020-01-01"),
        ("-12", -12),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("5%", "5%"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("plain $NAME {x}", "plain $NAME {x}", str),
        ("$${A}", "${A}", str),
        ("${A}", "a", Resolved),
        ("x-${A}-$${A}-${B}", "x-a-${A}-b", Resolved),
        ("${NOPE}", "${NOPE}", Opaque),
        ("${A}${EMPTY}", "${A}${EMPTY}", Opaque),
        ("${a b}", "${a b}", Opaque),
    ],
)
def test_references(text: str, value: str, kind: type) -> None:
    data = replace({"k": [text]}, {"A": "a", "B": "b", "EMPTY": ""}, leave=lambda key: False).data
    assert data == {"k": [value]}
    assert type(data["k"][0]) is kind


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("1h", 3600), ("7d", 604800)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "1", "1w", "1.5h", " 1h", "1h\n", "1h30m"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("pool", "region"),
    [("us-east-1_A", "us-east-1"), ("us-gov-west-1_A", "us-gov-west-1"), ("local_A", None), ("us-east-1", None)],
)
def test_regions(pool: str, region: str | None) -> None:
    assert region_of(pool) == region


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("127.0.0.1.evil.com", False), ("10.0.0.1", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    "text", ["", "x", "https://", "https://h:x", "https://h:0", "https://a b", "https://[1", "a://h"]
)
def test_no_addresses(text: str) -> None:
    assert split_url(text) is None


@pytest.mark.parametrize(
    ("word", "known", "guess"),
    [
        ("fliters", ["filters", "mfa"], "filters"),
        ("existing-users", ["existing_users"], "existing_users"),
        ("userPoolId", ["user_pool_id"], "user_pool_id"),
        ("yes", ["true", "false"], "true"),
        ("prod", ["production", "staging"], "production"),
        ("zebra", ["filters"], None),
    ],
)
def test_suggestions(word: str, known: list[str], guess: str | None) -> None:
    assert closest(word, known) == guess


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("sk_live_a", True),
        ("sk_test_abc", True),
        ("key=sk_0123456789abcdef", True),
        ("AKIAABCDEFGHIJKLMNOP", True),
        ("postgresql://u:p@h/d", True),
        ("postgresql://u:${P}@h/d", False),
        ("sk_id", False),
        ("task_live_x", False),
        ("https://h/a:b@c", False),
        ("client_01HXYZ", False),
    ],
)
def test_what_looks_secret(text: str, secret: bool) -> None:
    assert looks_secret(text) is secret


def test_redactor_masks_known_and_likely_secrets() -> None:
    redactor = Redactor(["hush hush", "hush hush hush", "abc", ""])
    assert redactor.mask("say hush hush hush, hush hush, hush%20hush, abc") == f"say {MASK}, {MASK}, {MASK}, abc"
    assert redactor.mask("with sk_live_x and https://u:p@h") == f"with {MASK} and https://{MASK}@h"
    assert "hush" not in repr(redactor)
    assert Redactor().mask("nothing") == "nothing"
