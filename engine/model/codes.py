"""What each code of a failed, conflicting or excluded user means, and the way out.

Sentences are ours: WorkOS's own messages may hold addresses.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from engine.model.undo_codes import UNDO_CODES

_SUB = re.compile(r"\bSUB\b")
_RETRY = "run `migrate apply` again: it takes up what is left"

_CODES: dict[str, tuple[str, str]] = {
    # Conflicts: nothing is wrong with the services, somebody has to decide.
    "invalid_value": (
        "a mapped value is one that WorkOS does not take (metadata: ASCII, 600 characters; external_id: ASCII, 64)",
        "correct it in Cognito; for metadata, when_invalid: omit or escape in the mapping helps too",
    ),
    "duplicate": (
        "several Cognito users share this address",
        "keep one of them in Cognito, or set duplicates.strategy to merge",
    ),
    "shared_external_id": (
        "several users would get this external ID",
        "map external_id from an attribute that is unique, such as sub",
    ),
    "no_external_id": (
        "the attribute mapped to external_id is missing",
        "set it in Cognito, or map external_id from sub",
    ),
    "external_id_other_email": (
        "WorkOS holds this external ID under another address",
        "change the address on one side, or delete the WorkOS user if it is left over",
    ),
    "other_external_id": (
        "WorkOS holds this address under another external ID",
        "find out whose user that is; remove its external ID in WorkOS if it is this person's",
    ),
    "unverified_link": (
        "WorkOS already has this address, and not both sides have verified it",
        "have the person verify it on the side that has not, or settle it in the plan's decisions: "
        "{sub: SUB, action: adopt, user_id: user_…} links it, action: skip leaves it",
    ),
    "existing_user": (
        "WorkOS already has this address, and existing_users is error",
        "set existing_users to adopt or update, or exclude the user with filters or decisions",
    ),
    "email_change_unverified": (
        "the address changed in Cognito to one that is not verified, for a verified user",
        "have the person verify the new address in Cognito, then run again",
    ),
    "address_in_use": (
        "the user's address changed in Cognito, which never verified the old one, and somebody uses that account in "
        "WorkOS or has changed it there",
        "find out whose account it is; then add a decision to the plan: skip leaves the user, adopt (with user_id) "
        "hands the account to them",
    ),
    "usage_unreadable": (
        "the API key may not read whether somebody uses the WorkOS user, so its address was not changed",
        "use a key that may read users, their identities and factors, and events; then run `migrate apply` again",
    ),
    "answer_mismatch": (
        "WorkOS answered with another id, address, external ID or verification than was asked for",
        "compare the user in the WorkOS dashboard and in Cognito; delete it there if it is left over",
    ),
    "gone": (
        "the user was deleted in WorkOS after the migration",
        "`migrate state forget SUB` lets the next apply create the user again",
    ),
    "email_not_available": (
        "WorkOS says that another user has this address",
        "if two WorkOS users are one person now, delete the one that is left over; then run again",
    ),
    "external_id_already_used": (
        "WorkOS says that the external ID is taken and shows nobody who has it",
        "look for it in the WorkOS dashboard, then run again",
    ),
    "user_already_exists": (
        "WorkOS says that the user exists and shows nobody who has the address",
        "look for it in the WorkOS dashboard, then run again",
    ),
    "email_change_not_allowed": (
        "WorkOS does not let this user's address be changed (a directory manages it)",
        "change it where it is managed",
    ),
    # Conflicts of organizations and memberships.
    "unmapped_organization": (
        "a group or value of the user's is not in organizations.map",
        "add it there, or set organizations.unmapped to skip or create",
    ),
    "invalid_organization": (
        "a group or value of the user's gives an organization that WorkOS does not take (control characters, spaces at "
        "its ends, or an external ID that is not ASCII or longer than destination.workos.limits.external_id_length)",
        "correct it in Cognito, or map it in organizations.map",
    ),
    "organization_missing": (
        "WorkOS has no organization of this external ID, and organizations.create_missing is false",
        "make it in WorkOS with that external ID, or set organizations.create_missing to true",
    ),
    "organization_gone": (
        "the organization was deleted in WorkOS after the migration",
        "take it out of the plan, or make it in WorkOS again under that external ID",
    ),
    "domains_not_kept": (
        "WorkOS's answer lacks a domain that was sent",
        "look in the WorkOS dashboard whether another organization holds it, then run again",
    ),
    "membership_inactive": (
        "WorkOS holds a membership that somebody else has switched off",
        "switch it on in the WorkOS dashboard if the user is to have it: this tool never does",
    ),
    "membership_pending": (
        "WorkOS holds an invitation that the user has not accepted",
        "have them accept it, or revoke it in the WorkOS dashboard; then run again",
    ),
    "membership_gone": (
        "the membership was deleted in WorkOS after the migration",
        "`migrate state forget SUB` lets the next apply make it again",
    ),
    "unverified_member": (
        "the user's address is not verified in Cognito and lies in no verified domain of the organization",
        "have the person verify it, or set organizations.unverified to true if the pool is to be believed",
    ),
    "last_role": (
        "the plan gives the member no role any more, and WorkOS does not take the last one away",
        "give the role that they are to have in organizations.map (WorkOS's default one is often member)",
    ),
    "other_roles": (
        "WorkOS holds a membership of somebody else's making with other roles than the plan gives",
        "change its roles in the WorkOS dashboard if they are to be the plan's: this tool never does",
    ),
    "invalid_role": (
        "WorkOS does not take a role of the plan in this organization",
        "compare the roles of organizations.map with those in the WorkOS dashboard, then run again",
    ),
    "multiple_roles_not_enabled": (
        "this WorkOS environment allows one role a membership",
        "allow several in the WorkOS dashboard under Roles, or give one role in organizations.map",
    ),
    "no_user": ("its user is not in WorkOS, or in conflict", "settle what the result says of the user, then run again"),
    "no_organization": (
        "its organization is not in WorkOS",
        "settle what the result says of the organization, then run again",
    ),
    "not_asked_for": (
        "neither the plan nor Cognito asks for the membership any more",
        "set organizations.remove_missing to true to have it removed",
    ),
    # Failures: another run may succeed.
    "timeout": ("WorkOS did not answer in time", _RETRY),
    "connection_failed": ("no connection to WorkOS could be made", _RETRY),
    "untrusted_certificate": (
        "the certificate that WorkOS's address shows is not trusted",
        "behind a proxy that opens connections, name its certificates in REQUESTS_CA_BUNDLE; then run apply again",
    ),
    "proxy_refused": (
        "the proxy of the environment refuses the connection to WorkOS",
        "check HTTPS_PROXY and its password, or name WorkOS's host in NO_PROXY; then run apply again",
    ),
    "retry_later": (
        "WorkOS asks for a pause (Retry-After) of more than an hour",
        "run `migrate apply` again after it: it takes up what is left",
    ),
    "cursor_loop": (
        "a list of WorkOS's ran in a circle: it gave the same cursor twice",
        "check destination.workos.base_url and proxies; then run `migrate apply` again",
    ),
    "connection_lost": ("the connection to WorkOS broke", _RETRY),
    "unexpected_answer": (
        "something answered in WorkOS's place, or cut the answer off",
        "check destination.workos.base_url and proxies; then run `migrate apply` again",
    ),
    "rate_limit_exceeded": (
        "WorkOS kept refusing requests over its quota",
        "lower writes_per_10s, or run when less else uses the quota",
    ),
    "unsettled": ("whether the write was done could not be found out", _RETRY + ", and looks first"),
    "email_not_applied": (
        "WorkOS answered an address change with the old address",
        "change it in the WorkOS dashboard, then run `migrate apply` again",
    ),
    "invalid_metadata": (
        "WorkOS refused the metadata",
        "compare the plan's metadata with destination.workos.limits",
    ),
    "invalid_email": ("the address is none that WorkOS takes", "correct it in Cognito"),
    "invalid_request_parameters": (
        "WorkOS refused a field",
        "run `migrate validate`, and compare the mapped values with WorkOS's API reference",
    ),
    # Password resets.
    "max_failures": ("too many failed (safety.max_failures)", "settle what is wrong, then run again"),
    "disk_full": ("the disk is full", "free some space, then run again: nothing is lost"),
    "unauthorized": ("WorkOS refuses the API key", "set the variable of destination.workos.api_key to a valid one"),
    "email_password_auth_disabled": (
        "signing in with e-mail and password is switched off in this WorkOS environment",
        "switch it on in the WorkOS dashboard under Authentication > Methods > Email + Password, then run again",
    ),
    "password_reset_not_allowed": (
        "WorkOS does not allow password resets in this environment",
        "allow them in the WorkOS dashboard under Authentication > Methods > Email + Password, then run again",
    ),
    "daily_quota_exceeded": (
        "WorkOS's quota of e-mails for the day is used up",
        "to go on tomorrow, run `migrate resets send` again",
    ),
    "decision": ("a decision of the plan leaves the user", "take the decision out to migrate the user"),
    # Waiting: nothing is wrong, and nothing is done yet.
    "canary": (
        "this run was not asked for the user (--limit, --target)",
        "run `migrate apply` for everybody once those whom it was asked for are well",
    ),
    "not_due": (
        "the user's cohort is not due yet",
        "wait for its day (filters.cohorts), or name a later day with --as-of",
    ),
    "not_sampled": ("the user is outside filters.sample", "raise filters.sample.percent: who is in stays in"),
    "no_cohort": (
        "the user fits none of filters.cohorts, and is never due",
        "add a last cohort without groups and attributes: everybody else fits it",
    ),
    # Excluded.
    "purged": ("the person asked for erasure, and was taken out", "this cannot be undone: nobody is named any more"),
    "status": ("the user's status is not among filters.status", "add it there to migrate such users"),
    "disabled": ("the user is disabled in Cognito", "set filters.enabled to any to migrate such users"),
    "filtered": ("the user does not pass the plan's filters", "change filters to migrate such users"),
    "no_email": ("the user has no e-mail address", "WorkOS needs one: map email from another attribute"),
    "orphaned": (
        "the user is in WorkOS, and their Cognito record now shares another one's address",
        "delete the user in WorkOS once nothing refers to it: this tool never does",
    ),
    "provider": (
        "the user signs in only with an identity provider that the plan skips",
        "set its fallback to password_reset in oauth_providers to migrate such users",
    ),
    "left_source": (
        "the user is in WorkOS, and no longer in what the plan selects from Cognito",
        "delete the user in WorkOS if that is meant: this tool never does",
    ),
    **UNDO_CODES,
}


# What ends a whole run early, where it is not also what becomes of one user.
_STOPS: dict[str, tuple[str, str]] = {
    "forbidden": (
        "WorkOS does not let this API key do that",
        "use a key of this environment that may write users",
    ),
    "state_not_writable": (
        "the state cannot be written",
        "make room on its disk, or make its folder writable; then " + _RETRY,
    ),
    "snapshot_not_writable": (
        "the snapshot beside the state cannot be written",
        "make room on its disk, or make its folder writable; then " + _RETRY,
    ),
    "state_damaged": (
        "the state is damaged",
        "restore a copy, or move it away: `migrate apply` rebuilds it from WorkOS",
    ),
    "outbox_not_writable": (
        "the files of reset links cannot be written",
        "make room on their disk, or make their folder writable; then run `migrate resets send` again",
    ),
    "outbox_damaged": (
        "a file of reset links does not hold what this tool writes there",
        "move it away, then run `migrate resets send` again",
    ),
    "events_unreadable": (
        "WorkOS's events cannot be read, so who was mailed before is not known",
        "use an API key that may read events, then run `migrate resets send` again",
    ),
    "internal_error": (
        "a fault of this program",
        "please report it; MIGRATE_DEBUG=1 shows the traceback, which may hold users' data",
    ),
}
# A command for a group of users names the first of them.
_SUBS = 5


def explain(code: str, subs: Sequence[str] = ()) -> tuple[str, str]:
    """(what it means, what to do) for a code of these users, also for one that is not ours.

    Commands stand in backticks without plan file and options: views complete them. SUB stands for `subs`.
    """
    if code in _CODES:
        message, remedy = _CODES[code]
        return message, _SUB.sub(lambda _: shlex.join(subs[:_SUBS]), remedy) if subs else remedy
    if code.startswith("http_5") or code == "http_408":
        return f"WorkOS answered with a fault of its own ({code})", _RETRY
    return (
        f"WorkOS refused the user ({code})",
        "look the code up in WorkOS's API reference, then run `migrate apply` again",
    )


def explain_stop(code: str) -> tuple[str, str]:
    """(what ended a run early, what to do), for the whole run and not for a user; the message leaves the code out."""
    if code in _STOPS:
        return _STOPS[code]
    if code in _CODES:
        return _CODES[code]
    if code.startswith("http_5") or code == "http_408":
        return "WorkOS answered with a fault of its own", _RETRY
    return "WorkOS refused a request", "look the code up in WorkOS's API reference, then " + _RETRY
