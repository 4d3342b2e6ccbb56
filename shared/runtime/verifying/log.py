"""A service's facts held against the log that they came from, in sets, a partition at a time.

What the service would keep of every record that is still there goes into a table of the session's
own (`told`), and PostgreSQL compares it with `facts`: what is missing, what is one too many, what
is told otherwise. The facts are those of one snapshot, and the log is read beyond it, so lanes may
go on meanwhile. Nothing but that table is written, and it ends with the session.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple

import msgspec

from shared.clock import SECOND, Instant
from shared.db import Database, Transaction, member_uuid
from shared.events import Event, event_key
from shared.kafka.consumer import Record
from shared.kafka.ends import Ends
from shared.kafka.whole import whole
from shared.outbox.append import unpack
from shared.runtime.intake import read
from shared.runtime.machine import E, F, Machine, S
from shared.runtime.news import about_of
from shared.runtime.verifying.findings import Findings

LETTERS: Final = "events that were set aside as dead letters"
NO_EVENTS: Final = "records that are no events, and are dead letters"
BEFORE_RETENTION: Final = "facts older than what the log still holds"
NOT_LISTENED_TO: Final = "events of types that the program did not listen to at first"
EARLIER_RELEASE: Final = "facts of an earlier release, which kept less"

_ENDS_SECONDS_MAX: Final = 10.0
_NEVER: Final = 2**62
_SHOWN_MAX: Final = 10_000

_TABLE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS told (
  topic text, position bigint, required boolean, member_id uuid, event_key bytea, at bigint,
  rank smallint, supersedes bytea, about bytea, body bytea, named text
)
"""
_COLUMNS: Final = (
    "topic",
    "position",
    "required",
    "member_id",
    "event_key",
    "at",
    "rank",
    "supersedes",
    "about",
    "body",
    "named",
)

_POSITIONS: Final = "SELECT topic, position FROM positions WHERE consumer = $1 AND partition = $2"
_WAITING: Final = """
SELECT topic, messages FROM outbox
 WHERE topic = ANY($1::text[]) AND coalesce(target, partition) = $2 ORDER BY id
"""

_LETTER: Final = """
EXISTS (SELECT FROM dead_letters d
         WHERE d.consumer = $2 AND d.partition = $1 AND d.topic = t.topic
           AND d.position = t.position AND d.state <> 'replayed')"""

_MISSING: Final = f"""
SELECT t.member_id, t.event_key, t.named, {_LETTER} AS excused
  FROM (SELECT DISTINCT ON (member_id, event_key) * FROM told WHERE required
         ORDER BY member_id, event_key, position) t
  LEFT JOIN facts f ON f.partition = $1 AND f.member_id = t.member_id AND f.event_key = t.event_key
 WHERE f.event_key IS NULL AND t.event_key IS NOT NULL
"""  # noqa: S608 - made of constants

_NO_EVENTS: Final = """
SELECT t.topic, t.position, t.named,
       EXISTS (SELECT FROM dead_letters d
                WHERE d.consumer = $2 AND d.partition = $1 AND d.topic = t.topic
                  AND d.position = t.position) AS excused
  FROM told t WHERE t.event_key IS NULL AND t.required
"""

_SURPLUS: Final = """
SELECT f.member_id, f.event_key, f.at <= CASE f.rank WHEN 0 THEN $2::bigint ELSE $3::bigint END
       AS excused
  FROM facts f
 WHERE f.partition = $1 AND NOT EXISTS (
       SELECT FROM told t WHERE t.member_id = f.member_id AND t.event_key = f.event_key)
"""

_OTHERWISE: Final = """
SELECT f.member_id, f.event_key, f.at, f.rank, f.supersedes, f.about, f.body, t.at AS told_at,
       t.rank AS told_rank, t.supersedes AS told_supersedes, t.about AS told_about,
       t.body AS told_body, t.named
  FROM (SELECT DISTINCT ON (member_id, event_key) * FROM told WHERE event_key IS NOT NULL
         ORDER BY member_id, event_key, position) t
  JOIN facts f ON f.partition = $1 AND f.member_id = t.member_id AND f.event_key = t.event_key
 WHERE NOT EXISTS (
       SELECT FROM told u WHERE u.member_id = f.member_id AND u.event_key = f.event_key
          AND (u.at, u.rank, u.body) = (f.at, f.rank, f.body)
          AND u.supersedes IS NOT DISTINCT FROM f.supersedes
          AND u.about IS NOT DISTINCT FROM f.about)
 LIMIT $2
"""


