"""What an attempt to deliver came to, and what follows from it."""

from typing import Literal, NamedTuple

import msgspec

from services.notify.domain.retry import RetrySchedule
from services.notify.domain.send_decision import PAST_DEADLINE, QUIET_HOURS
from shared.clock import Instant

State = Literal["sent", "waiting", "failed"]


class Message(msgspec.Struct, frozen=True):
    """What a sender is to say, and about what."""

    job_id: str
    member_id: str
    channel: str
    category: str
    purpose: str
    template: str
    language: str
    text: str
    store_id: str | None


class Spoken(msgspec.Struct, frozen=True):
    """The destination took it; `text_version`: whose words it was."""

    provider_id: str | None = None
    text_version: int | None = None


class Away(msgspec.Struct, frozen=True):
    """The destination did not take it now; perhaps it said how long to wait (µs)."""

    error: str
    retry_after: Instant | None = None


class Refused(msgspec.Struct, frozen=True):
    """The destination will never take it (410), or it cannot be made."""

    error: str


class Later(msgspec.Struct, frozen=True):
    """It is not said now, but at that instant, or looked at again."""

    until: Instant
    reason: str = QUIET_HOURS


Answer = Spoken | Away | Refused | Later


class Next(NamedTuple):
    """The state of a delivery after an attempt; `at` is when to try again while it waits."""

    state: State
    at: Instant
    error: str | None
    text_version: int | None = None


def after_attempt(
    answer: Answer, attempts: int, at: Instant, deadline: Instant, schedule: RetrySchedule
) -> Next:
    """What follows from the answer to attempt number `attempts` at an instant.

    Nothing is tried again after the deadline: the message would be of no use then.
    """
    match answer:
        case Spoken(text_version=version):
            return Next("sent", at, None, version)
        case Refused(error=error):
            return Next("failed", at, error)
        case Later(until=until, reason=reason):
            return Next("waiting", until, reason)
        case Away(error=error, retry_after=retry_after):
            again = schedule.next_attempt(attempts, at, retry_after)
            if again is None:
                return Next("failed", at, f"given up after {attempts} attempts: {error}")
            if again > deadline:
                return Next("failed", at, f"{PAST_DEADLINE}: {error}")
            return Next("waiting", again, error)
