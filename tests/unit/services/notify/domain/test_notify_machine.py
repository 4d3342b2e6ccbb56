"""Journeys, folded step by step."""

import copy
from typing import Any

import pytest

from services.notify.domain import facts
from services.notify.domain.compiling import compile_program
from services.notify.domain.decision import Effect, MessageDecision, ReceiptSeen
from services.notify.domain.facts import AnyFact
from services.notify.domain.job_id import as_text, job_id
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Programs
from services.notify.domain.state import MemberState
from shared.clock import DAY, HOUR, MINUTE, Instant, format_instant, parse_instant
from shared.events import decode, encode, types
from shared.events.facts import MemberJoined, Profile, ProfileUpdated
from tests.property.services.notify.notify_history import MEMBER, default_document

NOON = parse_instant("2024-03-01T12:00:00Z")


class History:
    """One member and a program, folded fact by fact."""

    def __init__(self, *documents: tuple[Instant, dict[str, Any]]) -> None:
        versions = documents or ((0, default_document()),)
        programs = [(at, i + 1, compile_program(doc)) for i, (at, doc) in enumerate(versions)]
        self.machine = NotifyMachine(Programs(programs))
        self.state: MemberState = self.machine.initial(MEMBER)
        self.effects: list[Effect] = []

    def fold(self, at: Instant, fact: AnyFact) -> "History":
        self.until(at)
        self.machine.apply(self.state, at, fact, self.effects)
        return self

    def until(self, at: Instant) -> "History":
        reached = 0
        while (due := self.machine.due(self.state)) is not None and due <= at:
            assert due >= reached, "timers never run back"
            reached = due
            self.machine.fire(self.state, self.effects)
        return self

    def said(self) -> list[tuple[str, str, str | None]]:
        return [
            (e.step, format_instant(e.decided_at), e.reason)
            for e in self.effects
            if isinstance(e, MessageDecision)
        ]


def purchase(n: int, total: int = 3520) -> facts.Purchase:
    return facts.Purchase(f"purchase-{n}", f"order-{n}", "s1", "store", total, "CNY")


def journey(**changes: Any) -> dict[str, Any]:
    """The default program with one journey of its own only."""
    send = {
        "id": "a",
        "channel": "wecom",
        "template": "thanks",
        "category": "value",
        "purpose": "test",
        "deadline": "1d",
    }
    plain: dict[str, Any] = {
        "title": {"zh": "试", "en": "test"},
        "trigger": {"event": types.PURCHASE_COMPLETED},
        "steps": [{"wait": {"for": "1h"}}, {"send": send}],
    }
    document: dict[str, Any] = copy.deepcopy(default_document())
    document["templates"]["thanks"] = {"title": plain["title"], "text": {"zh": "谢谢", "en": "x"}}
    document["journeys"] = {"test": {**plain, **changes}}
    document["caps"] = []
    return document


def test_a_message_at_night_is_decided_again_in_the_morning() -> None:
    history = History((0, journey())).fold(NOON + 10 * HOUR, purchase(1)).until(NOON + DAY)
    assert history.said() == [("a", "2024-03-02T08:00:00Z", None)]


def test_steps_that_pile_up_in_the_night_are_all_decided_in_the_morning() -> None:
    steps = journey()["journeys"]["test"]["steps"]
    second = {"send": {**steps[1]["send"], "id": "b"}}
    history = History((0, journey(steps=[*steps, {"wait": {"for": "1h"}}, second])))
    history.fold(NOON + 10 * HOUR, purchase(1)).until(NOON + DAY)
    assert history.said() == [
        ("a", "2024-03-02T08:00:00Z", None),
        ("b", "2024-03-02T08:00:00Z", None),
    ]


def test_consent_withdrawn_in_the_night_is_heard_in_the_morning() -> None:
    history = History((0, journey())).fold(NOON + 10 * HOUR, purchase(1))
    history.fold(NOON + 15 * HOUR, facts.Consent("no", "wecom", granted=False)).until(NOON + DAY)
    assert history.said() == [("a", "2024-03-02T08:00:00Z", "no_consent")]


@pytest.mark.parametrize(
    ("reentry", "causes"),
    [
        ("restart", ["purchase-2", "purchase-3"]),
        ("ignore", ["purchase-1", "purchase-3"]),
        ("once", ["purchase-1"]),
        ("parallel", ["purchase-1", "purchase-2", "purchase-3"]),
    ],
)
def test_who_meets_the_trigger_again(reentry: str, causes: list[str]) -> None:
    history = History((0, journey(reentry=reentry)))
    history.fold(NOON, purchase(1)).fold(NOON + MINUTE, purchase(2)).fold(
        NOON + 5 * HOUR, purchase(3)
    )
    history.until(NOON + DAY)
    assert [e.cause for e in history.effects if isinstance(e, MessageDecision)] == causes


