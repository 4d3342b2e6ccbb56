"""What can be taken back: an interaction that began a journey, and a language or time zone."""

from typing import Any

import pytest

from services.notify.domain import facts
from services.notify.domain.decision import MessageDecision
from services.notify.domain.facts import AnyFact
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Programs
from services.notify.domain.projection import project
from services.notify.domain.state import MemberState
from shared.clock import DAY, HOUR, MINUTE, Instant, parse_instant
from shared.events import Event, event_key, types
from shared.events.facts import (
    InteractionRecorded,
    InteractionWithdrawn,
    Profile,
    ProfileUpdated,
)
from shared.orders import Dated, fold_history
from tests.property.services.notify.notify_history import (
    MEMBER,
    default_program,
    machine,
    reply,
    story_program,
)

NOON = parse_instant("2024-03-01T12:00:00Z")


def event(name: str, type_: str, data: Any, at: Instant = NOON) -> Event:
    key = event_key("s", name)
    return Event(id=name, source="s", type=type_, subject=str(MEMBER), at=at, data=data, key=key)


def replied(name: str, at: Instant) -> Event:
    data = InteractionRecorded(kind="topic_reply", store_id="store-1")
    return event(name, types.INTERACTION_RECORDED, data, at)


def withdrawn(name: str, interaction: str, at: Instant) -> Event:
    return event(name, types.INTERACTION_WITHDRAWN, InteractionWithdrawn(id=interaction), at)


def told(*events: Event) -> list[MessageDecision]:
    chosen = machine()
    dated = [
        Dated(each.at, each.key, fact)
        for each in sorted(events, key=lambda each: each.at)
        if (fact := chosen.remember(each)) is not None
    ]
    effects = fold_history(chosen, MEMBER, dated, NOON + 30 * DAY).effects
    return [each for each in effects if isinstance(each, MessageDecision)]


def test_p26_a_journey_that_it_began_ends_and_nothing_is_said_of_it() -> None:
    decisions = told(replied("r", NOON), withdrawn("w", "r", NOON + HOUR))
    assert [(each.step, each.decided_at, each.reason) for each in decisions] == [
        ("3m", NOON + 3 * MINUTE, None),
        ("4d", NOON + HOUR, "exited"),
    ]
    ended = decisions[-1]
    assert (ended.cause, ended.entry_event_id) == ("w", "r")
    assert [(f.feature, f.actual) for f in ended.figures] == [("interaction_withdrawn", True)]
    assert told(withdrawn("w", "r", NOON), replied("r", NOON + 1)) == []


def test_p26_the_journey_of_another_reply_goes_on_as_if_it_had_never_been() -> None:
    """The second had begun the journey anew; without it the first one's goes on."""
    first, spam = replied("r1", NOON), replied("r2", NOON + DAY)
    decisions = told(first, spam, withdrawn("w", "r2", NOON + 2 * DAY))
    assert [(each.entry_event_id, each.step, each.reason) for each in decisions] == [
        ("r1", "3m", None),
        ("r2", "3m", None),
        ("r2", "4d", "exited"),
        ("r1", "4d", None),
    ]
    assert decisions[-1].decided_at == NOON + 4 * DAY


def test_p26_a_step_that_was_recorded_as_ended_is_not_decided_again() -> None:
    """Not by a later amendment, either, which folds all of it once more."""
    history: list[Dated[AnyFact]] = [
        Dated(NOON, b"p", facts.Purchase("p", "o1", "store-1", "store", 3520, "CNY")),
        Dated(NOON + 1, b"q", facts.Purchase("q", "o2", "store-1", "store", 3520, "CNY")),
        Dated(NOON + HOUR, b"x", reply("x")),
        Dated(NOON + 2 * HOUR, b"w", facts.Withdrawal("w", b"x")),
        Dated(NOON + 3 * HOUR, b"b", facts.Refund("b", "o1", "part", 20, "CNY", "store-1")),
    ]
    folded = fold_history(machine(), MEMBER, history, NOON + 200 * DAY)
    jobs = [each.job for each in folded.effects if isinstance(each, MessageDecision)]
    assert [each.step for each in folded.effects if isinstance(each, MessageDecision)][:4] == [
        "3m",
        "1d",  # ended by the reply
        "3m",  # of the reply
        "4d",
    ]
    assert len(jobs) == len(set(jobs))


def test_where_no_journey_listens_to_interactions_nothing_is_kept() -> None:
    default = NotifyMachine(Programs([(0, 1, default_program())]))
    assert default.remember(replied("r", NOON)) is None
    assert default.remember(withdrawn("w", "r", NOON)) is None
    assert types.INTERACTION_WITHDRAWN not in story_program().triggers


def after(*updates: dict[str, Any]) -> tuple[str | None, str | None]:
    """Language and time zone after updates of the attributes."""
    state = MemberState(member=MEMBER.bytes)
    for attributes in updates:
        data = ProfileUpdated(by="member", profile=Profile(), attributes=attributes)
        fact = machine().remember(event("u", types.MEMBER_PROFILE_UPDATED, data))
        if fact is not None:
            project(state, NOON, fact)
    return state.language, state.time_zone


@pytest.mark.parametrize("empty", [None, []])
def test_language_and_time_zone_can_be_cleared(empty: Any) -> None:
    both = {"language": "en-US", "time_zone": "Asia/Shanghai"}
    assert after(both) == ("en", "Asia/Shanghai")
    assert after(both, {"language": empty}) == (None, "Asia/Shanghai")
    assert after(both, {"time_zone": empty}) == ("en", None)
    assert after(both, {"language": empty, "time_zone": empty}) == (None, None)
    assert after(both, {"hobby": empty}, {}) == ("en", "Asia/Shanghai")
    assert after({"language": empty}, both) == ("en", "Asia/Shanghai")
