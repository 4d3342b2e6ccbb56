"""Events as the log carries them."""

from collections.abc import Sequence

from shared.events import Event, encode_event
from shared.kafka.partitioner import partition_of
from shared.kafka.producer import Message


def messages(topic: str, partitions: int, events: Sequence[Event]) -> list[Message]:
    """One message each, in its member's partition, recorded when it happened."""
    keys = [event.subject.encode() for event in events]
    return [
        Message(topic, partition_of(key, partitions), key, encode_event(event, event.at))
        for key, event in zip(keys, events, strict=True)
    ]
