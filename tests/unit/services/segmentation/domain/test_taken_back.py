"""What can be taken back: an interaction, and what was told of a profile."""

from datetime import date
from typing import Any

import pytest
from msgspec import UNSET, structs

from services.segmentation.domain.features import CATALOGUE, FIGURES, values_of
from services.segmentation.domain.member import Change, Member
from shared.clock import DAY, HOUR, Instant, parse_instant
from shared.conditions import compile_predicate, parse
from shared.events import Event, event_key, facts, types
from shared.orders import Dated, fold_history
from tests.property.services.segmentation.stories import MEMBER, SOURCE, machine_of

START = parse_instant("2024-01-10T12:00:00Z")
MACHINE = machine_of()  # `quiet`: no more than one interaction in seven days


def event(name: str, type_: str, at: Instant, data: Any, source: str = SOURCE) -> Event:
    return Event(
        id=name,
        source=source,
        type=type_,
        subject=str(MEMBER),
        at=at,
        data=data,
        key=event_key(source, name),
    )


def shared(name: str, at: Instant) -> Event:
    return event(name, types.INTERACTION_RECORDED, at, facts.InteractionRecorded(kind="share"))


def withdrawn(name: str, interaction: str, at: Instant, **more: Any) -> Event:
    data = facts.InteractionWithdrawn(id=interaction, source=SOURCE)
    return event(name, types.INTERACTION_WITHDRAWN, at, data, **more)


def profile(name: str, at: Instant, **fields: Any) -> Event:
    data = facts.ProfileUpdated(by="member", profile=facts.Profile(**fields))
    return event(name, types.MEMBER_PROFILE_UPDATED, at, data)


def told(events: list[Event], until: Instant) -> tuple[Member, list[Change]]:
    """State and changes as the sorted log has them."""
    dated = [
        Dated(each.at, each.key, fact)
        for each in sorted(events, key=lambda each: (each.at, each.key))
        if (fact := MACHINE.remember(each)) is not None
    ]
    folded = fold_history(MACHINE, MEMBER, dated, until)
    return folded.state, folded.effects


def figures(events: list[Event], until: Instant) -> dict[str, Any]:
    return values_of(told(events, until)[0].history, until, FIGURES)


def test_p26_figures_and_tags_are_as_if_it_had_never_been() -> None:
    both = [shared("s1", START), shared("s2", START + HOUR)]
    spam = withdrawn("w", "s2", START + DAY, source="urn:moderation")
    assert figures(both, START + DAY)["interactions_7d"] == 2
    values = figures([*both, spam], START + DAY)
    assert values["interactions"] == values["interactions_7d"] == 1
    assert values["interactions_by_kind"] == {"share": 1}
    assert values["last_interaction_at"] == START

    changes = told([*both, spam], START + DAY)[1]
    quiet = [(c.at, "quiet" in c.added) for c in changes if "quiet" in (*c.added, *c.removed)]
    assert quiet == [(START, True), (START + HOUR, False), (START + DAY, True)]
    [back] = [because for because in changes[-1].because if because.tag == "quiet"]
    assert back.event_id == "w"


def test_p26_all_that_was_ever_told_is_taken_back() -> None:
    state, changes = told([shared("s1", START), withdrawn("w", "s1", START + DAY)], START + 9 * DAY)
    assert values_of(state.history, START + DAY, ["interactions"])["interactions"] == 0
    assert state.tier.name == "one"
    assert [change.at for change in changes if change.kind == "tier"] == [START]


@pytest.mark.parametrize("gap", [-DAY, 0, DAY])
def test_p26_withdrawn_early_or_twice_it_counts_for_nothing(gap: Instant) -> None:
    events = [shared("s1", START), shared("s2", START + HOUR)]
    events += [withdrawn(f"w{i}", "s2", START + HOUR + gap + i) for i in range(2)]
    state, _ = told(events, START + 3 * DAY)
    assert (state.history.actions, state.awaited) == (1, ())


SET: dict[str, Any] = {
    "birthday": date(1990, 3, 7),
    "gender": "other",
    "city": "Wuhan",
    "interests": ["tea"],
}
FEATURES = {
    "birthday": "birthday_month",
    "gender": "gender",
    "city": "city",
    "interests": "interests",
}


@pytest.mark.parametrize("field", SET)
@pytest.mark.parametrize("empty", [None, []])
def test_a_field_that_is_cleared_is_missing(field: str, empty: Any) -> None:
    if empty == [] and field != "interests":
        return  # no value of this field
    feature = FEATURES[field]
    exists = compile_predicate(parse({"feature": feature, "exists": True}, CATALOGUE), CATALOGUE)
    there = profile("set", START, **SET)
    cleared = profile("cleared", START + 2, **{field: empty})
    between = profile("late", START + 1, **SET)
    for events in ([there], [there, between], [cleared, profile("again", START + 3, **SET)]):
        assert exists(figures(events, START + DAY))
    for events in ([there, cleared], [cleared, between, there]):
        values = figures(events, START + DAY)
        assert not exists(values) if feature != "interests" else values[feature] == []
        others = {each: values[each] for each in FEATURES.values() if each != feature}
        kept = figures([there], START + DAY)
        assert others == {each: kept[each] for each in others}


def test_who_joins_and_leaves_fields_empty_clears_nothing() -> None:
    empty = facts.Profile(birthday=None, gender=None, city=None, interests=[])
    join = facts.MemberJoined(store_id="s1", via="code", profile=empty)
    events = [profile("set", START, **SET), event("j", types.MEMBER_JOINED, START + 1, join)]
    values = figures(events, START + DAY)
    assert [values[each] for each in FEATURES.values()] == [3, "other", "Wuhan", ["tea"]]


def test_what_is_not_told_is_neither_told_nor_cleared() -> None:
    nothing = facts.Profile()
    assert set(structs.asdict(nothing).values()) == {UNSET}
    values = figures([profile("set", START, **SET), profile("none", START + 1)], START + DAY)
    assert values["city"] == "Wuhan"
