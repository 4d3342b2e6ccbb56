"""Members hear of their tier once, by its name, and never of one that they were not told of."""

import copy
from typing import Any

import pytest

from services.notify.domain import facts
from services.notify.domain.compiling import compile_program
from services.notify.domain.decision import MessageDecision
from services.notify.domain.template import render
from shared.clock import DAY, HOUR, MINUTE, Instant, parse_instant
from tests.property.services.notify.notify_history import default_document
from tests.unit.services.notify.domain.test_notify_machine import History

NOON = parse_instant("2024-03-01T12:00:00Z")
LADDER = {
    "member": (0, {"zh": "普通会员", "en": "Member"}),
    "silver": (1, {"zh": "银卡会员", "en": "Silver"}),
    "gold": (2, {"zh": "金卡会员", "en": "Gold"}),
}
_NOT_RANKED: tuple[None, dict[str, str]] = (None, {})
MEMBER_ID = "0190b5a0-0000-7000-8000-000000000001"


def tier(id_: str, before: str | None, now: str, supersedes: str | None = None) -> facts.Tier:
    rank, title = LADDER[now]
    rank_before, title_before = LADDER[before] if before else _NOT_RANKED
    return facts.Tier(id_, before, now, supersedes, rank, title, rank_before, title_before)


def moves(*path: tuple[Instant, str]) -> History:
    """A member of the default program whose tier moves so, 'member' being the first."""
    history = History().fold(NOON - DAY, tier("first", None, "member"))
    before = "member"
    for n, (at, now) in enumerate(path):
        history.fold(at, tier(f"t{n}", before, now))
        before = now
    return history.until(path[-1][0] + DAY)


def texts(history: History, language: str = "en") -> list[str]:
    template = compile_program(default_document()).templates["tier_changed"]
    return [
        render(template, (language,), MEMBER_ID, each.variables).text
        for each in history.effects
        if isinstance(each, MessageDecision) and each.reason is None
    ]


def test_m41_who_falls_is_not_congratulated_and_levels_have_their_names() -> None:
    history = moves((NOON, "silver"), (NOON + 40 * DAY, "member"))
    assert texts(history) == [
        "Congratulations: your tier is now Silver; its benefits are yours from this moment.",
        "Your tier is now Member. A few more visits bring Silver back.",
    ]
    assert texts(history, "zh") == [
        "恭喜!您的会员等级现在是「银卡会员」,新的权益已生效。",
        "您的会员等级现在是「普通会员」。再来几次,就能回到「银卡会员」。",
    ]


def test_m53_bought_and_returned_within_minutes_there_is_nothing_to_say() -> None:
    path = []
    for n in range(4):
        at = NOON + n * 4 * MINUTE
        path += [(at, "silver"), (at + 2 * MINUTE, "member")]
    history = moves(*path)
    assert texts(history) == []
    assert [reason for _, _, reason in history.said()] == ["exited"] * 4
    why = history.effects[0]
    assert isinstance(why, MessageDecision)
    assert why.cause == "t1"
    assert [(f.feature, f.value, f.actual) for f in why.figures] == [("tier", "silver", "member")]


def test_two_rises_before_a_word_are_told_as_one() -> None:
    history = moves((NOON, "silver"), (NOON + MINUTE, "gold"))
    assert [reason for _, _, reason in history.said()] == ["exited", None]
    said = history.effects[-1]
    assert isinstance(said, MessageDecision)
    assert (said.variables["tier_before"], said.variables["tier_after"]) == ("member", "gold")
    assert said.variables["tier_direction"] == "up"
    assert said.variables["tier_title"] == {"zh": "金卡会员", "en": "Gold"}


def test_who_was_never_told_of_a_tier_does_not_hear_that_it_is_gone() -> None:
    history = History().fold(NOON - DAY, tier("first", None, "member"))
    history.fold(NOON - DAY, facts.Consent("no", "wecom", granted=False))
    history.fold(NOON, tier("t0", "member", "silver")).until(NOON + DAY)
    assert [reason for _, _, reason in history.said()] == ["no_consent"]
    history.fold(NOON + DAY, facts.Consent("yes", "wecom", granted=True))
    history.fold(NOON + 50 * DAY, tier("t1", "silver", "member")).until(NOON + 60 * DAY)
    assert texts(history) == []
    # and who was told of Silver at the last hears of Gold as a rise from Member
    history.fold(NOON + 70 * DAY, tier("t2", "member", "gold")).until(NOON + 80 * DAY)
    assert len(texts(history)) == 1


def test_the_same_is_not_said_again_within_thirty_days() -> None:
    path = [(NOON, "silver"), (NOON + 5 * DAY, "member"), (NOON + 10 * DAY, "silver")]
    assert len(texts(moves(*path))) == 2  # up and down, and not up again
    again = NOON + 41 * DAY
    assert len(texts(moves(*path, (NOON + 12 * DAY, "member"), (again, "silver")))) == 3


def test_another_instant_of_the_same_rise_is_the_same_message() -> None:
    def jobs(at: Instant, event_id: str) -> list[bytes]:
        history = History().fold(NOON - DAY, tier("first", None, "member"))
        history.fold(at, tier(event_id, "member", "silver")).until(at + DAY)
        return [each.job for each in history.effects if isinstance(each, MessageDecision)]

    assert jobs(NOON, "t0") == jobs(NOON + 3 * HOUR, "corrected")


@pytest.mark.parametrize(("before", "direction"), [(None, "first"), ("silver", "changed")])
def test_a_tier_of_which_no_rank_was_told_has_its_id_for_a_title(
    before: str | None, direction: str
) -> None:
    document: Any = copy.deepcopy(default_document())
    del document["journeys"]["tier_changed"]["entry"]
    history = History((0, document)).fold(NOON, facts.Tier("t", before, "gold"))
    [said] = history.until(NOON + DAY).effects
    assert isinstance(said, MessageDecision)
    assert said.variables["tier_direction"] == direction
    assert said.variables["tier_after_title"] == {"zh": "gold", "en": "gold"}
    assert said.variables.get("tier_before") == before


def test_a_program_that_does_not_speak_of_tiers_does_not_keep_what_members_believe() -> None:
    silent: Any = copy.deepcopy(default_document())
    del silent["journeys"]["tier_changed"]
    history = History((0, silent), (NOON + DAY, default_document()))
    history.fold(NOON - DAY, tier("first", None, "member")).fold(NOON, tier("t0", "member", "gold"))
    history.fold(NOON + 2 * DAY, tier("t1", "gold", "silver")).until(NOON + 9 * DAY)
    assert texts(history) == ["Your tier is now Silver. A few more visits bring Gold back."]
