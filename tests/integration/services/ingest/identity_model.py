"""Who is who, and what publishers are told: the small way, with dictionaries.

A second way to the same verdicts, written from docs/publishing-events.md: it knows a person by a
number of its own, and a name by what the story calls it, however it is written. It takes one event
after the other, whether they come alone or together.

- What is not valid, or may not be published by this source, is refused with its place, and leaves
  nothing behind.
- Over HTTP an id counts once for its `source`; what says otherwise is a duplicate that differs.
- A subject that is known is that member; else whom its further names know; else somebody new.
- A further name that is new becomes the member's, as long as they have not too many of its kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

NAMES_MAX = {"card": 5, "phone": 3, "wecom": 3, "unionid": 1}
BLOCKED = "blocked"
"""The tablet's number: it names nobody."""
NOBODY = "nobody"
"""Not a name at all."""
STRANGER = "member:stranger"
"""The id of a member whom there is not."""


class Sent(NamedTuple):
    """An event of a story.

    Names are `card:1`, `phone:2`; `of:card:1` is the id of the member who has that name, if any.
    `wrong` are places of the data that are not valid.
    """

    id: str
    origin: str
    joins: bool
    subject: str
    further: tuple[str, ...] = ()
    referrer: str | None = None
    store: str = "s1"
    content: int = 0
    wrong: tuple[str, ...] = ()
    ahead: bool = False


class Rights(NamedTuple):
    """What a source may publish."""

    name: str
    origins: frozenset[str]
    joins: bool = True
    stores: frozenset[str] | None = None
    strict: bool = False


class Verdict(NamedTuple):
    """What becomes of an event: accepted, duplicate or rejected."""

    status: str
    member: int | None = None
    differs: bool = False
    slug: str | None = None
    places: frozenset[str] = frozenset()


@dataclass
class Desk:
    """Everybody who is known."""

    members: dict[str, int] = field(default_factory=dict)
    taken: dict[tuple[str, str], tuple[int, Sent]] = field(default_factory=dict)
    conflicts: dict[tuple[str, int], int | None] = field(default_factory=dict)
    log: list[tuple[str, int]] = field(default_factory=list)
    people: int = 0

    def over_http(self, by: Rights, sent: Sent) -> Verdict:
        """What a publisher is answered."""
        refused = _not_valid(sent) or _forbidden(by, sent)
        if refused:
            return refused
        before = self.taken.get((sent.origin, sent.id))
        if before is not None:
            member, first = before
            return Verdict("duplicate", member, differs=first != sent)
        verdict = self._take(sent)
        if verdict.member is not None:
            self.taken[sent.origin, sent.id] = verdict.member, sent
        return verdict

    def over_kafka(self, sources: Sequence[Rights], sent: Sent) -> Verdict:
        """What becomes of a record: it is passed on, or a dead letter."""
        refused = _not_valid(sent)
        if refused:
            return refused
        mine = [each for each in sources if sent.origin in each.origins]
        if not mine:
            return _refused("unknown-source", "/source")
        return _forbidden(mine[0], sent) or self._take(sent)

    def _take(self, sent: Sent) -> Verdict:
        told = {"/subject": sent.subject, _place_of_referrer(sent): sent.referrer}
        told |= {f"/data/identities/{i}": name for i, name in enumerate(sent.further)}
        nonsense = [place for place, name in told.items() if name == NOBODY]
        if nonsense:
            return _refused("invalid-event", *nonsense)
        for place in (_place_of_referrer(sent), "/subject"):
            name = told[place]
            if name == BLOCKED:
                return _refused("blocked-name", place)
            if name is not None and name.startswith(("of:", "member:")) and not self._known(name):
                return _refused("unknown-member", place)
        if sent.referrer is not None and not self._known(sent.referrer):
            self._somebody_new(sent.referrer)
        member = self._who(sent)
        for name in sent.further:
            if name != BLOCKED:
                self._link(name, member)
        self.log.append((sent.id, member))
        return Verdict("accepted", member)

    def _who(self, sent: Sent) -> int:
        known = self._known(sent.subject)
        if known:
            return known
        for name in sent.further:
            if name != BLOCKED and name in self.members:
                if self._link(sent.subject, self.members[name]):
                    return self.members[name]
                break
        return self._somebody_new(sent.subject)

    def _known(self, name: str) -> int | None:
        return self.members.get(name.removeprefix("of:"))

    def _somebody_new(self, name: str) -> int:
        self.people += 1
        self.members[name] = self.people
        return self.people

    def _link(self, name: str, member: int) -> bool:
        owner = self._known(name)
        if owner == member:
            return True
        kind = name.split(":", maxsplit=1)[0]
        same = [n for n, of in self.members.items() if of == member and n.split(":")[0] == kind]
        if owner is not None or len(same) >= NAMES_MAX[kind]:
            self.conflicts.setdefault((name, member), owner)
            return False
        self.members[name] = member
        return True


def _not_valid(sent: Sent) -> Verdict | None:
    return _refused("invalid-event", *sent.wrong) if sent.wrong else None


def _forbidden(by: Rights, sent: Sent) -> Verdict | None:
    if sent.ahead:
        return _refused("time-in-the-future", "/time")
    if sent.joins and not by.joins:
        return _refused("type-not-allowed", "/type")
    if sent.origin not in by.origins:
        return _refused("source-not-allowed", "/source")
    if by.stores is not None and sent.store not in by.stores:
        return _refused("store-not-allowed", "/data/store_id")
    if by.strict and sent.store != "s1":
        return _refused("unknown-store", "/data/store_id")
    return None


def _place_of_referrer(sent: Sent) -> str:
    return "/data/referrer" if sent.joins else "/data/attribution/referrer"


def _refused(slug: str, *places: str) -> Verdict:
    return Verdict("rejected", slug=slug, places=frozenset(places))
