"""Decisions of points and segmentation, and the clock's mark."""

from typing import Literal

from pydantic import Field, JsonValue

from shared.events.models.scalars import (
    Count,
    Day,
    EventModel,
    Identifier,
    Moment,
    Text,
    Whole,
)


class Figure(EventModel):
    """One comparison that decided."""

    feature: str
    op: str
    value: JsonValue = None
    """What was asked of the feature."""
    actual: JsonValue = None
    """What it was."""


class Because(EventModel):
    """Why a decision fell."""

    rule: str
    event_id: Identifier | None = None
    """The event that led here; none when only time passed."""
    program_version: Count | None = None
    tag: Identifier | None = None
    """In `tags.changed`, the tag that this is the reason of."""
    figures: list[Figure] | None = None


class Decision(EventModel):
    """What all decisions may carry."""

    correction: Identifier | None = None
    """Id of the late event that made this decision be taken again."""
    supersedes: Identifier | None = None
    """Id of the event of the earlier decision that this one withdraws."""


class PointsMoved(Decision):
    """Points came or went."""

    transfer_id: Identifier
    code: Identifier
    points: Whole
    """Signed: what the available balance changed by."""
    balance: Whole
    """What is available after it."""
    rule: Identifier
    program_version: Count
    cause: Identifier
    """Id of the event that led here."""
    expires_on: Day | None = None
    order_id: Identifier | None = None
    store_id: Identifier | None = None
    because: Because | None = None


class PointsExpiring(Decision):
    """So many points will be gone on that day."""

    points: Count
    on: Day
    cause: Identifier | None = None


class Reservation(Decision):
    """What the events of a reward's reservation share."""

    reservation_id: Identifier
    reward_id: Identifier
    store_id: Identifier
    points: Count
    quantity: Count
    cause: Identifier | None = None


class RewardReserved(Reservation):
    """Points and a piece at a named store are held for a member."""

    expires_at: Moment


class RewardConfirmed(Reservation):
    """The member took the reward."""


class RewardReleased(Reservation):
    """The reservation came to nothing; points and piece are free again."""

    reason: Literal["cancelled", "timed_out"]


class VoucherIssued(Decision):
    """A member got a voucher; its code is never in an event."""

    voucher_id: Identifier
    kind: Identifier
    cause: Identifier | None = None
    reservation_id: Identifier | None = None
    expires_at: Moment | None = None


class VoucherRedeemed(Decision):
    """A voucher was used."""

    voucher_id: Identifier
    kind: Identifier
    store_id: Identifier
    cause: Identifier | None = None
    order_id: Identifier | None = None


class VoucherExpired(Decision):
    """A voucher ran out."""

    voucher_id: Identifier
    kind: Identifier
    cause: Identifier | None = None


class TagsChanged(Decision):
    """Tags came and went at one moment."""

    added: list[Identifier]
    removed: list[Identifier]
    because: list[Because]
    """One reason per tag."""


class Level(EventModel):
    """What a tier is to people."""

    rank: Count
    """0 is the lowest."""
    title: dict[str, Text]
    """By language: `zh`, `en`."""


class TierChanged(Decision):
    """A member has another tier."""

    to: Identifier
    because: Because
    from_: Identifier | None = Field(alias="from", default=None)
    """Null for the first tier."""
    until: Moment | None = None
    """How long it is kept without further activity."""
    level: Level | None = None
    """Of the tier after, in the program that decided."""
    level_before: Level | None = None
    """Of the tier before; none where that program has no such tier."""


class TierEnding(Decision):
    """A tier will be lost on that day."""

    tier: Identifier
    on: Day
    missing: list[Figure]
    """What is missing to keep it."""
    cause: Identifier | None = None


class AudienceEntered(Decision):
    """A member now meets an audience's condition."""

    audience: Identifier
    version: Count
    because: Because


class AudienceExited(Decision):
    """A member meets an audience's condition no more."""

    audience: Identifier
    version: Count
    because: Because


class ClockAdvanced(EventModel):
    """How far a producer has come on a partition, with the stream clock only."""

    partition: Count
    until: Moment
