"""AWS's description of the API, which botocore reads anew for each session: half of what a small command costs."""

from __future__ import annotations

from functools import cache


def share_service_model() -> None:
    """From now on the sessions of this process, and of its forks, share what one has read. Nobody changes it."""
    import botocore.session

    if not hasattr(botocore.session.create_loader, "cache_info"):
        botocore.session.create_loader = cache(botocore.session.create_loader)
