"""The plan's `decisions`: whether each still fits what the pool and WorkOS hold. One that does not is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.model.codes import explain
from engine.model.diagnostics import Diagnostic
from engine.model.errors import MigrateError
from engine.model.users import TargetUser
from engine.plan_file.model import Decision


class DecisionsMisfit(MigrateError):
    """Decisions that no longer fit: each with its place in the plan file and why. Nothing was changed."""

    code = "decision_misfit"

    def __init__(self, found: list[Diagnostic]) -> None:
        self._found = found
        super().__init__("\n".join(str(one) for one in found))

    def diagnostics(self) -> list[Diagnostic]:
        """One a decision."""
        return self._found


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What the pool says of a decision's record; None where it has no such record.

    `reason` is why the record is excluded. `others` counts the records with the same address that no decision skips,
    `others_verified` those of them that are verified, `others_first` those that a decision puts first as well.
    """

    reason: str | None
    email: str
    verified: bool
    others: int
    others_verified: int
    others_first: int = 0


@dataclass(frozen=True, slots=True)
class AdoptionFacts:
    """What is known of the two sides of an `adopt`: who stands for the record, what the state and WorkOS hold."""

    primary_sub: str | None
    external_id: str | None
    email: str
    known_id: str | None
    user: TargetUser | None


def record_misfit(decision: Decision, facts: RecordFacts | None) -> tuple[str, str] | None:
    """(why it does not fit, what to do), from the pool alone; None where it fits."""
    if facts is None:
        return "the pool has no such user", "take the decision out"
    if facts.reason is not None:
        return f"the user is excluded anyway: {explain(facts.reason)[0]}", "take the decision out"
    if decision.action == "primary":
        if not facts.others:
            return "no other user shares the address any more", "take the decision out"
        if facts.others_verified and not facts.verified:
            # Rule 4, always: an unverified record never stands before a verified one.
            return (
                "the user's address is not verified, and another user's with the same address is",
                "have the address verified in Cognito, or decide for a verified user",
            )
        if facts.others_first:
            return "another decision puts a user with the same address first", "keep one of them"
    return None


def adoption_misfit(decision: Decision, facts: AdoptionFacts) -> tuple[str, str] | None:
    """(why an `adopt` does not fit, what to do); None where it fits."""
    if facts.primary_sub is not None:
        return f"the user is merged into {facts.primary_sub}, who has the same address", "decide for that one"
    if facts.known_id is not None:
        if facts.known_id == decision.user_id:
            return None
        return f"the user was migrated as {facts.known_id} already", "take the decision out"
    user = facts.user
    if user is None:
        return f"WorkOS has no user {decision.user_id}", "correct user_id, or take the decision out"
    if user.external_id not in (None, facts.external_id):
        return f"{user.id} has another external ID in WorkOS", "remove it there, or decide for another user"
    if user.email != facts.email:
        return f"{user.id} has another address in WorkOS than the user in Cognito", "decide for another user"
    return None


def refuse(misfits: Sequence[tuple[Decision, tuple[str, str]]], file: str) -> None:
    """Raise DecisionsMisfit where there is any."""
    if misfits:
        raise DecisionsMisfit(
            [
                Diagnostic(
                    DecisionsMisfit.code,
                    f"the decision {decision.action} for {decision.sub} no longer fits: {why}",
                    right,
                    file,
                    decision.line,
                    decision.column,
                )
                for decision, (why, right) in misfits
            ]
        )
