"""The machine against the slow model: every message, its instant, and why it was not said."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain.compiling import compile_program
from services.notify.domain.decision import MessageDecision
from services.notify.domain.job_id import as_text
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Programs
from shared.clock import DAY, HOUR, Instant
from shared.events import Event, types
from shared.events.decisions import JobFailed
from shared.orders import Dated, fold_history
from tests.property.services.notify.model import messages
from tests.property.services.notify.model_journey import Said
from tests.property.services.notify.notify_history import MEMBER, default_document
from tests.property.services.notify.programs import programs
from tests.property.services.notify.told import event, told


def _decided(
    document: Mapping[str, Any], events: Sequence[Event], until: Instant
) -> list[MessageDecision]:
    machine = NotifyMachine(Programs([(0, 1, compile_program(dict(document)))]))
    told_of = [(each, machine.remember(each)) for each in events]
    facts = [Dated(each.at, each.key, fact) for each, fact in told_of if fact is not None]
    effects = fold_history(machine, MEMBER, facts, until).effects
    return [effect for effect in effects if isinstance(effect, MessageDecision)]


def _holds(
    document: Mapping[str, Any],
    events: Sequence[Event],
    jobs: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    """Machine and model decide the same messages."""
    until = events[-1].at + 200 * DAY
    decided = _decided(document, events, until)
    said = messages(document, events, until, jobs)
    assert sorted(map(_seen, decided), key=str) == sorted(map(_meant, said), key=str)
    ids = {(_seen(each)[:6], as_text(each.job)) for each in decided}
    names = {_meant(each)[:6]: each.name for each in said}
    # one name, one id, one decision
    assert len(decided) == len({job for _, job in ids}) == len({each.name for each in said})
    assert len({(names[seen], job) for seen, job in ids}) == len(decided)


def _seen(decision: MessageDecision) -> tuple[Any, ...]:
    return (
        decision.journey,
        decision.step,
        decision.entry_event_id,
        decision.planned,
        decision.decided_at,
        decision.reason,
        decision.cause,
        decision.deadline,
        sorted(decision.variables.items()),
    )


def _meant(said: Said) -> tuple[Any, ...]:
    return (
        said.journey,
        said.step,
        said.entered_by,
        said.planned,
        said.at,
        said.reason,
        said.cause,
        said.deadline,
        sorted(said.told.items()),
    )


@given(told())
@settings(max_examples=50, deadline=None)
def test_the_default_program_says_what_its_words_say(events: list[Event]) -> None:
    _holds(default_document(), events)


@given(programs(), told())
@settings(max_examples=140, deadline=None)
def test_whatever_the_journeys_are(program: dict[str, Any], events: list[Event]) -> None:
    _holds(program, events)


@given(programs(), told(kinds="pppprrrrvvvgt"))
@settings(max_examples=140, deadline=None)
def test_orders_are_what_is_left_of_them(program: dict[str, Any], events: list[Event]) -> None:
    """Bought, taken back, given again: from then on it is as if it had always been so."""
    _holds(program, events)


@given(programs(), told(most=10, kinds="pppprrjzccttke"), st.data())
@settings(max_examples=50, deadline=None)
def test_what_failed_makes_room_under_the_caps(
    program: dict[str, Any], events: list[Event], data: st.DataObject
) -> None:
    until = events[-1].at + 30 * DAY
    requested = [each for each in messages(program, events, until) if each.reason is None]
    ids = {_seen(each)[:6]: as_text(each.job) for each in _decided(program, events, until)}
    if not requested:
        return
    failed = data.draw(st.lists(st.sampled_from(requested), max_size=3, unique_by=lambda s: s.name))
    jobs, receipts = {}, list[Event]()
    for i, each in enumerate(failed):
        job = ids[_meant(each)[:6]]
        jobs[job] = each.name
        at = each.at + data.draw(st.sampled_from((0, HOUR, DAY)))
        receipts.append(event(f"receipt-{i}", types.JOB_FAILED, at, JobFailed(job_id=job)))
    _holds(program, sorted([*events, *receipts], key=lambda each: each.at), jobs)
