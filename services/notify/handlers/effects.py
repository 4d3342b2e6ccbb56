"""Settling what the machine decided: rows of `jobs`, and events on `regulars.jobs`.

Two things are decided here and not in the machine, because they are about the present and not about
the member's history:

- **History is not spoken.** A request whose deadline had passed when it was found (the service was
  down, or somebody imported last year) is recorded as suppressed, `past_deadline`, by the wall
  clock. Under the stream clock nothing is late. What was thus not said does not count under caps:
  a receipt `job.failed` takes it out of the count, like any other message that did not arrive.
- **What was posted before.** The decisions of a history folded anew are held against the rows there
  are (`services.notify.domain.job.differences`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from services.notify.domain.decision import (
    REQUESTED,
    Effect,
    Forgotten,
    MessageDecision,
    ReceiptSeen,
)
from services.notify.domain.document import CAP_WINDOW_MAX
from services.notify.domain.job import (
    Change,
    JobRecord,
    change_of,
    differences,
    in_time,
    record_of,
)
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Program
from services.notify.domain.send_decision import PAST_DEADLINE
from services.notify.domain.state import MemberState
from services.notify.handlers.controls import ControlBook
from services.notify.handlers.program import programs_of
from services.notify.metrics import NotifyMetrics
from services.notify.store import deliveries, jobs
from shared.clock import Instant, to_datetime
from shared.db import Transaction
from shared.events import encode, topics, types
from shared.events.decisions import JobFailed
from shared.runtime.batch import Batch
from shared.runtime.machine import Outcome
from shared.runtime.program import ProgramHistory

SOURCE = "urn:regulars:notify"
"""The CloudEvents source of notify's decisions."""

Outcomes = Sequence[Outcome[MemberState, Effect]]


class NotifyEffectWriter:
    """The writer of notify."""

    def __init__(
        self,
        machine: NotifyMachine,
        history: ProgramHistory[Program],
        metrics: NotifyMetrics,
        book: ControlBook,
    ) -> None:
        """Keep the machine on the versions of this history, and on what is said of journeys."""
        self._machine = machine
        self._history = history
        self._book = book
        self._taken: object = None
        self._metrics = metrics

    async def prepare(self, tx: Transaction) -> None:
        """Take in new versions of the program, and new words, before the batch is decided."""
        await self._history.refresh(tx)
        await self._book.refresh(tx)
        # whoever else shares them may have been the one that fetched what is new
        marks = (self._history.marks, self._book.newest)
        if marks != self._taken:
            self._taken = marks
            self._machine.programs = programs_of(self._history, self._book.controls)

    async def write(self, tx: Transaction, outcomes: Outcomes, batch: Batch) -> None:
        """Write a batch's decisions and receipts, and tell the decisions to others.

        1. first decisions: appended, but for those that were taken back once: they are revised;
        2. histories folded anew: the difference is written;
        3. receipts, last, for their jobs may be from this very batch.
        """
        present = None if batch.stream else batch.now
        lane = batch.partition
        fresh, changes = await self._fresh(tx, lane, outcomes, present)
        changes += await self._changes(tx, lane, outcomes, present)
        new = [change.record for change in changes if change.kind == "new"]
        if fresh or new:
            await jobs.insert(tx, lane, [*fresh, *new], batch.now)
        overwritten = [change for change in changes if change.kind != "new"]
        if overwritten:
            await jobs.change(tx, lane, overwritten, batch.now)
        await jobs.take_receipts(tx, lane, _receipts(outcomes))
        await _forget(tx, outcomes, batch)
        for record in fresh:
            _tell(batch, record)
        for change in changes:
            if change.told:
                _tell(batch, change.record, change.revision, change.cause)
        self._count(fresh, changes)

    async def _fresh(
        self, tx: Transaction, lane: int, outcomes: Outcomes, present: Instant | None
    ) -> tuple[list[JobRecord], list[Change]]:
        """What histories that went on decided: for the first time, or once more."""
        decided = [
            (record_of(outcome.member_id, effect), outcome.cause)
            for outcome in outcomes
            if not outcome.rebuilt
            for effect in outcome.effects
            if isinstance(effect, MessageDecision)
        ]
        if not decided:
            return [], []
        before = await jobs.posted_before(tx, lane, [record for record, _ in decided])
        fresh = [in_time(each, present) for each, _ in decided if each.job_id not in before]
        again = [
            change_of(record, before[record.job_id], cause, present)
            for record, cause in decided
            if record.job_id in before
        ]
        return fresh, [change for change in again if change is not None]

    async def _changes(
        self, tx: Transaction, lane: int, outcomes: Outcomes, present: Instant | None
    ) -> list[Change]:
        """The differences of all histories folded anew in this batch."""
        again = [outcome for outcome in outcomes if outcome.rebuilt]
        if not again:
            return []
        posted = await jobs.posted(tx, lane, [outcome.member_id for outcome in again])
        return [
            change
            for outcome in again
            for change in differences(
                [
                    record_of(outcome.member_id, effect)
                    for effect in outcome.effects
                    if isinstance(effect, MessageDecision)
                ],
                posted[outcome.member_id],
                outcome.cause,
                present,
            )
        ]

    def _count(self, fresh: Iterable[JobRecord], changes: Iterable[Change]) -> None:
        counts: dict[tuple[str, str, str], int] = {}
        for record in fresh:
            key = (record.journey, record.step, record.reason or record.decision)
            counts[key] = counts.get(key, 0) + 1
        for labels, count in counts.items():
            self._metrics.decisions.labels(*labels).inc(count)
        for change in changes:
            self._metrics.corrections.labels(change.kind).inc()


