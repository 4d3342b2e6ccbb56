"""How fast a source may publish: a token bucket, filled by time and emptied by events."""

from math import ceil

from shared.clock import SECOND, Instant


class TokenBucket:
    """Lets `per_second` events pass on average and `burst` at once."""

    __slots__ = ("_at", "_burst", "_level", "_per_second")

    def __init__(self, per_second: float, burst: int, now: Instant) -> None:
        """Start full."""
        self._per_second = per_second
        self._burst = burst
        self._level = float(burst)
        self._at = now

    def is_for(self, per_second: float, burst: int) -> bool:
        """Whether this is still the bucket of a source with this rate."""
        return self._per_second == per_second and self._burst == burst

    def take(self, count: int, now: Instant) -> int:
        """Take tokens for so many events; 0 when they may pass, else the seconds to wait.

        A batch larger than the burst passes when the bucket is full, and leaves it in debt.
        """
        passed = max(0, now - self._at)
        self._at = max(self._at, now)
        self._level = min(float(self._burst), self._level + passed / SECOND * self._per_second)
        wanted = min(count, self._burst)
        if self._level >= wanted:
            self._level -= count
            return 0
        return max(1, ceil((wanted - self._level) / self._per_second))
