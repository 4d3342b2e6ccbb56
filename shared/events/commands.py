"""The data of commands, of the verdicts on them, and of effects on somebody else.

A command is what somebody asks for and waits to be answered: the API of a service publishes it, the
member's lane decides it. What was decided is a fact from then on, said by the verdict: whoever
reads the log again takes the verdict and never asks again.
"""

from typing import Literal

from shared.events.facts import Data
from shared.events.scalars import Count, Identifier, Label, Moment, Whole

Asker = Literal["admin", "marketer", "analyst", "store", "system"]
Refusal = Literal["insufficient_points", "unknown_member", "above_store_limit"]


class Command(Data, frozen=True, kw_only=True):
    """What all commands have: who asks, and the fingerprint of the request that they were."""

    by: Label
    role: Asker
    fingerprint: Identifier


class Verdict(Data, frozen=True, kw_only=True):
    """What all verdicts have; `command_id` is the id of the command's event."""

    command_id: Identifier
    granted: bool
    by: Label
    role: Asker
    fingerprint: Identifier
    asked_at: Moment


class AdjustmentRequested(Command, frozen=True, kw_only=True):
    """Somebody wants points given or taken by hand."""

    points: Whole
    reason: Label
    store_id: Identifier | None = None


class AdjustmentDecided(Verdict, frozen=True, kw_only=True):
    """Points were given or taken by hand, or not; `balance` is what is available after it."""

    points: Whole
    reason: Label
    balance: Whole
    program_version: Count
    store_id: Identifier | None = None
    transfer_id: Identifier | None = None
    refusal: Refusal | None = None


class EffectOnAnother(Data, frozen=True, kw_only=True):
    """What all effects on somebody else have.

    Of all events with one `effect_id` the one with the greatest `revision` counts, and none of the
    others; it may say that the effect does not stand after all.
    """

    effect_id: Identifier
    revision: Count
    stands: bool


class ReferralRewarded(EffectOnAnother, frozen=True, kw_only=True):
    """A newcomer whom the subject referred bought, or gave back what made them a buyer."""

    newcomer: Identifier
    points: Whole
    rule: Identifier
    program_version: Count
    cause: Identifier
    reward_id: Identifier
    order_id: Identifier | None = None
    store_id: Identifier | None = None
    supersedes: Identifier | None = None
