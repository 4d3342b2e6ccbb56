"""Which tags a member has: asked only where something moved, each answer with its end."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from services.segmentation.domain.features import scoped_values, values_of
from services.segmentation.domain.history import (
    EVERYTHING,
    NEVER,
    ONLINE,
    ORDERS,
    RECENT,
    History,
)
from services.segmentation.domain.member import Change, Member
from services.segmentation.domain.rules import Rule, Rules, Slot, Spread, Step
from shared.clock import Instant
from shared.conditions import Condition, explain, features_of
from shared.events.decisions import Because, Figure

Instants = dict[int, Instant]
"""An instant for each category or store."""


class Reason:
    """A tag that came or went, and why."""

    __slots__ = ("because", "came", "tag")

    def __init__(self, tag: str, because: Because, *, came: bool) -> None:
        """Take the three."""
        self.tag, self.because, self.came = tag, because, came


def retag(member: Member, step: Step) -> list[Reason]:
    """Ask every rule again that may have another answer, and keep the answers."""
    reasons: list[Reason] = []
    picks, untils, at, moved = member.picks, member.untils, step.at, step.moved
    for i, slot in enumerate(step.rules.slots):
        if moved != EVERYTHING and not slot.moved_by & moved and untils[i] > at:
            continue  # a condition that looks at nothing is asked once, with everything
        pick, untils[i] = slot.decide(member.history, at)
        if pick != picks[i]:
            reasons += _repicked(member.history, slot, picks[i], pick, step)
            picks[i] = pick
    for i, spread in enumerate(step.rules.spreads):
        held, waiting = member.spreads[i], member.waiting[i]
        places = _touched(member.history, spread, held, waiting, step)
        if places:
            reasons += _respread(member.history, spread, held, waiting, places, step)
    return reasons


def differences(before: Member, now: Member, step: Step) -> list[Reason]:
    """What tags came and went because the past is another one now; both by one version."""
    reasons: list[Reason] = []
    for slot, held, holds in zip(step.rules.slots, before.picks, now.picks, strict=True):
        if held != holds:
            reasons += _repicked(now.history, slot, held, holds, step)
    for spread, old, new in zip(step.rules.spreads, before.spreads, now.spreads, strict=True):
        had = {before.history.names[place] for place in old}
        has = {now.history.names[place] for place in new}
        for name in sorted(had ^ has):
            tag = spread.tag(name)
            because = _because_of_place(now.history, spread, name, tag, step)
            reasons.append(Reason(tag, because, came=name in has))
    return reasons


def tags_of(member: Member, rules: Rules) -> Iterator[tuple[str, str, Instant]]:
    """Every tag of a member, with its group and when it ends (NEVER: only by an event)."""
    for slot, pick, until in zip(rules.slots, member.picks, member.untils, strict=True):
        if pick >= 0:
            yield slot.rules[pick].tag, slot.group, until
    for spread, held in zip(rules.spreads, member.spreads, strict=True):
        for place, until in held.items():
            yield spread.tag(member.history.names[place]), spread.group, until


def note_tags(member: Member, step: Step, reasons: list[Reason]) -> Change:
    """Sum a change up with what changed before at the same instant."""
    if member.tags_at != step.at:
        member.tags_at, member.added, member.removed = step.at, [], []
    added, removed = set(member.added), set(member.removed)
    for reason in reasons:
        here, there = (added, removed) if reason.came else (removed, added)
        if reason.tag in there:
            there.remove(reason.tag)
        else:
            here.add(reason.tag)
    member.added, member.removed = sorted(added), sorted(removed)
    return Change(
        kind="tags",
        at=step.at,
        again=step.again,
        cause=step.cause,
        added=tuple(member.added),
        removed=tuple(member.removed),
        because=tuple(reason.because for reason in reasons),
    )


def figures_of(condition: Condition, history: History, at: Instant) -> list[Figure]:
    """The comparisons that decided a condition, with the member's figures."""
    return _figures(condition, values_of(history, at, features_of(condition)))


def _figures(condition: Condition, values: dict[str, Any]) -> list[Figure]:
    return [
        Figure(
            feature=leaf["feature"] if "of" not in leaf else f"{leaf['feature']}:{leaf['of']}",
            op=leaf["op"],
            value=leaf["value"],
            actual=leaf["actual"],
        )
        for leaf in explain(condition, values)
    ]


def _repicked(history: History, slot: Slot, before: int, now: int, step: Step) -> Iterator[Reason]:
    """One rule of a slot took the place of another."""
    if now >= 0:
        rule = slot.rules[now]
        yield Reason(rule.tag, _because(history, rule, rule.tag, step), came=True)
    if before >= 0:
        # a tag goes because its condition no longer holds, or because that of one before it does
        why = slot.rules[now] if 0 <= now < before else slot.rules[before]
        tag = slot.rules[before].tag
        yield Reason(tag, _because(history, why, tag, step), came=False)


def _because(history: History, rule: Rule, tag: str, step: Step) -> Because:
    return Because(
        rule=rule.id,
        event_id=step.cause,
        program_version=step.rules.version,
        tag=tag,
        figures=figures_of(rule.when, history, step.at),
    )


def _respread(
    history: History,
    spread: Spread,
    held: Instants,
    waiting: Instants,
    places: Iterable[int],
    step: Step,
) -> Iterator[Reason]:
    decide, at = spread.decide, step.at
    for place in places:
        pick, until = decide(history, at, place)
        came, went = pick == 0 and place not in held, pick != 0 and place in held
        if pick == 0:
            held[place] = until
            waiting.pop(place, None)
        else:
            held.pop(place, None)
            if until < NEVER:
                waiting[place] = until
            else:
                waiting.pop(place, None)
        if came or went:
            tag = spread.tag(history.names[place])
            name = history.names[place]
            yield Reason(tag, _because_of_place(history, spread, name, tag, step), came=came)


def _because_of_place(history: History, spread: Spread, name: str, tag: str, step: Step) -> Because:
    condition = spread.rule.when
    names = history.names
    place = names.index(name) if name in names else len(names)
    values = scoped_values(history, step.at, features_of(condition), spread.scope, place)
    return Because(
        rule=spread.rule.id,
        event_id=step.cause,
        program_version=step.rules.version,
        tag=tag,
        figures=_figures(condition, values),
    )


def _touched(
    history: History, spread: Spread, held: Instants, waiting: Instants, step: Step
) -> Sequence[int]:
    """The categories, or stores, whose answer may be another now; in a fixed order.

    With a fact nothing is due: timers fire before the facts of their instant.
    """
    if not step.moved:
        due = [place for place, until in held.items() if until <= step.at]
        return sorted(due + [place for place, until in waiting.items() if until <= step.at])
    if not step.moved & ORDERS:
        return ()
    if step.backwards:
        known = history.categories if spread.scope == "category" else history.stores
        return sorted({*held, *waiting, *known})
    if spread.scope == "category":
        return history.order_categories[-1] if history.order_categories else ()
    # an order moves what the last ten orders say of every store among them
    recent = history.order_store[-RECENT - 1 :]
    return sorted({*held, *waiting, *recent} - {ONLINE})
