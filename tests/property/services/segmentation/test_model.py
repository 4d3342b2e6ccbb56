"""The machine against the slow model: every change of tags and tier, at its exact instant."""

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from services.segmentation.domain.features import CATALOGUE, CATALOGUES, FIGURES, SCOPED, values_of
from services.segmentation.domain.machine import SegmentationMachine
from shared.clock import DAY, HOUR, Instant
from shared.events import Event, event_key, facts, types
from tests.property.services.segmentation.model import Figures, changes
from tests.property.services.segmentation.stories import (
    CATEGORIES,
    KINDS,
    START,
    STORES,
    WORDS,
    Item,
    default_document,
    document,
    machine_of,
    replayed,
    rules_of,
)
from tests.property.services.segmentation.test_horizons import trees

_gaps = st.sampled_from(
    (0, 0, 1, HOUR, DAY, 3 * DAY, 7 * DAY, 20 * DAY, 30 * DAY - 1, 30 * DAY, 90 * DAY)
) | st.integers(0, 40 * DAY)


def event(name: str, type_: str, at: Instant, data: Any) -> Event:
    key = event_key("urn:test", name)
    return Event(id=name, source="urn:test", type=type_, subject="m", at=at, data=data, key=key)


def _interaction(draw: st.DrawFn, i: int, *, back: bool) -> tuple[str, Any]:
    """An interaction, or that one is taken back, early or late."""
    if back:
        return types.INTERACTION_WITHDRAWN, facts.InteractionWithdrawn(
            id=f"event-{draw(st.integers(0, i + 1)):02d}"
        )
    kind = draw(st.sampled_from(KINDS))
    return types.INTERACTION_RECORDED, facts.InteractionRecorded(kind=kind)


@st.composite
def _data(draw: st.DrawFn, i: int, orders: list[str], *, refunds: bool) -> tuple[str, Any]:
    kind = draw(st.sampled_from("ppppppprrraaaaajtccww" if refunds else "pppppppppaaajtcc"))
    lines = [
        facts.Line(sku="s", category=category, quantity=1, amount=amount)
        for category, amount in draw(
            st.lists(st.tuples(st.sampled_from(CATEGORIES), st.integers(0, 3000)), max_size=3)
        )
    ]
    store = draw(st.sampled_from(STORES))
    if kind == "p" or (kind == "r" and not (refunds and orders)):
        orders.append(f"order-{i}")
        return types.PURCHASE_COMPLETED, facts.PurchaseCompleted(
            order_id=orders[-1],
            store_id=store,
            currency="CNY",
            total=draw(st.integers(0, 3000)),
            channel="store",
            lines=lines,
        )
    if kind == "r":
        return types.PURCHASE_REFUNDED, facts.PurchaseRefunded(
            refund_id=f"refund-{i}",
            order_id=draw(st.sampled_from(orders)),
            store_id=store,
            currency="CNY",
            amount=draw(st.sampled_from((0, 500, 3000))),
            lines=lines,
        )
    if kind in "aw":
        return _interaction(draw, i, back=kind == "w")
    if kind == "c":
        data = {"community_id": draw(st.sampled_from(("c-1", "c-2"))), "store_id": store}
        joined = types.COMMUNITY_JOINED, facts.CommunityJoined(**data)
        return draw(st.sampled_from((joined, (types.COMMUNITY_LEFT, facts.CommunityLeft(**data)))))
    profile = facts.Profile(
        birthday=draw(st.sampled_from((UNSET, None, date(1990, 2, 1), date(1990, 7, 1)))),
        gender=draw(st.sampled_from((UNSET, None, "other", "female"))),
        city=draw(st.sampled_from((UNSET, None, "Wuhan", "Lima"))),
        interests=draw(
            st.sampled_from((UNSET, None)) | st.lists(st.sampled_from(("tea", "toys")), max_size=3)
        ),
    )
    if kind == "j":
        return types.MEMBER_JOINED, facts.MemberJoined(
            store_id=store, via="code", profile=draw(st.sampled_from((None, profile)))
        )
    return types.MEMBER_PROFILE_UPDATED, facts.ProfileUpdated(by="member", profile=profile)


