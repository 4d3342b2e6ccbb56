"""Caps: how many messages a member may be sent, per channel and category, within a rolling window.

A window is rolling (the 24 hours up to the message, not the calendar day): it is stricter than a
calendar day in any time zone, and it knows no change of the clocks. What counts is what was
requested; a receipt that says "failed" takes a message out of the count again.
"""

from collections.abc import Sequence

import msgspec

from shared.clock import Instant


class Cap(msgspec.Struct, frozen=True):
    """At most `at_most` messages within `window` (µs), of a channel and category or of all (None).

    `feature` names the count in explanations, as `sent.wecom.1d`.
    """

    feature: str
    window: int
    at_most: int
    channel: str | None = None
    category: str | None = None

    def counts(self, channel: str, category: str) -> bool:
        """Whether a message of this channel and category falls under the cap."""
        return (self.channel is None or self.channel == channel) and (
            self.category is None or self.category == category
        )


class Sent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A message that counts: requested, and not known to have failed."""

    at: Instant
    channel: str
    category: str
    job_id: bytes


def used(cap: Cap, sent: Sequence[Sent], at: Instant) -> int:
    """How many messages count under a cap at an instant."""
    after, channel, category = at - cap.window, cap.channel, cap.category
    count = 0
    for each in sent:
        if (
            each.at > after
            and (channel is None or each.channel == channel)
            and (category is None or each.category == category)
        ):
            count += 1
    return count
