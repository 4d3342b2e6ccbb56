"""Every member's history folded again from the facts, and held against what stands.

Members are taken in the order of their keys, some hundred at a time, each lot in a snapshot of its
own: a batch writes facts, state and all that is derived in one transaction, so a snapshot agrees
with itself at any instant, and nothing has to stand still. Every table is read by the same range of
keys, so that rows of members of whom no fact tells are met as well. Nothing is written.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol
from uuid import UUID

import msgspec

from shared.clock import Instant
from shared.db import Database, Transaction
from shared.orders import Dated, fold_history
from shared.runtime.machine import E, F, Machine, S
from shared.runtime.news import about_of
from shared.runtime.positions import BEGINNING
from shared.runtime.verifying.findings import Findings
from shared.timers.timelines import Order, StoredFact, as_told

MEMBERS_AT_ONCE: Final = 400
NOT_FOLDED_ANEW: Final = "members whose state an upgrade emptied: folded anew when next touched"

_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)
_BIRTH: Final = Order(BEGINNING, -1, b"")

_UNTIL: Final = "SELECT max(until) AS until FROM positions WHERE consumer = $1 AND partition = $2"
_PARKED: Final = """
SELECT member_id, min(position) AS due_at FROM dead_letters
 WHERE consumer = $1 AND partition = $2 AND kind = 'timer' AND state <> 'replayed'
 GROUP BY member_id
"""

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]
"""A member's rows by table."""


class Held(NamedTuple):
    """A table that is held against the histories, and which of its columns are read, as SQL."""

    table: str
    columns: str


@dataclass(frozen=True)
class History(Generic[S, F, E]):
    """A member's history, folded from the facts.

    Attributes:
        facts: as they are stored, each with what it says.
        state: after all of it.
        effects: of all of it.
    """

    member: UUID
    facts: Sequence[tuple[StoredFact, F]]
    state: S
    effects: Sequence[E]


class Auditor(Protocol[S, F, E]):
    """What a service knows of its tables: how rows follow from a history. Pure."""

    @property
    def held(self) -> Sequence[Held]:
        """Which tables are looked at."""
        ...

    def hold(self, history: History[S, F, E], rows: Rows, findings: Findings) -> None:
        """Hold a member's rows, those of `held`, against the history."""
        ...

    def dues(self, state: S) -> Collection[Instant | None]:
        """When the member may be due: the last word, and what was right before it was known."""
        ...


_TIMELINES: Final = Held("timelines", "as_at, as_rank, as_key, due_at, state")
_FACTS: Final = Held("facts", "event_key, at, rank, supersedes, about, body")


