"""What a batch does to tags, tiers and their audit, in one transaction with its position.

`SegmentationEffectWriter.write` in its order:

1. changes become decisions: new ones as they are; where a history was folded anew, or the facts of
   one instant were cut apart, what was posted is loaded and the difference is decided
2. decisions are appended to the audit, replaced ones marked
3. tags, tiers and feature rows are brought up to date
4. `tags.changed` and `tier.changed` go out, in order of time
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from services.segmentation.domain import changes
from services.segmentation.domain.audience import stored_row
from services.segmentation.domain.changes import Decision, Key
from services.segmentation.domain.history import NEVER
from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Change, Member, TierHeld
from services.segmentation.domain.program import SegmentationProgram
from services.segmentation.domain.rules import Rules, Versions, compile_program
from services.segmentation.metrics import SegmentationFigures
from services.segmentation.store import decisions, feature_rows, holdings, members
from services.segmentation.store.feature_rows import Row
from services.segmentation.store.holdings import TagRow, TierRow
from shared.clock import Instant, to_datetime
from shared.db import Transaction
from shared.events import encode, topics, types
from shared.events.decisions import Because, Level, TagsChanged, TierChanged
from shared.runtime.batch import Batch
from shared.runtime.machine import Outcome
from shared.runtime.program import ProgramHistory

SOURCE: Final = "urn:regulars:segmentation"

MemberOutcome = Outcome[Member, Change]
_Named = tuple[UUID, Decision]


class _Work(msgspec.Struct):
    """What a batch comes to."""

    publish: list[_Named] = []
    supersede: list[_Named] = []
    mend: list[_Named] = []
    give: list[TagRow] = []
    take: list[tuple[UUID, str]] = []
    replaced: list[UUID] = []
    tiers: list[TierRow] = []


class SegmentationEffectWriter:
    """Writes effects: audit, tags, tiers, feature rows; and publishes the changes."""

    def __init__(
        self,
        history: ProgramHistory[SegmentationProgram],
        machine: SegmentationMachine,
        figures: SegmentationFigures,
        topic: str = topics.SEGMENTS,
    ) -> None:
        """Join the program's history with the machine that judges by it."""
        self._history = history
        self._machine = machine
        self._figures = figures
        self._topic = topic
        self._compiled: dict[int, Rules] = {}
        self._woken: dict[int, int] = {}

    async def prepare(self, tx: Transaction) -> None:
        """Bring the machine's versions of the program up to date."""
        if await self._history.refresh(tx):
            for version, since, program in self._history.versions:
                if version not in self._compiled:
                    self._compiled[version] = compile_program(
                        program, version=version, effective_from=since
                    )
            withdrawn = {each.version for each in self._history.withdrawn}
            self._machine.versions = Versions(list(self._compiled.values()), withdrawn)

    async def write(self, tx: Transaction, outcomes: Sequence[MemberOutcome], batch: Batch) -> None:
        """Write the batch's effects, in sets."""
        await self._wake(tx, batch.partition)
        work, again = _Work(), list[tuple[MemberOutcome, dict[Key, Change]]]()
        for outcome in outcomes:
            found = changes.in_sum(outcome.effects)
            if outcome.rebuilt or any(change.again for change in found.values()):
                again.append((outcome, found))
            elif outcome.effects:
                _folded_on(work, outcome, found)
        if again:
            await tx.in_order()
            posted = await decisions.posted_of(
                tx, batch.partition, [outcome.member_id for outcome, _ in again]
            )
            for outcome, found in again:
                _folded_anew(work, outcome, found, posted[outcome.member_id])
        await self._write(tx, work, batch)
        await feature_rows.put(tx, [self._row(outcome, batch.partition) for outcome in outcomes])
        self._publish(work.publish, batch)
        self._figures.count(decision for _, decision in work.publish)

    async def _wake(self, tx: Transaction, partition: int) -> None:
        """See to it that members with nothing else due follow a new version of the program."""
        versions = self._history.versions
        known = self._woken.get(partition, 1)
        if len(versions) > known:
            await tx.in_order()
            withdrawn = {each.version for each in self._history.withdrawn}
            for each in versions[1:]:
                if each.version not in withdrawn:
                    await members.wake(tx, partition, each.effective_from)
        self._woken[partition] = len(versions)

    async def _write(self, tx: Transaction, work: _Work, batch: Batch) -> None:
        lane = batch.partition
        await decisions.supersede(tx, lane, work.supersede)
        await decisions.mend(tx, lane, work.mend)
        await decisions.append(tx, lane, work.publish, batch.now)
        await holdings.take_all(tx, lane, work.replaced)
        await holdings.take(tx, lane, work.take)
        await holdings.give(tx, lane, work.give)
        await holdings.put_tiers(tx, lane, work.tiers)

    def _publish(self, published: list[_Named], batch: Batch) -> None:
        """In order of time over all members, so that no reader's clock overtakes one of them."""
        for member, decision in sorted(published, key=_in_time):
            levels = self._machine.versions.at(decision.at).ladder.levels
            value = _message(str(member), decision, levels, batch.now)
            batch.emit(self._topic, str(member), value)

    def _row(self, outcome: MemberOutcome, partition: int) -> Row:
        state = outcome.state
        values, ends = stored_row(self._machine, state)
        due_at = self._machine.due(state)
        return [partition, outcome.member_id, state.history.at, due_at, *ends, *values]


