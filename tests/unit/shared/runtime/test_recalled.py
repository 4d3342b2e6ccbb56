"""What is remembered of members stands in the database, or is forgotten."""

from uuid import UUID

from shared.runtime.recalled import Recalled
from shared.timers.timelines import Order, StoredTimeline

ANN, BEN = UUID(int=1), UUID(int=2)


def _row(state: bytes) -> StoredTimeline:
    return StoredTimeline(Order(1, 0, b"e"), None, state)


def test_all_members_of_a_batch_are_known_or_the_database_is_asked() -> None:
    recalled = Recalled()
    recalled.put(0, [(ANN, _row(b"a"))], [(ANN, b"e1")], {})
    assert recalled.of([ANN]) == ({ANN: _row(b"a")}, {(ANN, b"e1")}, {ANN: b""})
    assert recalled.of([ANN, BEN]) is None
    recalled.put(1, [(BEN, _row(b"b"))], [(BEN, b"e2")], {})
    assert recalled.of([ANN, BEN]) == (
        {ANN: _row(b"a"), BEN: _row(b"b")},
        {(ANN, b"e1"), (BEN, b"e2")},
        {ANN: b"", BEN: b""},
    )


def test_the_last_events_the_last_state_and_all_orders_are_kept() -> None:
    recalled = Recalled()
    recalled.put(0, [(ANN, _row(b"a"))], [(ANN, b"e1")], {ANN: b"order--1"})
    recalled.put(0, [(ANN, _row(b"b"))], [(ANN, b"e2")], {ANN: b"order--1order--2"})
    assert recalled.of([ANN]) == (
        {ANN: _row(b"b")},
        {(ANN, b"e2")},
        {ANN: b"order--1order--2"},
    )


def test_a_member_who_is_dropped_is_unknown_with_all_events() -> None:
    recalled = Recalled()
    recalled.put(0, [(ANN, _row(b"a"))], [(ANN, b"e1")], {})
    recalled.drop([ANN, BEN])
    assert recalled.of([ANN]) is None
    recalled.put(0, [(ANN, _row(b"c"))], [(ANN, b"e3")], {})
    assert recalled.of([ANN]) == ({ANN: _row(b"c")}, {(ANN, b"e3")}, {ANN: b""})


def test_a_partition_that_goes_is_forgotten_and_no_other() -> None:
    recalled = Recalled()
    recalled.put(0, [(ANN, _row(b"a"))], [], {})
    recalled.put(1, [(BEN, _row(b"b"))], [], {})
    recalled.forget(0)
    assert recalled.of([ANN]) is None
    assert recalled.of([BEN]) is not None


def test_what_was_used_longest_ago_goes_first() -> None:
    recalled = Recalled(members_max=2)
    recalled.put(0, [(ANN, _row(b"a")), (BEN, _row(b"b"))], [], {})
    assert recalled.of([ANN]) is not None
    recalled.put(0, [(UUID(int=3), _row(b"c"))], [], {})
    assert recalled.of([ANN]) is not None
    assert recalled.of([BEN]) is None
