"""The retry schedule as a table."""

import pytest

from services.notify.domain.delivery import Answer, Away, Next, Refused, Spoken, after_attempt
from services.notify.domain.retry import RetrySchedule
from shared.clock import DAY, HOUR, MINUTE, SECOND

SCHEDULE = RetrySchedule()


@pytest.mark.parametrize(
    ("failed_attempts", "wait"),
    [
        (1, 5 * SECOND),
        (2, 5 * MINUTE),
        (3, 30 * MINUTE),
        (4, 2 * HOUR),
        (5, 5 * HOUR),
        (6, 10 * HOUR),
        (7, 14 * HOUR),
        (8, 20 * HOUR),
        (9, 24 * HOUR),
        (10, None),
        (0, None),
    ],
)
def test_waits_are_those_of_standard_webhooks(failed_attempts: int, wait: int | None) -> None:
    expected = None if wait is None else 1_000 + wait
    assert SCHEDULE.next_attempt(failed_attempts, 1_000) == expected


@pytest.mark.parametrize(
    ("asked", "wait"), [(None, 5 * SECOND), (SECOND, 5 * SECOND), (MINUTE, MINUTE)]
)
def test_patience_that_is_asked_for_is_given_at_least(asked: int | None, wait: int) -> None:
    assert SCHEDULE.next_attempt(1, 0, asked) == wait


@pytest.mark.parametrize(
    ("answer", "attempts", "deadline", "expected"),
    [
        (Spoken("p"), 1, DAY, Next("sent", 0, None)),
        (Refused("answered 410 (gone)"), 1, DAY, Next("failed", 0, "answered 410 (gone)")),
        (Away("down"), 1, DAY, Next("waiting", 5 * SECOND, "down")),
        (Away("down"), 1, 5 * SECOND, Next("waiting", 5 * SECOND, "down")),
        (Away("down"), 1, 5 * SECOND - 1, Next("failed", 0, "past_deadline: down")),
        (Away("slow", 2 * DAY), 1, DAY, Next("failed", 0, "past_deadline: slow")),
        (Away("down"), 10, DAY, Next("failed", 0, "given up after 10 attempts: down")),
    ],
)
def test_what_follows_an_attempt(
    answer: Answer, attempts: int, deadline: int, expected: Next
) -> None:
    assert after_attempt(answer, attempts, 0, deadline, SCHEDULE) == expected
