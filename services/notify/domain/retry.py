"""When a delivery is tried again: a pure value, so that it can be read and tested as a table."""

from collections.abc import Sequence

import msgspec

from shared.clock import HOUR, MINUTE, SECOND, Instant

STANDARD_WEBHOOKS: tuple[Instant, ...] = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""The schedule that Standard Webhooks 1.0 recommends; each wait counts from the failed attempt."""


class RetrySchedule(msgspec.Struct, frozen=True):
    """Waits between attempts; after the last one there is no further attempt."""

    waits: Sequence[Instant] = STANDARD_WEBHOOKS

    def next_attempt(
        self, attempts: int, at: Instant, retry_after: Instant | None = None
    ) -> Instant | None:
        """When to try again after `attempts` failed attempts, the last one at `at`; None: give up.

        A destination that asks for patience (`Retry-After`, µs) is given at least that.
        """
        if not 0 < attempts <= len(self.waits):
            return None
        return at + max(self.waits[attempts - 1], retry_after or 0)