@st.composite
def told(draw: st.DrawFn, most: int = 12, *, refunds: bool = True) -> list[Event]:
    """A history in order of time; several events may share an instant. Refunds follow orders."""
    at, events, orders = START, list[Event](), list[str]()
    for i in range(draw(st.integers(1, most))):
        at += draw(_gaps)
        type_, data = draw(_data(i, orders, refunds=refunds))
        name = f"event-{i:02d}"
        events.append(event(name, type_, at, data))
    return events


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Any]:
    """Any conditions, for tags and tiers alike; so some come true by time alone."""

    def tag(name: str) -> dict[str, Any]:
        return {"tag": name, "title": WORDS, "when": draw(trees(CATALOGUE))}

    return {
        "comeback_after_days": draw(st.sampled_from((3, 20))),
        "passive_interactions": draw(st.sampled_from(([], ["click"]))),
        "groups": [
            {
                "id": "first",
                "title": WORDS,
                "exclusive": True,
                "tags": [tag(f"t{i}") for i in range(3)],
            },
            {"id": "free", "title": WORDS, "tags": [tag("t4"), tag("t5")]},
            *(
                {"id": scope, "title": WORDS, "each": scope, "when": _of_orders(draw, scope)}
                for scope in ("category", "store")
            ),
        ],
        "tiers": {
            "keep_days": draw(st.sampled_from((5, 20, 90))),
            "grace_days": draw(st.sampled_from((0, 5))),
            "down": draw(st.sampled_from(("one_step", "recomputed"))),
            "on_refund": draw(st.sampled_from(("take_back", "keep"))),
            "levels": [
                {"id": "l0", "title": WORDS},
                *(
                    {"id": f"l{i}", "title": WORDS, "when": draw(trees(CATALOGUE))}
                    for i in range(1, draw(st.integers(1, 4)))
                ),
            ],
        },
    }


def _of_orders(draw: st.DrawFn, scope: str) -> dict[str, Any]:
    """A condition that no category or store meets of which nothing is left."""
    known = {"feature": f"{scope}.last_order_at", "exists": True}
    return {"all": [known, draw(trees(CATALOGUES[scope]))]}  # type: ignore[index]


def _items(machine: SegmentationMachine, events: list[Event]) -> list[Item]:
    items = [(event.at, event.id, machine.remember(event)) for event in events]
    return [(at, name, fact) for at, name, fact in items if fact is not None]


def _holds(versions: list[tuple[Instant, dict[str, Any]]], events: list[Event]) -> None:
    """Machine and model publish the same history."""
    until = events[-1].at + 400 * DAY
    machine = machine_of(*(rules_of(d, i + 1, since) for i, (since, d) in enumerate(versions)))
    published = replayed(machine, _items(machine, events), until).history()
    assert published == changes(versions, events, until)


@given(st.sampled_from((document(), default_document())), told())
@settings(max_examples=60, deadline=None)
def test_every_change_comes_at_its_instant_and_no_other(
    program: dict[str, Any], events: list[Event]
) -> None:
    _holds([(0, program)], events)


@given(programs(), told())
@settings(max_examples=100, deadline=None)
def test_whatever_the_conditions_are(program: dict[str, Any], events: list[Event]) -> None:
    _holds([(0, program)], events)


@given(programs(), programs(), told(refunds=False), st.data())
@settings(max_examples=60, deadline=None)
def test_another_version_is_in_force_from_its_instant_on(
    first: dict[str, Any], second: dict[str, Any], events: list[Event], data: st.DataObject
) -> None:
    since = data.draw(st.sampled_from(events)).at + data.draw(st.sampled_from((0, 1, 3 * DAY)))
    same = {name: first[name] for name in ("comeback_after_days", "passive_interactions")}
    _holds([(0, first), (since, second | same)], events)


@given(told(most=24, refunds=False), st.integers(0, 400 * DAY))
@settings(max_examples=60, deadline=None)
def test_every_figure_is_a_recount_of_the_facts(events: list[Event], later: Instant) -> None:
    machine, program = machine_of(), document()
    state = replayed(machine, _items(machine, events), events[-1].at).state
    assert state is not None
    now = events[-1].at + later
    figures = Figures(program, events, now)
    values = values_of(state.history, now, FIGURES)
    assert {name: values[name] for name in FIGURES} == {n: figures.read(n) for n in FIGURES}
    for scope, place in (("category", "TOYS"), ("store", "north")):
        if place in state.history.names and figures.orders:
            number = state.history.names.index(place)
            for name, figure in SCOPED[scope].items():  # type: ignore[index]
                assert figure.read(state.history, now, number) == figures.read_of(
                    scope, place, name
                )
