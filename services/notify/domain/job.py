"""A message as it is kept, and the difference between what was posted and what a history now says.

Each decision becomes one record. When a history was folded anew because something turned up late,
its decisions are held against the records posted before, and the difference is posted in the open:

- a message that was missing is requested, unless it would come after its deadline: what is over
  is recorded as suppressed and not said;
- one that is no longer right is withdrawn, and says by which event; if it was delivered
  already it stays as it was said, marked as superseded;
- what is the same stays untouched. A message has one id for ever, so it is never said twice.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from services.notify.domain.decision import REQUESTED, SUPPRESSED, MessageDecision
from services.notify.domain.job_id import as_text
from services.notify.domain.send_decision import PAST_DEADLINE, past_deadline
from shared.clock import Instant
from shared.events.decisions import Because

WITHDRAWN = "withdrawn"

_encode = msgspec.json.Encoder().encode


class JobRecord(NamedTuple):
    """What is kept of a decision: the columns of the table `jobs`, in this order.

    `job_id` is a UUID as text, `because` and `content` are JSON text.
    """

    member_id: UUID
    job_id: str
    journey: str
    step: str
    entry_event_id: str
    channel: str
    template: str
    category: str
    purpose: str
    due_at: Instant
    decided_at: Instant
    deadline: Instant
    decision: str
    reason: str | None
    because: str
    content: str
    store_id: str | None
    program_version: int


class Posted(NamedTuple):
    """A record as it stands in the database."""

    record: JobRecord
    delivered: bool
    revision: int
    superseded_by: str | None


class Change(NamedTuple):
    """One thing to write, and to say unless it is only a mark on a message that was delivered.

    `kind`: new (insert), revised (overwrite), withdrawn (mark), flagged (delivered, and no longer
    right), cleared (right again). `cause` is the event that made the history be folded anew.
    """

    kind: Literal["new", "revised", "withdrawn", "flagged", "cleared"]
    record: JobRecord
    revision: int
    cause: str | None = None

    @property
    def told(self) -> bool:
        """Whether other systems have to hear of it."""
        return self.kind not in {"flagged", "cleared"}


def record_of(member_id: UUID, decision: MessageDecision) -> JobRecord:
    """The record of a decision."""
    because = Because(
        rule=decision.rule,
        event_id=decision.cause,
        program_version=decision.version,
        figures=decision.figures,
    )
    return JobRecord(  # by place: this is done for every message that comes up
        member_id,
        as_text(decision.job),
        decision.journey,
        decision.step,
        decision.entry_event_id,
        decision.channel,
        decision.template,
        decision.category,
        decision.purpose,
        decision.planned,
        decision.decided_at,
        decision.deadline,
        REQUESTED if decision.reason is None else SUPPRESSED,
        decision.reason,
        _encode(because).decode(),
        _encode(decision.content).decode(),
        decision.store_id,
        decision.version,
    )


def in_time(record: JobRecord, now: Instant | None) -> JobRecord:
    """The record itself, or what becomes of a request that is found only after its deadline.

    Args:
        record: a decision, taken as of its own instant.
        now: the present; None under the stream clock, where nothing is late.
    """
    if now is None or record.decision != REQUESTED or now <= record.deadline:
        return record
    because = msgspec.json.decode(record.because, type=Because)
    figures = past_deadline(record.deadline, now).figures
    return record._replace(
        decision=SUPPRESSED,
        reason=PAST_DEADLINE,
        because=_encode(msgspec.structs.replace(because, figures=figures)).decode(),
    )


def differences(
    records: Iterable[JobRecord], posted: Mapping[str, Posted], cause: str, now: Instant | None
) -> list[Change]:
    """What to change so that the records posted become those of the history folded anew.

    Args:
        records: all decisions of the whole history.
        posted: what stands in the database, by job id.
        cause: id of the event that made the history be folded anew.
        now: the present; None under the stream clock.
    """
    changes: list[Change] = []
    valid: set[str] = set()
    for record in records:
        valid.add(record.job_id)
        before = posted.get(record.job_id)
        if before is None:
            changes.append(Change("new", in_time(record, now), 0, cause))
        else:
            change = change_of(record, before, cause, now)
            if change is not None:
                changes.append(change)
    for job_id, before in posted.items():
        if job_id not in valid:
            change = _unsay(before, cause)
            if change is not None:
                changes.append(change)
    return changes


def change_of(record: JobRecord, before: Posted, cause: str, now: Instant | None) -> Change | None:
    """What a decision that was posted already, in whatever form, changes.

    Also one that a history which goes on comes to: it had been taken back, for it was too early.
    """
    if before.delivered:
        return _said(record, before, cause)
    old = before.record
    if old.decision != REQUESTED:
        record = in_time(record, now)
        if record.reason == PAST_DEADLINE == old.reason and record.deadline == old.deadline:
            return None  # was late already; the instant of finding out is of no interest
    if record == old:
        return None
    return Change("revised", record, before.revision + 1, cause)


def _said(record: JobRecord, before: Posted, cause: str) -> Change | None:
    """A message that has been delivered stays as it was said; it is only marked."""
    right = record.decision == REQUESTED
    if right and before.superseded_by is not None:
        return Change("cleared", before.record, before.revision)
    if not right and before.superseded_by is None:
        return Change("flagged", before.record, before.revision, cause)
    return None


def _unsay(before: Posted, cause: str) -> Change | None:
    """A message that the history, as now known, does not contain."""
    old = before.record
    if before.delivered:
        if before.superseded_by is not None:
            return None
        return Change("flagged", old, before.revision, cause)
    if old.decision == WITHDRAWN:
        return None
    return Change("withdrawn", old._replace(decision=WITHDRAWN), before.revision + 1, cause)
