"""As if never bought: after a refund, what comes up to be said is what would have come up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain import facts
from services.notify.domain.decision import Effect, MessageDecision
from shared.clock import DAY, HOUR, Instant
from tests.property.services.notify.notify_history import BEGIN, Dated, fold, histories

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


@given(histories(), another())
@settings(max_examples=200, deadline=None)
def test_history_with_an_order_and_its_whole_refund_is_the_history_from_then_on(
    history: list[Dated], order: list[Dated]
) -> None:
    back = order[-1].at
    state, effects = fold([*history, *order], END)
    bare_state, bare = fold(history, END)
    decided = {each.job for each in _decisions(effects) if each.decided_at <= back}
    assert {
        each.job: each.decided_at for each in _decisions(effects) if each.decided_at > back
    } == {
        each.job: each.decided_at
        for each in _decisions(bare)
        if each.decided_at > back and each.job not in decided
    }
    assert (state.orders, state.last_purchase_at) == (
        bare_state.orders,
        bare_state.last_purchase_at,
    )
    assert not [each for each in state.entries if each.event_id.startswith("x")]


def _decisions(effects: list[Effect]) -> list[MessageDecision]:
    return [each for each in effects if isinstance(each, MessageDecision)]
