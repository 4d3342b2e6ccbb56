"""Dead letters: what could not be processed, with why, kept until somebody replays or discards it.

A letter is made in the transaction that moves the position past its record, so a record is either
applied or a letter, never both and never neither. Replaying is a request: the lane that owns the
partition applies the raw bytes again in a transaction of its own, in which the letter becomes
`replayed`.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from shared.clock import Instant
from shared.db import Transaction, storable
from shared.events.topics import DEAD_LETTERS
from shared.kafka.consumer import Record
from shared.outbox import Outgoing

Kind = Literal["undecodable", "poison", "timer"]
State = Literal["held", "replaying", "replayed", "discarded"]
_ERROR_CHARACTERS_MAX = 4_000
_ABOUT_CHARACTERS_MAX = 400
_RAW_TOLD_BYTES_MAX = 256 * 1024
_HEADERS_TOLD_BYTES_MAX = 64 * 1024
_KEY_TOLD_BYTES_MAX = 1024
_WRITTEN_OUT = re.compile(rb"\\(\\|x[0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record or timer set aside; times are instants."""

    id: int
    consumer: str
    topic: str
    partition: int
    position: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    raw: bytes | None
    type: str | None
    event_id: str | None
    member_id: str | None
    kind: Kind
    error: str
    attempts: int
    first_at: Instant
    last_at: Instant
    state: State

    def record(self) -> Record:
        """The record as it was read."""
        return Record(
            self.topic, self.partition, self.position, 0, self.key, self.raw, self.headers
        )


_COLUMNS = """id, consumer, topic, partition, position, key, headers, raw, type, event_id,
member_id, kind, error, attempts, first_at, last_at, state"""

_INSERT = """
INSERT INTO dead_letters (consumer, topic, partition, position, key, headers, raw, type, event_id,
                          member_id, kind, error, attempts, first_at, last_at, state)
VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12, 1, $13, $13, 'held')
"""

# NULL means "any"; one statement serves list, count and bulk requests alike.
_MATCHING = """($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR topic = $2)
AND ($3::text IS NULL OR type = $3)"""


async def insert(  # noqa: PLR0913 - what a letter says, by name
    tx: Transaction,
    consumer: str,
    record: Record,
    *,
    kind: Kind,
    error: str,
    now: Instant,
    about: tuple[str | None, str | None, str | None] = (None, None, None),
) -> None:
    """Set a record aside.

    Args:
        tx: the transaction that moves the position past it.
        consumer: the name of the consumer group that could not process it.
        record: as it was read.
        kind: what was wrong.
        error: the reason, in words.
        now: wall time.
        about: type, event id and member id, as far as they are known.
    """
    await tx.execute(
        _INSERT,
        consumer,
        record.topic,
        record.partition,
        record.offset,
        record.key,
        orjson.dumps(_headers(record)).decode(),
        record.value,
        *(None if each is None else storable(each)[:_ABOUT_CHARACTERS_MAX] for each in about),
        kind,
        storable(error[:_ERROR_CHARACTERS_MAX]),
        now,
    )


async def insert_bare(
    tx: Transaction, consumer: str, record: Record, *, error: str, now: Instant
) -> None:
    """Set a record aside of which nothing but its place and its bytes can be told.

    The last resort: what made `insert` fail is left out.
    """
    bare = record._replace(key=None, headers=())
    await insert(tx, consumer, bare, kind="poison", error=error, now=now)


async def list_dead_letters(
    tx: Transaction,
    *,
    limit: int,
    after: int | None = None,
    state: str | None = None,
    topic: str | None = None,
    type: str | None = None,  # noqa: A002 - the event's attribute
) -> list[DeadLetter]:
    """List letters, newest first, those with an id below `after`."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM dead_letters WHERE {_MATCHING}"  # noqa: S608 - constants
        " AND ($4::bigint IS NULL OR id < $4) ORDER BY id DESC LIMIT $5",
        state,
        topic,
        type,
        after,
        limit,
    )
    return [_letter(row) for row in rows]


async def count(
    tx: Transaction,
    *,
    state: str | None = None,
    topic: str | None = None,
    type: str | None = None,  # noqa: A002 - the event's attribute
) -> int:
    """Count letters."""
    rows = await tx.fetch(
        f"SELECT count(*) AS n FROM dead_letters WHERE {_MATCHING}",  # noqa: S608 - constants
        state,
        topic,
        type,
    )
    return int(rows[0]["n"])


async def get(tx: Transaction, letter_id: int) -> DeadLetter | None:
    """One letter."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM dead_letters WHERE id = $1",  # noqa: S608 - a constant
        letter_id,
    )
    return _letter(rows[0]) if rows else None


