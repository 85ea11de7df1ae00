"""Properties: what was applied needs nothing more, and fingerprints tell contents apart, whatever their order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.users import METADATA, TargetUser
from engine.resources.fingerprints import Fingerprints
from engine.resources.users.changes import Change, Desired, Found, Known
from engine.resources.users.planner import Planner

MARKS = Fingerprints(b"0" * 32)
PLANNER = Planner(MARKS)
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
NAMES = ("first_name", "last_name", "metadata.a", "metadata.b")
CONTENT = st.dictionaries(st.sampled_from(NAMES), TEXT)
ADDRESS = st.sampled_from(["a@x.co", "b@x.co"])


@st.composite
def people(draw: st.DrawFn) -> Desired:
    return Desired("s", draw(ADDRESS), draw(st.booleans()), {"external_id": "s", **draw(CONTENT)})


def carried_out(change: Change, desired: Desired, held: TargetUser | None) -> tuple[Known, TargetUser]:
    """What the state and WorkOS hold once a change is done, as the performer records it."""
    if change.action == "create":
        send: dict[str, object] = {"email": desired.email, "email_verified": desired.verified, **desired.fields}
        held = TargetUser("user_1", "", False, None)
    else:
        send = dict(change.send)
        assert held is not None
    metadata = {**held.metadata, **{k[len(METADATA) :]: v for k, v in send.items() if k.startswith(METADATA)}}
    plain = {name: value for name, value in send.items() if not name.startswith(METADATA)}
    held = replace(held, **plain, metadata={key: value for key, value in metadata.items() if value is not None})  # type: ignore[arg-type]
    fields = MARKS.each(desired.email, desired.verified, desired.fields)
    return Known(held.id, "done", fields, change.verified, change.created_here), held


@given(st.lists(people(), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_apply_then_plan_is_empty(versions: list[Desired]) -> None:
    known: Known | None = None
    held: TargetUser | None = None
    was_verified = False
    for desired in versions:
        change = PLANNER.decide(desired, known, Found())
        if change.action == "conflict":
            assert change.code == "email_change_unverified" and was_verified
            assert PLANNER.decide(desired, known, Found()) == change
            continue
        if change.action == "unchanged":
            continue
        known, held = carried_out(change, desired, held)
        again = PLANNER.decide(desired, known, Found())
        assert (again.action, dict(again.send)) == ("unchanged", {})
        was_verified = held.email_verified
        # Always: nobody is verified whose record is not, and the state knows it.
        assert held.email_verified is desired.verified is known.verified
        wanted = {n[len(METADATA) :]: v for n, v in desired.fields.items() if n.startswith(METADATA)}
        assert (held.email, held.metadata) == (desired.email, wanted)


@given(people(), st.booleans(), st.booleans(), st.sampled_from([None, "s", "other"]), CONTENT)
@settings(max_examples=150, deadline=None)
def test_adopting_never_raises_a_flag_and_then_is_empty(
    desired: Desired, verified: bool, same: bool, external_id: str | None, content: dict[str, str]
) -> None:
    names = {name: content[name] for name in ("first_name", "last_name") if name in content}
    metadata = {n[len(METADATA) :]: v for n, v in content.items() if n.startswith(METADATA)}
    there = TargetUser("user_9", desired.email if same else "c@x.co", verified, external_id, **names, metadata=metadata)
    found = Found(there if external_id == "s" else None, there if same else None)
    change = PLANNER.decide(desired, None, found)
    assert "email_verified" not in change.send
    if change.action != "adopt":
        return
    assert external_id == "s" or (verified and desired.verified)
    known, held = carried_out(change, desired, there)
    assert held.email_verified is verified
    assert PLANNER.decide(desired, known, Found()).action == "unchanged"


@given(people(), people())
def test_fingerprints_are_equal_only_for_equal_content(one: Desired, other: Desired) -> None:
    same = (one.email, one.verified, one.fields) == (other.email, other.verified, other.fields)
    whole = [MARKS.whole(who.email, who.verified, dict(who.fields)) for who in (one, other)]
    each = [MARKS.each(who.email, who.verified, who.fields) for who in (one, other)]
    assert (whole[0] == whole[1]) is same and (each[0] == each[1]) is same


@given(CONTENT)
def test_fingerprints_do_not_depend_on_order_but_on_the_key(content: dict[str, str]) -> None:
    backwards = dict(reversed(content.items()))
    assert MARKS.whole("a@x.co", True, content) == MARKS.whole("a@x.co", True, backwards)
    assert MARKS.each("a@x.co", True, content) == MARKS.each("a@x.co", True, backwards)
    other = Fingerprints(b"1" * 32)
    assert MARKS.whole("a@x.co", True, content) != other.whole("a@x.co", True, content)
    assert not set(MARKS.each("a@x.co", True, content).values()) & set(other.each("a@x.co", True, content).values())


def test_equal_values_of_two_fields_differ() -> None:
    marks = MARKS.each("x", True, {"first_name": "x", "last_name": "x"})
    assert len({marks["email"], marks["first_name"], marks["last_name"]}) == 3
