"""Random histories: few orders, few days, everything that can go wrong with them."""

from typing import Any

from hypothesis import strategies as st

from shared.clock import HOUR, Instant
from shared.events import Event
from tests.property.services.points.points_history import (
    NOON,
    adjusted,
    born,
    bought,
    default_document,
    did,
    document,
    promoted,
    refunded,
    undone,
    withdrawn,
)

_ORDERS = st.sampled_from(["o1", "o2", "o3"])
_TIMES = st.integers(0, 60).map(lambda hours: NOON + hours * HOUR)
_LINES = st.lists(
    st.tuples(
        st.sampled_from(["milk", "tea", "card"]),
        st.sampled_from(["dairy", "drinks", "gift_card"]),
        st.integers(0, 1500),
    ),
    max_size=3,
)

_RULES = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}
_MULTIPLIERS = [
    {"id": "gold", "factor": 1.5, "when": {"feature": "tier", "equals": "gold"}},
    {"id": "birthday_month", "factor": 2, "when": {"feature": "birthday_month", "equals": True}},
]
_CHECK_IN = {
    "id": "check_in",
    "source": "interaction",
    "kinds": ["check_in"],
    "points": 5,
    "cap": {"times": 1},
}
_DAIRY = {
    "id": "dairy",
    "source": "purchase",
    "points": 3,
    "per_amount": 200,
    "lines": {"categories": ["dairy"]},
}
_WELCOME = {
    "id": "large",
    "source": "purchase",
    "points": 9,
    "when": {"feature": "total", "at_least": 1000},
    "cap": {"times": 1},
}

DOCUMENTS = [
    default_document(),
    document(_RULES | {"multipliers": _MULTIPLIERS, "cap": {"points": 20}}, _CHECK_IN),
    document(
        _RULES,
        _DAIRY,
        _WELCOME,
        _CHECK_IN,
        exclude={"categories": ["gift_card"]},
        expiry={"policy": "rolling", "months": 1},
        time_zone="Asia/Shanghai",
    ),
]
documents = st.sampled_from(DOCUMENTS)


def _number(prefix: str, number: int) -> str:
    return f"{prefix}{number}"


@st.composite
def purchases(draw: st.DrawFn) -> Event:
    id_ = _number("p", draw(st.integers(0, 99)))
    told: dict[str, Any] = draw(
        st.sampled_from([{}, {}, {}, {"part": "1"}, {"part": "2"}, {"whole": True}])
    )
    order, total, at = draw(_ORDERS), draw(st.integers(0, 3000)), draw(_TIMES)
    return bought(id_, order, total, at, lines=draw(_LINES), **told)


@st.composite
def refunds(draw: st.DrawFn) -> Event:
    id_ = _number("r", draw(st.integers(0, 99)))
    if draw(st.integers(0, 4)) == 0:
        return undone(id_, draw(_ORDERS), draw(st.sampled_from(["x", "y", "z"])), draw(_TIMES))
    return refunded(
        id_,
        draw(_ORDERS),
        draw(st.integers(0, 2000)),
        draw(_TIMES),
        refund=draw(st.sampled_from(["x", "y", "z"])),
        lines=draw(_LINES),
        currency=draw(st.sampled_from(["CNY", "CNY", "CNY", "USD"])),
    )


@st.composite
def others(draw: st.DrawFn) -> Event:
    id_ = _number("a", draw(st.integers(0, 30)))
    at: Instant = draw(_TIMES)
    match draw(st.integers(0, 5)):
        case 0:
            return did(id_, "check_in", at)
        case 1:
            return did(id_, "share", at, likes=draw(st.integers(3, 6)))
        case 2:
            return born(id_, draw(st.none() | st.integers(2, 4)), at)
        case 3:
            points = draw(st.integers(-60, 30).filter(bool))
            return adjusted(id_, points, at, granted=draw(st.booleans()))
        case 4:
            return withdrawn(id_, _number("a", draw(st.integers(0, 30))), at)
        case _:
            return promoted(id_, draw(st.sampled_from(["gold", "silver"])), at)


def _unique(events: list[Event]) -> list[Event]:
    """An id names one event; the same id with other content is no event of a real publisher."""
    return list({event.key: event for event in events}.values())


histories = st.lists(st.one_of(purchases(), purchases(), refunds(), others()), max_size=14).map(
    _unique
)
