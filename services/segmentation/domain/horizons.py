"""Conditions compiled to "which rule holds, and until when": one function for a list of rules.

A comparison of a falling feature, or of an instant with the present, is true until one instant or
from one instant on: its *horizon*, which a list of orders gives in one step (orders_90d is at least
3 until the third last order is 90 days old). So the answer of a whole list of rules can only change
at one of a few instants, and the first at which it does is found by asking again at each. Property
tests hold this equal to `shared.conditions` asked at every step of every window.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from services.segmentation.domain.features import FIGURES, SCOPED, Figure
from services.segmentation.domain.history import NEVER
from services.segmentation.domain.reading import NAMESPACE, Scope, newest, stretch
from shared.clock import DAY, Instant
from shared.conditions import NOW, All, Comparison, Condition, Not, compile_source
from shared.conditions import Any as AnyOf
from shared.conditions.model import RELATIVE, comparisons

Decide = Callable[..., tuple[int, Instant]]
"""(history, now), with a scope (history, now, place) → the first rule that holds (or -1), until
when."""

_NEVER_BEGAN: Final = -NEVER
_AT_LEAST: Final = {"at_least": 0, "more_than": 1}
_LESS_THAN: Final = {"less_than": 0, "at_most": 1}


def horizon_of_sum(
    instants: Sequence[Instant], sums: Sequence[int], least: int, window: Instant
) -> Instant:
    """Until when the sum over a window is at least so much."""
    i = bisect_right(sums, sums[-1] - least) - 1
    return _NEVER_BEGAN if i < 0 else instants[i] + window


_FUNCTIONS: Final[dict[str, Any]] = {
    "horizon_of_sum": horizon_of_sum,
    "newest": newest,
    "stretch": stretch,
}


@dataclass(slots=True)
class _Source:
    """The pieces of a generated function."""

    figures: Mapping[str, Figure]
    scoped: bool
    counted: int = 0
    summed: bool = False
    lines: list[str] = field(default_factory=list)
    horizons: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def horizon(self, expression: str) -> str:
        """The local name of an instant at which a comparison flips."""
        if expression not in self.horizons:
            self.horizons[expression] = f"h{len(self.horizons)}"
            self.lines.append(f"{self.horizons[expression]} = {expression}")
        return self.horizons[expression]

    def fact(self, expression: str) -> str:
        """The local name of an answer that time does not change."""
        if expression not in self.facts:
            self.facts[expression] = f"b{len(self.facts)}"
            self.lines.append(f"{self.facts[expression]} = {expression}")
        return self.facts[expression]

    def tree(self, condition: Condition) -> str:
        """The condition as an expression over the local names and the instant `t`."""
        match condition:
            case Comparison():
                return self.leaf(condition)
            case Not(inner):
                return f"(not {self.tree(inner)})"
            case All(parts):
                return f"({' and '.join(map(self.tree, parts))})" if parts else "True"
            case AnyOf(parts):
                return f"({' or '.join(map(self.tree, parts))})" if parts else "False"

    def leaf(self, leaf: Comparison) -> str:
        figure = self.figures[leaf.feature]
        if figure.source is None:
            return self.falling(leaf, figure)
        if leaf.op in RELATIVE:
            return self.relative(leaf, figure.source)
        return self.fact(compile_source(leaf, self.accessor))

    def accessor(self, name: str, /, *of: str) -> str:
        """How a fixed feature is read."""
        source = f"({self.figures[name].source})"
        return f"{source}.get({of[0]!r})" if of else source

    def relative(self, leaf: Comparison, source: str) -> str:
        span = cast("int", leaf.value) * DAY
        if leaf.op == "within_next_days":
            return "False"  # every instant that is known lies in the past
        end = self.horizon(f"({NEVER} if (v := {source}) is None else v + {span})")
        known = self.fact(f"{source} is not None")
        return f"({known} and t {'<' if leaf.op == 'within_last_days' else '>='} {end})"

    def falling(self, leaf: Comparison, figure: Figure) -> str:
        value = cast("Any", leaf.value)
        if leaf.op == "exists":  # a count always does
            return str(bool(value))
        if leaf.op in _AT_LEAST:
            return self.least(figure, value + _AT_LEAST[leaf.op])
        if leaf.op in _LESS_THAN:
            return f"(not {self.least(figure, value + _LESS_THAN[leaf.op])})"
        ranges = {"between": [value], "equals": [(value, value)], "not_equals": [(value, value)]}
        inside = ranges.get(leaf.op) or [(each, each) for each in value]  # one_of, none_of
        parts = f"({' or '.join(self.between(figure, low, high) for low, high in inside)})"
        return f"(not {parts})" if leaf.op in {"not_equals", "none_of"} else parts

    def between(self, figure: Figure, low: int, high: int) -> str:
        return f"({self.least(figure, low)} and not {self.least(figure, high + 1)})"

    def least(self, figure: Figure, least: int) -> str:
        """The figure is at least so much."""
        if least <= 0:
            return "True"
        span = figure.days * DAY
        if figure.measure == "spend":
            self.summed = True
            name = self.horizon(f"horizon_of_sum(o, s, {least}, {span})")
        elif self.scoped:
            self.counted = max(self.counted, least)
            name = self.horizon(f"n[{least - 1}] + {span} if len(n) >= {least} else {_NEVER_BEGAN}")
        else:
            instants = "a" if figure.measure == "interactions" else "o"
            name = self.horizon(
                f"{instants}[-{least}] + {span} if len({instants}) >= {least} else {_NEVER_BEGAN}"
            )
        return f"t < {name}"


def compile_rules(rules: Sequence[Condition], scope: Scope | None = None) -> Decide:
    """Make the function that says which of the rules is the first to hold, and until when.

    Args:
        rules: conditions over the catalogue, or over that of the scope.
        scope: what the rules are asked of, one by one.
    """
    source = _Source(FIGURES if scope is None else SCOPED[scope], scope is not None)
    picks = [f"{i} if {source.tree(rule)} else " for i, rule in enumerate(rules)]
    pick = "".join(picks) + "-1"
    lines = [
        *_prologue(source, rules, scope),
        *source.lines,
        "t = now",
        f"p = {pick}",
        f"e = {NEVER}",
    ]
    horizons = list(source.horizons.values())
    if len(horizons) == 1:
        lines += [
            f"if now < {horizons[0]} < e:",
            f"    t = {horizons[0]}",
            f"    if ({pick}) != p:",
            "        e = t",
        ]
    elif horizons:
        lines += [
            f"for t in sorted([x for x in ({', '.join(horizons)}) if now < x < {NEVER}]):",
            f"    if ({pick}) != p:",
            "        e = t",
            "        break",
        ]
    text = "def decide(m, now, k=None):\n" + "".join(
        f"    {line}\n" for line in [*lines, "return p, e"]
    )
    namespace: dict[str, Any] = {**NAMESPACE, **_FUNCTIONS}
    exec(compile(text, "<rules>", "exec"), namespace)  # noqa: S102 - made of checked constants only
    return cast("Decide", namespace["decide"])


def _prologue(source: _Source, rules: Sequence[Condition], scope: Scope | None) -> list[str]:
    """Bind the lists that falling features count; of one category or store, as few as will do."""
    if scope is None:
        return ["o = m.order_at", "s = m.order_sums", "a = m.action_at"]
    leaves = [leaf for rule in rules for leaf in comparisons(rule)]
    longest = max((SCOPED[scope][leaf.feature].days for leaf in leaves), default=0)
    after, lines = f"now - {longest * DAY}", list[str]()
    if source.counted:
        lines.append(f"n = newest(m, {scope!r}, k, {after}, {source.counted})")
    if source.summed:
        lines.append(f"o, s = stretch(m, {scope!r}, k, {after})")
    return lines


def moved_by(rules: Sequence[Condition], scope: Scope | None = None) -> int:
    """Which facts may change the answer: a sum of ORDERS, ACTIONS and PROFILE."""
    figures = FIGURES if scope is None else SCOPED[scope]
    moved = 0
    for rule in rules:
        for leaf in comparisons(rule):
            moved |= figures[leaf.feature].moved_by
    return moved


def may_rise(condition: Condition, *, negated: bool = False) -> bool:
    """Whether the condition can become true by time alone."""
    match condition:
        case Not(inner):
            return may_rise(inner, negated=not negated)
        case All(parts) | AnyOf(parts):
            return any(may_rise(part, negated=negated) for part in parts)
        case Comparison(op=op, feature=feature):
            if FIGURES[feature].source is not None and op not in RELATIVE:
                return False
            falls = op in {"at_least", "more_than", "within_last_days"}
            return not falls or negated


__all__ = ["NOW", "Decide", "compile_rules", "horizon_of_sum", "may_rise", "moved_by"]
