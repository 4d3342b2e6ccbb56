"""When will the answer be another, if nothing happens but time?

Each comparison is turned into the instants at which it flips: at the feature's own future steps (a
purchase leaves its 90-day window, a tag ends) and, for what is relative to the present, at the ends
of the span in which it is true. `all` and `any` then count how many of their parts are true from
flip to flip. So the answer is exact to the microsecond, and costs in proportion to the steps of the
features that the condition looks at.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shared.clock import Instant
from shared.conditions import model
from shared.conditions.model import NOW, RELATIVE, Comparison, Condition
from shared.conditions.truth import actual_of, holds, is_missing, span

Steps = Iterable[tuple[Instant, Any]]


Future = Callable[..., Steps]
"""Says how a feature goes on with no further event.

Called with the feature's name (for a keyed feature with name and key) it gives the steps after now
in ascending order: `(instant, value from then on)`. What only events change has none.
"""


def next_change(
    condition: Condition, now: Instant, future: Future, values: Mapping[str, Any]
) -> Instant | None:
    """The earliest instant after now at which the condition's truth differs from now's.

    Args:
        condition: the tree.
        now: the present; what `values` says holds at it.
        future: the steps to come of each feature.
        values: the values as of now ("now" itself need not be in it).

    Returns:
        The instant, exact to the microsecond; None when the answer stays for ever.
    """
    _, flips = _flips(condition, now, future, values)
    return flips[0] if flips else None


def _flips(
    condition: Condition, now: Instant, future: Future, values: Mapping[str, Any]
) -> tuple[bool, list[Instant]]:
    """The truth now, and the ascending instants after now at which it changes."""
    match condition:
        case Comparison():
            return _flips_of_leaf(condition, now, future, values)
        case model.Not(inner):
            truth, flips = _flips(inner, now, future, values)
            return not truth, flips
        case model.All(parts):
            return _counted(parts, len(parts), now, future, values)
        case model.Any(parts):
            return _counted(parts, 1, now, future, values)


def _counted(
    parts: tuple[Condition, ...],
    needed: int,
    now: Instant,
    future: Future,
    values: Mapping[str, Any],
) -> tuple[bool, list[Instant]]:
    """True while at least `needed` of the parts are: all of them, or one."""
    count = 0
    moves: list[tuple[Instant, int]] = []
    for part in parts:
        truth, flips = _flips(part, now, future, values)
        count += truth
        step = -1 if truth else 1
        for at in flips:
            moves.append((at, step))
            step = -step
    before = truth_now = count >= needed
    moves.sort()
    changes: list[Instant] = []
    for i, (at, step) in enumerate(moves):
        count += step
        if i + 1 < len(moves) and moves[i + 1][0] == at:
            continue  # all that happens at one instant happens at once
        if (count >= needed) is not before:
            before = not before
            changes.append(at)
    return truth_now, changes


def _flips_of_leaf(
    leaf: Comparison, now: Instant, future: Future, values: Mapping[str, Any]
) -> tuple[bool, list[Instant]]:
    steps = future(leaf.feature) if leaf.of is None else future(leaf.feature, leaf.of)
    actual = actual_of(leaf, values)
    if leaf.op in RELATIVE:
        return _flips_in_spans(leaf, now, actual, steps)
    truth_now = truth = holds(leaf, actual, values)
    flips: list[Instant] = []
    for at, value in steps:
        if at > now and holds(leaf, value, values) is not truth:
            truth = not truth
            _toggle(flips, at)
    return truth_now, flips


def _flips_in_spans(
    leaf: Comparison, now: Instant, actual: Any, steps: Steps
) -> tuple[bool, list[Instant]]:
    """Follow value after value, each until the next step, through its span of truth."""
    truth_now = holds(leaf, actual, {NOW: now})
    truth, flips = truth_now, list[Instant]()
    pieces = [(now, actual), *((at, value) for at, value in steps if at > now)]
    for i, (begin, value) in enumerate(pieces):
        end = pieces[i + 1][0] if i + 1 < len(pieces) else None
        for at, becomes in _edges(leaf, value, begin):
            if end is not None and at >= end:
                break
            if becomes is not truth:
                truth = becomes
                _toggle(flips, at)
    return truth_now, flips


def _edges(leaf: Comparison, value: Any, begin: Instant) -> list[tuple[Instant, bool]]:
    """The truth from `begin` on: at begin itself, and where the value's span starts and ends."""
    if is_missing(value):
        return [(begin, False)]
    start, end = span(leaf, value)
    edges = [(begin, start <= begin and (end is None or begin < end))]
    if start > begin:
        edges.append((start, True))
    if end is not None and end > begin:
        edges.append((end, False))
    return edges


def _toggle(flips: list[Instant], at: Instant) -> None:
    if flips and flips[-1] == at:
        flips.pop()  # there and back at one instant is no change
    else:
        flips.append(at)
