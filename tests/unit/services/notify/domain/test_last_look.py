"""The last look before an attempt: asked of the member and the program as they are now."""

import copy
from typing import Any

import pytest

from services.notify.domain.compiling import compile_program
from services.notify.domain.delivery import Later, Refused
from services.notify.domain.last_look import last_look
from services.notify.domain.state import MemberState
from shared.clock import HOUR
from tests.property.services.notify.notify_history import MEMBER, default_document
from tests.unit.services.notify.domain.test_notify_machine import NOON


def look(
    channel: str = "wecom",
    *,
    document: dict[str, Any] | None = None,
    at: int = NOON,
    deadline: int = NOON + HOUR,
    **known: Any,
) -> Refused | Later | None:
    return last_look(
        MemberState(MEMBER.bytes, **known),
        compile_program(document or default_document()),
        channel=channel,
        category="value",
        deadline=deadline,
        now=at,
    )


@pytest.mark.parametrize(
    ("channel", "consent", "answer"),
    [
        ("wecom", {}, None),  # implied: it may speak until the member says no
        ("wecom", {"wecom": False}, Refused("no_consent")),
        ("sms", {}, Refused("no_consent")),  # explicit: silence is no consent
        ("sms", {"wecom": True}, Refused("no_consent")),
        ("sms", {"sms": True}, None),
        ("sms", {"all": True}, None),
        ("gone", {}, Refused("no_consent")),  # a channel that the program has no more
    ],
)
def test_whether_a_channel_may_speak(
    channel: str, consent: dict[str, bool], answer: Refused | None
) -> None:
    assert look(channel, consent=consent) == answer


def test_a_channel_without_an_adviser_leads_nowhere() -> None:
    assert look(advisers=["s1"]) is None
    assert look(advisers=None) is None
    assert look(advisers=[]) == Refused("no_address")


def test_the_deadline_is_the_last_instant() -> None:
    assert look(at=NOON + HOUR) is None
    assert look(at=NOON + HOUR + 1) == Refused("past_deadline")


def test_at_night_it_waits_unless_that_is_too_late() -> None:
    night, morning = NOON + 11 * HOUR, NOON + 20 * HOUR
    assert look(at=night, deadline=morning) == Later(morning)
    assert look(at=night, deadline=morning - 1) == Refused("quiet_hours")


def test_nothing_is_said_to_who_is_erased() -> None:
    assert look(erased=True, consent={"wecom": True}) == Refused("erased")


def test_caps_were_asked_when_it_was_decided() -> None:
    document = copy.deepcopy(default_document())
    document["caps"] = [{"at_most": 0, "per": "day"}]
    assert look(document=document) is None
