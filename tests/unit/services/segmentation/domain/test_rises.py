"""Levels that time alone gives: of those who stay away, counted by hand."""

from typing import Any

from services.segmentation.domain.facts import AnyFact, Purchase
from shared.clock import DAY, HOUR
from tests.property.services.segmentation.stories import (
    START,
    WORDS,
    Item,
    document,
    machine_of,
    replayed,
    rules_of,
)


def order(number: int, at: int) -> Item:
    fact: AnyFact = Purchase(f"e{number}", f"o{number}", "s1", 2000, (("t", "TEA", 2000),))
    return at, f"e{number}", fact


def climbs(when: dict[str, Any], *orders: int, keep: int = 20) -> list[tuple[Any, Any, Any]]:
    """When and from what to what; `grace_days` are five."""
    levels = [{"id": "one", "title": WORDS}, {"id": "two", "title": WORDS, "when": when}]
    tiers = {"keep_days": keep, "grace_days": 5, "down": "one_step", "levels": levels}
    machine = machine_of(rules_of(document(tiers=tiers)))
    told = [order(i, at) for i, at in enumerate(orders)]
    posted = replayed(machine, told, START + 70 * DAY).posted.values()
    found = [row for row in posted if row.kind == "tier" and not row.superseded]
    return sorted((row.at, row.before, row.now) for row in found if row.before != row.now)


def test_a_level_is_reached_by_time_alone_at_its_instant() -> None:
    away = {"feature": "last_order_at", "at_least_days_ago": 10}
    assert climbs(away, START)[:2] == [(START, None, "one"), (START + 10 * DAY, "one", "two")]


def test_an_order_in_between_puts_it_off() -> None:
    away = {"feature": "last_order_at", "at_least_days_ago": 10}
    again = START + 9 * DAY + HOUR
    assert climbs(away, START, again)[:2] == [
        (START, None, "one"),
        (again + 10 * DAY, "one", "two"),
    ]


def test_in_the_grace_time_alone_renews_the_level() -> None:
    """Few orders within thirty days: met at first, not from the second order on, met again."""
    few = {"feature": "orders_30d", "at_most": 1}
    # two from the first order on; the second, on day 9, ends it: the period of ten days runs out
    # on day 10, the grace on day 15. On day 30 the first order leaves the window: two once more.
    assert climbs(few, START, START + 9 * DAY, keep=10) == [
        (START, None, "two"),
        (START + 15 * DAY, "two", "one"),
        (START + 30 * DAY, "one", "two"),
    ]
    # with a period of 26 days the grace lasts until day 31: on day 30 the level is renewed until
    # day 56; two orders before that are too many, and with the grace it is lost on day 61
    days = (0, 9, 50, 51)
    assert climbs(few, *(START + day * DAY for day in days), keep=26) == [
        (START, None, "two"),
        (START + 61 * DAY, "two", "one"),
    ]
