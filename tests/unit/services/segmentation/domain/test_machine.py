"""Tags and tiers through a member's history, to the second."""

import msgspec
import pytest

from services.segmentation.domain.changes import decision_id
from services.segmentation.domain.facts import (
    Interaction,
    Joined,
    ProfileFact,
    Purchase,
    Refund,
)
from services.segmentation.domain.features import FIGURES, values_of
from services.segmentation.domain.member import Change
from services.segmentation.domain.view import progress_view
from shared.clock import DAY, HOUR, MINUTE, SECOND, Instant, parse_instant
from tests.property.services.segmentation.stories import (
    MEMBER,
    WORDS,
    document,
    machine_of,
    rules_of,
)
from tests.unit.services.segmentation.domain.story import START, Story

STAGES = {"visitor", "first_purchase", "repeat", "loyal", "at_risk", "lapsed", "won_back"}


def test_every_stage_of_life_begins_and_ends_to_the_second() -> None:
    """Exactly: not a day early (dittofeed #995), not at the next nightly run (Unomi)."""
    story = Story()
    story.fold(START, Joined("j", "s1", ProfileFact("j")))
    assert story.tags & STAGES == {"visitor"}
    story.buy(START + DAY)
    assert story.tags & STAGES == {"first_purchase"}
    last = START + DAY
    for i in range(11):
        last = START + (2 + i) * DAY
        story.buy(last)
    assert story.tags & STAGES == {"loyal"}
    story.wait(last + 400 * DAY)
    assert story.moments("at_risk") == [(last + 60 * DAY, True), (last + 180 * DAY, False)]
    assert story.moments("lapsed") == [(last + 180 * DAY, True)]
    back = last + 400 * DAY
    story.buy(back)
    assert story.tags & STAGES == {"won_back"}
    story.wait(back + 60 * DAY - 1)
    assert story.tags & STAGES == {"won_back"}
    story.wait(back + 60 * DAY)
    assert story.tags & STAGES == {"at_risk"}


def test_a_tag_that_asks_for_nothing_is_everybodys() -> None:
    """Found by the model: a free tag whose condition looks at no feature was never given."""
    tag = {"tag": "everybody", "title": WORDS, "when": {"all": []}}
    groups = [{"id": "free", "title": WORDS, "tags": [tag]}]
    story = Story(machine_of(rules_of(document(groups=groups))))
    story.share(START)
    assert story.tags == {"everybody"}


def test_every_change_says_why() -> None:
    story = Story()
    story.buy(START)
    story.buy(START + 50 * DAY)
    story.wait(START + 400 * DAY)
    for change in story.effects:
        assert all(why.program_version == 1 and why.rule for why in change.because)
        if change.kind == "tags":
            assert {why.tag for why in change.because} == {*change.added, *change.removed}
    [gone] = [c for c in story.effects if "lapsed" in c.added]
    [why] = [because for because in gone.because if because.tag == "lapsed"]
    assert (why.rule, why.event_id) == ("lifecycle.lapsed", None)
    assert [msgspec.to_builtins(figure) for figure in why.figures or ()] == [
        {
            "feature": "last_order_at",
            "op": "at_least_days_ago",
            "value": 180,
            "actual": "2024-02-29T12:00:00Z",
        }
    ]


def test_a_window_that_holds_a_leap_day_is_not_longer() -> None:
    for text, days in (("2024-02-28T23:30:00+08:00", 30), ("2024-02-28T15:30:00Z", 365)):
        at = parse_instant(text)
        assert at == parse_instant("2024-02-28T15:30:00Z"), "an offset is only another spelling"
        story = Story()
        story.buy(at)
        name = f"orders_{days}d"
        history = story.state.history
        assert values_of(history, at + days * DAY - 1, [name])[name] == 1
        assert values_of(history, at + days * DAY, [name])[name] == 0


def test_up_at_once_kept_for_a_period_and_down_step_by_step() -> None:
    story = Story(machine_of())  # keep 20 days, grace 5, one step
    for i in range(4):
        story.buy(START + i * HOUR)
    assert [climb[1:] for climb in story.climbs()] == [
        (None, "one"),
        ("one", "two"),
        ("two", "three"),
    ]
    reached = START + 3 * HOUR
    # at the end of the first period all four orders are in the window: renewed
    story.wait(reached + 20 * DAY)
    assert story.tier == "three"
    assert story.state.tier.until == reached + 40 * DAY
    story.wait(reached + 45 * DAY - 1)
    assert story.tier == "three", "the grace is kept to the last second"
    story.wait(reached + 45 * DAY)
    assert story.climbs()[-1] == (reached + 45 * DAY, "three", "two")
    story.wait(reached + 200 * DAY)
    assert [climb[2] for climb in story.climbs()[-2:]] == ["two", "one"]
    assert story.climbs()[-1][0] == reached + 70 * DAY


