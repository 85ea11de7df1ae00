"""Forgetting: the files of a plan, and one person for good."""

from __future__ import annotations

from typing import Any

from tests.acceptance.conftest import World
from tests.acceptance.test_rollback import held, migrated, people, plan, user_id


def purge(world: World, *options: str) -> Any:
    ended = world.cli("purge", "plan.yaml", "--json", *options)
    assert ended.code == 0, ended.said
    return ended.json("purge.v1")


def with_files(world: World) -> None:
    """A run that kept its snapshot, an export, a report and a file of reset links."""
    migrated(world, "ann", "bob", keep_snapshot="true")
    for command in (["export", "plan.yaml", "--out", "out.jsonl"],
                    ["report", "plan.yaml", "--values", "--out", "report.html"]):  # fmt: skip
        assert world.cli(*command).code == 0
    text = world.plan.read_text()
    mail = "{strategy: email, email: {deliver: file, allow_addresses: ['*@example.com']}}"
    world.plan.write_text(text.replace("{strategy: on_next_sign_in}", mail))
    sent = world.cli("resets", "send", "plan.yaml")
    assert sent.code == 0 and list(world.migrate_dir.glob("acme.resets/*.jsonl")), sent.said


def names_anywhere(world: World, *words: str) -> list[str]:
    """Files of the folder, but for the pool's own, that hold one of these words."""
    found = []
    for path in sorted(world.plan.parent.rglob("*")):
        if path.is_file() and path.name != "users.jsonl" and "home" not in path.parts:
            content = path.read_bytes()
            found += [path.name for word in words if word.encode() in content]
    return found


def test_the_files_go_and_the_state_stays(world: World) -> None:
    with_files(world)
    before = (world.migrate_dir / "acme.state.db").read_bytes()
    found = purge(world)
    assert sorted(one["kind"] for one in found["removed"]) == ["export", "report", "resets", "snapshot"]
    assert found["kept"] == [] and found["person"] is None
    assert names_anywhere(world, "ann@example.com", "bob@example.com") == []
    assert (world.migrate_dir / "acme.state.db").read_bytes() == before
    assert purge(world)["removed"] == []
    said = world.cli("purge", "plan.yaml")
    assert "nothing to remove" in said.err
    again = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert again["users"]["unchanged"] == 2


def test_files_that_are_not_ours_stay(world: World) -> None:
    with_files(world)
    folder = world.plan.parent
    (folder / "out.jsonl").write_text("edited by hand")
    (folder / "report.html").unlink()
    (folder / "report.html").write_text("somebody else's")
    mine = world.migrate_dir / "acme.resets" / "notes.jsonl"
    mine.write_text("mine")
    found = purge(world)
    assert sorted(one["kind"] for one in found["removed"]) == ["resets", "snapshot"]
    assert sorted(one["path"].rpartition("/")[2] for one in found["kept"]) == ["out.jsonl", "report.html"]
    assert (folder / "out.jsonl").exists() and (folder / "report.html").exists() and mine.exists()


def test_one_person_leaves_nothing_but_a_mark(world: World) -> None:
    with_files(world)
    ann = user_id(world, "ann")
    found = purge(world, "--target", "sub-ann")
    assert found["person"] == {"users": 1, "memberships": 1, "workos_ids": [ann]}
    assert sorted(one["kind"] for one in found["removed"]) == ["report", "snapshot"]
    assert sorted(one["kind"] for one in found["rewritten"]) == ["export", "resets"]
    assert names_anywhere(world, "ann@example.com", "sub-ann", ann) == []
    assert len(names_anywhere(world, "bob@example.com")) == 2
    assert any("WorkOS is another matter" in one for one in found["warnings"])
    assert [one["path"] for one in found["kept"]] == ["users.jsonl"]


def test_nobody_makes_or_adopts_them_again(world: World) -> None:
    migrated(world, "ann", "bob")
    world.cli("purge", "plan.yaml", "--target", "sub-ann")
    world.workos.call("DELETE", f"/user_management/users/{user_id(world, 'ann')}")
    for _ in range(2):
        ended = world.cli("apply", "plan.yaml", "--json")
        result = ended.json("result.v1")
        assert ended.code == 0 and result["converged"] and held(world) == ["bob"]
        assert result["source"]["filtered"] == {"purged": 1} and result["users"]["unchanged"] == 1
    assert world.cli("verify", "plan.yaml").code == 0
    assert names_anywhere(world, "sub-ann") == []
    # Nor whom WorkOS holds still, or again.
    world.workos.call("POST", "/user_management/users", {"email": "ann@example.com", "email_verified": True})
    again = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert again["users"]["adopted"] == 0 and world.users()["ann@example.com"]["external_id"] is None