def _receipts(outcomes: Outcomes) -> list[tuple[UUID, ReceiptSeen]]:
    return [
        (outcome.member_id, effect)
        for outcome in outcomes
        for effect in outcome.effects
        if isinstance(effect, ReceiptSeen)
    ]


async def _forget(tx: Transaction, outcomes: Outcomes, batch: Batch) -> None:
    members = [
        outcome.member_id
        for outcome in outcomes
        if any(isinstance(effect, Forgotten) for effect in outcome.effects)
    ]
    if members:
        await jobs.forget(tx, batch.partition, members)
        await deliveries.cancel_members(tx, batch.partition, members, batch.now)


def event_id(job_id: str, revision: int) -> str:
    """The id of the event that announces a decision: the job's, with a number when folded anew."""
    return job_id if revision == 0 else f"{job_id}.{revision}"


def revision_of(told_as: str) -> int:
    """The number in such an id; 0 for the first one, and for ids that others made."""
    _, _, number = told_as.partition(".")
    return int(number) if number.isascii() and number.isdigit() else 0


class _Told(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The data of `job.requested` and `job.suppressed`; what is JSON already goes in as it is."""

    job_id: str
    member_id: str
    channel: str
    template: str
    category: str
    purpose: str
    not_before: datetime
    deadline: datetime
    because: msgspec.Raw
    journey: str
    step: str
    content: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    reason: str | msgspec.UnsetType = msgspec.UNSET
    store_id: str | None = None
    correction: str | None = None
    supersedes: str | None = None


def _tell(
    batch: Batch, record: JobRecord, revision: int = 0, correction: str | None = None
) -> None:
    """Emit the event of a decision; a correction names its cause and what it supersedes."""
    member, job = str(record.member_id), record.job_id
    requested = record.decision == REQUESTED
    data = _Told(
        job_id=job,
        member_id=member,
        channel=record.channel,
        template=record.template,
        category=record.category,
        purpose=record.purpose,
        not_before=to_datetime(record.decided_at),
        deadline=to_datetime(record.deadline),
        because=msgspec.Raw(record.because.encode()),
        journey=record.journey,
        step=record.step,
        content=msgspec.Raw(record.content.encode()) if requested else msgspec.UNSET,
        reason=msgspec.UNSET if requested else record.reason or record.decision,
        store_id=record.store_id,
        correction=correction,
        supersedes=event_id(job, revision - 1) if revision else None,
    )
    value = encode(
        type=types.JOB_REQUESTED if requested else types.JOB_SUPPRESSED,
        source=SOURCE,
        id=event_id(job, revision),
        subject=member,
        at=record.decided_at,
        data=data,
        recorded_at=batch.now,
    )
    batch.emit(topics.JOBS, member, value)
    if record.reason == PAST_DEADLINE and record.decided_at > batch.now - CAP_WINDOW_MAX:
        _uncount(batch, record, event_id(job, revision))


def _uncount(batch: Batch, record: JobRecord, told_as: str) -> None:
    """Say that a message found too late did not arrive, so that caps do not count it."""
    member = str(record.member_id)
    value = encode(
        type=types.JOB_FAILED,
        source=SOURCE,
        id=f"{told_as}:{PAST_DEADLINE}",
        subject=member,
        at=batch.now,
        data=JobFailed(job_id=record.job_id, channel=record.channel, error=PAST_DEADLINE),
        recorded_at=batch.now,
    )
    batch.emit(topics.RECEIPTS, member, value)
