"""Breaker and rate limit, told instants."""

from services.notify.domain.breaker import CircuitBreaker, RateLimit
from shared.clock import SECOND


def test_a_run_of_failures_opens_the_breaker_and_a_probe_closes_it() -> None:
    breaker = CircuitBreaker(failures_max=3, rest=10 * SECOND)
    for _ in range(2):
        breaker.failed(0)
    assert breaker.room(0) is None
    breaker.failed(0)
    assert breaker.room(0) == 0
    assert breaker.room(10 * SECOND - 1) == 0
    assert breaker.free_at(0) == 10 * SECOND
    assert breaker.room(10 * SECOND) == 1
    breaker.failed(10 * SECOND)
    assert breaker.room(15 * SECOND) == 0
    breaker.succeeded()
    assert breaker.room(15 * SECOND) is None


def test_a_success_ends_the_run() -> None:
    breaker = CircuitBreaker(failures_max=2)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(0)
    assert breaker.room(0) is None


def test_a_rate_limit_lets_a_second_worth_go_and_then_fills_up() -> None:
    limit = RateLimit(10)
    assert limit.room(0) == 10
    limit.take(10)
    assert limit.room(0) == 0
    assert limit.free_at(0) == SECOND // 10 + 1
    assert limit.room(SECOND // 2) == 5
    assert limit.room(100 * SECOND) == 10, "no more than a second's worth is saved up"


def test_less_than_one_a_second_still_goes() -> None:
    limit = RateLimit(0.5)
    assert limit.room(0) == 1
    limit.take(1)
    assert limit.room(SECOND) == 0
    assert limit.room(2 * SECOND) == 1


def test_time_that_runs_back_gives_nothing_away() -> None:
    limit = RateLimit(1)
    limit.take(limit.room(10 * SECOND))
    assert limit.room(5 * SECOND) == 0
    assert limit.room(10 * SECOND) == 0
