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
        self._rests_until: Instant | None = None

    def room(self, at: Instant) -> int | None:
        """How many attempts may be made now: None for any number, 1 for a probe, 0 for none."""
        if self._rests_until is None:
            return None
        return 1 if at >= self._rests_until else 0

    def free_at(self, at: Instant) -> Instant:
        """When the next attempt may be made: `at` itself when there is room."""
        return at if self._rests_until is None else max(at, self._rests_until)

    def succeeded(self) -> None:
        """The destination answered: closed again, the run of failures is over."""
        self._failures = 0
        self._rests_until = None

    def failed(self, at: Instant) -> None:
        """The destination did not take it: one more, and a rest when there were too many."""
        self._failures += 1
        if self._failures >= self._failures_max:
            self._rests_until = at + self._rest


class RateLimit:
    """A token bucket: `per_second` on average, bursts of as many as one second's worth."""

    def __init__(self, per_second: float) -> None:
        """Full at the start."""
        self._per_second = per_second
        self._size = max(1.0, per_second)
        self._tokens = self._size
        self._filled_at: Instant | None = None

    def room(self, at: Instant) -> int:
        """How many messages may go now."""
        if self._filled_at is not None and at > self._filled_at:
            earned = (at - self._filled_at) / SECOND * self._per_second
            self._tokens = min(self._size, self._tokens + earned)
        self._filled_at = at if self._filled_at is None else max(at, self._filled_at)
        return int(self._tokens)

    def free_at(self, at: Instant) -> Instant:
        """When the next message may go: `at` itself when there is room."""
        if self.room(at) >= 1:
            return at
        return at + int((1 - self._tokens) / self._per_second * SECOND) + 1

    def take(self, count: int) -> None:
        """So many messages go."""
        self._tokens -= count