def test_down_to_what_is_met_where_the_program_says_so() -> None:
    tiers = document()["tiers"] | {"down": "recomputed", "grace_days": 0}
    story = Story(machine_of(rules_of(document(tiers=tiers))))
    for i in range(4):
        story.buy(START + i * HOUR)
    story.wait(START + 100 * DAY)
    assert story.climbs()[-1] == (START + 3 * HOUR + 40 * DAY, "three", "one")


def test_meeting_the_condition_in_the_grace_renews_the_level() -> None:
    story = Story(machine_of())
    story.buy(START)
    story.buy(START + HOUR)
    story.wait(START + HOUR + 40 * DAY)
    assert story.grace_until == START + HOUR + 45 * DAY
    story.buy(START + 42 * DAY)
    assert story.grace_until is not None, "one order is not enough"
    story.buy(START + 43 * DAY)
    assert [story.grace_until] == [None]
    assert story.state.tier.until == START + 63 * DAY
    assert story.tier == "two"
    assert len(story.climbs()) == 2, "nothing to announce: the level was never lost"


def test_levels_ask_for_frequency_and_for_taking_part() -> None:
    story = Story(machine_of())
    for i in range(5):
        story.buy(START + i * 8 * DAY)
    assert story.tier == "three"
    story.share(START + 33 * DAY)
    assert story.tier == "four"
    story.fold(START + 33 * DAY, Interaction("c", "click"))
    assert story.state.history.actions == 1, "looking is not taking part"


def test_a_level_that_only_refunded_orders_gave_goes_at_once() -> None:
    story = Story(machine_of())
    orders = [story.buy(START + i * HOUR) for i in range(4)]
    assert story.tier == "three"
    story.refund(START + DAY, orders[0])  # not the order that lifted the member, but it is missing
    assert story.climbs()[-1] == (START + DAY, "three", "two")
    assert story.state.tier.until == START + 2 * HOUR + 20 * DAY, "as the others reached it"
    for order in orders[1:]:
        story.refund(START + DAY, order)
    assert story.tier == "one"
    values = values_of(story.state.history, START + DAY, FIGURES)
    assert (values["orders"], values["spend"], values["first_order_at"]) == (0, 0, None)
    assert story.tags == {"never", "quiet"}


def test_m39_a_level_goes_with_its_orders_also_when_they_have_left_the_window() -> None:
    story = Story(machine_of())
    orders = [story.buy(START + i * HOUR) for i in range(4)]
    late = START + 32 * DAY  # the window is empty, the level is kept for its period
    story.wait(late)
    assert story.tier == "three"
    for order in orders:
        story.refund(late, order)
    assert story.tier == "one"


def test_m53_bought_and_returned_again_and_again_there_is_the_level_and_back() -> None:
    story = Story(machine_of())
    orders = [story.buy(START + i * HOUR) for i in range(3)]
    for turn in range(4):
        at = START + 3 * HOUR + turn * MINUTE
        story.fold(at, Purchase(f"e{turn}", "once-more", "s1", 2000))
        story.fold(at + SECOND, Refund(f"r{turn}", "once-more", 2000))
    ups = [(before, now) for _, before, now in story.climbs()[-8:]]
    assert ups == [("two", "three"), ("three", "two")] * 4
    assert story.state.history.orders == len(orders)


def test_m50_two_orders_whose_ids_have_one_short_hash_are_two() -> None:
    story = Story(machine_of())
    for order in ("SO-039658", "SO-082654"):
        story.fold(START, Purchase(f"e-{order}", order, "s1", 2000))
    story.fold(START + HOUR, Refund("r", "SO-039658", 500))
    assert (story.state.history.orders, story.state.history.spend) == (2, 3500)


def test_the_program_may_keep_levels_in_spite_of_refunds() -> None:
    tiers = document()["tiers"] | {"on_refund": "keep"}
    story = Story(machine_of(rules_of(document(tiers=tiers))))
    orders = [story.buy(START + i * HOUR) for i in range(2)]
    story.refund(START + DAY, orders[0])
    assert story.tier == "two"


def test_a_refund_told_before_its_order_counts_when_the_order_comes() -> None:
    story = Story()
    story.refund(START, "o1", 500)
    story.buy(START + HOUR, 2000)
    assert story.state.history.spend == 1500
    story.refund(START + 2 * HOUR, "o1", 1500)
    assert (story.state.history.spend, story.state.history.orders) == (0, 0)


def test_paid_back_twice_takes_no_more_than_was_paid() -> None:
    story = Story()
    order = story.buy(START, 2000)
    story.buy(START, 100)
    for hour in range(3):
        story.refund(START + hour * HOUR, order, 1500)
    assert (story.state.history.spend, story.state.history.orders) == (100, 1)


