"""A synthetic chain's events as a stream: any number, in constant memory, the same for a seed.

```python
for event_type, at, raw in generate(Shape(members=10_000, events=100_000, seed=7)): ...
```

A member's first event is preceded by their joining, one second before (unless the weights leave
joining out). Most events come in the order of their time; a share comes late, as from a till that
was offline, and a share comes twice.
"""

import heapq
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from deploy.demo.chain import Chain
from deploy.demo.happenings import Happening, Happenings
from deploy.demo.outgoing import event_bytes
from deploy.demo.publish import TypedEvent
from shared.clock import DAY, HOUR, MINUTE, SECOND, Instant, parse_instant
from shared.events import types

SOURCE: Final = "generator"
START: Final = parse_instant("2025-01-01T00:00:00+08:00")
_OPENS: Final = 7 * HOUR
_OPEN_FOR: Final = 15 * HOUR
_HELD_BACK_MAX: Final = 20_000
_SKEW: Final = 2.0
"""Members are drawn as u ** skew: a fifth of them makes nearly half of the events."""

DEFAULT_WEIGHTS: Final[Mapping[str, float]] = {
    types.MEMBER_JOINED: 1,
    types.PURCHASE_COMPLETED: 400,
    types.PURCHASE_REFUNDED: 20,
    types.PURCHASE_CHANGED: 4,
    types.PURCHASE_REFUND_REVERSED: 1,
    types.RECEIPT_CLAIMED: 1,
    types.INTERACTION_RECORDED: 300,
    types.INTERACTION_WITHDRAWN: 2,
    types.MEMBER_PROFILE_UPDATED: 15,
    types.MEMBER_CONSENT_CHANGED: 10,
    types.CODE_VIEWED: 50,
    types.COMMUNITY_JOINED: 30,
    types.COMMUNITY_LEFT: 7,
    types.CONTACT_ADDED: 20,
    types.CONTACT_REMOVED: 3,
    types.MEMBER_ASSIGNED: 5,
    types.STAFF_DEPARTED: 1,
    types.QUESTION_ASKED: 15,
    types.QUESTION_ACKNOWLEDGED: 14,
    types.QUESTION_RESOLVED: 13,
    types.COMPLAINT_OPENED: 2,
    types.COMPLAINT_RESOLVED: 2,
    types.CONTENT_PUBLISHED: 8,
    types.STOCK_ARRIVED: 5,
    types.LIVE_STARTED: 1,
    types.LIVE_ENDED: 1,
}
"""How often each type happens; of joining it only counts whether it is there."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of chain, and how much of it.

    Attributes:
        members: how many there are; who of them turns up is a matter of chance.
        stores: how many there are.
        days: over how many days the events are spread, in opening hours.
        events: how many lines come out, joins and duplicates included.
        seed: the same seed gives the same stream, byte for byte.
        late: share of events that come up to a day late.
        duplicates: share of events that come twice.
        weights: how often each type happens.
        start: the first midnight.
    """

    members: int = 10_000
    stores: int = 50
    days: int = 90
    events: int = 100_000
    seed: int = 1
    late: float = 0.02
    duplicates: float = 0.01
    weights: Mapping[str, float] = field(default_factory=lambda: DEFAULT_WEIGHTS)
    start: Instant = START


def generate(shape: Shape) -> Iterator[TypedEvent]:
    """Type, time and JSON of each event, in the order in which they arrive."""
    chance = random.Random(f"arrival {shape.seed}")  # noqa: S311 - to be repeated, not to be secret
    held_back: list[tuple[Instant, int, TypedEvent]] = []
    left = shape.events
    for number, event in enumerate(_in_order(shape)):
        now = event[1]
        while held_back and left and (held_back[0][0] <= now or len(held_back) > _HELD_BACK_MAX):
            yield heapq.heappop(held_back)[2]
            left -= 1
        if not left:
            return
        draw = chance.random()
        if draw < shape.late:
            heapq.heappush(held_back, (now + chance.randrange(MINUTE, DAY), number, event))
            continue
        if draw < shape.late + shape.duplicates:
            heapq.heappush(held_back, (now + chance.randrange(SECOND, HOUR), number, event))
        yield event
        left -= 1
        if not left:
            return


def _in_order(shape: Shape) -> Iterator[TypedEvent]:
    """Events by time, without end: after the days that were asked for time goes on."""
    chain = Chain(shape.members, shape.stores, shape.seed)
    chance = random.Random(f"life {shape.seed}")  # noqa: S311 - to be repeated, not to be secret
    happenings = Happenings(chain, chance)
    kinds = [kind for kind in shape.weights if kind != types.MEMBER_JOINED]
    bounds = list(accumulate(shape.weights[kind] for kind in kinds))
    known = bytearray(shape.members if types.MEMBER_JOINED in shape.weights else 0)
    number = 0
    while True:
        at = _moment(shape, number)
        member = int(shape.members * chance.random() ** _SKEW)
        [kind] = chance.choices(kinds, cum_weights=bounds)
        happening = happenings.make(kind, member, number)
        if known and kind not in types.MEMBERLESS and not known[member]:
            known[member] = 1
            yield _written(f"{shape.seed}-j{number}", at - SECOND, happenings.joined(member))
        yield _written(happenings.event_id(number), at, happening)
        number += 1


def _moment(shape: Shape, number: int) -> Instant:
    """Spread evenly over the opening hours of the days."""
    day, share = divmod(number * shape.days, shape.events)
    return shape.start + day * DAY + _OPENS + share * _OPEN_FOR // shape.events


def _written(event_id: str, at: Instant, happening: Happening) -> TypedEvent:
    event_type, subject, data = happening
    raw = event_bytes(
        source=SOURCE,
        event_id=event_id,
        event_type=event_type,
        subject=subject,
        at=at,
        data=data,
    )
    return event_type, at, raw
