"""What a message is about: its occasion, by which it is said once however the history is told.

A journey that is entered `once` is about the member; one that a purchase begins is about the order,
whoever reports it; one that a tier or a tag begins, about that tier and direction or that tag, and
how many times it came up before; any other, about its event.
"""

from collections.abc import Mapping

from services.notify.domain import facts
from services.notify.domain.facts import AnyFact, Value
from services.notify.domain.journey import Journey
from services.notify.domain.state import Entry, MemberState, Topic
from shared.clock import Instant

_ONCE = "once"


def was_said_lately(
    state: MemberState, journey: Journey, context: Mapping[str, Value], at: Instant
) -> bool:
    """Whether the same was said so shortly before that it is not to be said again."""
    topic = _topic(journey, context)
    said = None if topic is None else state.topics.get(topic)
    return (
        said is not None and said.said_at is not None and at - said.said_at < journey.repeat_after
    )


def begin(state: MemberState, journey: Journey, fact: AnyFact, context: Mapping[str, Value]) -> str:
    """The occasion of an entry that begins; empty for the event itself."""
    if journey.reentry == _ONCE:
        before = state.topics.get(_once(journey.name), Topic()).times
        return f"{_ONCE}:{before}" if before else _ONCE
    if isinstance(fact, facts.Purchase):
        return "" if fact.again else f"order:{fact.store_id}:{fact.order_id}"
    topic = _topic(journey, context)
    if topic is None:
        return ""
    came_up = state.topics.setdefault(topic, Topic())
    came_up.times += 1
    return f"{topic}:{came_up.times}"


def begins_anew(state: MemberState, journey: str) -> None:
    """Let in again, under another name, who entered `once` by an order that is no more.

    They were told nothing, but what was decided about the messages stands under the old name.
    """
    state.topics.setdefault(_once(journey), Topic()).times += 1


def was_said(state: MemberState, journey: Journey, entry: Entry, at: Instant) -> None:
    """Remember when something was said that may come up again."""
    topic = _topic(journey, entry.context)
    if topic is not None:
        state.topics.setdefault(topic, Topic()).said_at = at


def together(real: Mapping[str, Topic], told_anew: Mapping[str, Topic]) -> dict[str, Topic]:
    """What came up: really, and as if the past had always been what it is now."""
    both = dict(real)
    for topic, as_if in told_anew.items():
        known = real.get(topic, Topic())
        both[topic] = Topic(max(known.times, as_if.times), known.said_at)
    return both


def _once(journey: str) -> str:
    return f"{journey}:{_ONCE}"


def _topic(journey: Journey, context: Mapping[str, Value]) -> str | None:
    """What may come up again, as the state knows it."""
    if journey.trigger.tag is not None:
        return f"{journey.name}:{journey.trigger.tag}"
    if journey.of_tiers:
        return f"{journey.name}:{context['to']}:{context.get('direction', '')}"
    return None
