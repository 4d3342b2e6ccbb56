"""As if it had never been: what comes up to be said after a refund, or after a withdrawal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain import facts
from services.notify.domain.decision import Effect, MessageDecision
from services.notify.domain.send_decision import EXITED
from shared.clock import DAY, HOUR, Instant
from tests.property.services.notify.notify_history import BEGIN, Dated, fold, histories, reply

END = BEGIN + 400 * DAY


@st.composite
def another(draw: st.DrawFn) -> list[Dated]:
    """One more order, perhaps in parts or refunded in part first, that comes back in full."""
    at = BEGIN + draw(st.integers(0, 100 * 24)) * HOUR
    told = [(at, facts.Purchase("x1", "x", "store-1", "store", 3520, "CNY", b"1", "1"))]
    more: list[tuple[Instant, facts.AnyFact]] = [*told]
    if draw(st.booleans()):
        second = facts.Purchase("x2", "x", "store-1", "store", 100, "CNY", b"2", "2")
        more.append((at + HOUR, second))
    if draw(st.booleans()):
        more.append((at + 2 * HOUR, facts.Refund("x3", "x", "part", 500, "CNY")))
    back = at + 3 * HOUR + draw(st.integers(0, 60 * 24)) * HOUR + 1
    more.append((back, facts.Refund("x4", "x", "whole", 10**9, "CNY")))
    return [Dated(at, 0, f"x{i}".encode(), fact) for i, (at, fact) in enumerate(more)]


@st.composite
def answered(draw: st.DrawFn) -> list[Dated]:
    """One more interaction, and that it is taken back: early or late, once or twice."""
    at = BEGIN + draw(st.integers(0, 100 * 24)) * HOUR
    gaps = st.sampled_from([-HOUR, -1, 0, 1, HOUR, 2 * DAY, 30 * DAY])
    told = [Dated(at, 0, b"x", reply("x"))]
    for i, gap in enumerate(draw(st.lists(gaps, min_size=1, max_size=2))):
        told.append(Dated(at + gap, 0, f"x{i}".encode(), facts.Withdrawal(f"x{i}", b"x")))
    return told


@given(histories(), another())
@settings(max_examples=200, deadline=None)
def test_history_with_an_order_and_its_whole_refund_is_the_history_from_then_on(
    history: list[Dated], order: list[Dated]
) -> None:
    _is_as_if_not(history, order, order[-1].at)


@given(histories(), answered())
@settings(max_examples=200, deadline=None)
def test_p26_history_with_an_interaction_and_its_withdrawal_is_the_history_from_then_on(
    history: list[Dated], told: list[Dated]
) -> None:
    back = max(told[0].at, min(each.at for each in told[1:]))
    effects = _is_as_if_not(history, told, back)
    said = [each for each in _decisions(effects) if each.entry_event_id == "x"]
    assert not [each for each in said if each.decided_at > back], "nothing is said of it"


def _is_as_if_not(history: list[Dated], told: list[Dated], back: Instant) -> list[Effect]:
    """What was told and came to nothing changes nothing that is decided afterwards."""
    state, effects = fold([*history, *told], END)
    bare_state, bare = fold(history, END)
    decided = {each.job for each in _decisions(effects) if each.decided_at <= back}
    assert _after(back, effects) == {
        job: at for job, at in _after(back, bare).items() if job not in decided
    }
    assert (state.orders, state.last_purchase_at) == (
        bare_state.orders,
        bare_state.last_purchase_at,
    )
    assert not [each for each in state.entries if each.event_id.startswith("x")]
    return effects


def _after(back: Instant, effects: list[Effect]) -> dict[bytes, Instant]:
    """What was decided later, and when.

    Where a journey ends is not compared: a step that was recorded as ended stays so, and the
    journey, should it go on after all, goes on with the next.
    """
    return {
        each.job: each.decided_at
        for each in _decisions(effects)
        if each.decided_at > back and each.reason != EXITED
    }


def _decisions(effects: list[Effect]) -> list[MessageDecision]:
    return [each for each in effects if isinstance(each, MessageDecision)]
