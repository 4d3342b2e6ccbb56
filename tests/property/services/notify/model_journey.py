"""Journeys as the program writes them, and what comes of them, for the slow model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.clock import Instant
from shared.events import Event, types

PARALLEL_MAX = 20


class Said(NamedTuple):
    """One message as it was decided: said (no reason), or not, and why."""

    journey: str
    step: str
    about: tuple[str, ...]
    entered_by: str
    cause: str
    planned: Instant
    at: Instant
    deadline: Instant
    reason: str | None
    told: dict[str, Any]

    @property
    def name(self) -> tuple[str, ...]:
        """What makes it this message and no other."""
        return self.journey, self.step, *self.about


@dataclass
class Way:
    """A member on the way through a journey; `step` is the next of its messages."""

    journey: str
    event: str
    about: tuple[str, ...]
    at: Instant
    context: dict[str, Any]
    planned: Instant
    due: Instant
    step: int = 0


class Step(NamedTuple):
    """A message of a journey, and the waits before it."""

    waits: list[Mapping[str, Any]]
    send: Mapping[str, Any]


def steps_of(journey: Mapping[str, Any]) -> list[Step]:
    """The messages of a journey."""
    steps, waits = list[Step](), list[Mapping[str, Any]]()
    for each in journey["steps"]:
        if "wait" in each:
            waits.append(each["wait"])
        else:
            steps.append(Step(waits, each["send"]))
            waits = []
    return steps


class Level(NamedTuple):
    """A tier as the member knows it."""

    tier: str
    rank: int | None
    title: Mapping[str, str]


def level_before(event: Event) -> Level | None:
    """The tier that a change says was before it."""
    data = event.data
    if data.from_ is None:
        return None
    rank = None if data.level_before is None else data.level_before.rank
    return Level(data.from_, rank, title_of(data, "from_"))


def title_of(data: Any, which: str) -> Mapping[str, str]:
    """What a tier is called; as its id where nobody said."""
    level = data.level if which == "to" else data.level_before
    name = getattr(data, which)
    return {"zh": name, "en": name} if level is None else level.title


def of_tiers(journey: Mapping[str, Any]) -> bool:
    """Whether it speaks of tiers."""
    trigger: Mapping[str, str] = journey["trigger"]
    return trigger.get("event") == types.TIER_CHANGED


def topic_of(name: str, journey: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """What may come up again."""
    if "tag" in journey["trigger"]:
        return f"{name} of {context['tag']}"
    if of_tiers(journey):
        return f"{name} of {context['to']} {context['direction']}"
    return None


def tags_given(event: Event) -> Sequence[str]:
    """The tags that somebody gets by an event."""
    return event.data.added if event.type == types.TAGS_CHANGED else ()


def is_nothing(event: Event) -> bool:
    """Whether a decision says nothing but that an earlier one is withdrawn."""
    if event.type == types.TIER_CHANGED:
        return bool(event.data.from_ == event.data.to)
    return event.type == types.TAGS_CHANGED and not (event.data.added or event.data.removed)
