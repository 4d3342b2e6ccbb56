"""What notify keeps of a member between two events: one small row."""

from uuid import UUID

import msgspec

from services.notify.domain.caps import Sent
from services.notify.domain.facts import Value, Words
from shared.clock import Instant


class Entry(msgspec.Struct, array_like=True):
    """A member's way through one journey, from the event that let them in.

    `step` is the step that waits to be decided, `planned` when the journey wanted it and `due`
    when it is decided (later than planned after a night). `version` is the program that let the
    member in; it stays the one whose steps are taken. `occasion` is what its messages are about,
    where that is not the event.
    """

    journey: str
    version: int
    event_id: str
    at: Instant
    context: dict[str, Value]
    step: int
    planned: Instant
    due: Instant
    occasion: str = ""

    @property
    def about(self) -> str:
        """What the messages are about: with the journey and the step it names each of them."""
        return self.occasion or self.event_id


class Told(msgspec.Struct, array_like=True):
    """The tier that a member believes to have, for nobody has told them of a later one."""

    tier: str
    rank: int | None
    title: Words


class Topic(msgspec.Struct, array_like=True):
    """How often something came up that may come up again, and when it was last said."""

    times: int = 0
    said_at: Instant | None = None


class MemberState(msgspec.Struct, array_like=True):
    """The projections that decisions look at, the journeys under way, and what was lately said."""

    member: bytes
    joined_at: Instant | None = None
    home_store: str | None = None
    last_store: str | None = None
    language: str | None = None
    time_zone: str | None = None
    tier: str | None = None
    tags: list[str] = []
    consent: dict[str, bool] = {}
    orders: int = 0
    last_purchase_at: Instant | None = None
    entries: list[Entry] = []
    once: list[str] = []
    sent: list[Sent] = []
    erased: bool = False
    tier_title: Words = {}
    told: Told | None = None
    topics: dict[str, Topic] = {}
    advisers: list[str] | None = None
    """Staff who are contacts of the member; None: nobody has ever said."""
    awaited: tuple[bytes, ...] = ()
    """See `shared.orders.Awaiting`."""

    @property
    def member_id(self) -> UUID:
        """The member's id."""
        return UUID(bytes=self.member)
