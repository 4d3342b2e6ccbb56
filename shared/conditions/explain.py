"""Why is the answer what it is: the comparisons that decided, each with its figure."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from shared.clock import format_instant
from shared.conditions import model
from shared.conditions.grammar import constant_to_json
from shared.conditions.model import Comparison, Condition
from shared.conditions.truth import actual_of, holds

_Looked = tuple[Comparison, Any]
"""A comparison and the figure that it looked at."""


def explain(condition: Condition, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The comparisons that decided, from left to right, ready for JSON.

    Of a true `all` and a false `any` these are all parts; of a false `all` the parts that are
    false, of a true `any` the parts that are true. They suffice: with their figures as they are,
    whatever else is changed, the answer stays. Each is `{"feature", ("of",) "op", "value",
    "actual"}`; instants are RFC 3339, sets sorted lists, a missing figure is None. A condition that
    `uses_now` needs `values["now"]`.
    """
    looked: list[_Looked] = []
    _decide(condition, values, looked)
    return [_shown(leaf, actual) for leaf, actual in looked]


def _decide(condition: Condition, values: Mapping[str, Any], looked: list[_Looked]) -> bool:
    """The truth; what decided it is appended. This runs for every change of a member's tags."""
    if type(condition) is Comparison:
        actual = actual_of(condition, values)
        looked.append((condition, actual))
        return holds(condition, actual, values)
    if type(condition) is model.Not:
        return not _decide(condition.condition, values, looked)
    parts = cast("model.All | model.Any", condition).conditions
    return _gather(parts, values, looked, decisive=type(condition) is model.Any)


def _gather(
    parts: tuple[Condition, ...],
    values: Mapping[str, Any],
    looked: list[_Looked],
    *,
    decisive: bool,
) -> bool:
    """One part of the decisive truth settles the whole; without one, all parts together do."""
    before = len(looked)
    settled = False
    for part in parts:
        begin = len(looked)
        if _decide(part, values, looked) is decisive:
            if not settled:
                settled = True
                del looked[before:begin]  # what was undecided does not matter any more
        elif settled:
            del looked[begin:]
    return decisive if settled else not decisive


def _shown(leaf: Comparison, actual: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"feature": leaf.feature}
    if leaf.of is not None:
        told["of"] = leaf.of
    told["op"] = leaf.op
    told["value"] = constant_to_json(leaf)
    told["actual"] = _figure(leaf, actual)
    return told


def _figure(leaf: Comparison, actual: Any) -> Any:
    if actual is None:
        return None
    if leaf.type == "set":
        return sorted(cast("Collection[str]", actual))
    if leaf.type == "instant":
        return format_instant(actual)
    return actual
