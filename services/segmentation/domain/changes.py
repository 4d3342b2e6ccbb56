"""What is published of a history: decisions with lasting names, and their corrections.

A decision is named by member, kind, instant and what it says, so that it is the same one whenever
and however it is found. When a late fact makes the history be folded anew, what was posted is held
against what is true now, decision by decision:

- what is missing is published,
- what stands otherwise is replaced: the new decision `supersedes` the old one,
- what is no longer true is withdrawn by a decision of the same instant that supersedes it and
  changes nothing (no tags; for a tier, from and to are the one then held).

So whoever leaves superseded decisions out and folds the rest in order of time has the tags and the
tier, at every instant, of the history folded from the sorted log. Where only the explanation
differs (another order was the third), the audit row is mended and nothing is published.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, Literal
from uuid import UUID

import msgspec

from services.segmentation.domain.member import Change
from shared.clock import Instant
from shared.events.decisions import Because

Kind = Literal["tags", "tier"]
Key = tuple[Kind, Instant]

_encode: Final = msgspec.json.Encoder().encode

WITHDRAWN: Final = "withdrawn"
"""The rule that a withdrawal names."""


class Decision(msgspec.Struct, kw_only=True):
    """One decision, as it is published and as its row is kept.

    Attributes:
        id: its name, and the id of its event.
        generation: 0, and one more each time the decision of this kind and instant is taken again.
        cause: the id of the event that led here; None when only time passed.
        correction: the id of the event that made it be taken again.
        supersedes: the decision that it replaces.
        superseded: whether it has been replaced itself.
    """

    id: UUID
    kind: Kind
    at: Instant
    generation: int = 0
    cause: str | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    before: str | None = None
    now: str | None = None
    until: Instant | None = None
    because: tuple[Because, ...] = ()
    correction: str | None = None
    supersedes: UUID | None = None
    superseded: bool = False

    @property
    def content(self) -> tuple[object, ...]:
        """What is said, without why."""
        return (self.added, self.removed, self.before, self.now, self.until)

    @property
    def key(self) -> Key:
        """What it decides: a kind of thing at an instant."""
        return self.kind, self.at


class Plan(msgspec.Struct, kw_only=True):
    """What is to be done about one member.

    Attributes:
        publish: new decisions, in order of time.
        supersede: posted decisions that are replaced.
        mend: posted decisions that stand, with another explanation.
    """

    publish: list[Decision] = []
    supersede: list[Decision] = []
    mend: list[Decision] = []


def decision_id(member: UUID, change: Change, turn: int = 0) -> UUID:
    """The name of a decision: a UUID of version 7, of its time and a hash of what it says.

    `turn` tells it from an earlier one that said the same and was replaced in the meantime.
    """
    content = (change.added, change.removed, change.before, change.now, change.until)
    told = _encode((str(member), change.kind, change.at, turn, content))
    noise = int.from_bytes(blake2b(told, digest_size=10).digest())
    milliseconds = max(change.at, 0) // 1000
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | noise & 0x0FFF3FFFFFFFFFFFFFFF
    return UUID(int=value | 0x7 << 76 | 0x2 << 62)


def in_sum(effects: Iterable[Change]) -> dict[Key, Change]:
    """One change for each kind and instant: the last says it in sum; reasons are gathered."""
    changes: dict[Key, Change] = {}
    for effect in effects:
        if effect.kind == "kept":
            continue
        key = (effect.kind, effect.at)
        earlier = changes.get(key)
        if earlier is None:
            changes[key] = effect
        else:
            changes[key] = msgspec.structs.replace(
                effect, because=_gathered(effect, earlier.because), again=earlier.again
            )
    return changes


def first_decisions(member: UUID, changes: Mapping[Key, Change]) -> list[Decision]:
    """Decisions about instants of which nothing has been posted."""
    return [_decision(member, change, ()) for change in changes.values() if not change.nothing]


def continued(
    member: UUID, changes: Mapping[Key, Change], posted: Sequence[Decision], correction: str
) -> Plan:
    """Decisions about instants of which something may have been posted, by an earlier batch."""
    plan, rows = Plan(), _by_key(posted)
    for key, change in changes.items():
        row = _standing(rows.get(key, ()))
        because = _gathered(change, () if row is None else row.because)
        whole = msgspec.structs.replace(change, because=because)
        _settle(plan, member, whole, rows.get(key, ()), None if row is None else correction)
    return plan


def corrected(
    member: UUID, changes: Mapping[Key, Change], posted: Sequence[Decision], correction: str
) -> Plan:
    """The difference between a whole history folded anew and what has been posted of it."""
    plan, rows = Plan(), _by_key(posted)
    tiers = [change for change in changes.values() if change.kind == "tier"]
    for key in sorted(changes.keys() | rows.keys(), key=_in_time):
        change = changes.get(key)
        if change is None or change.nothing:
            if _standing(rows.get(key, ())) is None:
                continue
            change = _nothing(key, tiers, correction)
        _settle(plan, member, change, rows.get(key, ()), correction)
    return plan


def _settle(
    plan: Plan,
    member: UUID,
    change: Change,
    posted: Sequence[Decision],
    correction: str | None,
) -> None:
    """Hold one change against what was posted of its kind and instant."""
    row = _standing(posted)
    if row is None:
        if not change.nothing:
            plan.publish.append(_decision(member, change, posted, correction=correction))
        return
    decision = _decision(member, change, posted, correction=correction, supersedes=row.id)
    if decision.content != row.content:
        plan.publish.append(decision)
        plan.supersede.append(row)
    elif change.because != row.because and not change.nothing:
        row.because, row.cause = change.because, change.cause
        plan.mend.append(row)


def _nothing(key: Key, tiers: Sequence[Change], correction: str) -> Change:
    """That nothing changed at this instant."""
    kind, at = key
    because = Because(rule=WITHDRAWN, event_id=correction)
    if kind == "tags":
        return Change(kind="tags", at=at, because=(because,))
    held = [change.now for change in sorted(tiers, key=_at) if change.at <= at]
    tier = held[-1] if held else None
    return Change(kind="tier", at=at, before=tier, now=tier, because=(because,))


def _decision(
    member: UUID,
    change: Change,
    posted: Sequence[Decision],
    *,
    correction: str | None = None,
    supersedes: UUID | None = None,
) -> Decision:
    taken, turn = {row.id for row in posted}, 0
    while (name := decision_id(member, change, turn)) in taken:
        turn += 1
    return Decision(
        id=name,
        kind="tags" if change.kind == "tags" else "tier",
        at=change.at,
        generation=len(posted),
        cause=change.cause,
        added=change.added,
        removed=change.removed,
        before=change.before,
        now=change.now,
        until=change.until,
        because=change.because,
        correction=None if correction == change.cause else correction,
        supersedes=supersedes,
    )


def _gathered(change: Change, earlier: Sequence[Because]) -> tuple[Because, ...]:
    """One reason for each tag that changed in sum: the latest."""
    if change.kind != "tags":
        return change.because
    reasons = {because.tag: because for because in (*earlier, *change.because)}
    return tuple(reasons[tag] for tag in sorted((*change.added, *change.removed)) if tag in reasons)


def _by_key(posted: Sequence[Decision]) -> dict[Key, list[Decision]]:
    rows: dict[Key, list[Decision]] = {}
    for row in posted:
        rows.setdefault(row.key, []).append(row)
    return rows


def _standing(posted: Sequence[Decision]) -> Decision | None:
    """Of the decisions about one kind and instant, the one that was not replaced."""
    return next((row for row in posted if not row.superseded), None)


def _in_time(key: Key) -> tuple[Instant, str]:
    return key[1], key[0]


def _at(change: Change) -> Instant:
    return change.at
