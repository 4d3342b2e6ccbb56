"""What has just arrived of some members, and what it means for how they are folded on."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from shared.orders import Bought, Report, Withdrawn, counts
from shared.timers import timelines
from shared.timers.timelines import Loaded, Order


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
