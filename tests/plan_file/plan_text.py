"""The least plan that tests build upon."""

from __future__ import annotations

KEY = "sk_live_abcdefgh"
LEAST = """\
version: 1
name: acme
source:
  cognito:
    user_pool_id: us-east-1_AbCdEf123
destination:
  workos:
    api_key: ${KEY}
    client_id: client_1
"""


def more(text: str) -> str:
    """The least plan and further sections, from line 10 on."""
    return LEAST + text


def workos(text: str) -> str:
    """The least plan with more under destination.workos, from line 10 on."""
    return LEAST + "".join(f"    {line}\n" for line in text.splitlines())


def source(text: str) -> str:
    """The least plan with another source, from line 4 on."""
    return LEAST.replace("  cognito:\n    user_pool_id: us-east-1_AbCdEf123\n", text)
