"""The token bucket."""

from services.ingest.domain.pace import TokenBucket
from shared.clock import SECOND


def test_the_burst_passes_at_once_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(10, 20, now=0)
    assert bucket.take(20, 0) == 0
    assert bucket.take(1, 0) == 1
    assert bucket.take(1, SECOND // 10) == 0
    assert bucket.take(1, SECOND // 10) == 1
    assert bucket.take(10, 2 * SECOND) == 0


def test_a_batch_larger_than_the_burst_passes_when_the_bucket_is_full_and_leaves_a_debt() -> None:
    bucket = TokenBucket(10, 20, now=0)
    assert bucket.take(100, 0) == 0
    assert bucket.take(1, 0) == 9
    assert bucket.take(1, 8 * SECOND) == 1
    assert bucket.take(1, 9 * SECOND) == 0


def test_time_that_goes_back_fills_nothing() -> None:
    bucket = TokenBucket(1, 1, now=10 * SECOND)
    assert bucket.take(1, 10 * SECOND) == 0
    assert bucket.take(1, 0) == 1
    assert bucket.take(1, 10 * SECOND) == 1
    assert bucket.take(1, 11 * SECOND) == 0


def test_over_a_long_time_no_more_than_the_rate_passes() -> None:
    bucket = TokenBucket(3, 5, now=0)
    passed = sum(bucket.take(1, now) == 0 for now in range(0, 100 * SECOND, SECOND // 20))
    assert 300 <= passed <= 306
