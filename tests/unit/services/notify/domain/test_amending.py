"""Orders that are taken back: what was decided stands, and nothing is decided twice.

Found by the slow model (`tests/property/services/notify/model.py`): two decisions of one message
have one id, and the second stopped the member's lane.
"""

import copy
from collections.abc import Sequence
from typing import Any

from services.notify.domain import facts
from services.notify.domain.compiling import compile_program
from services.notify.domain.decision import MessageDecision
from services.notify.domain.facts import AnyFact
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Programs
from shared.clock import DAY, HOUR, MINUTE, Instant, format_instant
from shared.events import types
from shared.orders import Dated, fold_history
from tests.property.services.notify.notify_history import MEMBER
from tests.unit.services.notify.domain.test_notify_machine import NOON, journey, purchase

TWO = [{"wait": {"for": "1h"}}, "a", {"wait": {"since_entry": "2d"}}, "b"]


def program(*steps: Any, **changes: Any) -> dict[str, Any]:
    document = journey(**changes)
    test = document["journeys"]["test"]
    send = test["steps"][1]["send"]
    if steps:
        test["steps"] = [
            {"send": {**copy.deepcopy(send), "id": step}} if isinstance(step, str) else step
            for step in steps
        ]
    document["quiet_hours"] = None
    return document


def fold(
    document: dict[str, Any], *told: tuple[Instant, AnyFact], days: int = 30
) -> list[MessageDecision]:
    machine = NotifyMachine(Programs([(0, 1, compile_program(document))]))
    dated = [Dated(at, fact.event_id.encode(), fact) for at, fact in told]
    effects = fold_history(machine, MEMBER, dated, NOON + days * DAY).effects
    return [effect for effect in effects if isinstance(effect, MessageDecision)]


def said(decisions: Sequence[MessageDecision]) -> list[tuple[str, str, str, str | None]]:
    assert len({each.job for each in decisions}) == len(decisions), "one id, one decision"
    return [
        (each.entry_event_id, each.step, format_instant(each.decided_at)[5:16], each.reason)
        for each in decisions
    ]


def refund(order: int, name: str = "x") -> facts.Refund:
    return facts.Refund(f"refund-{name}", f"order-{order}", name, 3520, "CNY", "s1")


def reversal(order: int) -> facts.Reversal:
    return facts.Reversal("reversal", f"order-{order}", "x", "s1")


def test_once_is_for_the_next_order_when_the_first_came_back_before_a_word_was_said() -> None:
    decided = fold(
        program(reentry="once"),
        (NOON, purchase(1)),
        (NOON + MINUTE, refund(1)),
        (NOON + DAY, purchase(2)),
        (NOON + 2 * DAY, purchase(3)),
    )
    assert said(decided) == [
        ("purchase-1", "a", "03-01T12:01", "exited"),
        ("purchase-2", "a", "03-02T13:00", None),
    ]


def test_once_was_for_the_first_order_when_something_was_said_of_it() -> None:
    told: list[tuple[Instant, AnyFact]] = [(NOON, purchase(1)), (NOON + DAY, refund(1))]
    told.append((NOON + 2 * DAY, purchase(2)))
    assert said(fold(program(*TWO, reentry="once"), *told)) == [
        ("purchase-1", "a", "03-01T13:00", None),
        ("purchase-1", "b", "03-02T12:00", "exited"),
    ]


def test_a_refund_undone_goes_on_after_the_step_that_the_refund_ended() -> None:
    decided = fold(
        program(*TWO, {"wait": {"since_entry": "3d"}}, "c"),
        (NOON, purchase(1)),
        (NOON + DAY, refund(1)),
        (NOON + DAY + HOUR, reversal(1)),
    )
    assert said(decided) == [
        ("purchase-1", "a", "03-01T13:00", None),
        ("purchase-1", "b", "03-02T12:00", "exited"),
        ("purchase-1", "c", "03-04T12:00", None),
    ]


