"""Why is the answer what it is: the comparisons that decided, each with its figure."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from shared.clock import format_instant
from shared.conditions import model
from shared.conditions.grammar import constant_to_json
from shared.conditions.model import Comparison, Condition
from shared.conditions.truth import actual_of, holds

_Decision = tuple[bool, list[Comparison]]


def explain(condition: Condition, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The comparisons that decided, from left to right, ready for JSON.

    Of a true `all` and a false `any` these are all parts; of a false `all` the parts that are
    false, of a true `any` the parts that are true. They suffice: with their figures as they are,
    whatever else is changed, the answer stays. Each is `{"feature", ("of",) "op", "value",
    "actual"}`; instants are RFC 3339, sets sorted lists, a missing figure is None. A condition that
    `uses_now` needs `values["now"]`.
    """
    _, leaves = _decide(condition, values)
    return [_shown(leaf, actual_of(leaf, values)) for leaf in leaves]


def _decide(condition: Condition, values: Mapping[str, Any]) -> _Decision:
    match condition:
        case Comparison():
            return holds(condition, actual_of(condition, values), values), [condition]
        case model.Not(inner):
            truth, leaves = _decide(inner, values)
            return not truth, leaves
        case model.All(parts):
            return _gather(parts, values, decisive=False)
        case model.Any(parts):
            return _gather(parts, values, decisive=True)


def _gather(
    parts: tuple[Condition, ...], values: Mapping[str, Any], *, decisive: bool
) -> _Decision:
    """One part of the decisive truth settles the whole; without one, all parts together do."""
    decided = [_decide(part, values) for part in parts]
    settled = any(truth is decisive for truth, _ in decided)
    truth = decisive if settled else not decisive
    return truth, [leaf for part, leaves in decided if part is truth for leaf in leaves]


def _shown(leaf: Comparison, actual: Any) -> dict[str, Any]:
    key = {} if leaf.of is None else {"of": leaf.of}
    return {
        "feature": leaf.feature,
        **key,
        "op": leaf.op,
        "value": constant_to_json(leaf),
        "actual": _figure(leaf, actual),
    }


def _figure(leaf: Comparison, actual: Any) -> Any:
    if actual is None:
        return None
    if leaf.type == "set":
        return sorted(cast("Collection[str]", actual))
    if leaf.type == "instant":
        return format_instant(actual)
    return actual
