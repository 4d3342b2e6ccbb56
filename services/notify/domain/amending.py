"""Going on as if the past had always been what it is now; what was said stays said."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from services.notify.domain import occasions
from services.notify.domain.decision import Effect, MessageDecision
from services.notify.domain.job_id import job_id
from services.notify.domain.journey import Journey
from services.notify.domain.state import Entry, MemberState

NextStep = Callable[[MemberState, Entry, Journey], None]


def take_over(
    before: MemberState,
    now: MemberState,
    journeys: Mapping[int, Mapping[str, Journey]],
    decisions: Sequence[Effect],
    next_step: NextStep,
) -> list[Entry]:
    """Give a state that was folded as if the past had always been so what really happened.

    Args:
        before: the state as it stood.
        now: as it would be; it goes on from here.
        journeys: by version of the program and name.
        decisions: all that were really taken; what an earlier amendment has undone is among them.
        next_step: moves an entry on, out of the state after the last step.

    Returns:
        The entries that are no more.
    """
    said = [effect for effect in decisions if isinstance(effect, MessageDecision)]
    _keep_names(before, now)
    now.sent, now.told = before.sent, before.told
    now.topics = occasions.together(before.topics, now.topics)
    begun = {decision.journey for decision in said if decision.reason is None}
    now.once = sorted({*now.once, *(name for name in before.once if name in begun)})
    for name in set(before.once).difference(now.once):
        occasions.begins_anew(now, name)
    decided = {decision.job for decision in said}
    for entry in list(now.entries):
        journey = journeys[entry.version][entry.journey]
        while entry in now.entries and _job(now, entry, journey) in decided:
            next_step(now, entry, journey)
    under_way = set(_names(now.entries))
    return [
        entry
        for entry, name in zip(before.entries, _names(before.entries), strict=True)
        if name not in under_way
    ]


def _keep_names(before: MemberState, now: MemberState) -> None:
    """Let each entry that is in both keep its occasion: counted anew, it may be another number."""
    kept = {(entry.journey, entry.event_id): entry.occasion for entry in before.entries}
    same = [entry for entry in now.entries if (entry.journey, entry.event_id) in kept]
    for entry in same:
        entry.occasion = kept[entry.journey, entry.event_id]
    taken = set(_names(same))
    for entry in now.entries:
        if entry not in same and (entry.journey, entry.about) in taken:
            entry.occasion = ""


def _job(state: MemberState, entry: Entry, journey: Journey) -> bytes:
    return job_id(state.member, entry.journey, entry.about, journey.steps[entry.step].name)


def _names(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    return ((entry.journey, entry.about) for entry in entries)
