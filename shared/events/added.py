"""The data of the facts that ingest adds to the log: who is who, and whose an order is."""

from msgspec import field

from shared.events.facts import Data
from shared.events.scalars import Identifier, Subject, Text


class MemberCreated(Data, frozen=True, kw_only=True):
    """Ingest met somebody new: a guest until they join."""

    identities: list[Subject]
    store_id: Identifier | None = None
    cause: Identifier | None = None


class MemberIdentified(Data, frozen=True, kw_only=True):
    """A known member has further names."""

    identities: list[Subject]
    cause: Identifier | None = None


class OrderMoved(Data, frozen=True, kw_only=True):
    """An order turned out to be the one's and not the other's; both are told."""

    order_id: Identifier
    store_id: Identifier | None = None
    from_: Identifier = field(name="from")
    to: Identifier
    cause: Identifier


class MemberMerged(Data, frozen=True, kw_only=True):
    """Two members were found to be one: everything of `from` goes to `into`."""

    into: Identifier
    from_: Identifier = field(name="from")
    because: Text | None = None
    cause: Identifier | None = None


class MemberUnmerged(Data, frozen=True, kw_only=True):
    """A merge was undone."""

    into: Identifier
    from_: Identifier = field(name="from")
    because: Text | None = None
    cause: Identifier | None = None


class MemberErased(Data, frozen=True, kw_only=True):
    """A member is to be forgotten; the books stay."""

    reason: Text | None = None
