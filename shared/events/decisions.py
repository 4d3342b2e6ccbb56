"""The data of every decision, as the hot path reads it: one msgspec struct per type.

Every decision names its cause, so that the chain purchase → points → tier → message can be walked
back by id. When something earlier turns up late and a decision is taken again, the new one says
so: `correction` is the id of the event that made it necessary, and `supersedes` the id of the
event of the decision that it withdraws.
"""

from typing import Any, Literal

from msgspec import field

from shared.events.facts import Data
from shared.events.scalars import Count, Day, Identifier, Moment, Text, Whole

ReleaseReason = Literal["cancelled", "timed_out"]


class Figure(Data, frozen=True, kw_only=True):
    """One comparison that decided: the feature, what was asked of it, and what it was."""

    feature: str
    op: str
    value: Any = None
    actual: Any = None


class Because(Data, frozen=True, kw_only=True):
    """Why: the event that led here (none when only time passed), the rule, and the figures."""

    rule: str
    event_id: Identifier | None = None
    program_version: Count | None = None
    tag: Identifier | None = None
    figures: list[Figure] | None = None


class Decision(Data, frozen=True, kw_only=True):
    """What all decisions may carry."""

    correction: Identifier | None = None
    supersedes: Identifier | None = None


class PointsMoved(Decision, frozen=True, kw_only=True):
    """Points came or went; `points` is signed, `balance` is what is available after it."""

    transfer_id: Identifier
    code: Identifier
    points: Whole
    balance: Whole
    rule: Identifier
    program_version: Count
    cause: Identifier
    expires_on: Day | None = None
    order_id: Identifier | None = None
    store_id: Identifier | None = None
    because: Because | None = None


class PointsExpiring(Decision, frozen=True, kw_only=True):
    """So many points will be gone on that day."""

    points: Count
    on: Day
    cause: Identifier | None = None


class RewardReserved(Decision, frozen=True, kw_only=True):
    """Points and a piece at a named store are held for a member."""

    reservation_id: Identifier
    reward_id: Identifier
    store_id: Identifier
    points: Count
    quantity: Count
    expires_at: Moment
    cause: Identifier | None = None


class RewardConfirmed(Decision, frozen=True, kw_only=True):
    """The member took the reward."""

    reservation_id: Identifier
    reward_id: Identifier
    store_id: Identifier
    points: Count
    quantity: Count
    cause: Identifier | None = None


class RewardReleased(Decision, frozen=True, kw_only=True):
    """The reservation came to nothing; points and piece are free again."""

    reservation_id: Identifier
    reward_id: Identifier
    store_id: Identifier
    points: Count
    quantity: Count
    reason: ReleaseReason
    cause: Identifier | None = None


class VoucherIssued(Decision, frozen=True, kw_only=True):
    """A member got a voucher; its code is never in an event."""

    voucher_id: Identifier
    kind: Identifier
    cause: Identifier | None = None
    reservation_id: Identifier | None = None
    expires_at: Moment | None = None


class VoucherRedeemed(Decision, frozen=True, kw_only=True):
    """A voucher was used."""

    voucher_id: Identifier
    kind: Identifier
    store_id: Identifier
    cause: Identifier | None = None
    order_id: Identifier | None = None


class VoucherExpired(Decision, frozen=True, kw_only=True):
    """A voucher ran out."""

    voucher_id: Identifier
    kind: Identifier
    cause: Identifier | None = None


class TagsChanged(Decision, frozen=True, kw_only=True):
    """Tags came and went at one moment; one reason per tag."""

    added: list[Identifier]
    removed: list[Identifier]
    because: list[Because]


class Level(Data, frozen=True, kw_only=True):
    """What a tier is to people: its rank (0 is the lowest) and its title by language."""

    rank: Count
    title: dict[str, Text]


class TierChanged(Decision, frozen=True, kw_only=True):
    """A member has another tier; `from` is null for the first one."""

    to: Identifier
    because: Because
    from_: Identifier | None = field(name="from", default=None)
    until: Moment | None = None
    level: Level | None = None
    level_before: Level | None = None


class TierEnding(Decision, frozen=True, kw_only=True):
    """A tier will be lost on that day, and what is missing to keep it."""

    tier: Identifier
    on: Day
    missing: list[Figure]
    cause: Identifier | None = None


class AudienceEntered(Decision, frozen=True, kw_only=True):
    """A member now meets an audience's condition."""

    audience: Identifier
    version: Count
    because: Because


class AudienceExited(Decision, frozen=True, kw_only=True):
    """A member meets an audience's condition no more."""

    audience: Identifier
    version: Count
    because: Because


class JobRequested(Decision, frozen=True, kw_only=True):
    """A message is to be delivered between `not_before` and `deadline`."""

    job_id: Identifier
    member_id: Identifier
    channel: Identifier
    template: Identifier
    content: dict[str, Any]
    category: Identifier
    purpose: Identifier
    not_before: Moment
    deadline: Moment
    because: Because
    journey: Identifier | None = None
    step: Identifier | None = None
    store_id: Identifier | None = None


class JobSuppressed(Decision, frozen=True, kw_only=True):
    """A message that will not be sent, and why."""

    job_id: Identifier
    member_id: Identifier
    channel: Identifier
    template: Identifier
    category: Identifier
    purpose: Identifier
    not_before: Moment
    deadline: Moment
    reason: Identifier
    because: Because
    content: dict[str, Any] | None = None
    detail: Text | None = None
    journey: Identifier | None = None
    step: Identifier | None = None
    store_id: Identifier | None = None


class Receipt(Data, frozen=True, kw_only=True):
    """What became of a message."""

    job_id: Identifier
    channel: Identifier | None = None
    provider_id: Identifier | None = None
    error: Text | None = None
    text: Text | None = None


class JobSent(Receipt, frozen=True, kw_only=True):
    """The channel took it."""


class JobDelivered(Receipt, frozen=True, kw_only=True):
    """It arrived."""


class JobOpened(Receipt, frozen=True, kw_only=True):
    """It was opened."""


class JobClicked(Receipt, frozen=True, kw_only=True):
    """A link in it was followed."""


class JobReplied(Receipt, frozen=True, kw_only=True):
    """The member answered; `text` is the answer."""


class JobFailed(Receipt, frozen=True, kw_only=True):
    """It did not arrive; `error` says why."""


class ClockAdvanced(Data, frozen=True, kw_only=True):
    """How far a producer has come on a partition, with the stream clock only."""

    partition: Count
    until: Moment