def test_what_would_have_been_decided_and_never_was_holds_nothing_back() -> None:
    """Order 1 ends as order 2 is bought; told so only as if, between two refunds of it."""
    exits = [{"event": types.PURCHASE_COMPLETED}]
    decided = fold(
        program(exits=exits, reentry="parallel"),
        (NOON, facts.Refund("early", "order-1", "x", 3520, "CNY", "s1")),
        (NOON, purchase(1)),
        (NOON + MINUTE, purchase(2)),
        (NOON + 2 * MINUTE, reversal(1)),
        (NOON + 3 * MINUTE, refund(2, "y")),
    )
    assert said(decided) == [
        ("purchase-2", "a", "03-01T12:03", "exited"),
        ("purchase-1", "a", "03-01T13:00", None),
    ]


def test_an_entry_keeps_its_name_when_another_order_is_taken_back() -> None:
    """Counted anew the tag came up once, and the message about the second time was not said."""
    tag = facts.Tags("tag-1", ["vip"], [])
    again = facts.Tags("tag-2", ["vip"], [])
    document = program(
        trigger={"tag": "vip"}, entry={"feature": "orders", "at_least": 2}, reentry="parallel"
    )
    decided = fold(
        document,
        (NOON, purchase(1)),
        (NOON, purchase(2)),
        (NOON + MINUTE, tag),
        (NOON + DAY, facts.Tags("gone", [], ["vip"])),
        (NOON + DAY, purchase(3)),
        (NOON + DAY + MINUTE, again),
        (NOON + DAY + 2 * MINUTE, refund(2)),
    )
    assert said(decided) == [
        ("tag-1", "a", "03-01T13:01", None),
        ("tag-2", "a", "03-02T13:01", None),
    ]


def test_two_that_would_have_the_same_name_are_told_apart() -> None:
    """The first tag lets in only as if order 1 had never been; the second really was the first."""
    entry = {"any": [{"feature": "orders", "at_most": 1}, {"feature": "tier", "equals": "gold"}]}
    decided = fold(
        program(
            {"wait": {"for": "3d"}}, "a", trigger={"tag": "vip"}, entry=entry, reentry="parallel"
        ),
        (NOON, purchase(1)),
        (NOON, purchase(2)),
        (NOON, facts.Tags("tag-1", ["vip"], [])),
        (NOON, facts.Tier("gold", "silver", "gold")),
        (NOON + HOUR, facts.Tags("tag-2", ["vip"], [])),
        (NOON + 2 * HOUR, refund(1)),
    )
    assert said(decided) == [
        ("tag-1", "a", "03-04T12:00", None),
        ("tag-2", "a", "03-04T13:00", None),
    ]


def test_a_refund_given_undone_and_given_again_decides_nothing_twice() -> None:
    document = program({"wait": {"for": "3d"}}, "a", reentry="ignore")
    decided = fold(
        document,
        (NOON, purchase(1)),
        (NOON + MINUTE, purchase(2)),
        (NOON + HOUR, refund(1)),
        (NOON + 2 * HOUR, reversal(1)),
        (NOON + 3 * HOUR, facts.Refund("again", "order-1", "z", 3520, "CNY", "s1")),
    )
    assert said(decided) == [
        ("purchase-1", "a", "03-01T13:00", "exited"),
        ("purchase-2", "a", "03-01T14:00", "exited"),
    ]


def test_the_same_tag_is_spoken_of_again_from_the_very_instant_on() -> None:
    """Said at 13:00; twenty hours on to the microsecond is not within twenty hours."""
    for late, said_again in ((-1, False), (0, True)):
        decided = fold(
            program(trigger={"tag": "vip"}, repeat_after="20h"),
            (NOON, facts.Tags("tag-1", ["vip"], [])),
            (NOON + 2 * HOUR, facts.Tags("gone", [], ["vip"])),
            (NOON + 21 * HOUR + late, facts.Tags("tag-2", ["vip"], [])),
        )
        assert [each.entry_event_id for each in decided] == ["tag-1", "tag-2"][: 1 + said_again]


def test_the_zone_is_that_of_the_store_where_the_member_joined() -> None:
    document = program({"wait": {"until": "09:00"}}, "a")
    document["stores"] = {
        "home": {"time_zone": "Asia/Shanghai"},
        "s1": {"time_zone": "America/New_York"},
    }
    joined = facts.Joined("j", "home", "code")
    assert said(fold(document, (NOON, joined), (NOON, purchase(1)))) == [
        ("purchase-1", "a", "03-02T01:00", None)
    ]
    assert said(fold(document, (NOON, purchase(1)))) == [("purchase-1", "a", "03-01T14:00", None)]
