"""What is kept of messages must follow from a history: notify's half of `verify`.

Each row of `jobs` is held against the history just as it is when a history is folded anew, as of
the wall time at which it was written: nothing may be left to request, to change or to withdraw.
What is about the present stays out: a message that was said stays as it was said, and only has to
be marked if it is no longer right; revisions count how often it was decided. Receipts are facts,
so how far a delivery has come follows from them; of two equally far the first to arrive counts.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

from services.notify.domain import facts
from services.notify.domain.decision import (
    SUPPRESSED,
    Effect,
    Forgotten,
    MessageDecision,
    ReceiptSeen,
)
from services.notify.domain.facts import AnyFact
from services.notify.domain.job import (
    WITHDRAWN,
    Change,
    JobRecord,
    Posted,
    differences,
    record_of,
)
from services.notify.domain.job_id import as_text
from services.notify.domain.machine import NotifyMachine, job_bytes
from services.notify.domain.state import MemberState
from services.notify.store.jobs import DELIVERY_RANKS, FORGOTTEN, RECORD
from shared.clock import Instant
from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.histories import Held, History, Row, Rows

AS_SAID: Final = "messages that were delivered, kept as they were said"

_VERIFICATION: Final = "verify"
_DELIVERY: Final = (
    "revision, superseded_by, recorded_at, delivery, delivery_rank, delivery_at, provider_id, error"
)
_NO_DELIVERY: Final = (None, None, None, None)

MessageHistory = History[MemberState, AnyFact, Effect]


class NotifyAuditor:
    """Holds the messages of one member after the other against their histories."""

    held: Final = (Held("jobs", f"{RECORD}, {_DELIVERY}"),)

    def __init__(self, machine: NotifyMachine) -> None:
        """Take the machine, which knows when a state is due."""
        self._machine = machine

    def dues(self, state: MemberState) -> Collection[Instant | None]:
        """When the next step is due, also before something was said of its journey.

        New versions of the program do not change it.
        """
        said = self._machine.programs.controls.instants
        plain = min((entry.due for entry in state.entries), default=None)
        return {self._machine.due(state), plain, *said}

    def hold(self, history: MessageHistory, rows: Rows, findings: Findings) -> None:
        """Hold a member's rows against the history."""
        records = _records(history)
        jobs = {row["job_id"]: row for row in rows.get("jobs", ())}
        receipts = _receipts(history)
        for job_id in sorted(records.keys() | jobs.keys()):
            row, record = jobs.get(job_id), records.get(job_id)
            key = (str(history.member), job_id)
            if row is None:
                findings.missing("jobs", key)
                continue
            _hold_record(key, record, row, findings)
            _hold_marks(key, row, findings)
            _hold_delivery(key, row, receipts[job_id], findings)


class _Receipts:
    """What was heard of one message: `all` of it, and what the history has in its place."""

    def __init__(self) -> None:
        self.all: list[ReceiptSeen] = []
        self.counted: list[ReceiptSeen] = []


def _records(history: MessageHistory) -> dict[str, JobRecord]:
    """By job, what is decided of it last; of a member who is forgotten, what is left of it."""
    erased = any(isinstance(effect, Forgotten) for effect in history.effects)
    records = {}
    for effect in history.effects:
        if isinstance(effect, MessageDecision):
            record = record_of(history.member, effect)
            if erased:
                record = record._replace(content=FORGOTTEN, store_id=None)
            records[record.job_id] = record
    return records


def _receipts(history: MessageHistory) -> dict[str, _Receipts]:
    """What was heard of each message: as the history tells it, and whatever else came."""
    found: dict[str, _Receipts] = defaultdict(_Receipts)
    for effect in history.effects:
        if isinstance(effect, ReceiptSeen):
            found[as_text(effect.job)].counted.append(effect)
    for stored, fact in history.facts:
        if not isinstance(fact, facts.Receipt):
            continue
        job = job_bytes(fact.job_id)
        if job is not None:
            seen = ReceiptSeen(
                job=job,
                status=fact.status,
                at=stored.order.at,
                provider_id=fact.provider_id,
                error=fact.error,
            )
            found[as_text(job)].all.append(seen)
    return found


