"""What `plan` and `apply` report beside their changes."""

from __future__ import annotations

from pathlib import Path

from tests.support.identity import IdentityWorld, record

ANN, BOB = record("a"), record("b", "bob@x.co", "no")


async def test_users_whom_the_first_to_verify_their_address_reaches(tmp_path: Path) -> None:
    """They count as long as Cognito has not verified the address, whether they were migrated before or not."""
    world = IdentityWorld(tmp_path)
    world.add("cat@x.co unverified theirs")
    pool = [ANN, record("m", flag="no"), BOB, record("c", "cat@x.co", "no")]
    # Ann's address is verified, whoever else claims it; Cat's is a conflict, and nothing of hers is written.
    assert (await world.plan(*pool)).reported.unverified_address == 1
    assert (await world.apply(*pool)).reported.unverified_address == 1
    assert (await world.plan(*pool)).reported.unverified_address == 1
    assert (await world.plan(ANN, record("b", "bob@x.co"))).reported.unverified_address == 0
