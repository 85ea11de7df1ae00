"""What each code of a rollback means, and the way out: why something was kept, or could not be taken back."""

from __future__ import annotations

_EVEN_SO = "`migrate rollback --include-active` removes such users even so"

UNDO_CODES: dict[str, tuple[str, str]] = {
    # Kept, as it should be.
    "signed_in": ("somebody has signed in", _EVEN_SO),
    "verified_since": ("somebody has verified the address in WorkOS", _EVEN_SO),
    "password_reset": ("somebody has set a password in WorkOS", _EVEN_SO),
    "identities": ("an identity of a provider is linked to the user", _EVEN_SO),
    "factors": ("the user has a second factor", _EVEN_SO),
    "changed_since": ("the user was changed in WorkOS after this tool's last write", _EVEN_SO),
    "user_kept": ("its user is kept", "see why the user is"),
    "members_stay": (
        "members of its organization who stay may sign in through it",
        "see who they are, and why; `migrate rollback --include-active` removes it even so",
    ),
    "not_empty": (
        "the organization has members or connections that stay",
        "remove them in the WorkOS dashboard, then run `migrate rollback --yes` again",
    ),
    # Conflicts.
    "user_deletion_not_allowed": (
        "WorkOS does not let this user be deleted",
        "a directory may manage the user: remove it there, or delete it in the WorkOS dashboard; then run "
        "`migrate rollback --yes` again",
    ),
    "default_redirect_uri": (
        "WorkOS does not let the default redirect URI be deleted",
        "make another one the default in the WorkOS dashboard, then run `migrate rollback --yes` again",
    ),
    "not_taken_off": (
        "WorkOS's answer still holds what was to be taken off the user",
        "take it off in the WorkOS dashboard, then run `migrate rollback --yes` again",
    ),
}
