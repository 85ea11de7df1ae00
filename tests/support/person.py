"""Cognito records of people who sign in with identity providers, as `make_moto_pool` takes them."""

from __future__ import annotations

import json
from typing import Any


def federated(name: str, provider: str, kind: str) -> dict[str, Any]:
    """Somebody whose only way to sign in is one provider."""
    identity = {"userId": f"id-{name}", "providerName": provider, "providerType": kind, "issuer": None,
                "primary": True, "dateCreated": "1700000000000"}  # fmt: skip
    attributes = {"email": f"{name}@example.com", "email_verified": "true", "identities": json.dumps([identity])}
    return {
        "Username": f"{provider.lower()}_{name}",
        "Attributes": [{"Name": key, "Value": value} for key, value in attributes.items()],
        "Enabled": True,
        "UserStatus": "EXTERNAL_PROVIDER",
    }