def test_all_records_of_a_person_are_meant(world: World) -> None:
    people(world, "ann", "ann2", "bob", ann2={"email": "ann@example.com"})
    plan(world)
    assert world.cli("apply", "plan.yaml").code == 0
    assert purge(world, "--target", "sub-ann2")["person"]["users"] == 2
    result = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert result["source"]["filtered"] == {"purged": 2} and result["users"]["created"] == 0


def test_an_address_or_a_misspelt_sub_does_not_pass_for_an_erasure(world: World) -> None:
    migrated(world, "ann")
    state = (world.migrate_dir / "acme.state.db").read_bytes()
    for who in ("ann@example.com", user_id(world, "ann")):
        ended = world.cli("purge", "plan.yaml", "--target", who)
        told = (
            f"error: --target takes a sub, and {who} is none; `migrate explain plan.yaml WHO` shows the person's subs"
        )
        assert (ended.code, ended.err.splitlines()[-1]) == (1, told)
    assert (world.migrate_dir / "acme.state.db").read_bytes() == state
    ended = world.cli("purge", "plan.yaml", "--target", "sub-anne")
    assert ended.code == 0 and "0 users, 0 memberships" in ended.err and "the state has nobody of this sub" in ended.err


def test_who_was_never_migrated_never_will_be(world: World) -> None:
    migrated(world, "bob")
    found = purge(world, "--target", "sub-ann")
    assert found["person"]["users"] == 0 and "the state has nobody of this sub" in found["warnings"][0]
    people(world, "ann", "bob")
    result = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert result["source"]["filtered"] == {"purged": 1} and held(world) == ["bob"]


def test_somebody_who_claims_an_address_does_not_take_its_owner_along(world: World) -> None:
    """Whoever registers another's address, unverified, is merged into their user; the two are not one person."""
    people(world, "ann", "eve", eve={"email": "ann@example.com", "email_verified": "false"})
    plan(world)
    assert world.cli("apply", "plan.yaml").code == 0
    assert purge(world, "--target", "sub-eve")["person"] == {"users": 1, "memberships": 0, "workos_ids": []}
    result = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert result["source"]["filtered"] == {"purged": 1} and result["users"]["unchanged"] == 1


def test_nor_does_the_owner_take_them_along(world: World) -> None:
    people(world, "ann", "eve", eve={"email": "ann@example.com", "email_verified": "false"})
    plan(world)
    assert world.cli("apply", "plan.yaml").code == 0
    assert purge(world, "--target", "sub-ann")["person"]["users"] == 1
    result = world.cli("apply", "plan.yaml", "--json").json("result.v1")
    assert result["source"]["filtered"] == {"purged": 1}
    # What stands in WorkOS under the address is still the other's.
    assert world.users()["ann@example.com"]["external_id"] == "sub-ann"


def test_what_is_no_sub_purges_nobody(world: World) -> None:
    migrated(world, "ann")
    for written in ("ann@example.com", user_id(world, "ann")):
        ended = world.cli("purge", "plan.yaml", "--target", written, "--json")
        assert ended.code == 1 and "is none" in ended.errors()[0], ended.said
    assert world.cli("apply", "plan.yaml", "--json").json("result.v1")["users"]["unchanged"] == 1


def test_a_file_of_changes_goes_and_the_emulator_is_named(world: World) -> None:
    migrated(world, "ann")
    people(world, "ann", "bob")
    assert world.cli("plan", "plan.yaml", "--values", "--changes", "changes.jsonl").code == 0
    assert world.cli("apply", "plan.yaml", "--sandbox").code == 0
    for options in ([], ["--target", "sub-ann"], ["--sandbox", "--target", "sub-ann"]):
        found = purge(world, *options)
        if not options:
            assert [one["kind"] for one in found["removed"]] == ["changes"]
        kept = [one["path"].rpartition("/")[2] for one in found["kept"]]
        assert [one for one in kept if "sandbox" in one], found
    assert not (world.plan.parent / "changes.jsonl").exists()
