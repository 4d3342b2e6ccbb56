"""A history folded: what comes late is as if it had always been so, and is posted when it comes."""

from collections.abc import Iterable

import pytest

from shared.orders import (
    Bought,
    Content,
    Dated,
    Folded,
    Order,
    WithoutOrders,
    advance,
    fold_history,
)
from tests.unit.shared.orders.diary import MEMBER, Diary, Page, Said, buys, returns, undoes

DIARY = Diary()


def tell(facts: Iterable[tuple[int, Said]], until: int) -> Folded[Page, str]:
    dated = [Dated(at, fact.name.encode(), fact) for at, fact in facts]
    return fold_history(DIARY, MEMBER, dated, until)


def folded(*facts: tuple[int, Said], until: int = 1000) -> list[str]:
    return tell(facts, until).effects


def test_facts_happen_in_their_order_and_what_is_due_before_each() -> None:
    facts = [
        (10, buys("tea", 700, wakes=(20, 2))),
        (20, buys("cup", 300)),
        (35, Said("a walk")),
    ]
    fold = tell(facts, 40)
    assert fold.effects == [
        "10 tea 700, 700 in all",
        "20 woken, 700 in all",
        "20 cup 300, 1000 in all",
        "30 woken, 1000 in all",
        "35 a walk 0, 1000 in all",
    ]
    assert fold.state == Page(str(MEMBER), 1000)
    assert (fold.fired_at, fold.fires) == (30, 2)


def test_what_is_due_at_the_end_happens_and_nothing_later() -> None:
    fold = tell([(10, buys("tea", 700, wakes=(20, 9)))], 40)
    assert fold.effects[-1] == "40 woken, 700 in all"
    assert (fold.fired_at, fold.fires) == (40, 3)
    assert fold.state == Page(str(MEMBER), 700, wakes_at=50, wakes_left=6)


def test_nothing_due_was_never_due() -> None:
    fold = tell([(10, buys("tea", 700))], 40)
    assert (fold.fired_at, fold.fires) == (None, 0)


def test_only_facts_that_stand_are_folded() -> None:
    struck = buys("tea", 700)._replace(struck=True)
    assert folded((10, struck), (20, buys("cup", 1))) == ["20 cup 1, 1 in all"]


def test_p18_an_order_paid_with_nothing_does_not_happen() -> None:
    told = [(10, buys("gift", 0)), (20, buys("cup", 1))]
    seen = ["10 nothing_paid of e-gift, 0 in all", "20 cup 1, 1 in all"]
    assert folded(*told) == seen
    # and also where orders of the history are amended
    assert folded(*told, (30, returns("cup", 0, "r"))) == [*seen, "30 back-r 0, 1 in all"]


def test_an_order_told_of_twice_happens_once() -> None:
    assert folded((10, Said("a walk")), (20, buys("tea", 700)), (30, buys("tea", 700))) == [
        "10 a walk 0, 0 in all",
        "20 tea 700, 700 in all",
        "30 order_counted_before of e-tea, 700 in all",
    ]


def test_a_refund_posts_what_is_different_when_it_comes() -> None:
    fold = tell(
        [
            (10, buys("cup", 300)),
            (20, buys("tea", 700, wakes=(25, 3))),
            (30, Said("a walk")),
            (40, returns("tea", 200)),
        ],
        45,
    )
    was = "20 tea 700, 1000 in all; 25 woken, 1000 in all; 30 a walk 0, 1000 in all; 35 woken, "
    now = "20 tea 500, 800 in all; 25 woken, 800 in all; 30 a walk 0, 800 in all; 35 woken, "
    assert fold.effects == [
        "10 cup 300, 300 in all",
        "20 tea 700, 1000 in all",
        "25 woken, 1000 in all",
        "30 a walk 0, 1000 in all",
        "35 woken, 1000 in all",
        (
            "40 back-r: tea has 500 left, 1000 becomes 800: "
            f"[{was}1000 in all] becomes [{now}800 in all]"
        ),
        "40 back-r 0, 800 in all",
        "45 woken, 800 in all",
    ]
    assert fold.state == Page(str(MEMBER), 800)
    assert (fold.fired_at, fold.fires) == (45, 3)


def test_a_second_refund_starts_from_what_the_first_left() -> None:
    effects = folded(
        (10, buys("tea", 700)),
        (20, returns("tea", 200)),
        (30, returns("tea", 100, "r2")),
    )
    assert effects[-2:] == [
        (
            "30 back-r2: tea has 400 left, 500 becomes 400: "
            "[10 tea 500, 500 in all; 20 back-r 0, 500 in all] becomes "
            "[10 tea 400, 400 in all; 20 back-r 0, 400 in all]"
        ),
        "30 back-r2 0, 400 in all",
    ]


