"""What a service brings to a timeline: a pure machine, and a writer of its effects."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import msgspec

from shared.clock import Instant
from shared.db import Transaction
from shared.events import Event
from shared.orders import Awaiting, OrdersMachine
from shared.runtime.batch import Batch

S = TypeVar("S", bound=Awaiting)
F = TypeVar("F")
E = TypeVar("E")


class Machine(OrdersMachine[S, F, E], Protocol[S, F, E]):
    """A member's history as pure decisions: no clock, no I/O, the same answer to the same facts.

    How orders are folded, and what facts and timers do, is in `shared.orders`. `state_type` and
    `fact_type` are msgspec Structs; they are what is stored.
    """

    fact_type: type[F]

    def remember(self, event: Event) -> F | None:
        """What this service keeps of an event; None when it is none of its concern."""
        ...

    def supersedes(self, fact: F) -> str | None:
        """The id of an earlier decision of the same source that this one replaces or withdraws."""
        ...

    def needs_history(self, state: S, at: Instant, fact: F) -> bool:
        """Whether this fact can be judged only with all facts of the member at hand."""
        ...


class Outcome(msgspec.Struct, Generic[S, E]):
    """What a batch did to one member.

    Attributes:
        member_id: who.
        state: the state afterwards.
        effects: the new effects; when `rebuilt`, *all* effects of the whole history, to be held
            against what was posted before.
        rebuilt: whether the history was folded anew from the beginning.
        cause: the id of the event that led here; "timer" when only time passed.
    """

    member_id: UUID
    state: S
    effects: list[E]
    rebuilt: bool
    cause: str


class EffectWriter(Protocol[S, E]):
    """What a service does with outcomes, inside of the batch's transaction."""

    async def prepare(self, tx: Transaction) -> None:
        """Bring the machine up to date (program versions), before the batch is decided."""
        ...

    async def write(self, tx: Transaction, outcomes: Sequence[Outcome[S, E]], batch: Batch) -> None:
        """Write effects, set-based, and emit events through `batch`."""
        ...
