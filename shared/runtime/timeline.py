"""A member's history as one timeline: the handler behind points, segmentation and notify.

A service describes a history as a pure `Machine`: what an event means to it, when something next
happens by itself, and what then happens. This handler turns batches into histories:

1. drop what is known already (an event is a fact of its member once),
2. for each member in the batch, and each whose timer is due, fold its history on: fire what fell
   due before the next fact, then apply the fact,
3. where a fact sorts before what was folded already, says more of an order that was told of, takes
   another one back or is taken back itself, or asks for the member's history, fold the whole
   history again from its facts (`shared.orders`): any order of arrival ends in the state of the
   sorted log,
4. hand the outcomes to the service's `EffectWriter`, which writes effects with set-based
   statements.

Before all that, whoever was judged by a version of the program that has been withdrawn since is
folded anew (`shared.runtime.anew`).

A member is folded on by one lane at a time, so nothing here locks.
"""

from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Generic, NamedTuple
from uuid import UUID

import msgspec

from shared.clock import Instant
from shared.db import Transaction, WriteSet, member_uuid
from shared.events import event_key
from shared.orders import advance
from shared.runtime.anew import Anew
from shared.runtime.batch import Arrived, Batch
from shared.runtime.commands.desk import Commands, Desk
from shared.runtime.machine import E, EffectWriter, F, Machine, Outcome, S
from shared.runtime.news import BIRTH, News, about_of, amends, drop_known, fold_whole, order_of
from shared.runtime.positions import BEGINNING
from shared.runtime.recalled import Recalled
from shared.timers import timelines
from shared.timers.timelines import Loaded, Order, StoredFact, StoredTimeline

_PREPARE_SECONDS = 1.0


class _Folded(NamedTuple, Generic[S, E]):
    """What a batch has in hand: the new facts, what they did to whom, and the rows to write."""

    news: dict[UUID, list[News]]
    outcomes: list[Outcome[S, E]]
    rows: list[tuple[UUID, StoredTimeline]]


