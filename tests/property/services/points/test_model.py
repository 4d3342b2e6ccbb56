"""The machine and the books against the slow model, over random programs and histories.

The other properties hold the code against itself; a wrong decision that is wrong every time passes
them. Here it meets a second opinion (`model.py`).
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.points.domain.lots import lots_of
from shared.clock import HOUR, Instant
from shared.events import Event
from tests.property.services.points.books import Books
from tests.property.services.points.model import Account
from tests.property.services.points.points_history import (
    NOON,
    bought,
    did,
    document,
    fold,
    joined,
    machine_of,
    refunded,
    undone,
    withdrawn,
    without_adjustments,
)
from tests.property.services.points.strategies import others
from tests.property.services.points.test_ledger import batches

SKUS = ("milk", "tea", "card")
CATEGORIES = ("dairy", "drinks", "gift_card")

_times = st.integers(0, 6 * 24).map(lambda tens: NOON + tens * HOUR // 3)
_lines = st.lists(
    st.tuples(st.sampled_from(SKUS), st.sampled_from(CATEGORIES), st.integers(0, 1500)), max_size=3
)
_member_conditions = (
    {"feature": "tier", "equals": "gold"},
    {"not": {"feature": "tier", "exists": True}},
    {"feature": "birthday_month", "equals": True},
    {"feature": "month", "equals": 3},
    {"feature": "weekday", "one_of": [5, 7]},
    {"feature": "hour", "between": [10, 20]},
    {"feature": "store_id", "not_equals": "s2"},
    {"any": [{"feature": "campaign_id", "equals": "spring"}, {"feature": "hour", "less_than": 9}]},
    {"all": [{"feature": "tier", "none_of": ["silver"]}, {"feature": "month", "at_least": 3}]},
)
_purchase_conditions = (
    {"feature": "total", "at_least": 1000},
    {"feature": "currency", "equals": "CNY"},
    {"feature": "channel", "one_of": ["app", "delivery"]},
    {"feature": "categories", "contains": "dairy"},
    {"feature": "skus", "contains_any": ["milk", "card"]},
)
_action_conditions = (
    {"feature": "likes", "at_least": 5},
    {"feature": "score", "more_than": 3},
    {"feature": "correct", "equals": True},
    {"feature": "community_id", "exists": True},
)


def _selections(draw: st.DrawFn, **kinds: tuple[str, ...]) -> dict[str, list[str]]:
    """For each kind some of its names, perhaps none."""
    return {kind: draw(st.lists(st.sampled_from(all_), max_size=2)) for kind, all_ in kinds.items()}


@st.composite
def rules(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """One earning rule of any source, with or without condition, multipliers and cap."""
    source = draw(st.sampled_from(("purchase", "purchase", "interaction", "task")))
    rule: dict[str, Any] = {"id": f"r{number}", "source": source, "points": draw(st.integers(1, 9))}
    conditions = st.sampled_from(
        _member_conditions + (_purchase_conditions if source == "purchase" else _action_conditions)
    )
    if source == "interaction":
        rule["kinds"] = draw(
            st.sampled_from((["check_in"], ["share"], ["check_in", "share"], ["task_done"]))
        )
    elif source == "task":
        rule["tasks"] = draw(st.sampled_from((["t1"], ["t1", "t2"])))
    elif draw(st.booleans()):
        rule["per_amount"] = draw(st.sampled_from((1, 100, 250)))
        if draw(st.booleans()):
            rule["lines"] = _selections(draw, skus=SKUS, categories=CATEGORIES)
    if draw(st.booleans()):
        rule["when"] = draw(conditions)
    if draw(st.booleans()):
        rule["multipliers"] = [
            {"id": f"m{i}", "factor": factor, "when": draw(conditions)} | group
            for i, (factor, group) in enumerate(
                draw(
                    st.lists(
                        st.tuples(
                            st.sampled_from((0.5, 1.5, 2, 3, 0.05)),
                            st.sampled_from(({}, {"group": "m0"}, {"group": "season"})),
                        ),
                        min_size=1,
                        max_size=3,
                    )
                )
            )
        ]
    if draw(st.booleans()):
        caps = ({"times": 1}, {"times": 2}, {"points": 12}, {"times": 2, "points": 30})
        rule["cap"] = draw(st.sampled_from(caps))
    return rule


@st.composite
def programs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """One version of a program, or two; the second is in force an hour after noon."""
    zone = draw(st.sampled_from(("UTC", "Asia/Shanghai", "America/New_York")))
    expiry = draw(st.sampled_from(({"policy": "never"}, {"policy": "rolling", "months": 11})))
    versions = []
    for _ in range(draw(st.integers(1, 2))):
        exclude = _selections(draw, skus=SKUS, categories=CATEGORIES, tenders=("points", "card"))
        chosen = [draw(rules(i)) for i in range(draw(st.integers(1, 4)))]
        more = {"exclude": exclude} if draw(st.booleans()) else {}
        versions.append(document(*chosen, time_zone=zone, expiry=expiry, **more))
    return versions


def _interaction(draw: st.DrawFn, number: int, at: Instant, *, back: bool) -> Event:
    """An interaction or task, or that one is taken back."""
    if back:
        return withdrawn(f"e{number}", f"e{draw(st.integers(0, 11))}", at)
    return did(
        f"e{number}",
        draw(st.sampled_from(("check_in", "share", "task_done", "like"))),
        at,
        task_id=draw(st.sampled_from((None, "t1", "t2", "t3"))),
        store_id=draw(st.sampled_from((None, "s1", "s2"))),
        campaign_id=draw(st.sampled_from((None, "spring"))),
        community_id=draw(st.sampled_from((None, "c1"))),
        likes=draw(st.sampled_from((None, 4, 5))),
        score=draw(st.sampled_from((None, 3, 3.5))),
        correct=draw(st.sampled_from((None, True, False))),
    )


@st.composite
def events(draw: st.DrawFn, number: int) -> Event:
    """Any event that points looks at."""
    at: Instant = draw(_times)
    order = draw(st.sampled_from(("o1", "o2", "o3", "o4")))
    match draw(st.sampled_from("ppppprrruaaaajoow")):
        case "u":
            return undone(f"e{number}", order, draw(st.sampled_from(("x", "y", "z"))), at)
        case "p":
            tenders = st.tuples(st.sampled_from(("points", "card", "cash")), st.integers(0, 900))
            return bought(
                f"e{number}",
                order,
                draw(st.integers(0, 4000)),
                at,
                lines=draw(_lines),
                tenders=draw(st.lists(tenders, max_size=2)),
                store=draw(st.sampled_from(("s1", "s2"))),
                channel=draw(st.sampled_from(("store", "app"))),
                campaign=draw(st.sampled_from((None, "spring"))),
                part=draw(st.sampled_from((None, None, None, "1", "2"))),
                whole=draw(st.sampled_from((False, False, False, True))),
            )
        case "r":
            return refunded(
                f"e{number}",
                order,
                draw(st.sampled_from((1, 99, 100, 1000, 9000)) | st.integers(0, 4000)),
                at,
                refund=draw(st.sampled_from(("x", "y", "z"))),
                lines=draw(_lines),
                currency=draw(st.sampled_from(("CNY", "CNY", "CNY", "USD"))),
            )
        case "a" | "w" as kind:
            return _interaction(draw, number, at, back=kind == "w")
        case "j":
            return joined(f"e{number}", draw(st.sampled_from((None, 3, 4))), at)
        case _:
            return draw(others())


@st.composite
def told(draw: st.DrawFn) -> list[Event]:
    """A history of some events; an id names one event."""
    each = [draw(events(number)) for number in range(draw(st.integers(0, 12)))]
    return list({event.key: event for event in each}.values())


def _account(versions: list[dict[str, Any]], history: list[Event]) -> Account:
    return Account(
        [(NOON + i * HOUR if i else 0, each) for i, each in enumerate(versions)], history
    )


@given(programs(), told())
@settings(max_examples=200, deadline=None)
def test_every_point_is_the_one_that_the_words_of_the_program_give(
    versions: list[dict[str, Any]], history: list[Event]
) -> None:
    folded = fold(machine_of(*versions), *history)
    account = _account(versions, history)
    moves = [(m.at, m.event_id, m.rule, m.points) for m in folded.moves]
    assert sorted(moves) == sorted(account.moves)
    assert [(each.event_id, each.code) for each in folded.remarks] == account.remarks
    assert (folded.state.available, folded.state.lifetime) == (account.balance, account.earned)


@given(programs(), told())
@settings(max_examples=60, deadline=None)
def test_what_is_left_of_every_grant_and_until_when(
    versions: list[dict[str, Any]], history: list[Event]
) -> None:
    history = without_adjustments(history)
    lots = lots_of(fold(machine_of(*versions), *history).moves)
    gifts = _account(versions, history).gifts
    assert {
        (key.event_key, key.rule): (lot.remaining, lot.expires_on)
        for key, lot in lots.items()
        if lot.remaining
    } == {
        (gift.event.key, gift.rule): (gift.points, gift.expires_on) for gift in gifts if gift.points
    }


@given(programs(), told(), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_in_any_order_and_batches_the_books_say_what_the_model_says(
    versions: list[dict[str, Any]], history: list[Event], seed: int
) -> None:
    books = Books(machine_of(*versions))
    for batch in batches(history, seed):
        books.take(batch)
        books.check()
    expected: dict[tuple[str, str, Instant], int] = {}
    for at, event_id, rule, points in _account(versions, history).moves:
        slot = event_id, rule, at
        expected[slot] = expected.get(slot, 0) + points
    found: dict[tuple[str, str, Instant], int] = {}
    for each in books.transfers:
        slot = each.event_id, each.rule, each.event_at
        found[slot] = found.get(slot, 0) + each.signed
    assert {slot: points for slot, points in found.items() if points} == {
        slot: points for slot, points in expected.items() if points
    }