def _folded_on(work: _Work, outcome: MemberOutcome, found: Mapping[Key, Change]) -> None:
    """The usual case: changes of which nothing has been posted."""
    member = outcome.member_id
    work.publish += [(member, each) for each in changes.first_decisions(member, found)]
    held: dict[str, TagRow | None] = {}
    for change in found.values():
        reasons = _by_tag(change.because)
        held |= {tag: TagRow(member, tag, change.at, reasons[tag]) for tag in change.added}
        held |= dict.fromkeys(change.removed)
    work.give += [row for row in held.values() if row is not None]
    work.take += [(member, tag) for tag, row in held.items() if row is None]
    graded = [effect for effect in outcome.effects if effect.kind != "tags"]
    if graded:
        last = next((each for each in reversed(graded) if each.kind == "tier"), None)
        work.tiers.append(
            tier_row(outcome.member_id, outcome.state.tier, None if last is None else last.because)
        )


def _folded_anew(
    work: _Work, outcome: MemberOutcome, found: dict[Key, Change], posted: list[Decision]
) -> None:
    """Hold the changes against what was posted, and make what is held from all that stands."""
    member = outcome.member_id
    if outcome.rebuilt:
        plan = changes.corrected(member, found, posted, outcome.cause)
    else:
        again = {key: change for key, change in found.items() if change.again}
        plan = changes.continued(member, again, posted, outcome.cause)
        fresh = {key: change for key, change in found.items() if not change.again}
        plan.publish += changes.first_decisions(member, fresh)
    work.publish += [(member, each) for each in plan.publish]
    work.supersede += [(member, each) for each in plan.supersede]
    work.mend += [(member, each) for each in plan.mend]
    replaced = {each.id for each in plan.supersede}
    standing = [each for each in posted if not each.superseded and each.id not in replaced]
    standing = sorted([*standing, *plan.publish], key=_at)
    work.replaced.append(member)
    work.give += tags_held(member, standing)
    graded = [each for each in standing if each.before != each.now]
    work.tiers.append(
        tier_row(outcome.member_id, outcome.state.tier, graded[-1].because if graded else None)
    )


def tags_held(member: UUID, standing: Iterable[Decision]) -> Iterable[TagRow]:
    """The tags that a member has, by the decisions that stand, in order of time."""
    held: dict[str, TagRow] = {}
    for decision in standing:
        reasons = _by_tag(decision.because)
        for tag in decision.removed:
            held.pop(tag, None)
        for tag in decision.added:
            held[tag] = TagRow(member, tag, decision.at, reasons[tag])
    return held.values()


def _by_tag(because: Iterable[Because]) -> dict[str | None, Because]:
    return {each.tag: each for each in because}


def tier_row(member: UUID, tier: TierHeld, because: tuple[Because, ...] | None) -> TierRow:
    """The row of a tier, with the reasons of the last change, if they are known."""
    return TierRow(
        member,
        tier.name or "",
        tier.level,
        tier.since,
        None if tier.until >= NEVER else tier.until,
        tier.grace_until,
        because,
    )


def _message(
    subject: str, decision: Decision, levels: Mapping[str, Level], recorded_at: Instant
) -> bytes:
    supersedes = None if decision.supersedes is None else str(decision.supersedes)
    data: TagsChanged | TierChanged
    if decision.kind == "tags":
        data = TagsChanged(
            added=list(decision.added),
            removed=list(decision.removed),
            because=list(decision.because),
            correction=decision.correction,
            supersedes=supersedes,
        )
    else:
        data = TierChanged(
            from_=decision.before,
            to=decision.now or "",
            because=decision.because[-1],
            until=None if decision.until is None else to_datetime(decision.until),
            level=levels.get(decision.now or ""),
            level_before=levels.get(decision.before or ""),
            correction=decision.correction,
            supersedes=supersedes,
        )
    return encode(
        type=types.TAGS_CHANGED if decision.kind == "tags" else types.TIER_CHANGED,
        source=SOURCE,
        id=str(decision.id),
        subject=subject,
        at=decision.at,
        recorded_at=recorded_at,
        data=data,
    )


def _at(decision: Decision) -> Instant:
    return decision.at


def _in_time(named: _Named) -> tuple[Instant, str, str]:
    member, decision = named
    return decision.at, str(member), decision.kind
