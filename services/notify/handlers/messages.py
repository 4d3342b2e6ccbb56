"""Answers about messages: a member's, one job, the sums; and receipts that others report."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from services.notify.domain.decision import REQUESTED
from services.notify.domain.job import WITHDRAWN
from services.notify.domain.program import Program
from services.notify.domain.template import ContentError
from services.notify.handlers.controls import ControlBook
from services.notify.handlers.wording import in_words_of, word
from services.notify.store import jobs
from services.notify.store.jobs import StoredJob
from shared.clock import Instant, to_datetime
from shared.db import Database, Transaction
from shared.events import encode, topics
from shared.events.decisions import Receipt
from shared.events.registry import STRUCTS
from shared.kafka.partitioner import member_key, partition_of
from shared.outbox import Outgoing, append
from shared.runtime.program import ProgramHistory

REPORTED_SOURCE = "urn:regulars:notify:reported"


class ReceiptReport(NamedTuple):
    """What somebody says became of a job; `at` is None for now."""

    job_id: UUID
    status: str
    at: Instant | None
    provider_id: str | None
    error: str | None
    text: str | None


class Stats(NamedTuple):
    """Sums over all messages; those withdrawn before delivery are in none but `withdrawn`."""

    jobs_by_step: dict[str, int]
    suppressed_by_step: dict[str, int]
    suppressed_by_reason: dict[str, int]
    deliveries: dict[str, int]
    withdrawn: int


class Messages:
    """The reading side of notify."""

    def __init__(
        self, database: Database, history: ProgramHistory[Program], partitions: int
    ) -> None:
        """Read there, and render with these versions of the program."""
        self._database = database
        self._partitions = partitions
        self._history = history
        self.book = ControlBook()

    async def of_member(self, member: UUID, wanted: jobs.Wanted) -> list[StoredJob]:
        """A member's messages and non-messages, newest decision first."""
        async with self._database.transaction(read_only=True, timeout_seconds=10) as tx:
            await self._history.refresh(tx)
            return await jobs.of_member(tx, member_key(member, self._partitions), wanted)

    async def job(self, job_id: UUID) -> StoredJob | None:
        """One job."""
        async with self._database.transaction(read_only=True, timeout_seconds=10) as tx:
            await self._history.refresh(tx)
            return await jobs.by_id(tx, job_id)

    async def stats(self) -> Stats:
        """Sums over all messages."""
        async with self._database.transaction(read_only=True, timeout_seconds=25) as tx:
            return _stats(await jobs.totals(tx))

    async def program(self, now: Instant) -> tuple[int, Program]:
        """The program in force, with its version."""
        async with self._database.transaction(read_only=True) as tx:
            await self._history.refresh(tx)
            await self.book.refresh(tx)
        in_force = self._history.at(now)
        return in_force.version, in_force.program

    async def knows(self, journey: str) -> bool:
        """Whether any version has a journey of that name: members may be under way in it still."""
        async with self._database.transaction(read_only=True) as tx:
            await self._history.refresh(tx)
        return any(journey in each.program.journeys for each in self._history.versions)

    def text(self, job: StoredJob, language: str | None, now: Instant) -> str | None:
        """What a job says, rendered now; None for what was erased or cannot be rendered."""
        content: dict[str, Any] = msgspec.json.decode(job.record.content)
        if not content["variables"]:
            return None
        content["language"] = language or content["language"]
        record, member = job.record, str(job.record.member_id)
        decided_by = record.program_version
        try:
            if job.delivery is None and job.text_version is None:
                self._history.numbered(decided_by)
                return word(self._history, record.template, decided_by, content, member, now).text
            said_by = job.text_version or decided_by
            return in_words_of(self._history, record.template, said_by, content, member).text
        except (ContentError, LookupError):
            return None


def status_of(job: StoredJob) -> str:
    """Where a message stands, in one word: the furthest receipt, or else the decision."""
    if job.delivery is not None and job.record.decision != "suppressed":
        return job.delivery
    return job.record.decision


async def report(
    tx: Transaction, reports: Sequence[ReceiptReport], *, partitions: int, now: Instant
) -> list[UUID]:
    """Publish receipts that others report; returns the jobs that are unknown."""
    members = await jobs.members_of(tx, [each.job_id for each in reports])
    known = [each for each in reports if each.job_id in members]
    await append(
        tx, [_outgoing(each, members[each.job_id], partitions, now) for each in known], now
    )
    return [each.job_id for each in reports if each.job_id not in members]


def _outgoing(each: ReceiptReport, member: UUID, partitions: int, now: Instant) -> Outgoing:
    type_ = f"regulars.job.{each.status}.v1"
    told = Receipt(
        job_id=str(each.job_id), provider_id=each.provider_id, error=each.error, text=each.text
    )
    data = msgspec.convert(told, STRUCTS[type_], from_attributes=True)
    subject = str(member)
    value = encode(
        type=type_,
        source=REPORTED_SOURCE,
        id=f"{each.job_id}:{each.status}:{each.provider_id or ''}",
        subject=subject,
        at=now if each.at is None else each.at,
        data=data,
        recorded_at=now,
    )
    key = subject.encode()
    return Outgoing(topics.RECEIPTS, partition_of(key, partitions), key, value)


def _stats(totals: Sequence[jobs.Total]) -> Stats:
    stats = Stats({}, {}, {}, {}, 0)
    withdrawn = 0
    for total in totals:
        step = f"{total.journey}/{total.step}"
        if total.decision == REQUESTED:
            _add(stats.jobs_by_step, step, total.jobs)
            _add(stats.deliveries, total.delivery or "waiting", total.jobs)
        elif total.decision == WITHDRAWN:
            withdrawn += total.jobs
        else:
            _add(stats.suppressed_by_step, step, total.jobs)
            _add(stats.suppressed_by_reason, total.reason or "unknown", total.jobs)
    return stats._replace(withdrawn=withdrawn)


def _add(counts: dict[str, int], key: str, count: int) -> None:
    counts[key] = counts.get(key, 0) + count


def moment(at: Instant | None) -> datetime | None:
    """An instant as the API shows it."""
    return None if at is None else to_datetime(at)


def decoded(text: str) -> Mapping[str, Any]:
    """A JSON column as the API shows it."""
    found: Mapping[str, Any] = msgspec.json.decode(text)
    return found
