"""Facts in any order and any batches end in the state, tags, tier and history of the sorted log."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.segmentation.domain.tagging import tags_of
from shared.clock import DAY, Instant
from tests.property.services.segmentation.stories import (
    Item,
    Replica,
    document,
    folded,
    histories,
    machine_of,
    replayed,
    rules_of,
)

MACHINE = machine_of()
END: Instant = 400 * DAY


def _until(items: list[Item]) -> Instant:
    return max(item[0] for item in items) + END


@given(histories(least=1), st.data())
@settings(max_examples=120, deadline=None)
def test_any_order_and_any_batches_end_in_the_sorted_log(
    items: list[Item], data: st.DataObject
) -> None:
    until = _until(items)
    sorted_log = replayed(MACHINE, items, until)

    shuffled = data.draw(st.permutations([*items, *items[::2]]))  # some come twice
    replica = Replica(MACHINE)
    while shuffled:
        size = data.draw(st.integers(1, 5))
        replica.batch(shuffled[:size])
        shuffled = shuffled[size:]
    replica.batch([], until)

    assert msgspec.msgpack.encode(replica.state) == msgspec.msgpack.encode(sorted_log.state)
    assert replica.history() == sorted_log.history()
    assert replica.reasons() == sorted_log.reasons() or _only_mended(replica, sorted_log)
    assert folded(replica.published) == folded(sorted_log.published)
    # what stands has the names it has in the sorted log, unless it was replaced and came back
    twice = [row.key for row in replica.posted.values() if row.superseded]
    revised = {row.id for row in replica.posted.values() if twice.count(row.key) > 1}
    assert replica.names() - revised <= sorted_log.names()


def _only_mended(one: Replica, other: Replica) -> bool:
    """Reasons of one instant may stand in another order."""
    return [(at, kind, sorted(why)) for at, kind, why in one.reasons()] == [
        (at, kind, sorted(why)) for at, kind, why in other.reasons()
    ]


@given(histories(least=1), st.data())
@settings(max_examples=60, deadline=None)
def test_sorted_facts_in_any_batches_need_no_correction(
    items: list[Item], data: st.DataObject
) -> None:
    until = _until(items)
    replica = Replica(MACHINE)
    rest = items
    while rest:
        size = data.draw(st.integers(1, 5))
        replica.batch(rest[:size])
        rest = rest[size:]
    replica.batch([], until)

    assert replica.history() == replayed(MACHINE, items, until).history()
    instants = [item[0] for item in items]
    for decision in replica.published:
        if decision.supersedes is not None:
            # only where the facts of one instant were cut apart
            assert instants.count(decision.at) > 0


@given(histories(least=1))
@settings(max_examples=60, deadline=None)
def test_what_is_published_folds_into_what_is_held(items: list[Item]) -> None:
    replica = replayed(MACHINE, items, _until(items))
    assert replica.state is not None
    tags, tier = folded(replica.published)
    assert tags == {tag for tag, _, _ in tags_of(replica.state, MACHINE.versions.newest)}
    assert tier == replica.state.tier.name


@given(histories(least=2), st.data())
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
    sorted_log = replayed(machine, items, until)

    replica = Replica(machine)
    for item in data.draw(st.permutations(items)):
        replica.batch([item])
    replica.batch([], until)

    assert replica.history() == sorted_log.history()
    assert msgspec.msgpack.encode(replica.state) == msgspec.msgpack.encode(sorted_log.state)
    tags, _ = folded(replica.published)
    assert not tags & {"gone", "back", "often", "once", "never"}, "tags of a group that is no more"