def test_entry_by_an_event_goes_together_with_waiting() -> None:
    """Dittofeed #1463: a journey entered by an event could not wait."""
    entry = {"feature": "event.total", "at_least": 5000}
    history = History((0, journey(entry=entry)))
    history.fold(NOON, purchase(1, total=4999)).fold(NOON + MINUTE, purchase(2, total=5000))
    history.until(NOON + DAY)
    assert history.said() == [("a", "2024-03-01T13:01:00Z", None)]


def test_a_tag_lets_in_and_another_lets_out() -> None:
    document = journey(trigger={"tag": "at_risk"}, exits=[{"tag": "won_back"}])
    history = History((0, document)).fold(NOON, facts.Tags("t1", ["vip"], []))
    assert history.machine.due(history.state) is None
    history.fold(NOON, facts.Tags("t2", ["at_risk"], []))
    assert history.machine.due(history.state) == NOON + HOUR
    history.fold(NOON + MINUTE, facts.Tags("t3", ["won_back"], ["at_risk"])).until(NOON + DAY)
    assert history.said() == [("a", "2024-03-01T12:01:00Z", "exited")]
    assert history.state.tags == ["vip", "won_back"]


def test_an_exit_condition_is_asked_again_before_every_message() -> None:
    document = journey(exits=[{"when": {"feature": "tier", "equals": "gold"}}])
    history = History((0, document)).fold(NOON, purchase(1))
    history.fold(NOON + MINUTE, facts.Tier("t", "silver", "gold")).until(NOON + DAY)
    [decision] = [e for e in history.effects if isinstance(e, MessageDecision)]
    assert decision.reason == "exited"
    assert [(f.feature, f.value, f.actual) for f in decision.figures] == [("tier", "gold", "gold")]


def test_a_decision_that_only_withdraws_another_is_no_news() -> None:
    """Seen: each withdrawal (from = to) started the tier journey, so a late event told twice."""
    document = journey(trigger={"event": "regulars.tier.changed.v1"})
    history = History((0, document)).fold(NOON, facts.Tier("t1", "silver", "silver", "t0"))
    assert history.machine.due(history.state) is None
    assert history.state.tier is None


def test_a_step_can_wait_for_an_hour_of_the_members_day() -> None:
    steps = copy.deepcopy(journey()["journeys"]["test"]["steps"])
    steps[0] = {"wait": {"since_entry": "1d", "until": "11:00"}}
    history = History((0, journey(steps=steps)))
    history.fold(NOON - DAY, facts.Preferences("z", None, "Asia/Shanghai")).fold(NOON, purchase(1))
    history.until(NOON + 3 * DAY)
    assert history.said() == [("a", "2024-03-03T03:00:00Z", None)]


def test_m13_days_of_a_wait_are_the_calendars_and_hours_are_hours() -> None:
    def waiting(wait: dict[str, str]) -> list[str]:
        steps = copy.deepcopy(journey()["journeys"]["test"]["steps"])
        steps[0] = {"wait": wait}
        history = History((0, journey(steps=steps)))
        at = parse_instant("2024-03-29T07:30:00Z")  # 08:30 in Berlin, two days before summer time
        history.fold(at - DAY, facts.Preferences("z", None, "Europe/Berlin"))
        history.fold(at, purchase(1)).until(at + 9 * DAY)
        return [at for _, at, _ in history.said()]

    assert waiting({"for": "3d", "until": "09:00"}) == ["2024-04-01T07:00:00Z"]
    assert waiting({"for": "72h", "until": "09:00"}) == ["2024-04-02T07:00:00Z"]
    assert waiting({"for": "3d"}) == ["2024-04-01T06:30:00Z"]


def test_an_entry_keeps_to_the_version_that_let_it_in() -> None:
    later = journey()
    later["journeys"]["test"]["steps"][0] = {"wait": {"for": "2h"}}
    history = History((0, journey()), (NOON + MINUTE, later))
    history.fold(NOON, purchase(1)).until(NOON + 5 * HOUR)
    history.fold(NOON + 5 * HOUR, purchase(2)).until(NOON + DAY)
    assert [at for _, at, _ in history.said()] == ["2024-03-01T13:00:00Z", "2024-03-01T19:00:00Z"]
    assert [e.version for e in history.effects if isinstance(e, MessageDecision)] == [1, 2]


def test_a_failed_message_makes_room_under_a_cap() -> None:
    document = journey(reentry="parallel")
    document["caps"] = [{"at_most": 1, "per": "day"}]
    history = History((0, document)).fold(NOON, purchase(1)).until(NOON + HOUR)
    job = as_text(job_id(MEMBER.bytes, "test", "order:s1:order-1", "a"))
    history.fold(NOON + HOUR, facts.Receipt("r", job, "failed", None, "down"))
    history.fold(NOON + HOUR, purchase(2)).fold(NOON + HOUR, purchase(3)).until(NOON + DAY)
    assert [reason for _, _, reason in history.said()] == [None, None, "capped"]
    assert [e.status for e in history.effects if isinstance(e, ReceiptSeen)] == ["failed"]


