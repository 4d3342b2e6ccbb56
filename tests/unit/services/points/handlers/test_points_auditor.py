"""Books held against a history, in memory: transfers that say the same in another way are right."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.points.domain.facts import AnyFact
from services.points.domain.ledger import Effect, Move, State
from services.points.domain.posting import Posted, Slot, Transfer, post_difference, post_new
from services.points.handlers.effects import lots_left, moves_of
from services.points.handlers.verifying import OF_THEIR_TIME, PointsAuditor
from shared.clock import HOUR, MINUTE
from shared.events import Event
from shared.orders import Dated, fold_history
from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.histories import History, Rows
from shared.timers.timelines import Order, StoredFact
from tests.property.services.points.points_history import (
    MEMBER,
    NOON,
    bought,
    machine_of,
    refunded,
    sorted_facts,
)

EVENTS = [
    bought("e1", "o1", 3_520, NOON),
    bought("e2", "o2", 1_200, NOON + HOUR),
    refunded("r1", "o1", 1_000, NOON + 2 * HOUR),
]
LATE = bought("late", "o3", 700, NOON + MINUTE)


def _history(events: Sequence[Event]) -> History[State, AnyFact, Effect]:
    machine = machine_of()
    told = sorted_facts(machine, events)
    facts = [(StoredFact(Order(*order), None, None, b""), fact) for order, fact in told]
    folded = fold_history(
        machine, MEMBER, [Dated(order[0], order[2], fact) for order, fact in told], NOON
    )
    return History(MEMBER, facts, folded.state, folded.effects)


def _posted(transfers: Sequence[Transfer]) -> dict[Slot, Posted]:
    sums: dict[Slot, list[Transfer]] = defaultdict(list)
    for each in transfers:
        sums[Slot(each.event_key, each.rule, each.event_at, each.store_id)].append(each)
    return {
        slot: Posted(
            each[0].event_id,
            sum(transfer.signed for transfer in each),
            len(each),
            each[0].program_version,
            each[0].funder,
            each[0].order_id,
        )
        for slot, each in sums.items()
    }


def _rows(transfers: Sequence[Transfer], moves: Sequence[Move]) -> dict[str, list[dict[str, Any]]]:
    available = sum(move.points for move in moves)
    return {
        "transfers": [each._asdict() | {"id": UUID(bytes=each.id)} for each in transfers],
        "lots": [
            lot._asdict() | {"id": UUID(bytes=lot.id)}
            for lot in lots_left(MEMBER.bytes, moves).values()
        ],
        "accounts": [{"available": available, "pending": 0, "held": 0, "lifetime": available}],
    }


def _found(rows: Rows) -> Findings:
    findings = Findings()
    PointsAuditor().hold(_history([*EVENTS, LATE]), rows, findings)
    return findings


@pytest.fixture
def rows() -> dict[str, list[dict[str, Any]]]:
    """The books of a member whose one purchase came late, after all the rest was booked."""
    before = moves_of(_history(EVENTS).effects)
    moves = moves_of(_history([*EVENTS, LATE]).effects)
    booked = post_new(MEMBER.bytes, before, 0)
    booked += post_difference(MEMBER.bytes, moves, _posted(booked), "late")
    return _rows(booked, moves)


def test_what_came_late_is_booked_at_the_end_and_right(rows: dict[str, Any]) -> None:
    assert [each["event_id"] for each in rows["transfers"]] == ["e1", "e2", "r1", "late"]
    findings = _found(rows)
    assert findings.listed == []
    assert findings.accounted == {}


def test_a_correction_that_is_taken_back_is_right(rows: dict[str, Any]) -> None:
    moves = moves_of(_history([*EVENTS, LATE]).effects)
    twice = post_new(MEMBER.bytes, moves[:1], 0)
    wrong = [msgspec.structs.replace(moves[0], points=moves[0].points + 5)]
    twice += post_difference(MEMBER.bytes, wrong, _posted(twice), "a mistake")
    twice += post_difference(MEMBER.bytes, moves, _posted(twice), "put right")
    assert [each.code for each in twice].count("correction") == 2
    assert _found(_rows(twice, moves)).listed == []


@pytest.mark.parametrize(
    ("figures", "right"),
    [
        ({"amount": 1_299, "per_amount": 100, "each": 1}, True),  # as good a reason for 12 points
        ({"amount": 1_300, "per_amount": 100, "each": 1}, False),
        ({"amount": 400, "per_amount": 100, "each": 1, "factor": 3.0}, True),
        ({"amount": 2_000, "per_amount": 100, "each": 1, "uncapped": 20}, True),
        ({"amount": 900, "per_amount": 100, "each": 1, "uncapped": 20}, False),
        ({"had": 20, "has": 32}, True),
        ({"had": 20, "has": 33}, False),
        ({}, False),
    ],
)
def test_an_explanation_is_right_if_it_comes_to_the_points(
    rows: dict[str, Any], figures: dict[str, Any], *, right: bool
) -> None:
    [transfer] = [each for each in rows["transfers"] if each["event_id"] == "e2"]
    assert transfer["points"] == 12
    transfer["explanation"] = msgspec.json.encode(figures)
    findings = _found(rows)
    assert [each.column for each in findings.listed] == ([] if right else ["explanation"])
    assert findings.accounted[OF_THEIR_TIME] == int(right)


@pytest.mark.parametrize("missing", range(4))
def test_a_transfer_that_is_gone_is_named(rows: dict[str, Any], missing: int) -> None:
    gone = rows["transfers"].pop(missing)
    keys = {(each.column, each.key) for each in _found(rows).listed}
    assert ("row", f"{MEMBER} {gone['event_id']} {gone['rule']}") in keys


def test_whoever_has_no_facts_has_no_books(rows: dict[str, Any]) -> None:
    findings = Findings()
    PointsAuditor().hold(History(MEMBER, [], State(), []), rows, findings)
    assert {(each.table, each.column) for each in findings.listed} >= {
        ("transfers", "row"),
        ("lots", "row"),
        ("accounts", "row"),
    }
