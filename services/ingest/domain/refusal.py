"""Why an event is not taken: a value, worded once, answered as a problem document (RFC 9457)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from shared.events.edge import Problem

INVALID: Final = 422
TOO_LARGE: Final = 413
AWAY: Final = 503


class Wrong(NamedTuple):
    """One wrong field: a JSON pointer and what is wrong there."""

    pointer: str
    detail: str


class Refusal(NamedTuple):
    """Why one event, or a whole request, is not taken."""

    status: int
    slug: str
    detail: str
    errors: tuple[Wrong, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it is a server of ours that was away, not the event that is wrong."""
        return self.status >= AWAY


UNCONFIRMED: Final = Refusal(
    AWAY,
    "not-confirmed",
    "Kafka has not confirmed this event in time. It may have arrived: send it again with the same "
    "id, which does no harm",
)
KAFKA_AWAY: Final = Refusal(
    AWAY, "unavailable", "Kafka does not answer; nothing was taken. Send it again later"
)
DATABASE_AWAY: Final = Refusal(
    AWAY,
    "unavailable",
    "the database does not answer, and this member is not known by heart; nothing was taken. "
    "Send it again later",
)


def at(pointer: str, detail: str) -> Wrong:
    """What is wrong at a place."""
    return Wrong(pointer, detail)


def invalid(problems: Sequence[Problem]) -> Refusal:
    """The refusal of an event that does not validate."""
    slug = next((each.code for each in problems if each.code != "invalid"), "invalid-event")
    errors = tuple(Wrong(each.pointer, each.reason) for each in problems)
    if len(errors) == 1:
        return Refusal(INVALID, slug, errors[0].detail, errors)
    return Refusal(INVALID, slug, f"{len(errors)} fields are wrong", errors)


def wrong_field(pointer: str, detail: str, slug: str = "invalid-event") -> Refusal:
    """The refusal of an event for one field."""
    return Refusal(INVALID, slug, detail, (Wrong(pointer, detail),))


def too_large(bytes_max: int) -> Refusal:
    """The refusal of an event for its size."""
    return Refusal(TOO_LARGE, "too-large", f"an event may have {bytes_max:,} bytes")


UNREADABLE: Final = wrong_field("", "this event could not be read", "unreadable")
"""The refusal of an event that we stumbled over: a fault of ours."""
