"""What keeps one bad destination from harming others: a circuit breaker and a rate limit.

Times are instants (µs). Each is a plain object that is asked and told; nothing here waits.
"""

from shared.clock import SECOND, Instant


class CircuitBreaker:
    """Opens after a run of failures; when it has rested, lets one attempt through as a probe."""

    def __init__(self, *, failures_max: int = 5, rest: Instant = 30 * SECOND) -> None:
        """Closed, with nothing seen yet."""
        self._failures_max = failures_max
        self._rest = rest
        self._failures = 0
        self._closed_until: Instant | None = None

    def rests_until(self, at: Instant) -> Instant | None:
        """The instant before which nothing may be sent, or None when the way is free."""
        if self._closed_until is None or at >= self._closed_until:
            return None
        return self._closed_until

    def succeeded(self) -> None:
        """The destination answered: closed again, the run of failures is over."""
        self._failures = 0
        self._closed_until = None

    def failed(self, at: Instant) -> None:
        """The destination did not take it: one more, and a rest when there were too many."""
        self._failures += 1
        if self._failures >= self._failures_max:
            self._closed_until = at + self._rest


class RateLimit:
    """A token bucket: `per_second` on average, bursts of as many as one second's worth."""

    def __init__(self, per_second: float) -> None:
        """Full at the start."""
        self._per_second = per_second
        self._size = max(1.0, per_second)
        self._tokens = self._size
        self._filled_at: Instant | None = None

    def free_at(self, at: Instant) -> Instant:
        """When the next message may go: `at` itself when there is a token."""
        self._fill(at)
        if self._tokens >= 1:
            return at
        return at + int((1 - self._tokens) / self._per_second * SECOND) + 1

    def take(self, at: Instant) -> None:
        """One message goes."""
        self._fill(at)
        self._tokens -= 1

    def _fill(self, at: Instant) -> None:
        if self._filled_at is not None and at > self._filled_at:
            earned = (at - self._filled_at) / SECOND * self._per_second
            self._tokens = min(self._size, self._tokens + earned)
        self._filled_at = at if self._filled_at is None else max(at, self._filled_at)
