"""Several inputs, one order: merging, waiting, and where the clock stands."""

import pytest

from shared.clock import Instant, to_datetime
from shared.events import encode, types
from shared.events.decisions import ClockAdvanced
from shared.kafka.consumer import Record
from shared.runtime.batch import Input
from shared.runtime.intake import Intake, Taken
from shared.runtime.positions import BEGINNING

FACTS, DECISIONS = "facts", "decisions"
LATE = 10**15


def _record(topic: str, at: Instant, offset: int = 0) -> Record:
    value = encode(
        type=types.CLOCK_ADVANCED,
        source="urn:test",
        id=f"{topic}-{at}-{offset}",
        subject="clock:0",
        at=at,
        data=ClockAdvanced(partition=0, until=to_datetime(at)),
        recorded_at=at,
    )
    return Record(topic, 0, offset, 0, b"k", value, ())


def _added(at: Instant) -> Record:
    value = encode(
        type=types.MEMBER_CREATED,
        source="urn:test",
        id=f"created-{at}",
        subject="somebody",
        at=at,
        data={"identities": ["card"], "cause": "an event"},
        recorded_at=at,
    )
    return Record(FACTS, 0, 0, 0, b"k", value, ())


def _decision(at: Instant) -> Record:
    value = encode(
        type=types.TIER_CHANGED,
        source="urn:test",
        id=f"decision-{at}",
        subject="somebody",
        at=at,
        data={
            "to": "gold",
            "because": {"rule": "tier", "program_version": 1, "figures": []},
        },
        recorded_at=at,
    )
    return Record(DECISIONS, 0, 0, 0, b"k", value, ())


def _intake(*, stream: bool, waited: bool = True, room: int = 100) -> Intake:
    inputs = (Input(FACTS), Input(DECISIONS, waited=waited))
    return Intake(inputs, stream=stream, until=BEGINNING, room=room)


def _told(taken: Taken) -> list[tuple[str, int]]:
    return [(each.record.topic, each.order.at) for each in taken.records]


def test_records_are_taken_by_event_time_and_facts_go_first() -> None:
    intake = _intake(stream=False)
    intake.add([_record(DECISIONS, 20), _record(DECISIONS, 40)])
    intake.add([_record(FACTS, 10), _record(FACTS, 20), _record(FACTS, 30)])
    taken = intake.take(100, LATE)
    assert _told(taken) == [
        (FACTS, 10),
        (FACTS, 20),
        (DECISIONS, 20),
        (FACTS, 30),
        (DECISIONS, 40),
    ]
    assert taken.until == LATE


def test_records_of_one_topic_stay_in_offset_order() -> None:
    intake = _intake(stream=False)
    intake.add([_record(FACTS, 30), _record(FACTS, 10), _record(DECISIONS, 20)])
    assert _told(intake.take(100, LATE)) == [(DECISIONS, 20), (FACTS, 30), (FACTS, 10)]


def test_the_stream_clock_waits_for_the_slower_input() -> None:
    intake = _intake(stream=True)
    intake.add([_record(FACTS, 10), _record(FACTS, 20), _record(FACTS, 30)])
    assert _told(intake.take(100, LATE)) == []
    intake.add([_record(DECISIONS, 20)])
    taken = intake.take(100, LATE)
    assert _told(taken) == [(FACTS, 10), (FACTS, 20), (DECISIONS, 20)]
    assert taken.until == 20
    # the other has come as far as 90, so there are more facts on their way: a batch ends at a mark
    intake.add([_record(DECISIONS, 90)])
    assert _told(intake.take(100, LATE)) == []
    intake.add([_record(FACTS, 90)])
    taken = intake.take(100, LATE)
    assert _told(taken) == [(FACTS, 30), (FACTS, 90), (DECISIONS, 90)]
    assert taken.until == 90


def test_an_input_that_is_not_waited_for_holds_nothing_up() -> None:
    intake = _intake(stream=True, waited=False)
    intake.add([_record(FACTS, 10), _record(FACTS, 20)])
    assert _told(intake.take(100, LATE)) == [(FACTS, 10), (FACTS, 20)]