def test_a_refund_of_an_order_from_long_ago_reduces_the_sum() -> None:
    story = Story()
    order = story.buy(START, 2000)
    for i in range(12):
        story.buy(START + 500 * DAY + i * HOUR, 100)
    assert order not in story.state.history.names
    assert len(story.state.history.order_at) == 12
    story.refund(START + 501 * DAY, order, 1500)
    assert (story.state.history.spend, story.state.history.orders) == (1700, 13)


def test_a_comeback_that_was_refunded_passes_to_the_next_order() -> None:
    story = Story()
    story.buy(START)
    back = START + 500 * DAY
    first = story.buy(back)
    for i in range(1, 12):
        story.buy(back + i * HOUR)
    assert story.state.history.older_order_at == START, "the old order is kept as a sum only"
    assert story.state.history.comeback_at == back
    story.refund(back + DAY, first)
    assert story.state.history.comeback_at == back + HOUR


def test_what_comes_next_is_shown_with_figures() -> None:
    story = Story(machine_of())
    for i in range(2):
        story.buy(START + i * HOUR)
    rules = story.machine.versions.newest
    progress = progress_view(story.state, rules, START + 2 * HOUR)
    assert progress["next"]["level"] == "three"
    assert progress["next"]["figures"] == [
        {"feature": "orders_30d", "op": "at_least", "value": 4, "actual": 2}
    ]
    assert progress["stay"]["met"] is True
    late = progress_view(story.state, rules, START + 40 * DAY)
    assert late["stay"] == {
        "met": False,
        "figures": [{"feature": "orders_30d", "op": "at_least", "value": 2, "actual": 0}],
    }
    assert late["projected"] == "one"


def test_timers_fire_only_where_something_changes() -> None:
    story = Story(machine_of())
    for i in range(30):
        story.buy(START + i * 3 * DAY, store=("s1", "s2")[i % 2])
    story.effects.clear()
    story.fires = 0
    story.wait(START + 3000 * DAY)
    assert story.machine.due(story.state) is None, "nothing is left to wait for"
    assert len({change.at for change in story.effects}) >= story.fires - 1
    # the one exception: a period ends and the grace begins, or it is renewed
    assert all(change.kind != "kept" or change.until for change in story.effects)


def test_a_long_life_stays_small_and_exact() -> None:
    """Ten orders a week for three years, and a share every hour of the last month."""
    story = Story()
    end = START + 3 * 365 * DAY
    at = START
    while at < end:
        story.buy(at, 1000)
        at += 7 * DAY // 10
    for hour in range(720):
        story.share(end - 720 * HOUR + hour * HOUR)
    history = story.state.history
    values = values_of(history, end, FIGURES)
    made = [START + i * (7 * DAY // 10) for i in range(story.orders)]
    assert values["orders_7d"] == sum(at > end - 7 * DAY for at in made)
    assert values["interactions_30d"] == 719
    assert values["orders"] == story.orders
    assert values["spend"] == story.orders * 1000
    assert len(history.order_at) <= 523
    assert len(msgspec.msgpack.encode(story.state)) < 40_000


@pytest.mark.parametrize(
    ("at", "expected"),
    [(START, START // 1000), (START + 1999, START // 1000 + 1), (999, 0), (-5 * DAY, 0)],
)
def test_decisions_have_lasting_names(at: Instant, expected: int) -> None:
    change = Change(kind="tags", at=at, added=("a",), cause="e1")
    name = decision_id(MEMBER, change)
    assert name == decision_id(MEMBER, msgspec.structs.replace(change, cause="e2", again=True))
    assert (name.version, name.variant) == (7, "specified in RFC 4122")
    assert name.int >> 80 == expected
    others = {
        decision_id(MEMBER, msgspec.structs.replace(change, kind="tier")),
        decision_id(MEMBER, msgspec.structs.replace(change, added=("b",))),
        decision_id(MEMBER, msgspec.structs.replace(change, at=at + SECOND)),
        decision_id(MEMBER, change, 1),
    }
    assert len({name, *others}) == 5


def test_p14_what_comes_back_without_its_receipt_is_taken_off_the_newest_orders() -> None:
    story = Story()
    story.buy(START, 1_000)
    story.buy(START + DAY, 2_000)
    story.buy(START + 2 * DAY, 500)
    at = START + 3 * DAY
    story.fold(at, Purchase("r", "(return) r", "", -1_700))
    values = values_of(story.state.history, at, FIGURES)
    assert (values["orders"], values["spend"]) == (3, 1_800)
    # 500 of the last, 1,200 of the one before: that one has 800 left, and the first all of its own
    later = values_of(story.state.history, START + 7 * DAY + HOUR, FIGURES)
    assert later["spend_7d"] == 800
    story.fold(at + HOUR, Purchase("s", "(return) s", "", -9_999))
    values = values_of(story.state.history, at + HOUR, FIGURES)
    assert (values["orders"], values["spend"], values["spend_7d"]) == (3, 0, 0)