async def request_replay(tx: Transaction, ids: Sequence[int], now: Instant) -> list[int]:
    """Ask the lanes to apply letters again; returns those that were held."""
    return await _change(tx, ids, now, "replaying", ["held"])


async def discard(tx: Transaction, ids: Sequence[int], now: Instant) -> list[int]:
    """Give letters up; returns those that were held."""
    return await _change(tx, ids, now, "discarded", ["held"])


async def asked_for(tx: Transaction, consumer: str, partition: int, limit: int) -> list[DeadLetter]:
    """Letters of a lane that somebody wants applied again, oldest first."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM dead_letters WHERE state = 'replaying'"  # noqa: S608 - a constant
        " AND consumer = $1 AND partition = $2 ORDER BY id LIMIT $3",
        consumer,
        partition,
        limit,
    )
    return [_letter(row) for row in rows]


async def end_replay(
    tx: Transaction, letter: DeadLetter, now: Instant, *, failed: str | None = None
) -> None:
    """End a replay: applied, or held again with the new reason."""
    await tx.execute(
        """UPDATE dead_letters
              SET state = CASE WHEN $3::text IS NULL THEN 'replayed' ELSE 'held' END,
                  error = coalesce($3, error), attempts = attempts + 1, last_at = $2
            WHERE partition = $4 AND id = $1""",
        letter.id,
        now,
        failed and storable(failed[:_ERROR_CHARACTERS_MAX]),
        letter.partition,
    )


async def _change(
    tx: Transaction, ids: Sequence[int], now: Instant, state: State, among: Sequence[State]
) -> list[int]:
    changed: list[int] = []
    found = await tx.fetch(
        "SELECT partition, array_agg(id) AS ids FROM dead_letters"
        " WHERE id = ANY($1::bigint[]) GROUP BY partition ORDER BY partition",
        ids,
    )
    for partition, its_ids in found:
        rows = await tx.fetch(
            "UPDATE dead_letters SET state = $3, last_at = $4"
            " WHERE partition = $1 AND id = ANY($2::bigint[]) AND state = ANY($5::text[])"
            " RETURNING id",
            partition,
            its_ids,
            state,
            now,
            among,
        )
        changed += [row["id"] for row in rows]
    return sorted(changed)


def _letter(row: object) -> DeadLetter:
    fields = dict(row)  # type: ignore[call-overload]  # asyncpg ships no types; a record is a mapping
    fields["headers"] = tuple(
        (name_again(name), None if value is None else base64.b64decode(value))
        for name, value in fields["headers"]
    )
    return DeadLetter(**fields)


def announcement(consumer: str, record: Record, kind: Kind, error: str) -> Outgoing:
    """A dead letter as it is told on `regulars.dead-letters`.

    Whole, but for a value, headers or key so large that Kafka would not take it again in this
    dress: that would hold up the outbox for ever. The database always has all of it.
    """
    raw, key = record.value or b"", record.key or b""
    fits = 0 < len(raw) <= _RAW_TOLD_BYTES_MAX
    headers = _headers(record)
    headers_bytes = sum(len(name or "") + len(value or "") for name, value in headers)
    value = orjson.dumps(
        {
            "consumer": consumer,
            "topic": record.topic,
            "partition": record.partition,
            "position": record.offset,
            "kind": kind,
            "error": storable(error[:_ERROR_CHARACTERS_MAX]),
            "headers": headers if headers_bytes <= _HEADERS_TOLD_BYTES_MAX else [],
            "headers_bytes": headers_bytes,
            "raw": base64.b64encode(raw).decode() if fits else None,
            "raw_bytes": len(raw),
        }
    )
    return Outgoing(
        DEAD_LETTERS, record.partition, key if len(key) <= _KEY_TOLD_BYTES_MAX else b"", value
    )


def _headers(record: Record) -> list[list[str | None]]:
    """Names as text that can be kept; a value in base64, null where there is none."""
    return [
        [storable_name(name), None if value is None else base64.b64encode(value).decode()]
        for name, value in record.headers
    ]


def storable_name(name: str) -> str:
    r"""A header's name with what no database takes written out, so that `name_again` finds it.

    NUL and bytes that are no UTF-8 (lone surrogates in the name) become `\x00` and the like.
    """
    raw = name.encode("utf-8", "surrogateescape").replace(b"\\", b"\\\\")
    return raw.replace(b"\0", rb"\x00").decode("utf-8", "backslashreplace")


def name_again(stored: str) -> str:
    """The name that `storable_name` was given."""
    raw = _WRITTEN_OUT.sub(_unwritten, stored.encode("utf-8", "backslashreplace"))
    return raw.decode("utf-8", "surrogateescape")


def _unwritten(found: re.Match[bytes]) -> bytes:
    written = found[1]
    return written if written == b"\\" else bytes([int(written[1:], 16)])
