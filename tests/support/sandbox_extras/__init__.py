"""The sandbox with what only tests need: faults on request, and endpoints under /_sandbox/ that control it.

`Options`, `Server` and `SandboxProcess` stand for the engine's own of these names.
"""

from __future__ import annotations

from tests.support.sandbox_extras.options import FAULT_KINDS, Faults, Options, ScriptedFault
from tests.support.sandbox_extras.process import SandboxProcess
from tests.support.sandbox_extras.server import Server

__all__ = ["FAULT_KINDS", "Faults", "Options", "SandboxProcess", "ScriptedFault", "Server"]