def test_timers_before_an_amendment_are_settled_with_the_order_once() -> None:
    effects = folded(
        (10, buys("tea", 700, wakes=(15, 2))),
        (20, returns("tea", 200)),
        (30, returns("tea", 100, "r2")),
        until=30,
    )
    assert effects[-2] == (
        "30 back-r2: tea has 400 left, 500 becomes 400: "
        "[10 tea 500, 500 in all; 15 woken, 500 in all; 20 back-r 0, 500 in all; "
        "25 woken, 500 in all] becomes "
        "[10 tea 400, 400 in all; 15 woken, 400 in all; 20 back-r 0, 400 in all; "
        "25 woken, 400 in all]"
    )


def test_an_order_that_came_back_in_full_never_happened() -> None:
    assert folded((10, buys("tea", 700)), (20, returns("tea", 700)), (30, buys("cup", 1))) == [
        "10 tea 700, 700 in all",
        "20 back-r: tea has 0 left, 700 becomes 0: [10 tea 700, 700 in all] becomes []",
        "20 back-r 0, 0 in all",
        "30 cup 1, 1 in all",
    ]


def test_an_order_of_which_the_least_is_left_has_happened() -> None:
    effects = folded((10, buys("tea", 700)), (20, returns("tea", 699)))
    assert effects[1].endswith("becomes [10 tea 1, 1 in all]")


def test_a_reversed_refund_gives_the_order_back_as_it_was() -> None:
    effects = folded(
        (10, buys("tea", 700)), (20, returns("tea", 700)), (30, undoes("tea")), (40, Said("a walk"))
    )
    assert effects[-3:] == [
        (
            "30 undo-r: tea has 700 left, 0 becomes 700: [20 back-r 0, 0 in all] becomes "
            "[10 tea 700, 700 in all; 20 back-r 0, 700 in all]"
        ),
        "30 undo-r 0, 700 in all",
        "40 a walk 0, 700 in all",
    ]


def test_a_refund_told_before_its_order_is_taken_off_as_it_opens() -> None:
    assert folded((10, returns("tea", 200)), (20, buys("tea", 700))) == [
        "10 back-r 0, 0 in all",
        "10 refund_waits_for_order of e-r, 0 in all",
        "20 tea 500, 500 in all",
    ]


def test_a_refund_of_an_order_never_told_of_waits_for_it() -> None:
    assert folded((10, returns("tea", 200))) == [
        "10 back-r 0, 0 in all",
        "10 refund_waits_for_order of e-r, 0 in all",
    ]


def test_a_part_adds_to_its_order_and_happens_with_it() -> None:
    assert folded((10, buys("tea", 700, part="1")), (20, buys("tea", 200, part="2"))) == [
        "10 tea 700, 700 in all",
        (
            "20 tea: tea has 900 left, 700 becomes 900: "
            "[10 tea 700, 700 in all] becomes [10 tea 900, 900 in all]"
        ),
    ]


def test_more_than_is_left_comes_back_and_is_said_after_it_is_settled() -> None:
    assert folded((10, buys("tea", 700)), (20, returns("tea", 900)))[-2:] == [
        "20 back-r 0, 0 in all",
        "20 refund_exceeds_order of e-r, 0 in all",
    ]


def test_of_a_long_history_any_order_can_be_amended_and_all_others_stay() -> None:
    facts = [(10 * i, buys(f"o{i}", 1000 + i)) for i in range(300)]
    early, late = [(4000, returns("o3", 3))], [(4001, returns("o270", 70))]
    again = [(4002, returns("o150", 150)), (4003, returns("o149", 149)), (4004, undoes("o150"))]
    effects = folded(*facts, *early, *late, *again, until=5000)
    whole = sum(1000 + i for i in range(300))
    settled = [each.partition(": [")[0] for each in effects if "becomes" in each]
    assert settled == [
        f"4000 back-r: o3 has 1000 left, {whole} becomes {whole - 3}",
        f"4001 back-r: o270 has 1200 left, {whole - 3} becomes {whole - 73}",
        f"4002 back-r: o150 has 1000 left, {whole - 73} becomes {whole - 223}",
        f"4003 back-r: o149 has 1000 left, {whole - 223} becomes {whole - 372}",
        f"4004 undo-r: o150 has 1150 left, {whole - 372} becomes {whole - 222}",
    ]
    assert effects[-1] == f"4004 undo-r 0, {whole - 222} in all"


def test_a_timer_may_fire_a_hundred_thousand_times_in_one_step_and_no_more() -> None:
    effects: list[str] = []
    busy = Page("m", wakes_at=10, wakes_left=100_000)
    assert advance(DIARY, busy, 10**9, effects) == (1_000_000, 100_000)
    assert len(effects) == 100_000
    for_ever = Page("m", wakes_at=10, wakes_left=100_001)
    with pytest.raises(RuntimeError, match="a timer due at 1000010 fires for ever"):
        advance(DIARY, for_ever, 10**9, [])


def test_a_machine_without_orders_takes_every_fact_as_it_is() -> None:
    class Plain(WithoutOrders[str]):
        pass

    plain = Plain()
    assert plain.report("a") is None
    bought = Bought("e", None, "o", "s", "CNY", Content(5))
    assert plain.as_it_stands("a", Order("s", "o", "CNY", bought, 0)) == "a"
    told = [Dated(1, b"a", "a"), Dated(2, b"b", "b")]
    assert plain.standing(told) == told
