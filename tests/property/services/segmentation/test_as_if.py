"""As if it had never been: an order after its refund, an interaction after its withdrawal."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.segmentation.domain.facts import AnyFact, Interaction, Purchase, Refund, Reversal
from services.segmentation.domain.features import FIGURES, values_of
from services.segmentation.domain.machine import SegmentationMachine
from shared.clock import DAY, HOUR, Instant
from tests.property.services.segmentation.stories import (
    CATEGORIES,
    KINDS,
    STORES,
    Item,
    default_document,
    document,
    histories,
    machine_of,
    replayed,
    rules_of,
    taken_back,
)

MACHINES = [machine_of(rules_of(each)) for each in (document(), default_document())]


@st.composite
def another(draw: st.DrawFn, start: Instant) -> tuple[list[Item], Instant]:
    """One more order, in parts, changed, refunded and reversed, that comes back in full."""
    at = start + draw(st.integers(0, 60 * DAY))
    store = draw(st.sampled_from(STORES))

    def bought(name: str, part: str = "", *, whole: bool = False) -> AnyFact:
        total = draw(st.integers(1, 3000))
        lines = (("x", draw(st.sampled_from(CATEGORIES)), total),)
        return Purchase(name, "x", store, total, lines, part=part, whole=whole)

    told: list[Item] = [(at, "x-1", bought("x1", "1"))]
    if draw(st.booleans()):
        told.append((at + draw(st.integers(0, HOUR)), "x-2", bought("x2", "2")))
    if draw(st.booleans()):
        told.append((at + 2 * HOUR, "x-3", bought("x3", whole=True)))
    if draw(st.booleans()):
        told.append((at + 3 * HOUR, "x-4", Refund("x4", "x", 500, (), "part")))
        if draw(st.booleans()):
            told.append((at + 4 * HOUR, "x-5", Reversal("x5", "x", "part")))
    back = at + 5 * HOUR + draw(st.integers(0, 100 * DAY))
    return [*told, (back, "x-6", Refund("x6", "x", 10**9, (), "whole"))], back


@st.composite
def reply(draw: st.DrawFn, start: Instant) -> tuple[list[Item], Instant]:
    """One more interaction, and that it is taken back: early or late, once or twice."""
    at = start + draw(st.integers(0, 60 * DAY))
    gaps = st.sampled_from((-DAY, -1, 0, 1, HOUR, 3 * DAY, 40 * DAY))
    told: list[Item] = [(at, "x", Interaction("x", draw(st.sampled_from(KINDS))))]
    for i, gap in enumerate(draw(st.lists(gaps, min_size=1, max_size=2))):
        told.append((at + gap, f"x-{i}", taken_back("x", i)))
    return told, max(at, min(each[0] for each in told[1:]))


@given(st.sampled_from(range(len(MACHINES))), histories(least=1), st.data())
@settings(max_examples=150, deadline=None)
def test_history_with_an_order_and_its_whole_refund_is_the_history_from_then_on(
    number: int, items: list[Item], data: st.DataObject
) -> None:
    _is_as_if_not(MACHINES[number], items, data.draw(another(items[0][0])))


@given(st.sampled_from(range(len(MACHINES))), histories(least=1), st.data())
@settings(max_examples=150, deadline=None)
def test_p26_history_with_an_interaction_and_its_withdrawal_is_the_history_from_then_on(
    number: int, items: list[Item], data: st.DataObject
) -> None:
    _is_as_if_not(MACHINES[number], items, data.draw(reply(items[0][0])))


def _is_as_if_not(
    chosen: SegmentationMachine, items: list[Item], more: tuple[list[Item], Instant]
) -> None:
    """What was told and came to nothing changes nothing that is decided afterwards."""
    told, back = more
    assume(items[0][0] <= back)
    until = max(back, items[-1][0]) + 500 * DAY
    with_it = replayed(chosen, [*items, *told], until)
    without = replayed(chosen, items, until)
    after = [each for each in with_it.history() if each[0] > back]
    assert after == [each for each in without.history() if each[0] > back]
    assert with_it.state is not None
    assert without.state is not None
    assert with_it.state.tier.name == without.state.tier.name
    assert with_it.state.tier.until == without.state.tier.until
    names = [name for name in FIGURES if name != "refunds"]
    assert values_of(with_it.state.history, until, names) == values_of(
        without.state.history, until, names
    )
