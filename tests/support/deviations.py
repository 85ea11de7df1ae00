"""Where the vendor's docs or SDK, or what was seen, and its API description disagree: each place with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.support.description import Fault


@dataclass(frozen=True, slots=True)
class Deviation:
    """Faults that are none: patterns of operation, place and message, and why the sandbox is right."""

    operation: str
    part: str
    at: str
    message: str
    because: str

    def explains(self, fault: Fault) -> bool:
        """Whether the fault is one of these."""
        return (
            self.part == fault.part
            and fnmatchcase(fault.operation, self.operation)
            and fnmatchcase(fault.at, self.at)
            and fnmatchcase(fault.message, self.message)
        )


DEVIATIONS = (
    Deviation(
        "*",
        "answer",
        "20?*",
        "*('name' was unexpected)",
        "a user has a full name in the SDK (10.8, models/user.py), which the description leaves out",
    ),
    Deviation(
        "*",
        "answer",
        "404",
        "*('code' was unexpected)",
        "the SDK's EntityNotFoundErrorBody has a code beside the message",
    ),
    Deviation(
        "*",
        "answer",
        "401",
        "the status is not described",
        "a wrong key is refused everywhere (docs, errors); the description says so of few operations",
    ),
    Deviation(
        "*",
        "answer",
        "429",
        "the status is not described",
        "a quota that is used up refuses every operation (docs, rate limits)",
    ),
    Deviation(
        "POST /user_management/organization_memberships",
        "answer",
        "409",
        "the status is not described",
        "met on the real API (facts)",
    ),
    Deviation(
        "* /user_management/organization_memberships*",
        "answer",
        "20?*",
        "*('roles' was unexpected)",
        "a membership has all its roles in the SDK (10.8, organization_membership/models/organization_membership.py)",
    ),
    Deviation(
        "GET /user_management/organization_memberships",
        "answer",
        "200",
        "*('data' was unexpected)",
        "follows from the one before: what is not valid counts as not named",
    ),
    Deviation(
        "* /user_management/redirect_uris*",
        "operation",
        "",
        "*",
        "GET and DELETE are in the SDK (user_management.list_redirect_uris, delete_redirect_uris)",
    ),
    Deviation(
        "PUT /user_management/users/{id}",
        "body",
        "",
        "*('external_id', 'metadata' were unexpected)",
        "the same of a body with both",
    ),
    Deviation(
        "DELETE /user_management/users/{id}",
        "answer",
        "409",
        "the status is not described",
        "user_deletion_not_allowed (facts: met on the real API)",
    ),
    Deviation(
        "DELETE /organizations/{id}",
        "answer",
        "404",
        "the status is not described",
        "what is not there is not found; every other deletion says so",
    ),
    Deviation(
        "POST /connections",
        "operation",
        "",
        "*",
        "the SDK has it (sso.create_connection)",
    ),
    Deviation(
        "PATCH /connections/{id}",
        "operation",
        "",
        "*",
        "the SDK has it (sso.update_connection)",
    ),
    Deviation(
        "PUT /*",
        "body",
        "metadata/*",
        "None is not of type 'string'",
        "null removes a key of a user and of an organization (docs, metadata)",
    ),
    Deviation(
        "PUT /*",
        "body",
        "",
        "*('metadata' was unexpected)",
        "follows from the one before: what is not valid counts as not named",
    ),
)


def unexplained(faults: Iterable[Fault]) -> list[Fault]:
    """The faults that no deviation explains, each once."""
    return [one for one in dict.fromkeys(faults) if not any(deviation.explains(one) for deviation in DEVIATIONS)]
