"""What is kept of a member: the history, what was decided from it, and when that next changes."""

from typing import Literal

import msgspec

from services.segmentation.domain.history import BEGINNING, NEVER, History
from shared.clock import Instant
from shared.events.decisions import Because


class TierHeld(msgspec.Struct, array_like=True):
    """The tier of a member.

    Attributes:
        level: its place in the ladder; -1 before the first fact.
        name: its id.
        since: when it was reached.
        until: the end of the period for which it is kept; NEVER for the lowest level.
        grace_until: the end of the grace that follows, once the level's condition no longer holds.
        rises_at: when a higher level is reached by time alone.
    """

    level: int = -1
    name: str | None = None
    since: Instant = BEGINNING
    until: Instant = NEVER
    grace_until: Instant | None = None
    rises_at: Instant = NEVER


class Member(msgspec.Struct, array_like=True):
    """State of one member.

    What is decided is kept by place in the rules of `version`; `picks` has the rule that holds in
    each slot (-1: none), `untils` the instant at which that changes with no further event.

    Attributes:
        spreads: for each spread, the categories (or stores) for which the rule holds, and until
            when.
        waiting: for each spread, those for which it will hold by time alone, and from when on.
        due: the earliest of all those instants, NEVER when nothing changes any more.
        tags_at: the instant of the last change of tags, with what came and went at it in sum.
        tier_at: the instant of the last change of tier, with the level before it.
        awaited: see `shared.orders.Awaiting`.
    """

    history: History = msgspec.field(default_factory=History)
    version: int | None = None
    picks: list[int] = []
    untils: list[Instant] = []
    spreads: list[dict[int, Instant]] = []
    waiting: list[dict[int, Instant]] = []
    tier: TierHeld = msgspec.field(default_factory=TierHeld)
    due: Instant = NEVER
    tags_at: Instant = BEGINNING
    added: list[str] = []
    removed: list[str] = []
    tier_at: Instant = BEGINNING
    tier_before: str | None = None
    awaited: tuple[bytes, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An effect: what changed at one instant, in sum with what changed before at the same instant.

    There is at most one decision a member, kind and instant, so that the order of decisions is
    their time alone, however the events of one instant were cut into batches.

    Attributes:
        kind: tags; tier; or kept, which is no decision: a tier's period or grace moved.
        again: something was folded or fired at this very instant before, perhaps by an earlier
            batch, so that a decision about it may have been published.
        cause: the id of the event; None when only time passed.
        because: the reasons of what this step changed; of tags, one each.
    """

    kind: Literal["tags", "tier", "kept"]
    at: Instant
    again: bool = False
    cause: str | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    before: str | None = None
    now: str | None = None
    until: Instant | None = None
    because: tuple[Because, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether, in sum, nothing changed at this instant."""
        if self.kind == "tags":
            return not self.added and not self.removed
        return self.before == self.now