class _Span(NamedTuple):
    """What there is of a partition of a topic: offsets from `begin` up to `end`."""

    topic: str
    begin: int
    end: int


@dataclass(frozen=True)
class LogReader:
    """Where the log is, and what a consumer reads of it.

    Attributes:
        bootstrap: host:port of the brokers.
        consumer: the consumer's name in `positions`.
        topics: its topics, the one of facts first.
        sure: whether the service has kept such an event since ever; else it may, or may not.
    """

    bootstrap: str
    consumer: str
    topics: Sequence[str]
    sure: Callable[[Event], bool] = lambda _: True


class FactsOnLog(Generic[S, F, E]):
    """Verifies the facts of one consumer."""

    def __init__(
        self,
        machine: Machine[S, F, E],
        prepare: Callable[[Transaction], Awaitable[None]],
        reader: LogReader,
    ) -> None:
        """Read events as this machine does; `prepare` brings it up to date."""
        self._machine = machine
        self._prepare = prepare
        self._reader = reader
        self._encode = msgspec.msgpack.Encoder().encode

    async def verify(
        self, database: Database, partition: int, findings: Findings, progress: Callable[[], None]
    ) -> None:
        """Verify a partition; `progress` is called as the log is read.

        Args:
            database: with one connection, for the table of what was told belongs to it.
            partition: which.
            findings: where differences go.
            progress: called after each lot of records.

        Raises:
            KafkaSilent: the log could not be read.
        """
        async with database.transaction() as tx:
            await tx.execute(_TABLE)
            await tx.execute("TRUNCATE told")
        async with database.transaction(read_only=True) as tx:
            await self._prepare(tx)
            consumer = self._reader.consumer
            reached = {
                row["topic"]: row["position"]
                for row in await tx.fetch(_POSITIONS, consumer, partition)
            }
            await self._take_waiting(tx, partition)
            horizons = [-_NEVER, -_NEVER]
            for rank, span in enumerate(await self._spans(partition)):
                until = reached.get(span.topic, 0)
                if until > span.end:
                    place = f"{span.topic}-{partition}"
                    findings.differs("positions", place, "position", f"at most {span.end}", until)
                first = await self._take_topic(tx, partition, span, until, findings, progress)
                if span.begin > 0:
                    horizons[min(rank, 1)] = max(horizons[min(rank, 1)], first)
            await self._compare(tx, partition, horizons, findings)

    async def _spans(self, partition: int) -> list[_Span]:
        """What there is of each topic, as of now."""
        asked = [(topic, partition) for topic in self._reader.topics]
        ends = Ends(self._reader.bootstrap, seconds_max=_ENDS_SECONDS_MAX)
        try:
            latest, earliest = await ends.latest(asked), await ends.earliest(asked)
        finally:
            await ends.close()
        return [_Span(each[0], earliest[each] or 0, latest[each] or 0) for each in asked]

    async def _take_topic(
        self,
        tx: Transaction,
        partition: int,
        span: _Span,
        reached: int,
        findings: Findings,
        progress: Callable[[], None],
    ) -> Instant:
        """Write down what a topic tells; returns when its first record was written."""
        first: Instant = _NEVER
        if span.end <= span.begin:
            return first
        async for records in whole(self._reader.bootstrap, span.topic, partition, span.end):
            first = min(first, records[0].timestamp_ms * (SECOND // 1000))
            rows = [self._row(record, due=record.offset < reached) for record in records]
            await tx.copy("told", _COLUMNS, [row for row in rows if row is not None])
            findings.checked["records"] += len(records)
            progress()
        return first

    async def _take_waiting(self, tx: Transaction, partition: int) -> None:
        """Write down what the service itself says and has not published yet."""
        for row in await tx.fetch(_WAITING, list(self._reader.topics), partition):
            records = [
                Record(row["topic"], partition, 0, 0, key, value, ())
                for key, value in unpack(row["messages"])
            ]
            rows = [self._row(record, due=False) for record in records]
            await tx.copy("told", _COLUMNS, [each for each in rows if each is not None])

    def _row(self, record: Record, *, due: bool) -> tuple[object, ...] | None:
        """What the service keeps of a record; None where it keeps nothing."""
        rank = min(self._reader.topics.index(record.topic), 1)
        place = (record.topic, record.offset)
        arrived = read(record, rank)
        event = arrived.event
        if event is None:
            return (*place, due, *[None] * 7, arrived.error)
        if not event.subject:
            return None  # about nobody: no service folds it
        named = f"{event.type} {event.source} {event.id}"
        try:
            fact = self._machine.remember(event)
            if fact is None:
                return None
            member = member_uuid(event.subject)
        except Exception as error:  # noqa: BLE001 - it was such an event's fault to the lane as well
            return (*place, due, *[None] * 7, f"{named}: {type(error).__name__}: {error}")
        earlier = self._machine.supersedes(fact)
        return (
            *place,
            due and self._reader.sure(event),
            member,
            event.key,
            event.at,
            rank,
            None if earlier is None else event_key(event.source, earlier),
            about_of(self._machine.report(fact)),
            self._encode(fact),
            named,
        )

    async def _compare(
        self, tx: Transaction, partition: int, horizons: Sequence[Instant], findings: Findings
    ) -> None:
        consumer = self._reader.consumer
        asked = _Asked(_MISSING, (partition, consumer), LETTERS)
        for row in await _differing(tx, asked, "facts", findings):
            findings.missing("facts", (str(row["member_id"]), row["named"]))
        asked = _Asked(_NO_EVENTS, (partition, consumer), NO_EVENTS)
        for row in await _differing(tx, asked, "dead_letters", findings):
            place = f"{row['topic']}-{partition} offset {row['position']}: {row['named']}"
            findings.missing("dead_letters", place)
        asked = _Asked(_SURPLUS, (partition, *horizons), BEFORE_RETENTION)
        for row in await _differing(tx, asked, "facts", findings):
            findings.surplus("facts", (str(row["member_id"]), row["event_key"]))
        for row in await tx.fetch(_OTHERWISE, partition, _SHOWN_MAX):
            hold_fact(row, findings)


class _Asked(NamedTuple):
    """A question whose rows are differences, but for those that are `excused`, for this reason."""

    sql: str
    args: Sequence[object]
    reason: str


async def _differing(
    tx: Transaction, asked: _Asked, table: str, findings: Findings
) -> Sequence[Mapping[str, Any]]:
    """The first differences that a question finds; what is beyond them is counted, no more."""
    counts = await tx.fetch(
        f"SELECT excused, count(*) AS rows FROM ({asked.sql}) a GROUP BY excused",  # noqa: S608 - as above
        *asked.args,
    )
    found = {bool(row["excused"]): row["rows"] for row in counts}
    findings.account(asked.reason, found.get(True, 0))
    if not found.get(False):
        return ()
    rows = await tx.fetch(
        f"SELECT * FROM ({asked.sql}) a WHERE excused IS NOT TRUE LIMIT {findings.listed_max}",  # noqa: S608 - as above
        *asked.args,
    )
    findings.more(table, found[False] - len(rows))
    return rows


def hold_fact(row: Mapping[str, Any], findings: Findings) -> None:
    """Name what a fact says otherwise than the log."""
    key = (str(row["member_id"]), row["named"])
    for column in ("at", "rank", "supersedes", "about"):
        if row[column] != row[f"told_{column}"]:
            findings.differs("facts", key, column, row[f"told_{column}"], row[column])
    told, found = row["told_body"], row["body"]
    if told == found:
        return
    if _kept_less(told, found):
        findings.account(EARLIER_RELEASE)
    else:
        findings.differs("facts", key, "body", told, found)


def _kept_less(told: bytes, found: bytes) -> bool:
    """Whether a fact is what an earlier release kept: the first fields, and no more."""
    try:
        more, less = msgspec.msgpack.decode(told), msgspec.msgpack.decode(found)
    except msgspec.DecodeError:
        return False
    both_lists = isinstance(more, list) and isinstance(less, list)
    return both_lists and len(less) < len(more) and more[: len(less)] == less
