"""The order of the send decision, one situation after the other."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notify.domain.caps import Cap, Sent
from services.notify.domain.quiet_hours import QuietHours
from services.notify.domain.send_decision import Postpone, Send, Situation, Suppress, decide
from shared.clock import DAY, HOUR, parse_instant
from shared.events.decisions import Figure

NOON = parse_instant("2024-03-01T12:00:00Z")
NIGHT = parse_instant("2024-03-01T23:00:00Z")
MORNING = parse_instant("2024-03-02T08:00:00Z")
TWO_A_DAY = Cap(feature="sent.wecom.day", period="day", at_most=2, channel="wecom")
EXIT = [Figure(feature="tier", op="equals", value="gold", actual="gold")]


def situation(**more: Any) -> Situation:
    plain: dict[str, Any] = {
        "at": NOON,
        "channel": "wecom",
        "category": "value",
        "consent": True,
        "consent_implied": False,
        "reachable": True,
        "deadline": NOON + HOUR,
        "exit_reached": None,
        "quiet_hours": QuietHours(start=22 * HOUR, end=8 * HOUR),
        "zone": ZoneInfo("UTC"),
        "caps": [TWO_A_DAY],
        "sent": [],
    }
    return Situation(**{**plain, **more})


def said(*ats: int) -> list[Sent]:
    return [Sent(at, "wecom", "value", b"") for at in ats]


EVERYTHING_WRONG = {
    "consent": False,
    "reachable": False,
    "at": NIGHT,
    "deadline": NIGHT - 1,
    "exit_reached": EXIT,
    "sent": said(NOON, NOON),
}


REACHED = {"consent": True, "reachable": True}


def test_nothing_against_it() -> None:
    answer = decide(situation())
    assert isinstance(answer, Send)
    assert answer.figures == [Figure(feature="sent.wecom.day", op="less_than", value=2, actual=0)]


@pytest.mark.parametrize(
    ("mended", "reason"),
    [
        ({}, "no_consent"),
        ({"consent": True}, "no_address"),
        (REACHED, "past_deadline"),
        (REACHED | {"deadline": NIGHT}, "exited"),
        (REACHED | {"deadline": NIGHT, "exit_reached": None}, "quiet_hours"),
        (REACHED | {"deadline": NOON, "exit_reached": None, "at": NOON}, "capped"),
    ],
)
def test_of_several_reasons_the_first_in_the_order_counts(
    mended: dict[str, Any], reason: str
) -> None:
    answer = decide(situation(**{**EVERYTHING_WRONG, **mended}))
    assert isinstance(answer, Suppress)
    assert answer.reason == reason
    assert answer.figures


@pytest.mark.parametrize(
    ("situated", "allowed"),
    [
        ({"consent": None, "consent_implied": True}, True),
        ({"consent": None, "consent_implied": False}, False),
        ({"consent": True, "consent_implied": False}, True),
        ({"consent": False, "consent_implied": True}, False),
    ],
)
def test_silence_is_consent_only_where_the_channel_says_so(
    situated: dict[str, Any],
    allowed: bool,  # noqa: FBT001 - a table
) -> None:
    assert isinstance(decide(situation(**situated)), Send) is allowed


def test_at_night_it_waits_for_the_morning_if_that_is_early_enough() -> None:
    assert decide(situation(at=NIGHT, deadline=MORNING)) == Postpone(MORNING)
    late = decide(situation(at=NIGHT, deadline=MORNING - 1))
    assert isinstance(late, Suppress)
    assert late.figures[0] == Figure(
        feature="quiet_until",
        op="at_most",
        value="2024-03-02T07:59:59.999999Z",
        actual="2024-03-02T08:00:00Z",
    )


@pytest.mark.parametrize(
    ("sent", "capped"),
    [
        (said(NOON - HOUR, NOON - 1), True),
        (said(NOON - HOUR), False),
        (said(NOON - 13 * HOUR, NOON - HOUR), False),  # the first one was yesterday
        ([Sent(NOON, "sms", "value", b"")] * 5, False),
    ],
)
def test_a_cap_counts_its_channel_and_its_day(sent: list[Sent], capped: bool) -> None:  # noqa: FBT001
    assert isinstance(decide(situation(sent=sent)), Suppress) is capped


def test_a_rolling_cap_looks_back_from_the_message() -> None:
    cap = Cap(feature="sent.1d", period=DAY, at_most=1)
    assert isinstance(decide(situation(caps=[cap], sent=said(NOON - DAY + 1))), Suppress)
    assert isinstance(decide(situation(caps=[cap], sent=said(NOON - DAY))), Send)


def test_a_cap_of_none_forbids_a_category() -> None:
    cap = Cap(feature="sent.value.day", period="day", at_most=0, category="value")
    assert isinstance(decide(situation(caps=[cap])), Suppress)
    assert isinstance(decide(situation(caps=[cap], category="sales")), Send)
