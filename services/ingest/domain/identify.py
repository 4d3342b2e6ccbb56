"""Who an event is about: pure decisions over the names that are known.

The rules:

- A subject that is known is that member. An unknown subject is the member that one of the event's
  further names belongs to; when none is known either, a new guest.
- Further names (`data.identities`) are linked to the event's member when they are new. One that
  belongs to somebody else is a conflict: written down and counted, for merging is a person's or a
  later rule's decision.
- A name on the block list (the store's tablet) never links and is never a subject. A member has
  a limited number of names of a kind; what is beyond is a conflict.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

from services.ingest.domain.names import MEMBER, Name
from services.ingest.domain.refusal import Refusal, wrong_field
from shared.clock import Instant

Reason = Literal["other-member", "limit"]

NOBODY = "this name is on the block list: it names nobody"
NO_SUCH_MEMBER = "there is no member with this id"


class Cause(NamedTuple):
    """The event that names somebody: what is told of it where a member or link is made."""

    event_id: str
    source: str
    at: Instant
    store_id: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The names in one event; `others` are names of somebody else, each with its place."""

    subject: Name
    further: Sequence[Name]
    others: Mapping[Name, str]
    cause: Cause


class NewName(NamedTuple):
    """A name that is seen for the first time, and whose it is."""

    name: Name
    member_id: UUID
    cause: Cause
    creates: bool


class Conflict(NamedTuple):
    """A name that was not linked, and why."""

    name: Name
    member_id: UUID
    reason: Reason
    cause: Cause


@dataclass(frozen=True, slots=True)
class Rules:
    """What is never linked, and how many names of a kind a member may have."""

    blocked: frozenset[Name]
    names_max: Mapping[str, int]
    names_max_default: int


@dataclass(slots=True)
class Identified:
    """The outcome for a set of claims, in their order."""

    members: list[UUID | Refusal] = field(default_factory=list)
    new: list[NewName] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


@dataclass(slots=True)
class Identification:
    """Works claims off one after the other.

    Attributes:
        known: whose each known name is; grows with the names that claims bring.
        counts: how many names of a kind each known member has.
        new_id: makes a member id.
        rules: the block list and the limits.
    """

    known: dict[Name, UUID]
    counts: dict[tuple[UUID, str], int]
    new_id: Callable[[], UUID]
    rules: Rules
    outcome: Identified = field(default_factory=Identified)

    def decide(self, claims: Sequence[Claim]) -> Identified:
        """Find or make the member of each claim."""
        for claim in claims:
            self.outcome.members.append(self._one(claim))
        return self.outcome

    def _one(self, claim: Claim) -> UUID | Refusal:
        for name, place in (*claim.others.items(), (claim.subject, "/subject")):
            refusal = self._refusal(name, place)
            if refusal is not None:
                return refusal  # and nobody was made for an event that is not taken
        for other in claim.others:
            if other not in self.known:
                self._create(other, claim.cause)
        further = [name for name in claim.further if name not in self.rules.blocked]
        member_id = self._subject(claim, further)
        for name in further:
            self._link(name, member_id, claim.cause)
        return member_id

    def _refusal(self, name: Name, place: str) -> Refusal | None:
        """Why nobody can be found or made by a name."""
        if name in self.rules.blocked:
            return wrong_field(place, NOBODY, "blocked-name")
        if name.kind == MEMBER and name not in self.known:
            return wrong_field(place, NO_SUCH_MEMBER, "unknown-member")
        return None

    def _subject(self, claim: Claim, further: Sequence[Name]) -> UUID:
        subject = claim.subject
        member_id = self.known.get(subject)
        if member_id is not None:
            return member_id
        member_id = next((self.known[name] for name in further if name in self.known), None)
        if member_id is not None and self._link(subject, member_id, claim.cause):
            return member_id
        return self._create(subject, claim.cause)

    def _create(self, name: Name, cause: Cause) -> UUID:
        member_id = self.new_id()
        self._add(name, member_id, cause, creates=True)
        return member_id

    def _link(self, name: Name, member_id: UUID, cause: Cause) -> bool:
        """Give a member a further name; False when that cannot be."""
        owner = self.known.get(name)
        if owner == member_id:
            return True
        if owner is not None or name.kind == MEMBER:
            self._refuse(name, member_id, "other-member", cause)
            return False
        limit = self.rules.names_max.get(name.kind, self.rules.names_max_default)
        if self.counts.get((member_id, name.kind), 0) >= limit:
            self._refuse(name, member_id, "limit", cause)
            return False
        self._add(name, member_id, cause, creates=False)
        return True

    def _add(self, name: Name, member_id: UUID, cause: Cause, *, creates: bool) -> None:
        self.known[name] = member_id
        counted = (member_id, name.kind)
        self.counts[counted] = self.counts.get(counted, 0) + 1
        self.outcome.new.append(NewName(name, member_id, cause, creates))

    def _refuse(self, name: Name, member_id: UUID, reason: Reason, cause: Cause) -> None:
        self.outcome.conflicts.append(Conflict(name, member_id, reason, cause))


def uuid7(milliseconds: int, chance: bytes) -> UUID:
    """A UUID of version 7 (RFC 9562): sorted by time, else random.

    Args:
        milliseconds: since 1970.
        chance: ten random bytes.
    """
    number = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(chance, "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=number)
