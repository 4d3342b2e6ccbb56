"""Promise 3, for messages: any order and batching of the same log ends in the same decisions."""

import itertools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain.decision import REQUESTED, SUPPRESSED
from services.notify.domain.job import WITHDRAWN
from shared.clock import DAY
from tests.property.services.notify.notify_history import (
    BEGIN,
    Dated,
    Replica,
    fold,
    histories,
    records,
)

END = BEGIN + 300 * DAY


@st.composite
def _arrivals(draw: st.DrawFn) -> tuple[list[Dated], list[list[Dated]]]:
    """A history, and the same facts in some order and some batches."""
    history = draw(histories())
    order = draw(st.permutations(history))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    edges = [0, *cuts, len(order)]
    batches = [list(order[a:b]) for a, b in itertools.pairwise(edges)]
    return history, batches


@given(_arrivals())
@settings(max_examples=80, deadline=None)
def test_any_order_and_batching_ends_in_the_decisions_of_the_sorted_log(
    case: tuple[list[Dated], list[list[Dated]]],
) -> None:
    history, batches = case
    replica = Replica()
    reached = BEGIN
    for batch in batches:
        reached = max([reached, *(each.at for each in batch)])
        replica.take(batch, until=reached)
    replica.take([], until=END)
    _, effects = fold(history, END)
    expected = records(effects)
    standing = {
        job_id: posted.record
        for job_id, posted in replica.posted.items()
        if posted.record.decision != WITHDRAWN
    }
    assert standing == expected


@given(_arrivals(), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_no_message_is_ever_said_twice(
    case: tuple[list[Dated], list[list[Dated]]], seed: int
) -> None:
    history, batches = case
    chance = random.Random(seed)
    replica = Replica()
    reached = BEGIN
    for batch in batches:
        reached = max([reached, *(each.at for each in batch)])
        replica.take(batch, until=reached)
        if chance.random() < 0.6:
            replica.deliver()
    replica.take([], until=END)
    replica.deliver()
    assert len(replica.spoken) == len(set(replica.spoken))
    expected = records(fold(history, END)[1])
    for job_id, record in expected.items():
        if record.decision == REQUESTED:
            assert job_id in replica.spoken
    # what was said and turned out wrong is kept, and says which event it was
    for job_id in replica.spoken:
        if job_id not in expected or expected[job_id].decision == SUPPRESSED:
            assert replica.posted[job_id].superseded_by is not None


@given(histories())
@settings(max_examples=50, deadline=None)
def test_history_is_not_said_when_it_is_told_years_later(history: list[Dated]) -> None:
    replica = Replica()
    years_later = END + 1000 * DAY
    replica.take(history, until=years_later, now=years_later)
    replica.deliver()
    assert replica.spoken == []
    assert {p.record.decision for p in replica.posted.values()} <= {SUPPRESSED}
