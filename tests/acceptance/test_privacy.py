"""What a run leaves behind and says: no address, no name, no key (rule 14)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.acceptance.conftest import World
from tests.support.cli import AWS, KEY, Ended

# Of people in the pool: an address, names as they are and as they are escaped, usernames' stem.
PERSONAL = ("foreign.0@example.com", "foreign.0", "Zoë", "名前", "Zo\\u00eb", "Stranger", "@example.com")
SECRET = (KEY, AWS["AWS_SECRET_ACCESS_KEY"])


def test_nothing_personal_and_no_secret_is_kept_or_said(pool_world: Callable[[int], World]) -> None:
    world = pool_world(58)
    said = [world.cli(*command, "plan.yaml") for command in (("plan",), ("apply",), ("status",), ("state", "list"))]
    # A conflict and a failure are told as well, by sub.
    world.change("plain.0@example.com", email="moved.0@example.com", email_verified="false")
    world.workos.call("PUT", "/_sandbox/settings", {"metadata_keys": 1})
    world.change("foreign.0@example.com", given_name="Zoé")
    said += [world.cli("plan", "plan.yaml"), world.cli("apply", "plan.yaml", WORKOS_API_KEY="sk_test_wrong")]
    said += [world.cli("apply", "plan.yaml", "--json")]
    said += [
        world.cli("status", "plan.yaml", "--users", "conflicts,failed,left_out,merged", *rest)
        for rest in ((), ("--json",))
    ]

    assert [ended.code for ended in said] == [0, 0, 0, 0, 0, 1, 3, 0, 0]
    for ended in said:
        _silent(ended)
    # The snapshot of a run that did not converge stays; it holds personal data, so only its owner may read it.
    kept = {path.name for path in world.migrate_dir.iterdir()}
    assert kept == {".gitignore", "acme.state.db", "acme.state.db.lock", "acme.snapshot.db"}
    for name in ("acme.state.db", "acme.state.db.lock"):
        _clean(world.migrate_dir / name)
    _guarded(world.migrate_dir)

    world.workos.call("PUT", "/_sandbox/settings", {"metadata_keys": 10})
    world.change("plain.0@example.com", email="plain.0@example.com", email_verified="true")
    assert world.cli("apply", "plan.yaml").code == 0
    kept = {path.name for path in world.migrate_dir.iterdir()}
    assert kept == {".gitignore", "acme.state.db", "acme.state.db.lock"}
    _clean(world.migrate_dir / "acme.state.db")
    _guarded(world.migrate_dir)


def test_the_snapshot_is_kept_when_the_plan_says_so(pool_world: Callable[[int], World]) -> None:
    world = pool_world(29)
    with world.plan.open("a") as file:
        file.write("keep_snapshot: true\n")
    assert world.cli("apply", "plan.yaml").code == 0
    assert (world.migrate_dir / "acme.snapshot.db").exists()
    _guarded(world.migrate_dir)


def _silent(ended: Ended) -> None:
    for word in (*PERSONAL, *SECRET):
        assert word not in ended.said, (word, ended.said)


def _clean(path: Path) -> None:
    content = path.read_bytes()
    for word in (*PERSONAL, *SECRET):
        assert word.encode() not in content, (word, path)


def _guarded(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "\n*\n" in (folder / ".gitignore").read_text()
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
