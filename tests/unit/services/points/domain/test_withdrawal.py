"""An interaction that is taken back, as a reply deleted as spam, has given nothing."""

from typing import Any

import msgspec
import pytest

from services.points.domain.facts import Withdrawal
from services.points.domain.wording import explain, remark
from shared.clock import DAY, HOUR, MINUTE
from shared.events import Event, event_key
from tests.property.services.points.points_history import (
    NOON,
    bought,
    did,
    document,
    fold,
    machine_of,
    withdrawn,
)

REPLY = {"id": "reply", "source": "interaction", "kinds": ["topic_reply"], "points": 10}
ONCE = REPLY | {"cap": {"times": 1}}


def codes(*events: Event) -> list[tuple[str, str]]:
    history = fold(machine_of(document(REPLY)), *events)
    for each in history.remarks:
        figures: dict[str, Any] = msgspec.json.decode(each.figures)
        assert all("reply-1" in text for text in remark(each.code, figures))
    return [(each.event_id, each.code) for each in history.remarks]


def test_p26_a_reply_that_earned_is_deleted_as_spam() -> None:
    machine = machine_of(document(REPLY))
    history = fold(machine, did("reply-1", "topic_reply"), withdrawn("w", "reply-1"))
    assert history.points == [("reply-1", "reply", 10), ("w", "reply", -10)]
    assert [move.at for move in history.moves] == [NOON, NOON + HOUR], "on record until then"
    assert (history.state.available, history.state.lifetime) == (0, 0)
    [_, back] = history.moves
    assert (back.code, back.lot) == ("clawback", history.moves[0].key)
    figures = history.figures(1)
    assert figures == {"withdrawn": "reply-1", "had": 10, "has": 0}
    text = explain(back.code, back.rule, back.points, figures, None)
    assert text.en == (
        "reply: interaction reply-1 was withdrawn, so that it earns 0 in place of 10: -10 points"
    )
    assert text.zh == "reply：互动 reply-1 已撤回，应得由 10 分变为 0 分，-10 分"  # noqa: RUF001 - Chinese


def test_p26_another_reply_of_the_day_takes_its_place_under_the_cap() -> None:
    history = fold(
        machine_of(document(ONCE)),
        did("reply-1", "topic_reply"),
        did("reply-2", "topic_reply", NOON + MINUTE),
        withdrawn("w", "reply-1"),
        did("reply-3", "topic_reply", NOON + 2 * HOUR),
        did("reply-4", "topic_reply", NOON + DAY),
    )
    assert history.points == [
        ("reply-1", "reply", 10),
        ("w", "reply", -10),
        ("w", "reply", 10),
        ("reply-4", "reply", 10),
    ]
    figures = history.figures(2)
    assert figures == {"withdrawn": "reply-1", "had": 0, "has": 10, "of": "reply-2"}
    text = explain("earn", "reply", 10, figures, None)
    assert "reply-1 was withdrawn, so that reply-2 earns 10 in place of 0" in text.en
    assert "互动 reply-1 已撤回，reply-2 应得由 0 分变为 10 分" in text.zh  # noqa: RUF001 - Chinese


def test_p26_withdrawn_twice_it_is_withdrawn_once() -> None:
    told = [did("reply-1", "topic_reply"), withdrawn("w1", "reply-1")]
    told.append(withdrawn("w2", "reply-1", NOON + 2 * HOUR))
    assert fold(machine_of(document(REPLY)), *told).state.available == 0
    assert codes(*told) == [("w2", "withdrawn_before")]


@pytest.mark.parametrize("at", [NOON - 9 * DAY, NOON - 1])
def test_p26_told_after_its_withdrawal_it_gives_nothing(at: int) -> None:
    told = [withdrawn("w", "reply-1", at), did("reply-1", "topic_reply")]
    history = fold(machine_of(document(REPLY)), *told)
    assert (history.points, history.state.awaited) == ([], ())
    assert codes(*told) == [("w", "withdrawal_waits"), ("reply-1", "withdrawn_early")]
    assert fold(machine_of(document(REPLY)), told[0]).state.awaited == (told[1].key,)


def test_p26_an_event_is_named_by_source_and_id() -> None:
    machine, reply = machine_of(document(REPLY)), did("reply-1", "topic_reply")
    elsewhere = withdrawn("w", "reply-1", source="urn:test:other")
    assert fold(machine, reply, elsewhere).state.available == 10
    moderator = machine.remember(withdrawn("w", "reply-1", source="urn:test"))
    assert isinstance(moderator, Withdrawal)
    assert moderator.of == reply.key == event_key("urn:test", "reply-1")


def test_only_what_is_an_interaction_is_taken_back_so() -> None:
    purchase = {"id": "purchase", "source": "purchase", "points": 1, "per_amount": 100}
    history = fold(
        machine_of(document(purchase)), bought("reply-1", "o", 1000), withdrawn("w", "reply-1")
    )
    assert history.state.available == 10
    assert [each.code for each in history.remarks] == ["withdrawal_waits"]
