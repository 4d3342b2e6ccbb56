"""Commands, the verdicts on them, and effects on somebody else."""

from typing import Literal

from shared.events.models.scalars import Count, EventModel, Identifier, Label, Moment, Whole

Asker = Literal["admin", "marketer", "analyst", "store", "system"]


class Command(EventModel):
    """What all commands have."""

    by: Label
    """Subject of the caller's token."""
    role: Asker
    fingerprint: Identifier
    """Of the request: the same idempotency key with another one is refused."""


class Verdict(EventModel):
    """What all verdicts have."""

    command_id: Identifier
    """Id of the command's event."""
    granted: bool
    by: Label
    """Who asked."""
    role: Asker
    fingerprint: Identifier
    asked_at: Moment


class AdjustmentRequested(Command):
    """Somebody wants points given or taken by hand."""

    points: Whole
    """Signed, never zero."""
    reason: Label
    store_id: Identifier | None = None


class AdjustmentDecided(Verdict):
    """Points were given or taken by hand, or not."""

    points: Whole
    """As asked for; moved only if granted."""
    reason: Label
    balance: Whole
    """What is available after it."""
    program_version: Count
    store_id: Identifier | None = None
    transfer_id: Identifier | None = None
    """The transfer that moved them."""
    refusal: Literal["insufficient_points", "unknown_member", "above_store_limit"] | None = None
    """Why not."""


class EffectOnAnother(EventModel):
    """What all effects on somebody else have."""

    effect_id: Identifier
    """Of all events with this id the one with the greatest revision counts, none of the others."""
    revision: Count
    stands: bool
    """False: the effect is as if it had never been."""


class ReferralRewarded(EffectOnAnother):
    """A newcomer whom the subject referred bought, or gave back what made them a buyer."""

    newcomer: Identifier
    """Member id of the one who was referred."""
    points: Whole
    """Signed: what a purchase gives, its refund takes back."""
    rule: Identifier
    program_version: Count
    cause: Identifier
    """Id of the newcomer's purchase or refund."""
    reward_id: Identifier
    """Effect id of what was given: its own, or that of what is taken back."""
    order_id: Identifier | None = None
    store_id: Identifier | None = None
    supersedes: Identifier | None = None
    """Id of the event that this one replaces."""
