"""The acceptance tests' world, for the commands of this folder: a plan, export files, a sandbox for WorkOS."""

from tests.acceptance.conftest import sandbox, world

__all__ = ["sandbox", "world"]
