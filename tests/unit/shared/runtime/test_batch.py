"""What a batch says belongs to the trace of the event that led to it."""

import pytest

from shared.clock import SECOND
from shared.events import decode, encode, types
from shared.events.topics import EVENTS, POINTS
from shared.kafka.consumer import Record
from shared.runtime.batch import Arrived, Batch
from shared.runtime.intake import read

NOW = 1_700_000_000 * SECOND
MEMBER = "0190a000-0000-7000-8000-000000000001"
ONE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TWO = "00-00000000000000000000000000000001-00f067aa0ba902b7-01"


def message(traceparent: str | None, subject: str = MEMBER) -> bytes:
    return encode(
        type=types.INTERACTION_RECORDED,
        source="urn:test",
        id="1",
        subject=subject,
        at=NOW,
        data={"kind": "message", "text": 'a } "quoted" end'},
        recorded_at=NOW,
        traceparent=traceparent,
    )


def arrived(*traceparents: str | None) -> list[Arrived]:
    return [
        read(Record(EVENTS, 0, offset, 0, b"k", message(trace), ()), 0)
        for offset, trace in enumerate(traceparents)
    ]


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ([ONE], ONE),
        ([ONE, TWO], TWO),
        ([ONE, None], ONE),
        ([None], None),
        ([], None),
        (['"},{"type":"forged'], '"},{"type":"forged'),  # text stays text
    ],
)
def test_the_trace_goes_on(came: list[str | None], goes: str | None) -> None:
    batch = Batch(partition=0, partitions=4, now=NOW, until=NOW)
    batch.follow(arrived(*came))
    batch.emit(POINTS, MEMBER, message(None))
    event = decode(batch.outgoing[0].value)
    assert event.traceparent == goes
    assert (event.id, event.subject) == ("1", MEMBER)


def test_nobody_elses_trace_is_taken() -> None:
    batch = Batch(partition=0, partitions=4, now=NOW, until=NOW)
    batch.follow(arrived(ONE))
    batch.emit(POINTS, "somebody else", message(None, "somebody else"))
    assert decode(batch.outgoing[0].value).traceparent is None
