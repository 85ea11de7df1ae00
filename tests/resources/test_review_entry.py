"""What a review keeps of a change: marks that nobody can guess, and hashes that no secret can be tried against."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.plan_file.providers import ConnectionSpec
from engine.resources.connections.design import Design
from engine.resources.review_entry import FIELD_BYTES, ReviewEntry, Seal

SECRET = b"s" * 32
ANN = ReviewEntry("user", "pool/sub-1", "create", b"[1]", {"email": "ann@example.com", "first_name": "Ann"})
NAMES = ("email", "first_name")


def test_equal_values_of_two_people_have_nothing_in_common() -> None:
    seal, bob = Seal(SECRET), replace(ANN, key="pool/sub-2")
    assert seal.key(ANN.kind, ANN.key) != seal.key(bob.kind, bob.key)
    assert seal.whole(ANN) != seal.whole(bob)
    assert seal.fields(ANN, NAMES) != seal.fields(bob, NAMES)


def test_another_secret_gives_other_marks() -> None:
    one, other = Seal(SECRET), Seal(b"t" * 32)
    assert one.check != other.check
    assert one.whole(ANN) != other.whole(ANN)
    assert one.option("left", '"report"') != other.option("left", '"report"')


@given(st.sampled_from(NAMES), st.text())
def test_a_mark_changes_with_its_field_alone(name: str, value: str) -> None:
    seal, moved = Seal(SECRET), replace(ANN, parts={**ANN.parts, name: value})
    now, was = seal.fields(moved, NAMES), seal.fields(ANN, NAMES)
    for at, one in enumerate(NAMES):
        part = slice(at * FIELD_BYTES, (at + 1) * FIELD_BYTES)
        assert (now[part] == was[part]) == (one != name or value == ANN.parts[name])


def test_a_hash_of_a_connection_tells_any_part_of_it() -> None:
    design = Design(
        "pool", "Okta", "pool:Okta", "Okta", ConnectionSpec("acme"), "oidc",
        {"client_id": "a", "client_secret": "verysecret"}, {"email": "email"},
    )  # fmt: skip
    hashes = {
        one.slow_hash()
        for one in (
            design, replace(design, options={**design.options, "client_secret": "rotated"}),
            replace(design, options={**design.options, "client_id": "b"}), replace(design, attributes={}),
            replace(design, organization=ConnectionSpec("globex")),
        )
    }  # fmt: skip
    assert len(hashes) == 5 and design.slow_hash() in hashes
