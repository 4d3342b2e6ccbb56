"""The tables `journey_controls`, of the chain, and `journeys_woken`, of the lanes."""

from typing import NamedTuple

from services.notify.domain.controls import Control, Status
from shared.clock import Instant
from shared.db import Transaction

_LOCK_KEY = 7_236_011

_SAID = """
SELECT id, journey, at, status, author, note FROM journey_controls WHERE id > $1 ORDER BY id
"""

_SAY = """
INSERT INTO journey_controls (id, journey, at, status, author, note, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

# whoever is under way has a due instant; those who wait for a word, one that never comes
_WAKE = "UPDATE timelines SET due_at = $2 WHERE partition = $1 AND due_at > $2"

_WOKEN = "SELECT control FROM journeys_woken WHERE partition = $1"

_NOTE_WOKEN = """
INSERT INTO journeys_woken (partition, control) VALUES ($1, $2)
    ON CONFLICT (partition) DO UPDATE SET control = EXCLUDED.control
"""


class Said(NamedTuple):
    """A row of `journey_controls`."""

    id: int
    journey: str
    at: Instant
    status: Status
    author: str
    note: str

    @property
    def control(self) -> Control:
        """What it means to the machine."""
        return Control(self.journey, self.at, self.status)


async def newest(tx: Transaction) -> int:
    """The number of the last word; 0 where nothing was ever said."""
    rows = await tx.fetch("SELECT coalesce(max(id), 0) AS newest FROM journey_controls")
    return int(rows[0]["newest"])


async def said(tx: Transaction, *, after: int = 0) -> list[Said]:
    """What was said after a word, in order."""
    return [Said(*row) for row in await tx.fetch(_SAID, after)]


async def take_turns(tx: Transaction) -> None:
    """Let whoever has something to say wait for whoever says it now."""
    await tx.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)


async def say(tx: Transaction, word: Said, now: Instant) -> None:
    """Keep a word."""
    await tx.execute(_SAY, *word, now)


async def woken(tx: Transaction, partition: int) -> int:
    """Up to which word the members of a partition were woken."""
    rows = await tx.fetch(_WOKEN, partition)
    return int(rows[0]["control"]) if rows else 0


async def wake(tx: Transaction, partition: int, at: Instant) -> None:
    """Have everybody who is under way in any journey looked at, at an instant."""
    await tx.execute(_WAKE, partition, at)


async def note_woken(tx: Transaction, partition: int, control: int) -> None:
    """Note that the members of a partition were woken for all words up to this one."""
    await tx.execute(_NOTE_WOKEN, partition, control)
