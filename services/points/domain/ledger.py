"""What a member has: the state of the fold over their facts, and the moves that it decides.

A *move* is one change of a member's points that follows from the sorted facts alone. posting.py
turns moves into transfers, which also know what was posted before.
"""

from datetime import date
from typing import Final

import msgspec

from shared.clock import Instant

ADJUSTMENT: Final = "adjustment"
"""In place of a rule: somebody gave or took by hand. No rule of a program may have this id."""

CHAIN: Final = "chain"
"""Who pays for points where no rule says otherwise."""

Usage = tuple[int, int]
"""points, times that a rule gave a member in the current local day"""


class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What rating asks about the member, as of a moment."""

    birthday_month: int = 0
    tier: str | None = None


UNKNOWN = Member()


class Award(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Points for somebody else: for the member who referred this one.

    Attributes:
        to: whose points they are, as a member id.
        key: what it is for: always the same for the same cause, rule and receiver.
        at: when the cause happened.
        points: signed: a purchase gives, the refund of all that was bought takes back.
        rule, version: what decided.
        cause: id of the purchase or refund.
        reward: key of the award that gave the points: this one, or the one that is taken back.
    """

    to: bytes
    key: bytes
    at: Instant
    points: int
    rule: str
    version: int
    cause: str
    reward: bytes
    order_id: str
    store_id: str | None


class FirstOrder(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The order that made somebody a buyer: when, and what its event and place were."""

    at: Instant
    event_id: str
    key: bytes
    order_id: str
    store_id: str


class State(msgspec.Struct, array_like=True):
    """One member's row: everything that the next fact needs, and nothing more.

    Attributes:
        member: birthday and tier as they stand.
        day: the local day that `used` counts (days since 1970-01-01).
        used: by rule with a cap, what it gave on that day.
        available: points that can be spent; below zero, what is owed.
        lifetime: points ever earned by rules and not taken back.
        referrer: member id of whoever sent this one, as first told; empty: nobody.
        first: the first order of those that stand.
        awards: what that gave to whoever sent the member.
        awaited: see `shared.orders.Awaiting`.
    """

    member: Member = UNKNOWN
    day: int = -1
    used: dict[str, Usage] = {}
    available: int = 0
    lifetime: int = 0
    referrer: bytes = b""
    first: FirstOrder | None = None
    awards: tuple[Award, ...] = ()
    awaited: tuple[bytes, ...] = ()


class Move(msgspec.Struct, frozen=True, gc=False):
    """One change of a member's available points.

    Attributes:
        event_id, key: the event that caused it, and its identity.
        at: when the points came or went, as an instant.
        code: earn, clawback or adjust.
        rule, version: what decided; the rule of what is given or taken by hand is `ADJUSTMENT`.
        points: signed, never zero.
        lot: identity of the event whose grant (by the same rule) the points belong to.
        figures: what decided, as JSON.
    """

    event_id: str
    key: bytes
    at: Instant
    code: str
    rule: str
    version: int
    points: int
    lot: bytes
    store_id: str
    funder: str
    order_id: str | None
    expires_on: date | None
    figures: bytes


class Remark(msgspec.Struct, frozen=True, gc=False):
    """Why an event moved no points, or fewer than it asked for."""

    event_id: str
    key: bytes
    at: Instant
    code: str
    figures: bytes


Effect = Move | Remark | Award
