"""What has just arrived of some members, and what it means for how they are folded on."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from shared.clock import Instant
from shared.orders import Bought, Dated, Folded, Report, Withdrawn, counts, fold_history
from shared.runtime.machine import E, F, Machine, S
from shared.runtime.positions import BEGINNING
from shared.timers import timelines
from shared.timers.timelines import Loaded, Order

BIRTH = Order(BEGINNING, -1, b"")
"""Before everything that ever happens to a member."""


class News(NamedTuple):
    """A fact that has just arrived; `about` names the order of which it is a report, if it is."""

    order: Order
    fact: Any
    supersedes: bytes | None
    event_id: str
    report: Report | None = None
    about: bytes | None = None


def order_of(item: News) -> Order:
    """Where it stands in its member's history."""
    return item.order


def about_of(report: Report | None) -> bytes | None:
    """The name of the order that a report is of.

    What is taken back needs none: its withdrawal folds the history anew, where both are at hand,
    and one that is told later is late, or in the state (`awaited`).
    """
    if report is None or isinstance(report, Withdrawn):
        return None
    return timelines.about(report.order_id)


def amends(member: UUID, items: Sequence[News], loaded: Loaded) -> bool:
    """Whether any news amends what was told: is of an order that is not new, or takes back."""
    more = False
    for item in items:
        report, about = item.report, item.about
        if report is None:
            continue
        if about is None:
            more = True
            continue
        known = loaded.tell_of(member, about)
        new = isinstance(report, Bought) and counts(report.content)
        more = more or known or not new
    return more


def drop_known(news: dict[UUID, list[News]], known: set[tuple[UUID, bytes]]) -> int:
    """Drop what was folded before or stands twice in the batch; returns how many."""
    dropped = 0
    for member in list(news):
        kept: list[News] = []
        for item in news[member]:
            if (member, item.order.key) in known:
                dropped += 1
            else:
                known.add((member, item.order.key))
                kept.append(item)
        if kept:
            news[member] = kept
        else:
            del news[member]
    return dropped


def fold_whole(
    machine: Machine[S, F, E], member: UUID, facts: Iterable[News], until: Instant
) -> tuple[Folded[S, E], Order]:
    """Fold a history from all of its facts, in whatever order; returns how far it then reaches."""
    told = timelines.as_told(facts)
    dated = [Dated(fact.order.at, fact.order.key, fact.fact) for fact in told]
    folded = fold_history(machine, member, dated, until)
    reached = told[-1].order if told else BIRTH
    if folded.fired_at is not None:
        reached = max(reached, Order(folded.fired_at, -1, b""))
    return folded, reached
