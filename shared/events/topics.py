"""The topics, and which event types go on which.

All member topics have the same number of partitions and are keyed by member id, so that
everything about one member is in one partition of each.
"""

from typing import Final

from shared.events import types

EVENTS: Final = "regulars.events"
INBOUND: Final = "regulars.inbound"
POINTS: Final = "regulars.points"
SEGMENTS: Final = "regulars.segments"
JOBS: Final = "regulars.jobs"
RECEIPTS: Final = "regulars.receipts"
DEAD_LETTERS: Final = "regulars.dead-letters"

MEMBER_TOPICS: Final = (EVENTS, POINTS, SEGMENTS, JOBS, RECEIPTS)
"""Keyed by member id, with equal partition counts; `clock.advanced` may appear on each."""

MESSAGE_BYTES_MAX: Final = 900_000
"""The largest message on any topic; the broker takes batches of 1,048,588 bytes by default."""

TYPES_ON: Final[dict[str, frozenset[str]]] = {
    INBOUND: types.INBOUND,
    EVENTS: types.INBOUND | types.BESIDE_THE_FACTS,
    POINTS: types.DECIDED_BY_POINTS,
    SEGMENTS: types.DECIDED_BY_SEGMENTATION,
    JOBS: types.DECIDED_BY_NOTIFY,
    RECEIPTS: types.RECEIPTS,
}
"""Which types a topic carries, beside `clock.advanced` on the member topics."""

_TOPIC_OF: Final = {
    event_type: topic
    for topic, event_types in TYPES_ON.items()
    if topic != INBOUND
    for event_type in event_types
}


def topic_of(event_type: str) -> str:
    """The topic on which a type is found behind the edge.

    Raises:
        KeyError: not a type of ours, or one without a topic of its own (`clock.advanced`).
    """
    return _TOPIC_OF[event_type]
