"""Caps: how many messages a member may be sent, by channel and category, in a day, week or span.

A day or a week is the calendar's, in the member's zone; a span of time (`24h`) is rolling and
counts back from the message. What counts is what was requested; a receipt that says "failed" takes
a message out of the count again.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from services.notify.domain.local_time import Period, period_start
from shared.clock import DAY, Instant

_LONGEST: dict[Period, int] = {"day": 2 * DAY, "week": 8 * DAY}


class Cap(msgspec.Struct, frozen=True):
    """At most `at_most` messages per `period`, of a channel and category or of all (None).

    `period` is a calendar day or week, or a rolling span in µs. `feature` names the count in
    explanations, as `sent.wecom.day`.
    """

    feature: str
    period: Period | int
    at_most: int
    channel: str | None = None
    category: str | None = None

    def counts(self, channel: str, category: str) -> bool:
        """Whether a message of this channel and category falls under the cap."""
        return (self.channel is None or self.channel == channel) and (
            self.category is None or self.category == category
        )

    @property
    def longest(self) -> int:
        """How long a message can count, in µs; no less."""
        return self.period if isinstance(self.period, int) else _LONGEST[self.period]


class Sent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A message that counts: requested, and not known to have failed."""

    at: Instant
    channel: str
    category: str
    job_id: bytes


def used(cap: Cap, sent: Sequence[Sent], at: Instant, zone: ZoneInfo) -> int:
    """How many messages count under a cap at an instant."""
    period, channel, category = cap.period, cap.channel, cap.category
    since = at - period + 1 if isinstance(period, int) else period_start(period, at, zone)
    count = 0
    for each in sent:
        if (
            each.at >= since
            and (channel is None or each.channel == channel)
            and (category is None or each.category == category)
        ):
            count += 1
    return count