def test_a_receipt_of_something_that_is_no_job_of_ours_is_passed_over() -> None:
    history = History().fold(NOON, facts.Receipt("r", "not-a-uuid", "sent"))
    assert history.effects == []


@pytest.mark.parametrize(
    ("channel", "said", "reason"),
    [
        ("wecom", {}, None),
        ("sms", {}, "no_consent"),
        ("sms", {"wecom": True}, "no_consent"),
        ("sms", {"sms": True}, None),
        ("sms", {"all": True}, None),
        ("sms", {"sms": True, "value": False}, None),  # not a kind of message
    ],
)
def test_a_channel_that_wants_a_yes_is_silent_without_one(
    channel: str, said: dict[str, bool], reason: str | None
) -> None:
    steps = copy.deepcopy(journey()["journeys"]["test"]["steps"])
    steps[1]["send"]["channel"] = channel
    history = History((0, journey(steps=steps)))
    for name, granted in said.items():
        history.fold(NOON - DAY, facts.Consent(name, name, granted))
    history.fold(NOON, purchase(1)).until(NOON + DAY)
    assert history.said() == [("a", "2024-03-01T13:00:00Z", reason)]


def test_a_channel_that_a_later_version_has_not_is_silent_without_a_yes() -> None:
    later = journey()
    later["channels"]["other"] = later["channels"].pop("wecom")
    later["journeys"]["test"]["steps"][1]["send"]["channel"] = "other"
    history = History((0, journey()), (NOON + MINUTE, later))
    history.fold(NOON, purchase(1)).until(NOON + DAY)
    assert history.said() == [("a", "2024-03-01T13:00:00Z", "no_consent")]


def test_what_no_cap_counts_any_more_is_let_go_of() -> None:
    """A day of the calendar is at most two days back, whatever the clocks do, a week eight."""

    def kept(per: str, *days: int) -> list[int]:
        document = journey(reentry="parallel")
        document["caps"] = [{"at_most": 9, "per": each} for each in per.split()]
        history = History((0, document))
        for n, day in enumerate(days):
            history.fold(NOON + day * DAY, purchase(n)).until(NOON + day * DAY + HOUR)
        return [(sent.at - NOON - HOUR) // DAY for sent in history.state.sent]

    assert kept("24h", 0, 1, 5) == [5]
    assert kept("day", 0, 1, 2) == [1, 2]
    assert kept("week", 0, 1, 5, 8) == [1, 5, 8]
    assert kept("30d", 0, 1, 5, 30) == [1, 5, 30]
    assert kept("31d", 0, 1, 5, 30) == [0, 1, 5, 30]
    assert kept("24h week 1h", 0, 1, 5, 8) == [1, 5, 8]


def test_an_erased_member_is_left_alone_for_ever() -> None:
    history = History().fold(NOON, facts.Joined("j", "s1", "code")).fold(NOON, facts.Erased("e"))
    history.fold(NOON + DAY, purchase(1)).until(NOON + 200 * DAY)
    assert history.said() == []
    assert (history.state.joined_at, history.state.entries, history.state.home_store) == (
        None,
        [],
        None,
    )


def test_no_name_or_number_is_remembered() -> None:
    history = History()
    profile = Profile(name="李雷", phone="+8613800138000", city="上海")
    told = [
        (types.MEMBER_JOINED, MemberJoined(store_id="s1", via="code", profile=profile)),
        (
            types.MEMBER_PROFILE_UPDATED,
            ProfileUpdated(by="member", profile=profile, attributes={"language": "en-US"}),
        ),
    ]
    for type_, data in told:
        event = decode(
            encode(
                type=type_,
                source="s",
                id=type_,
                subject=str(MEMBER),
                at=NOON,
                data=data,
                recorded_at=NOON,
            )
        )
        fact = history.machine.remember(event)
        assert fact is not None
        assert "李雷" not in repr(fact)
        assert "138" not in repr(fact)
        history.fold(NOON, fact)
    assert (history.state.home_store, history.state.language) == ("s1", "en")


def test_the_id_of_a_message_is_a_uuid_of_what_it_is() -> None:
    one = job_id(MEMBER.bytes, "j", "e", "s")
    assert one == job_id(MEMBER.bytes, "j", "e", "s")
    others = [
        job_id(bytes(16), "j", "e", "s"),
        job_id(MEMBER.bytes, "k", "e", "s"),
        job_id(MEMBER.bytes, "j", "f", "s"),
        job_id(MEMBER.bytes, "j", "e", "t"),
        job_id(MEMBER.bytes, "je", "", "s"),
    ]
    assert len({one, *others}) == 6
    assert as_text(one)[14] == "8"