def _hold_record(key: object, record: JobRecord | None, row: Row, findings: Findings) -> None:
    """What would be done about the row, had its history been folded anew when it was written."""
    old = JobRecord(*(row[name] for name in JobRecord._fields))
    delivered = row["delivery"] not in (None, "failed")
    posted = Posted(old, delivered, row["revision"], row["superseded_by"])
    wanted = [] if record is None else [record]
    now: Instant = row["recorded_at"]
    for change in differences(wanted, {old.job_id: posted}, _VERIFICATION, now):
        _tell(key, change, row, findings)
    if delivered and record is not None:
        if record != old:
            findings.account(AS_SAID)
        always = {name: getattr(record, name) for name in ("journey", "step")}
        findings.hold("jobs", key, always, row)


def _tell(key: object, change: Change, row: Row, findings: Findings) -> None:
    """Name what a change would change."""
    match change.kind:
        case "withdrawn":
            findings.surplus("jobs", key)
        case "flagged":
            findings.differs("jobs", key, "superseded_by", "an event", row["superseded_by"])
        case "cleared":
            findings.differs("jobs", key, "superseded_by", None, row["superseded_by"])
        case _:
            findings.hold("jobs", key, change.record._asdict(), row)


def _hold_marks(key: object, row: Row, findings: Findings) -> None:
    """Whoever withdrew a message is named, and only then; it was decided again at least once."""
    delivered = row["delivery"] not in (None, "failed")
    withdrawn = row["decision"] == WITHDRAWN
    if withdrawn and row["revision"] < 1:
        findings.differs("jobs", key, "revision", "1 or more", row["revision"])
    if not delivered and withdrawn != (row["superseded_by"] is not None):
        expected = "an event" if withdrawn else None
        findings.differs("jobs", key, "superseded_by", expected, row["superseded_by"])


def _hold_delivery(key: object, row: Row, receipts: _Receipts, findings: Findings) -> None:
    """How far the message has come, as the receipts say that are there."""
    found = (row["delivery"], row["delivery_rank"], row["delivery_at"], row["error"])
    allowed = {_told(seen) for seen in _furthest(receipts.all)}
    if not _must_be_seen(row, receipts.counted):
        allowed |= {_told(seen) for seen in receipts.all} | {_NO_DELIVERY}
    if found not in allowed:
        names = ("delivery", "delivery_rank", "delivery_at", "error")
        expected = min(allowed, key=lambda told: _unlike(told, found))
        _hold_tuple(key, names, (expected, found), findings)
    providers = {seen.provider_id for seen in receipts.all} | {None}
    if row["provider_id"] not in providers:
        told = ", ".join(sorted(map(str, providers)))
        findings.differs("jobs", key, "provider_id", told, row["provider_id"])


def _must_be_seen(row: Row, counted: Sequence[ReceiptSeen]) -> bool:
    """Whether the furthest receipt was there to be seen when the message was.

    What was suppressed takes none; a receipt from before the decision may have found no row.
    """
    seen = [each for each in _furthest(counted) if each.at >= row["decided_at"]]
    return bool(seen) and row["decision"] != SUPPRESSED


def _furthest(receipts: Sequence[ReceiptSeen]) -> list[ReceiptSeen]:
    ranks = [DELIVERY_RANKS.get(seen.status, 0) for seen in receipts]
    most = max(ranks, default=0)
    return [seen for seen, rank in zip(receipts, ranks, strict=True) if rank == most > 0]


def _told(seen: ReceiptSeen) -> tuple[Any, ...]:
    return seen.status, DELIVERY_RANKS.get(seen.status, 0), seen.at, seen.error


def _unlike(told: tuple[Any, ...], found: tuple[Any, ...]) -> int:
    return sum(one != other for one, other in zip(told, found, strict=True))


def _hold_tuple(
    key: object,
    names: Sequence[str],
    values: tuple[tuple[Any, ...], tuple[Any, ...]],
    findings: Findings,
) -> None:
    expected, found = (dict(zip(names, each, strict=True)) for each in values)
    findings.hold("jobs", key, expected, found)
