"""The event types by name, and who may publish them.

A type is `regulars.<noun>.<past-participle>.v<major>`. Adding an optional field keeps the
version; anything else is a new version beside the old one.
"""

from typing import Final

# Facts that other systems publish
PURCHASE_COMPLETED: Final = "regulars.purchase.completed.v1"
PURCHASE_REFUNDED: Final = "regulars.purchase.refunded.v1"
PURCHASE_CHANGED: Final = "regulars.purchase.changed.v1"
PURCHASE_REFUND_REVERSED: Final = "regulars.purchase.refund_reversed.v1"
RECEIPT_CLAIMED: Final = "regulars.receipt.claimed.v1"
MEMBER_JOINED: Final = "regulars.member.joined.v1"
MEMBER_PROFILE_UPDATED: Final = "regulars.member.profile_updated.v1"
MEMBER_CONSENT_CHANGED: Final = "regulars.member.consent_changed.v1"
CODE_VIEWED: Final = "regulars.code.viewed.v1"
COMMUNITY_JOINED: Final = "regulars.community.joined.v1"
COMMUNITY_LEFT: Final = "regulars.community.left.v1"
INTERACTION_RECORDED: Final = "regulars.interaction.recorded.v1"
INTERACTION_WITHDRAWN: Final = "regulars.interaction.withdrawn.v1"
STAFF_DEPARTED: Final = "regulars.staff.departed.v1"
CONTACT_ADDED: Final = "regulars.contact.added.v1"
CONTACT_REMOVED: Final = "regulars.contact.removed.v1"
MEMBER_ASSIGNED: Final = "regulars.member.assigned.v1"
QUESTION_ASKED: Final = "regulars.question.asked.v1"
QUESTION_ACKNOWLEDGED: Final = "regulars.question.acknowledged.v1"
QUESTION_RESOLVED: Final = "regulars.question.resolved.v1"
COMPLAINT_OPENED: Final = "regulars.complaint.opened.v1"
COMPLAINT_RESOLVED: Final = "regulars.complaint.resolved.v1"
CONTENT_PUBLISHED: Final = "regulars.content.published.v1"
STOCK_ARRIVED: Final = "regulars.stock.arrived.v1"
LIVE_STARTED: Final = "regulars.live.started.v1"
LIVE_ENDED: Final = "regulars.live.ended.v1"

# Facts that ingest adds
MEMBER_CREATED: Final = "regulars.member.created.v1"
MEMBER_IDENTIFIED: Final = "regulars.member.identified.v1"
MEMBER_MERGED: Final = "regulars.member.merged.v1"
MEMBER_UNMERGED: Final = "regulars.member.unmerged.v1"
MEMBER_ERASED: Final = "regulars.member.erased.v1"
ORDER_MOVED: Final = "regulars.order.moved.v1"

# Commands: asked of points by its API; the verdicts on them; effects on somebody else
ADJUSTMENT_REQUESTED: Final = "regulars.points.adjustment_requested.v1"
ADJUSTMENT_DECIDED: Final = "regulars.points.adjustment_decided.v1"
REFERRAL_REWARDED: Final = "regulars.referral.rewarded.v1"

# Decisions of points
POINTS_MOVED: Final = "regulars.points.moved.v1"
POINTS_EXPIRING: Final = "regulars.points.expiring.v1"
REWARD_RESERVED: Final = "regulars.reward.reserved.v1"
REWARD_CONFIRMED: Final = "regulars.reward.confirmed.v1"
REWARD_RELEASED: Final = "regulars.reward.released.v1"
VOUCHER_ISSUED: Final = "regulars.voucher.issued.v1"
VOUCHER_REDEEMED: Final = "regulars.voucher.redeemed.v1"
VOUCHER_EXPIRED: Final = "regulars.voucher.expired.v1"

# Decisions of segmentation
TAGS_CHANGED: Final = "regulars.tags.changed.v1"
TIER_CHANGED: Final = "regulars.tier.changed.v1"
TIER_ENDING: Final = "regulars.tier.ending.v1"
AUDIENCE_ENTERED: Final = "regulars.audience.entered.v1"
AUDIENCE_EXITED: Final = "regulars.audience.exited.v1"

