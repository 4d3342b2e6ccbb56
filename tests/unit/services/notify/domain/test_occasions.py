"""A message is said once for its occasion, however its history is told."""

from services.notify.domain import facts
from services.notify.domain.decision import MessageDecision
from shared.clock import DAY, HOUR, MINUTE, SECOND, parse_instant
from tests.unit.services.notify.domain.test_notify_machine import History, journey, purchase

NOON = parse_instant("2024-03-01T12:00:00Z")


def jobs(history: History) -> list[bytes]:
    return [each.job for each in history.effects if isinstance(each, MessageDecision)]


def sold(event_id: str, order: str = "order-1", *, again: bool = False) -> facts.Purchase:
    return facts.Purchase(event_id, order, "s1", "store", 3520, "CNY", again=again)


def test_whoever_reports_an_order_it_is_thanked_for_once() -> None:
    till = History((0, journey())).fold(NOON, sold("till-1")).until(NOON + DAY)
    erp = History((0, journey())).fold(NOON - SECOND, sold("erp-77")).until(NOON + DAY)
    assert jobs(till) == jobs(erp)
    other = History((0, journey())).fold(NOON, sold("till-2", "order-2")).until(NOON + DAY)
    assert jobs(till) != jobs(other)


def test_an_order_of_another_store_with_the_same_number_is_another() -> None:
    here = History((0, journey())).fold(NOON, sold("a")).until(NOON + DAY)
    elsewhere = facts.Purchase("b", "order-1", "s2", "store", 3520, "CNY")
    there = History((0, journey())).fold(NOON, elsewhere).until(NOON + DAY)
    assert jobs(here) != jobs(there)


def test_an_order_bought_again_after_it_was_taken_back_is_another_occasion() -> None:
    once = History((0, journey())).fold(NOON, sold("a")).until(NOON + DAY)
    again = History((0, journey())).fold(NOON, sold("a", again=True)).until(NOON + DAY)
    assert jobs(once) != jobs(again)


def test_what_is_said_once_is_about_the_member() -> None:
    document = journey(reentry="once")
    first = History((0, document)).fold(NOON, purchase(1)).until(NOON + DAY)
    second = History((0, document)).fold(NOON + HOUR, purchase(2)).until(NOON + DAY)
    assert jobs(first) == jobs(second)


def test_a_tag_that_comes_again_is_spoken_of_again_after_its_time() -> None:
    document = journey(trigger={"tag": "at_risk"}, repeat_after="30d")
    history = History((0, document))
    for n, day in enumerate((0, 10, 31)):
        history.fold(NOON + day * DAY, facts.Tags(f"t{n}", ["at_risk"], []))
        history.fold(NOON + day * DAY + 2 * HOUR, facts.Tags(f"g{n}", [], ["at_risk"]))
    history.until(NOON + 40 * DAY)
    assert [at for _, at, _ in history.said()] == ["2024-03-01T13:00:00Z", "2024-04-01T13:00:00Z"]
    assert len(set(jobs(history))) == 2


def test_what_was_not_said_may_be_said_again_at_once() -> None:
    document = journey(trigger={"tag": "at_risk"}, repeat_after="30d", exits=[{"tag": "won_back"}])
    history = History((0, document)).fold(NOON, facts.Tags("t1", ["at_risk"], []))
    history.fold(NOON + MINUTE, facts.Tags("t2", ["won_back"], ["at_risk"]))
    history.fold(NOON + 2 * HOUR, facts.Tags("t3", ["at_risk"], ["won_back"])).until(NOON + DAY)
    assert [reason for _, _, reason in history.said()] == ["exited", None]
    assert len(set(jobs(history))) == 2


def test_m25_a_channel_through_an_adviser_ends_with_the_last_contact() -> None:
    history = History((0, journey())).fold(NOON, facts.Contact("c1", "staff-1", "s1"))
    history.fold(NOON, facts.Contact("c2", "staff-2", "s1", assigned=True))
    history.fold(NOON, facts.Contact("c3", "staff-1", "s1", removed=True))
    history.fold(NOON, purchase(1)).until(NOON + 2 * HOUR)
    history.fold(NOON + 2 * HOUR, facts.Contact("c4", "staff-2", "s1", removed=True))
    history.fold(NOON + 3 * HOUR, purchase(2)).until(NOON + 5 * HOUR)
    history.fold(NOON + 6 * HOUR, facts.Contact("c5", "staff-3", "s1"))
    history.fold(NOON + 7 * HOUR, purchase(3)).until(NOON + DAY)
    assert [reason for _, _, reason in history.said()] == [None, "no_address", None]


def test_of_whom_no_contact_was_ever_told_the_channel_is_tried() -> None:
    history = History((0, journey())).fold(NOON, purchase(1)).until(NOON + DAY)
    assert [reason for _, _, reason in history.said()] == [None]
