"""The lane's half of commands: what is to be decided, what was, and what has to wait.

A verdict depends on what the lane had read when it saw the command, so it is written down: as a row
of `commands` and as an event behind the command on the same topic. Whoever reads the log again
meets the command first and its verdict later. So nothing is decided before everything is read that
stood there when the lane was claimed (`Batch.live`): until then commands wait in the table for
their verdict. What is left at that point was never decided, and is decided then.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

import msgspec

from shared.clock import Instant
from shared.db import Transaction, member_uuid
from shared.events import Event, decode, encode_event, event_key, topics, types
from shared.events.commands import Verdict
from shared.runtime.batch import Arrived, Batch
from shared.runtime.commands import store
from shared.runtime.commands.store import Row

S_contra = TypeVar("S_contra", contravariant=True)

_DECIDED_MAX: Final = 50_000
_encode: Final = msgspec.json.Encoder().encode


class Decider(Protocol[S_contra]):
    """How a service decides: pure, from the state alone."""

    def decide(
        self, member: UUID, state: S_contra | None, at: Instant, command: Event, key: bytes
    ) -> tuple[str, Verdict]:
        """Decide a command.

        Args:
            member: whose it is.
            state: as it stands with everything that the lane has read; None: never heard of.
            at: when it is decided.
            command: what is asked for.
            key: the identity of the verdict's event, should it be granted.

        Returns:
            The verdict's type and data.
        """
        ...


@dataclass(slots=True)
class Desk:
    """What a batch brought that concerns commands.

    Attributes:
        rest: everything but commands and verdicts that are known; new verdicts are facts.
        asked: commands to be decided now, in order.
        rows: what will be written into `commands`.
    """

    rest: Sequence[Arrived]
    asked: list[Event] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


class Commands:
    """The commands of a consumer's lanes."""

    def __init__(self, decider: Decider[Any], source: str, topic: str = topics.EVENTS) -> None:
        """Decide by this, and announce verdicts in the service's name on the facts' topic."""
        self._decider = decider
        self._source = source
        self._topic = topic
        self._decided: OrderedDict[UUID, int] = OrderedDict()  # ours of late, with their partition

    async def sort(self, tx: Transaction, arrived: Sequence[Arrived], batch: Batch) -> Desk:
        """Sort out what arrived."""
        asked: dict[UUID, Event] = {}
        verdicts: dict[UUID, Event] = {}
        rest: list[Arrived] = []
        for each in arrived:
            event = each.event
            if event is not None and event.type in types.COMMANDS:
                asked.setdefault(member_uuid(event.id), event)
            elif event is not None and event.type in types.VERDICTS:
                verdicts.setdefault(member_uuid(event.data.command_id), event)
            else:
                rest.append(each)
        desk = Desk(rest)
        if not asked and not verdicts and not batch.settling:
            return desk
        known = await self._known(tx, {*asked, *verdicts}, batch)
        self._take_verdicts(desk, arrived, verdicts, known, batch)
        new = [event for id_, event in asked.items() if id_ not in known and id_ not in verdicts]
        batch.duplicates += sum(known.get(id_, False) for id_ in asked)
        if not batch.live:
            desk.rows += [_waiting(event, batch.now + place) for place, event in enumerate(new)]
            return desk
        if batch.settling:
            waiting = map(decode, await store.undecided(tx, batch.partition))
            desk.asked += [event for event in waiting if member_uuid(event.id) not in verdicts]
        desk.asked += new
        return desk

    def decide(
        self, desk: Desk, command: Event, state: object | None, at: Instant, batch: Batch
    ) -> Event | None:
        """Decide a command and announce the verdict; returns the fact that it is, if granted."""
        member, source = member_uuid(command.subject), self._source
        id_ = f"{command.id}.verdict"
        key = event_key(source, id_)
        kind, verdict = self._decider.decide(member, state, at, command, key)
        event = Event(
            id=id_, source=source, type=kind, subject=command.subject, at=at, data=verdict, key=key
        )
        desk.rows.append(_decided(event))
        batch.emit(self._topic, command.subject, encode_event(event, batch.now))
        return event if verdict.granted else None

    async def write(self, tx: Transaction, desk: Desk, batch: Batch) -> None:
        """Write what was decided, and what has to wait."""
        await store.put(tx, batch.partition, desk.rows)
        decided = [row.id for row in desk.rows if row.verdict is not None]
        if decided:
            batch.committed.append(partial(self._remember, batch.partition, decided))

    def forget(self, partition: int) -> None:
        """Somebody else may have decided commands of this partition."""
        for id_ in [id_ for id_, where in self._decided.items() if where == partition]:
            del self._decided[id_]

    async def _known(self, tx: Transaction, ids: set[UUID], batch: Batch) -> dict[UUID, bool]:
        """Which commands are known, and whether they are decided; by heart where possible."""
        known = dict.fromkeys((id_ for id_ in ids if id_ in self._decided), True)
        others = [id_ for id_ in ids if id_ not in known]
        if others:
            known |= await store.find(tx, batch.partition, others)
        return known

    def _take_verdicts(
        self,
        desk: Desk,
        arrived: Sequence[Arrived],
        verdicts: dict[UUID, Event],
        known: dict[UUID, bool],
        batch: Batch,
    ) -> None:
        """What the log says was decided; usually it is our own voice that comes back."""
        new = {id_: event for id_, event in verdicts.items() if not known.get(id_)}
        if new:
            keys = {event.key for event in new.values()}
            facts = [each for each in arrived if each.event and each.event.key in keys]
            desk.rest = [*desk.rest, *facts]
            desk.rows += map(_decided, new.values())
        batch.duplicates += len(verdicts) - len(new)

    def _remember(self, partition: int, ids: Sequence[UUID]) -> None:
        for id_ in ids:
            self._decided[id_] = partition
        while len(self._decided) > _DECIDED_MAX:
            self._decided.popitem(last=False)


def _waiting(event: Event, at: Instant) -> Row:
    asked = encode_event(event, at if event.recorded_at is None else event.recorded_at)
    return Row(member_uuid(event.id), member_uuid(event.subject), asked, None, at)


def _decided(event: Event) -> Row:
    verdict: Verdict = event.data
    return Row(
        member_uuid(verdict.command_id),
        member_uuid(event.subject),
        None,
        _encode(verdict).decode(),
        event.at,
    )
