"""Tiers and the reasons of tags, where another program or only time says something else."""

from typing import Any

from services.segmentation.domain.facts import Interaction, Joined, ProfileFact
from services.segmentation.domain.history import NEVER
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Change
from services.segmentation.domain.rules import Versions
from shared.clock import DAY, HOUR
from tests.property.services.segmentation.stories import (
    MEMBER,
    WORDS,
    document,
    machine_of,
    rules_of,
)
from tests.unit.services.segmentation.domain.story import START, Story

TIERS: dict[str, Any] = document()["tiers"]


def climbing(*conditions: dict[str, Any], **more: Any) -> SegmentationMachine:
    """A machine of levels zero, one, two …, each with its condition."""
    levels = [{"id": "zero", "title": WORDS}]
    levels += [{"id": f"l{i}", "title": WORDS, "when": when} for i, when in enumerate(conditions)]
    tiers = {"keep_days": 20, "grace_days": 5, "levels": levels} | more
    return machine_of(rules_of(document(groups=[], tiers=tiers)))


def test_time_alone_lifts_a_member_once_at_the_instant() -> None:
    story = Story(climbing({"feature": "joined_at", "at_least_days_ago": 10}))
    story.fold(START, Joined("j", "s1", ProfileFact("j")))
    assert story.tier == "zero"
    assert story.machine.due(story.state) == START + 10 * DAY
    story.machine.fire(story.state, story.effects)
    assert story.climbs() == [(START, None, "zero"), (START + 10 * DAY, "zero", "l0")]
    # what comes next is the end of the period, and then of the one after that
    assert story.state.tier.rises_at == NEVER
    assert story.machine.due(story.state) == START + 30 * DAY


def test_a_level_of_those_who_stay_away_is_reached_as_orders_leave_their_window() -> None:
    bought = {"feature": "orders", "at_least": 1}
    for seldom in (
        {"feature": "orders_7d", "at_most": 1},
        {"feature": "orders_7d", "less_than": 2},
        {"not": {"feature": "orders_7d", "at_least": 2}},
        {"not": {"feature": "orders_7d", "more_than": 1}},
        {"any": [{"feature": "orders_7d", "equals": 1}, {"feature": "orders", "equals": 99}]},
        {"not": {"feature": "last_order_at", "within_last_days": 6}},
    ):
        story = Story(climbing({"all": [bought, seldom, {"feature": "orders", "at_least": 2}]}))
        story.buy(START)
        story.buy(START + DAY)
        story.wait(START + 19 * DAY)
        assert story.climbs()[1:] == [(START + 7 * DAY, "zero", "l0")], seldom


def test_a_level_that_an_order_gives_earlier_than_time_is_not_given_again() -> None:
    old = {"feature": "joined_at", "at_least_days_ago": 10}
    story = Story(climbing({"any": [old, {"feature": "orders", "at_least": 1}]}))
    story.fold(START, Joined("j", "s1", ProfileFact("j")))
    story.buy(START + 4 * DAY)
    assert story.tier == "l0"
    assert story.machine.due(story.state) == START + 24 * DAY, "the end of the period"


def test_a_grace_ends_as_it_began_whatever_a_later_version_grants() -> None:
    longer = document(tiers=TIERS | {"grace_days": 50})
    late = START + 42 * DAY
    machine = SegmentationMachine(Versions([rules_of(document()), rules_of(longer, 2, late)]))
    story = Story(machine)
    story.buy(START)
    story.buy(START + HOUR)
    story.wait(late)
    assert story.state.version == 2
    assert (story.tier, story.grace_until) == ("two", START + HOUR + 45 * DAY)
    story.wait(START + HOUR + 45 * DAY)
    assert story.tier == "one"


def test_a_grace_of_no_days_is_none() -> None:
    story = Story(climbing({"feature": "orders_7d", "at_least": 1}, grace_days=0))
    story.buy(START)
    story.wait(START + 20 * DAY - 1)
    assert story.tier == "l0"
    story.wait(START + 20 * DAY)
    assert (story.tier, story.grace_until) == ("zero", None)


def reasons(story: Story, tag: str) -> list[tuple[str, str | None]]:
    """The rule and the event of each coming and going of a tag."""
    return [
        (why.rule, why.event_id)
        for change in story.effects
        for why in change.because
        if why.tag == tag
    ]


def test_a_tag_goes_because_of_the_one_before_it_or_because_it_holds_no_more() -> None:
    story = Story(machine_of())
    story.fold(START, Interaction("i", "share"))
    for i in range(3):
        story.buy(START + i * DAY)
    story.wait(START + 30 * DAY)
    assert reasons(story, "never") == [("history.never", "i"), ("history.once", "e-o1")]
    # one of the three orders left the window: the tag's own condition is what does not hold
    assert reasons(story, "often") == [("history.often", "e-o3"), ("history.often", None)]
    assert reasons(story, "once") == [
        ("history.once", "e-o1"),
        ("history.often", "e-o3"),
        ("history.once", None),
    ]


def test_nothing_is_due_of_somebody_never_heard_of() -> None:
    machine, effects = machine_of(), list[Change]()
    nobody = machine.initial(MEMBER)
    assert machine.due(nobody) is None
    machine.fire(nobody, effects)
    assert effects == []
    assert nobody == machine.initial(MEMBER)
