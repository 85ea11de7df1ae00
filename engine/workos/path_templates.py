"""Paths of WorkOS's API without what identifies somebody: `/user_management/users/{id}/identities`."""

from __future__ import annotations

from urllib.parse import urlsplit

# Every fixed part of the paths that are called (API description). Whatever else stands in one is somebody's.
_WORDS = frozenset(
    {
        "auth_factors", "authorization", "authorize", "connections", "deactivate", "events", "external_id",
        "identities", "jwt_template", "organization_memberships", "organizations", "password_reset", "permissions",
        "reactivate", "redirect_uris", "revoke", "roles", "sessions", "user_management", "users", "webhook_endpoints",
    }
)  # fmt: skip


def path_template(url: str) -> str:
    """The path alone, never the query: each part that is no fixed one of the API's is `{id}`."""
    shown = []
    # External IDs are anything: one may be called like a fixed part.
    named = False
    for part in urlsplit(url).path.split("/"):
        shown.append(part if (part in _WORDS and not named) or not part else "{external_id}" if named else "{id}")
        named = part == "external_id" and not named
    return "/".join(shown)