class TimelineHandler(Generic[S, F, E]):
    """A batch handler that folds histories."""

    def __init__(
        self,
        machine: Machine[S, F, E],
        writer: EffectWriter[S, E],
        commands: Commands | None = None,
        anew: Anew | None = None,
    ) -> None:
        """Join a machine and the writer of its effects.

        Args:
            machine: of the service.
            writer: of its effects.
            commands: how commands are decided; None: there are none.
            anew: who is to be judged anew; None: the program has no versions.
        """
        self._machine = machine
        self._effects = writer
        self._commands = commands
        self._anew = anew
        self._recalled = Recalled()
        self._prepared_at = -_PREPARE_SECONDS
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode_state = msgspec.msgpack.Decoder(machine.state_type).decode
        self._decode_fact = msgspec.msgpack.Decoder(machine.fact_type).decode

    async def handle(self, tx: Transaction, arrived: Sequence[Arrived], batch: Batch) -> None:
        """Fold the histories of the batch's members on, and of those whose timers are due."""
        await self._prepare(tx)
        batch.follow(arrived)
        desk = Desk(arrived)
        if self._commands is not None:
            desk = await self._commands.sort(tx, arrived, batch)
        news = self._news(desk.rest)
        due = await self._claim(tx, batch)
        members = list({*news, *due, *(member_uuid(each.subject) for each in desk.asked)})
        await self._judge_anew(tx, members, batch)
        if not members:
            if self._commands is not None:
                await self._commands.write(tx, desk, batch)
            return
        keys = [(member, item.order.key) for member in news for item in news[member]]
        loaded = await self._load(tx, members, news, keys, batch)
        batch.duplicates += drop_known(news, loaded.known)
        outcomes, rows, again = self._fold_on(members, news, loaded, batch)
        if again:
            await self._fold_anew(tx, again, news, batch, outcomes, rows)
        if self._commands is not None:
            late = self._decide(self._commands, desk, _Folded(news, outcomes, rows), batch)
            if late:
                await self._fold_anew(tx, late, news, batch, outcomes, rows)
            await self._commands.write(tx, desk, batch)
        await self._save(tx, news, rows, batch)
        if isinstance(tx, WriteSet):
            put = partial(self._recalled.put, batch.partition, rows, keys, loaded.orders)
            batch.committed.append(put)
        await self._effects.write(tx, outcomes, batch)

    def forget(self, partition: int) -> None:
        """Somebody else may have written this partition: remember nothing of it."""
        self._recalled.forget(partition)
        # whoever had it may have heard of another version, and have gone by it
        self._prepared_at = -_PREPARE_SECONDS
        if self._anew is not None:
            self._anew.forget(partition)
        if self._commands is not None:
            self._commands.forget(partition)

    def owes(self, partition: int) -> bool:
        """Whether members are to be judged anew."""
        return self._anew is not None and self._anew.owes(partition)

    async def pass_over(self, tx: Transaction, partition: int) -> None:
        """Leave whoever is to be judged anew next to the due queue."""
        if self._anew is not None:
            await self._anew.pass_over(tx, partition)

    async def next_due(self, tx: Transaction, partition: int) -> Instant | None:
        """When the next timer of a partition is due; hears of new versions on the way."""
        await self._prepare(tx, at_leisure=True)
        return await timelines.next_due(tx, partition)

    async def park(
        self, tx: Transaction, partition: int, until: Instant
    ) -> tuple[str, Instant] | None:
        """Take the soonest due member out of the due queue."""
        for member, due_at in await timelines.due(tx, partition, until, 1):
            await timelines.park(tx, partition, member)
            return str(member), due_at
        return None

    async def unpark(
        self, tx: Transaction, partition: int, member_id: str, due_at: Instant
    ) -> None:
        """Put a member back into the due queue."""
        await timelines.unpark(tx, partition, member_uuid(member_id), due_at)

    async def _prepare(self, tx: Transaction, *, at_leisure: bool = False) -> None:
        """Bring the machine up to date; in the live path not more than once a second.

        A new version is in force some seconds after it is written, and not before.
        """
        now = monotonic()
        at_leisure = at_leisure or isinstance(tx, WriteSet)
        if not at_leisure or now - self._prepared_at >= _PREPARE_SECONDS:
            self._prepared_at = now
            await self._effects.prepare(tx)

    async def _judge_anew(self, tx: Transaction, members: Sequence[UUID], batch: Batch) -> None:
        """Fold anew whoever was judged by a version that is withdrawn, and is dealt with now.

        That is who is in the batch, and the next ones of the lane where the batch is for that.
        """
        if self._anew is None:
            return
        chunks = await self._anew.chunks(tx, batch, members)
        for cause, who in chunks:
            self._recalled.drop(who)
            outcomes: list[Outcome[S, E]] = []
            rows: list[tuple[UUID, StoredTimeline]] = []
            await self._fold_anew(tx, who, {}, batch, outcomes, rows)
            for each in outcomes:
                each.cause = cause
            await self._save(tx, {}, rows, batch)
            await self._effects.write(tx, outcomes, batch)

    async def _claim(self, tx: Transaction, batch: Batch) -> list[UUID]:
        if not batch.timers_max:
            return []
        due = await timelines.due(tx, batch.partition, batch.until, batch.timers_max)
        batch.timers_left = len(due) == batch.timers_max
        return [member for member, _ in due]

    def _news(self, arrived: Sequence[Arrived]) -> dict[UUID, list[News]]:
        """What the events mean to this service, by member, each in the order of its history."""
        news: dict[UUID, list[News]] = {}
        machine = self._machine
        for each in arrived:
            event = each.event
            if event is None or not event.subject:
                continue  # about nobody
            fact = machine.remember(event)
            if fact is None:
                continue
            earlier = machine.supersedes(fact)
            report = machine.report(fact)
            item = News(
                each.order,
                fact,
                None if earlier is None else event_key(event.source, earlier),
                event.id,
                report,
                about_of(report),
            )
            news.setdefault(member_uuid(event.subject), []).append(item)
        for items in news.values():
            if len(items) > 1:
                items.sort(key=order_of)
        return news

    async def _load(
        self,
        tx: Transaction,
        members: Sequence[UUID],
        news: dict[UUID, list[News]],
        keys: Sequence[tuple[UUID, bytes]],
        batch: Batch,
    ) -> Loaded:
        """What is known of the members: live by heart where possible, else in one statement."""
        if isinstance(tx, WriteSet):
            recalled = self._recalled.of(members)
            self._recalled.drop(members)
            # all orders, so that the next batch need not ask
            return recalled or await timelines.load(tx, batch.partition, members, keys, None)
        orders = [
            (member, item.about)
            for member, items in news.items()
            for item in items
            if item.about is not None
        ]
        return await timelines.load(tx, batch.partition, members, keys, orders)

    def _fold_on(
        self,
        members: Sequence[UUID],
        news: dict[UUID, list[News]],
        loaded: Loaded,
        batch: Batch,
    ) -> tuple[
        list[Outcome[S, E]],
        list[tuple[UUID, StoredTimeline]],
        list[UUID],
    ]:
        """Fold on whoever can be folded on; the others are to be folded anew."""
        outcomes: list[Outcome[S, E]] = []
        rows: list[tuple[UUID, StoredTimeline]] = []
        again: list[UUID] = []
        for member in members:
            before = loaded.timelines.get(member)
            items = news.get(member, ())
            if before is None and not items:
                continue
            effects: list[E] = []
            if before is not None and not before.state:
                again.append(member)  # a migration emptied it
                continue
            if before is None:
                state, as_of = self._machine.initial(member), BIRTH
            else:
                state, as_of = self._decode_state(before.state), before.as_of
            more = amends(member, items, loaded)
            reached = None if more else self._continue(state, as_of, items, effects, batch)
            if reached is None:
                again.append(member)
                continue
            rows.append((member, self._row(state, reached)))
            cause = items[-1].event_id if items else "timer"
            outcomes.append(Outcome(member, state, effects, rebuilt=False, cause=cause))
        return outcomes, rows, again

    def _continue(
        self,
        state: S,
        as_of: Order,
        items: Sequence[News],
        effects: list[E],
        batch: Batch,
    ) -> Order | None:
        """Fold a history on with new facts; None when it has to be folded anew."""
        machine = self._machine
        for item in items:
            at = item.order.at
            if (
                item.order < as_of
                or item.supersedes is not None
                or (state.awaited and item.order.key in state.awaited)
                or machine.needs_history(state, at, item.fact)
            ):
                return None
            self._advance(state, at, effects, batch)
            machine.apply(state, at, item.fact, effects)
            as_of = item.order
        fired_at = self._advance(state, batch.until, effects, batch)
        return as_of if fired_at is None else max(as_of, Order(fired_at, -1, b""))

    def _advance(self, state: S, until: Instant, effects: list[E], batch: Batch) -> Instant | None:
        """Fire what is due by an instant; returns when the last of it was due."""
        fired_at, fires = advance(self._machine, state, until, effects)
        batch.timers_fired += fires
        return fired_at

    async def _fold_anew(
        self,
        tx: Transaction,
        members: Sequence[UUID],
        news: dict[UUID, list[News]],
        batch: Batch,
        outcomes: list[Outcome[S, E]],
        rows: list[tuple[UUID, StoredTimeline]],
    ) -> None:
        """Fold whole histories from their facts, old and new."""
        histories = await timelines.history(tx, batch.partition, members)
        for member in members:
            items = news.get(member, [])
            facts = [
                News(stored.order, self._decode_fact(stored.body), stored.supersedes, "")
                for stored in histories[member]
            ]
            folded, reached = fold_whole(self._machine, member, [*facts, *items], batch.until)
            batch.timers_fired += folded.fires
            rows.append((member, self._row(folded.state, reached)))
            cause = items[-1].event_id if items else "timer"
            outcomes.append(
                Outcome(member, folded.state, folded.effects, rebuilt=True, cause=cause)
            )
        batch.rebuilds += len(members)

    def _decide(
        self, commands: Commands, desk: Desk, folded: _Folded[S, E], batch: Batch
    ) -> list[UUID]:
        """Decide commands one after the other, each upon what those before it have left.

        A verdict's time is when its lane decides, so that it sorts after everything but facts that
        claim to be of the future.

        Returns:
            Whose verdict does sort before some fact, or needs the history: those are to be folded
            anew.
        """
        told = {each.member_id: each for each in folded.outcomes}
        reached = {member: row.as_of for member, row in folded.rows}
        late: set[UUID] = set()
        for place, command in enumerate(desk.asked):
            member = member_uuid(command.subject)
            outcome = told.get(member)
            at = (command.at if batch.until == BEGINNING else batch.until) + place
            state = None if outcome is None else outcome.state
            verdict = commands.decide(desk, command, state, at, batch)
            fact = None if verdict is None else self._machine.remember(verdict)
            if verdict is None or fact is None:
                continue
            if outcome is None:
                initial = self._machine.initial(member)
                outcome = told[member] = Outcome(member, initial, [], rebuilt=False, cause="")
                reached[member] = BIRTH
            item = News(Order(at, 0, verdict.key), fact, None, verdict.id)
            folded.news.setdefault(member, []).append(item)
            if item.order < reached[member] or self._machine.needs_history(outcome.state, at, fact):
                late.add(member)
            self._advance(outcome.state, at, outcome.effects, batch)
            self._machine.apply(outcome.state, at, fact, outcome.effects)
            outcome.cause, reached[member] = verdict.id, max(reached[member], item.order)
        if desk.asked:
            folded.outcomes[:] = [each for member, each in told.items() if member not in late]
            folded.rows[:] = [
                (each.member_id, self._row(each.state, reached[each.member_id]))
                for each in folded.outcomes
            ]
        return list(late)

    def _row(self, state: S, as_of: Order) -> StoredTimeline:
        return StoredTimeline(as_of, self._machine.due(state), self._encode(state))

    async def _save(
        self,
        tx: Transaction,
        news: dict[UUID, list[News]],
        rows: Sequence[tuple[UUID, StoredTimeline]],
        batch: Batch,
    ) -> None:
        encode = self._encode
        facts = [
            (member, StoredFact(item.order, item.supersedes, item.about, encode(item.fact)))
            for member, items in news.items()
            for item in items
        ]
        if facts:
            await timelines.remember(tx, batch.partition, facts)
        if rows:
            await timelines.save(tx, batch.partition, rows)
            due = (batch.soonest_due, *(row.due_at for _, row in rows))
            batch.soonest_due = min((at for at in due if at is not None), default=None)
