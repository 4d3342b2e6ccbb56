"""Facts in any order and any batches end in the state, tags, tier and history of the sorted log."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.domain.tagging import tags_of
from shared.clock import DAY, Instant
from tests.property.services.segmentation.stories import (
    Item,
    Teller,
    document,
    folded,
    lives,
    machine_of,
    rules_of,
    told,
)

MACHINE = machine_of()
END: Instant = 400 * DAY


def _until(items: list[Item]) -> Instant:
    return max(item[0] for item in items) + END


@given(lives(least=1), st.data())
@settings(max_examples=120, deadline=None)
def test_any_order_and_any_batches_end_in_the_sorted_log(
    items: list[Item], data: st.DataObject
) -> None:
    until = _until(items)
    sorted_log = told(MACHINE, items, until)

    shuffled = data.draw(st.permutations([*items, *items[::2]]))  # some come twice
    teller = Teller(MACHINE)
    while shuffled:
        size = data.draw(st.integers(1, 5))
        teller.batch(shuffled[:size])
        shuffled = shuffled[size:]
    teller.batch([], until)

    assert msgspec.msgpack.encode(teller.state) == msgspec.msgpack.encode(sorted_log.state)
    assert teller.history() == sorted_log.history()
    assert teller.reasons() == sorted_log.reasons() or _only_mended(teller, sorted_log)
    assert folded(teller.published) == folded(sorted_log.published)
    # what stands has the names it has in the sorted log, unless it was replaced and came back
    twice = [row.key for row in teller.posted.values() if row.superseded]
    revised = {row.id for row in teller.posted.values() if twice.count(row.key) > 1}
    assert teller.names() - revised <= sorted_log.names()


def _only_mended(one: Teller, other: Teller) -> bool:
    """Reasons of one instant may stand in another order."""
    return [(at, kind, sorted(why)) for at, kind, why in one.reasons()] == [
        (at, kind, sorted(why)) for at, kind, why in other.reasons()
    ]


@given(lives(least=1), st.data())
@settings(max_examples=60, deadline=None)
def test_sorted_facts_in_any_batches_need_no_correction(
    items: list[Item], data: st.DataObject
) -> None:
    until = _until(items)
    teller = Teller(MACHINE)
    rest = items
    while rest:
        size = data.draw(st.integers(1, 5))
        teller.batch(rest[:size])
        rest = rest[size:]
    teller.batch([], until)

    assert teller.history() == told(MACHINE, items, until).history()
    instants = [item[0] for item in items]
    for decision in teller.published:
        if decision.supersedes is not None:
            # only where the facts of one instant were cut apart
            assert instants.count(decision.at) > 0


@given(lives(least=1))
@settings(max_examples=60, deadline=None)
def test_what_is_published_folds_into_what_is_held(items: list[Item]) -> None:
    teller = told(MACHINE, items, _until(items))
    assert teller.state is not None
    tags, tier = folded(teller.published)
    assert tags == {tag for tag, _, _ in tags_of(teller.state, MACHINE.versions.newest)}
    assert tier == teller.state.tier.name


@given(lives(least=2), st.data())
@settings(max_examples=60, deadline=None)
def test_versions_judge_by_time_in_any_order(items: list[Item], data: st.DataObject) -> None:
    middle = items[len(items) // 2][0]
    other = document(
        groups=document()["groups"][1:],
        tiers=document()["tiers"]
        | {"levels": document()["tiers"]["levels"][:3], "down": "recomputed"},
    )
    machine = machine_of(rules_of(document()), rules_of(other, 2, middle))
    until = _until(items)
    sorted_log = told(machine, items, until)

    teller = Teller(machine)
    for item in data.draw(st.permutations(items)):
        teller.batch([item])
    teller.batch([], until)

    assert teller.history() == sorted_log.history()
    assert msgspec.msgpack.encode(teller.state) == msgspec.msgpack.encode(sorted_log.state)
    tags, _ = folded(teller.published)
    assert not tags & {"gone", "back", "often", "once", "never"}, "tags of a group that is no more"