# Decisions of notify, and what became of them
JOB_REQUESTED: Final = "regulars.job.requested.v1"
JOB_SUPPRESSED: Final = "regulars.job.suppressed.v1"
JOB_SENT: Final = "regulars.job.sent.v1"
JOB_DELIVERED: Final = "regulars.job.delivered.v1"
JOB_OPENED: Final = "regulars.job.opened.v1"
JOB_CLICKED: Final = "regulars.job.clicked.v1"
JOB_REPLIED: Final = "regulars.job.replied.v1"
JOB_FAILED: Final = "regulars.job.failed.v1"

# The runtime's own mark, on every topic, with the stream clock only
CLOCK_ADVANCED: Final = "regulars.clock.advanced.v1"

INBOUND: Final = frozenset(
    {
        PURCHASE_COMPLETED,
        PURCHASE_REFUNDED,
        PURCHASE_CHANGED,
        PURCHASE_REFUND_REVERSED,
        RECEIPT_CLAIMED,
        MEMBER_JOINED,
        MEMBER_PROFILE_UPDATED,
        MEMBER_CONSENT_CHANGED,
        CODE_VIEWED,
        COMMUNITY_JOINED,
        COMMUNITY_LEFT,
        INTERACTION_RECORDED,
        INTERACTION_WITHDRAWN,
        STAFF_DEPARTED,
        CONTACT_ADDED,
        CONTACT_REMOVED,
        MEMBER_ASSIGNED,
        QUESTION_ASKED,
        QUESTION_ACKNOWLEDGED,
        QUESTION_RESOLVED,
        COMPLAINT_OPENED,
        COMPLAINT_RESOLVED,
        CONTENT_PUBLISHED,
        STOCK_ARRIVED,
        LIVE_STARTED,
        LIVE_ENDED,
    }
)
"""What a registered source may publish."""

ADDED_BY_INGEST: Final = frozenset(
    {
        MEMBER_CREATED,
        MEMBER_IDENTIFIED,
        MEMBER_MERGED,
        MEMBER_UNMERGED,
        MEMBER_ERASED,
        ORDER_MOVED,
    }
)

COMMANDS: Final = frozenset({ADJUSTMENT_REQUESTED})
"""What a service's API asks of a member's lane."""

VERDICTS: Final = frozenset({ADJUSTMENT_DECIDED})
"""What the lane decided: facts from then on."""

EFFECTS_ON_OTHERS: Final = frozenset({REFERRAL_REWARDED})
"""What one member's history did to another's."""

BESIDE_THE_FACTS: Final = ADDED_BY_INGEST | COMMANDS | VERDICTS | EFFECTS_ON_OTHERS
"""What comes to the facts' topic a little before or after its time: it moves no clock."""

DECIDED_BY_POINTS: Final = frozenset(
    {
        POINTS_MOVED,
        POINTS_EXPIRING,
        REWARD_RESERVED,
        REWARD_CONFIRMED,
        REWARD_RELEASED,
        VOUCHER_ISSUED,
        VOUCHER_REDEEMED,
        VOUCHER_EXPIRED,
    }
)

DECIDED_BY_SEGMENTATION: Final = frozenset(
    {TAGS_CHANGED, TIER_CHANGED, TIER_ENDING, AUDIENCE_ENTERED, AUDIENCE_EXITED}
)

DECIDED_BY_NOTIFY: Final = frozenset({JOB_REQUESTED, JOB_SUPPRESSED})

RECEIPTS: Final = frozenset(
    {JOB_SENT, JOB_DELIVERED, JOB_OPENED, JOB_CLICKED, JOB_REPLIED, JOB_FAILED}
)

MAY_NAME_NOBODY: Final = frozenset(
    {PURCHASE_COMPLETED, PURCHASE_CHANGED, PURCHASE_REFUNDED, PURCHASE_REFUND_REVERSED}
)
"""Facts about an order, whose buyer need not be known: `subject` may be left out."""

MEMBERLESS: Final = frozenset(
    {CODE_VIEWED, STAFF_DEPARTED, CONTENT_PUBLISHED, STOCK_ARRIVED, LIVE_STARTED, LIVE_ENDED}
)
"""Facts about a store, a community or staff: their subject (`store:<id>` …) is also their key."""

RESERVED: Final = frozenset(
    {
        "regulars.order.placed.v1",
        "regulars.order.collected.v1",
        "regulars.benefit.used.v1",
        "regulars.value.topped_up.v1",
        "regulars.booking.made.v1",
        "regulars.booking.attended.v1",
    }
)
"""Names kept for later capabilities: without a schema yet, so publishing one is refused."""
