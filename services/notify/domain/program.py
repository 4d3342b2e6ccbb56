"""The program of notify, ready to run, and its versions by the time from which they rule."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from services.notify.domain.caps import Cap
from services.notify.domain.controls import Controls
from services.notify.domain.journey import Journey
from services.notify.domain.quiet_hours import QuietHours
from services.notify.domain.state import MemberState
from services.notify.domain.template import Template
from shared.clock import Instant


class Channel(msgspec.Struct, frozen=True):
    """A way to reach a member.

    `consent_implied`: it may speak until the member says no. `by_adviser`: it speaks through a
    member of staff who is a contact. `bytes_max` is its limit for one text.
    """

    name: str
    title: Mapping[str, str]
    consent_implied: bool
    destination: str
    bytes_max: int | None
    by_adviser: bool = False

    def reaches(self, state: MemberState) -> bool:
        """Whether it leads to a member; where nobody has told of any contact, it is tried."""
        return not self.by_adviser or state.advisers is None or bool(state.advisers)


class Destination(msgspec.Struct, frozen=True):
    """Where messages of a channel are handed over; a secret is named here, never held.

    `secrets` are names of settings. The first one signs beside the others while keys are rotated.
    """

    name: str
    sender: str
    url: str | None
    secrets: Sequence[str]
    per_second: float
    timeout_seconds: float


class Program(msgspec.Struct, frozen=True):
    """One version: journeys, templates and policies, compiled.

    `triggers` and `exits` are the journeys by the event type that lets in or out. `sent_window` is
    how long a message can count under any cap, in µs.
    """

    language: str
    zone: ZoneInfo
    zones_of_stores: Mapping[str, ZoneInfo]
    quiet_hours: QuietHours | None
    caps: Sequence[Cap]
    channels: Mapping[str, Channel]
    destinations: Mapping[str, Destination]
    templates: Mapping[str, Template]
    journeys: Mapping[str, Journey]
    triggers: Mapping[str, Sequence[Journey]]
    exits: frozenset[str]
    sent_window: int

    def zone_of(self, state: MemberState) -> ZoneInfo:
        """The member's zone: their own, or their store's, or the program's."""
        if state.time_zone is not None:
            own = zone_named(state.time_zone)
            if own is not None:
                return own
        store = state.home_store or state.last_store
        return self.zones_of_stores.get(store, self.zone) if store is not None else self.zone


class InForce(NamedTuple):
    """A program with the number of its version."""

    version: int
    program: Program


class Programs:
    """All versions: an event is judged by the one that was in force when it happened."""

    def __init__(
        self,
        versions: Sequence[tuple[Instant, int, Program]],
        withdrawn: Collection[int] = (),
        controls: Controls | None = None,
    ) -> None:
        """Take the versions: from which instant, which number, which program.

        Of two with the same instant the later version number rules. Before the first, the first
        rules. Those that are `withdrawn` rule nothing. `controls` are what was said of journeys,
        whatever version they are of.

        Raises:
            ValueError: there is none that rules.
        """
        ordered = sorted(versions, key=lambda entry: entry[:2])
        standing = [entry for entry in ordered if entry[1] not in withdrawn]
        if not standing:
            raise ValueError("there is no program")
        self.controls = controls or Controls()
        self._from = [effective_from for effective_from, _, _ in standing]
        self._programs = [InForce(version, program) for _, version, program in standing]
        self._numbered = {version: program for _, version, program in ordered}
        # of all: what is kept of the log must not depend on what is withdrawn later
        self._types = frozenset(
            event for _, _, program in ordered for event in (*program.triggers, *program.exits)
        )

    def at(self, instant: Instant) -> InForce:
        """The version in force at an instant."""
        return self._programs[max(0, bisect_right(self._from, instant) - 1)]

    def numbered(self, version: int) -> Program:
        """A version by number (KeyError: there is none)."""
        return self._numbered[version]

    def listens(self, event_type: str) -> bool:
        """Whether a journey of any version is triggered or ended by events of this type."""
        return event_type in self._types


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The IANA time zone of that name, or None."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None
