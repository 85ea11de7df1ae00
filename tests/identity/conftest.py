"""The acceptance tests' world, for the commands of this folder: a plan, export files, a sandbox for WorkOS."""

from tests.acceptance.conftest import as_described, recording, sandbox, world

__all__ = ["as_described", "recording", "sandbox", "world"]
