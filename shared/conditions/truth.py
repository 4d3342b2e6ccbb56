"""What each operator means, written plainly: one comparison, one value, one instant.

`explain` and `next_change` stand on this; property tests hold the compiled ones equal to it.
"""

from collections.abc import Callable, Mapping
from math import isnan
from typing import Any, Final, cast

from shared.clock import DAY, Instant
from shared.conditions.model import NOW, Comparison, Operator

_TESTS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    "equals": lambda actual, wanted: bool(actual == wanted),
    "not_equals": lambda actual, wanted: bool(actual != wanted),
    "at_least": lambda actual, wanted: bool(actual >= wanted),
    "more_than": lambda actual, wanted: bool(actual > wanted),
    "at_most": lambda actual, wanted: bool(actual <= wanted),
    "less_than": lambda actual, wanted: bool(actual < wanted),
    "between": lambda actual, wanted: bool(wanted[0] <= actual <= wanted[1]),
    "one_of": lambda actual, wanted: actual in wanted,
    "none_of": lambda actual, wanted: actual not in wanted,
    "before": lambda actual, wanted: bool(actual < wanted),
    "since": lambda actual, wanted: bool(actual >= wanted),
    "contains": lambda actual, wanted: wanted in actual,
    "contains_any": lambda actual, wanted: any(item in actual for item in wanted),
    "contains_all": lambda actual, wanted: all(item in actual for item in wanted),
}


def actual_of(comparison: Comparison, values: Mapping[str, Any]) -> Any:
    """The value that is compared; None when it is missing."""
    value = values.get(comparison.feature)
    if value is None or comparison.of is None:
        return value
    return cast("Mapping[str, Any]", value).get(comparison.of)


def is_missing(actual: Any) -> bool:
    """Whether there is no value: None, or a float that is no number."""
    return actual is None or (isinstance(actual, float) and isnan(actual))


def holds(comparison: Comparison, actual: Any, values: Mapping[str, Any]) -> bool:
    """Whether the comparison is true of the value; `values` has the present, if it is needed."""
    if comparison.op == "exists":
        return is_missing(actual) is not comparison.value
    if is_missing(actual):
        return False
    test = _TESTS.get(comparison.op)
    if test is not None:
        return test(actual, comparison.value)
    start, end = span(comparison, actual)
    return start <= values[NOW] and (end is None or values[NOW] < end)


def span(comparison: Comparison, actual: Instant) -> tuple[Instant, Instant | None]:
    """From when until when (exclusive; None: for ever) a relative comparison holds."""
    days = cast("int", comparison.value) * DAY
    if comparison.op == "within_last_days":
        return actual, actual + days
    if comparison.op == "within_next_days":
        return actual - days, actual
    return actual + days, None