def test_the_clock_does_not_overtake_records_that_wait_for_the_next_batch() -> None:
    intake = _intake(stream=True, waited=False)
    intake.add([_record(FACTS, 10), _record(FACTS, 20), _record(FACTS, 30)])
    assert intake.take(2, LATE).until == 30  # the next one is due at 30: nothing before it is
    assert intake.take(2, LATE).until == 30


def test_the_clock_never_goes_back_for_a_late_record() -> None:
    intake = _intake(stream=True, waited=False)
    intake.add([_record(FACTS, 30)])
    assert intake.take(9, LATE).until == 30
    intake.add([_record(FACTS, 5)])
    taken = intake.take(9, LATE)
    assert _told(taken) == [(FACTS, 5)]
    assert taken.until == 30


def test_what_is_no_event_is_taken_at_once_with_its_reason() -> None:
    intake = _intake(stream=True)
    intake.add([Record(FACTS, 0, 0, 0, None, b"{", ()), Record(FACTS, 0, 1, 0, None, None, ())])
    errors = [each.error for each in intake.take(9, LATE).records]
    assert errors[0] is not None
    assert "CloudEvent" in errors[0]
    assert errors[1] is not None
    assert "tombstone" in errors[1]


@pytest.mark.parametrize("room", [1, 2])
def test_a_full_buffer_is_not_polled(room: int) -> None:
    intake = _intake(stream=True, room=room)
    intake.add([_record(FACTS, at) for at in range(room)])
    assert intake.wanted() == [DECISIONS]


def test_what_ingest_adds_moves_no_clock_and_waits_for_none() -> None:
    intake = _intake(stream=True, waited=False)
    intake.add([_record(FACTS, 10), _added(90), _record(FACTS, 20), _record(FACTS, 30)])
    taken = intake.take(3, LATE)
    assert _told(taken) == [(FACTS, 10), (FACTS, 90), (FACTS, 20)]
    assert taken.until == 30
    intake.add([_record(FACTS, 40), _added(5), _record(FACTS, 50)])
    assert intake.take(2, LATE).until == 50  # the next to come, behind what was added
    assert intake.take(9, LATE).until == 50


def test_decisions_are_complete_only_at_a_mark() -> None:
    intake = _intake(stream=True)
    intake.add([_record(FACTS, 7), _record(FACTS, 15), _record(FACTS, 20)])
    intake.add([_decision(10), _decision(20), _decision(5)])  # the last fell due meanwhile
    assert _told(intake.take(100, LATE)) == []
    intake.add([_record(DECISIONS, 20)])
    taken = intake.take(2, LATE)  # a batch is not cut between two marks, whatever its limit
    assert len(taken.records) == 7
    assert taken.until == 20


def test_what_is_late_waits_for_no_mark() -> None:
    intake = _intake(stream=True)
    intake.add([_record(FACTS, 20), _record(DECISIONS, 20)])
    assert intake.take(100, LATE).until == 20
    intake.add([_record(FACTS, 4)])
    assert _told(intake.take(100, LATE)) == [(FACTS, 4)]


def test_a_topic_whose_mark_is_still_to_come_is_polled_however_full_it_is() -> None:
    intake = _intake(stream=True, room=2)
    intake.add([_decision(1), _decision(2), _decision(3)])
    assert intake.wanted() == [FACTS, DECISIONS]
    intake.add([_record(DECISIONS, 9)])
    assert intake.wanted() == [FACTS]


def test_facts_that_do_not_fit_into_the_buffer_go_before_the_mark() -> None:
    intake = _intake(stream=True, room=2)
    intake.add([_record(FACTS, 10), _record(FACTS, 12), _record(DECISIONS, 50)])
    taken = intake.take(100, LATE)
    assert _told(taken) == [(FACTS, 10), (FACTS, 12)]
    assert taken.until == 12