class Histories(Generic[S, F, E]):
    """Verifies the histories of one consumer."""

    def __init__(
        self,
        machine: Machine[S, F, E],
        prepare: Callable[[Transaction], Awaitable[None]],
        auditor: Auditor[S, F, E],
        consumer: str,
    ) -> None:
        """Fold with this machine; `prepare` brings it up to date."""
        self._machine = machine
        self._prepare = prepare
        self._auditor = auditor
        self._consumer = consumer
        self._held = (_TIMELINES, _FACTS, *auditor.held)
        self._decode_state = msgspec.msgpack.Decoder(machine.state_type).decode
        self._decode_fact = msgspec.msgpack.Decoder(machine.fact_type).decode

    async def partitions(self, database: Database) -> list[int]:
        """The partitions that any of the tables has rows of, or that were read."""
        found: set[int] = set()
        async with database.transaction(read_only=True) as tx:
            for table in ("positions", *(held.table for held in self._held)):
                found.update(row["partition"] for row in await tx.fetch(_partitions(table)))
        return sorted(found)

    async def verify(
        self, database: Database, partition: int, findings: Findings, progress: Callable[[], None]
    ) -> None:
        """Verify all members of a partition; `progress` is called after each lot of them."""
        first: UUID | None = _FIRST
        while first is not None:
            async with database.transaction(read_only=True) as tx:
                await self._prepare(tx)
                last = await self._end_of_lot(tx, partition, first)
                await self._verify_lot(tx, partition, (first, last), findings)
            first = None if last == _LAST else UUID(int=last.int + 1)
            progress()

    async def _end_of_lot(self, tx: Transaction, partition: int, first: UUID) -> UUID:
        """The last key of a range in which no table has more members than are taken at once."""
        rows = await tx.fetch(
            " UNION ALL ".join(f"({_nth_member(held.table)})" for held in self._held)
            + " ORDER BY member_id LIMIT 1",
            partition,
            first,
            MEMBERS_AT_ONCE - 1,
        )
        return rows[0]["member_id"] if rows else _LAST

    async def _verify_lot(
        self, tx: Transaction, partition: int, keys: tuple[UUID, UUID], findings: Findings
    ) -> None:
        by_member: dict[UUID, dict[str, list[Row]]] = defaultdict(dict)
        for held in self._held:
            for row in await tx.fetch(_range(held), partition, *keys):
                by_member[row["member_id"]].setdefault(held.table, []).append(row)
            findings.checked[held.table] += sum(
                len(r.get(held.table, ())) for r in by_member.values()
            )
        until = (await tx.fetch(_UNTIL, self._consumer, partition))[0]["until"]
        parked = {
            UUID(row["member_id"]): row["due_at"]
            for row in await tx.fetch(_PARKED, self._consumer, partition)
        }
        for member, rows in by_member.items():
            clock = _Clock(BEGINNING if until is None else until, parked.get(member))
            self._verify_member(member, rows, clock, findings)
        findings.checked["members"] += len(by_member)

    def _verify_member(self, member: UUID, rows: Rows, clock: "_Clock", findings: Findings) -> None:
        stored = next(iter(rows.get("timelines", ())), None)
        if stored is not None and not stored["state"]:
            findings.account(NOT_FOLDED_ANEW)
            return
        facts = self._facts(member, rows.get("facts", ()), findings)
        if facts is None:
            return
        told = as_told(fact for fact, _ in facts)
        said = {fact.order.key: fact_said for fact, fact_said in facts}
        until = clock.before(None if stored is None else stored["due_at"])
        try:
            folded = fold_history(
                self._machine,
                member,
                [Dated(each.order.at, each.order.key, said[each.order.key]) for each in told],
                until,
            )
        except Exception as error:  # noqa: BLE001 - whatever a damaged fact raises is what is found
            findings.differs(
                "facts", member, "body", "a history", f"{type(error).__name__}: {error}"
            )
            return
        reached = told[-1].order if told else _BIRTH
        if folded.fired_at is not None:
            reached = max(reached, Order(folded.fired_at, -1, b""))
        self._hold_timeline(
            member, stored, folded.state if facts else None, reached, clock, findings
        )
        self._auditor.hold(History(member, facts, folded.state, folded.effects), rows, findings)

    def _facts(
        self, member: UUID, rows: Sequence[Row], findings: Findings
    ) -> list[tuple[StoredFact, F]] | None:
        """What the facts say; None where one of them cannot be read."""
        facts: list[tuple[StoredFact, F]] = []
        for row in rows:
            key = (str(member), row["event_key"])
            order = Order(row["at"], row["rank"], row["event_key"])
            try:
                said = self._decode_fact(row["body"])
            except msgspec.DecodeError as error:
                findings.differs("facts", key, "body", "a fact", error)
                return None
            facts.append((StoredFact(order, row["supersedes"], row["about"], row["body"]), said))
            named = about_of(self._machine.report(said))
            if named != row["about"]:
                findings.differs("facts", key, "about", named, row["about"])
            withdraws = self._machine.supersedes(said) is not None
            if withdraws != (row["supersedes"] is not None):
                findings.differs("facts", key, "supersedes", withdraws, row["supersedes"])
        return facts

    def _hold_timeline(
        self,
        member: UUID,
        stored: Row | None,
        state: S | None,
        reached: Order,
        clock: "_Clock",
        findings: Findings,
    ) -> None:
        if stored is None or state is None:
            if stored is not None:
                findings.surplus("timelines", member)
            elif state is not None:
                findings.missing("timelines", member)
            return
        as_of = {"as_at": reached.at, "as_rank": reached.rank, "as_key": reached.key}
        findings.hold("timelines", member, as_of, stored)
        due = self._machine.due(state)
        allowed = {due}
        if due is None or due > clock.until:
            allowed |= set(self._auditor.dues(state))
        if clock.parked is None and stored["due_at"] not in allowed:
            findings.differs("timelines", member, "due_at", due, stored["due_at"])
        self._hold_state(member, stored["state"], state, findings)

    def _hold_state(self, member: UUID, stored: bytes, state: S, findings: Findings) -> None:
        try:
            found = self._decode_state(stored)
        except msgspec.DecodeError as error:
            findings.differs("timelines", member, "state", "a state", error)
            return
        for name, value in msgspec.structs.asdict(state).items():  # type: ignore[arg-type]  # a Struct: the machine says so
            if getattr(found, name) != value:
                findings.differs("timelines", member, f"state.{name}", value, getattr(found, name))


class _Clock(NamedTuple):
    """How far a partition's clock stands; `parked`: when the member's timer that fails was due."""

    until: Instant
    parked: Instant | None

    def before(self, due_at: Instant | None) -> Instant:
        """How far the member's history was folded, at most: what is due since is not worked off."""
        if due_at is None and self.parked is not None:
            due_at = self.parked
        return self.until if due_at is None or due_at > self.until else due_at - 1


def _partitions(table: str) -> str:
    """All partitions of a table, each found by one look into its key."""
    return f"""
WITH RECURSIVE found AS (
  (SELECT partition FROM {table} ORDER BY partition LIMIT 1)
  UNION ALL
  SELECT (SELECT t.partition FROM {table} t WHERE t.partition > found.partition
           ORDER BY t.partition LIMIT 1)
    FROM found WHERE found.partition IS NOT NULL
)
SELECT partition FROM found WHERE partition IS NOT NULL
"""  # noqa: S608 - names of our own tables


def _nth_member(table: str) -> str:
    return (
        f"SELECT DISTINCT member_id FROM {table} WHERE partition = $1 AND member_id >= $2"  # noqa: S608 - as above
        " ORDER BY member_id OFFSET $3 LIMIT 1"
    )


def _range(held: Held) -> str:
    return (
        f"SELECT member_id, {held.columns} FROM {held.table}"  # noqa: S608 - as above
        " WHERE partition = $1 AND member_id BETWEEN $2 AND $3"
    )
