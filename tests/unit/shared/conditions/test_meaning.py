"""What every operator answers at its edges: a table for generated and plain meaning alike."""

import math
from typing import Any

import pytest

from shared.clock import DAY
from shared.conditions import (
    OPERATORS,
    Catalogue,
    Comparison,
    Feature,
    compile_predicate,
    parse,
)
from shared.conditions.truth import actual_of, holds

NOW_AT = 19_000 * DAY
T = "1970-01-02T00:00:00Z"
CATALOGUE = Catalogue(
    [
        Feature("i", "int"),
        Feature("n", "number"),
        Feature("b", "bool"),
        Feature("t", "text"),
        Feature("at", "instant"),
        Feature("s", "set"),
    ]
)
TABLE: list[tuple[str, str, Any, list[Any], list[Any]]] = [
    # feature, operator, constant, values for which it is true, values for which it is false
    ("i", "equals", 3, [3], [2, 4, None]),
    ("i", "not_equals", 3, [2, 4], [3, None]),
    ("i", "at_least", 3, [3, 4], [2, None]),
    ("i", "more_than", 3, [4], [3, None]),
    ("i", "at_most", 3, [3, 2], [4, None]),
    ("i", "less_than", 3, [2], [3, None]),
    ("i", "between", [2, 3], [2, 3], [1, 4, None]),
    ("i", "one_of", [2, 4], [2, 4], [3, None]),
    ("i", "none_of", [2, 4], [3], [2, 4, None]),
    ("i", "exists", True, [0], [None]),
    ("i", "exists", False, [None], [0]),
    ("n", "equals", 0, [0.0, -0.0], [5e-324, math.nan, None]),
    ("n", "not_equals", 0.3, [0.1 + 0.2, math.inf], [0.3, math.nan, None]),
    ("n", "at_least", 1, [1.0, math.inf], [0.9, math.nan, -math.inf, None]),
    ("n", "more_than", 1, [1.1, math.inf], [1.0, math.nan, None]),
    ("n", "at_most", 1, [1.0, -math.inf], [1.1, math.nan, None]),
    ("n", "less_than", 1, [0.9], [1.0, math.nan, None]),
    ("n", "between", [0, 1], [0.0, 1.0], [1.1, math.nan, None]),
    ("n", "one_of", [0, 1], [0.0, 1.0], [0.5, math.nan, None]),
    ("n", "none_of", [0, 1], [0.5], [0.0, 1.0, math.nan, None]),
    ("n", "exists", True, [0.0, math.inf], [math.nan, None]),
    ("n", "exists", False, [math.nan, None], [0.0]),
    ("b", "equals", True, [True], [False, None]),
    ("b", "not_equals", True, [False], [True, None]),
    ("b", "exists", True, [True, False], [None]),
    ("t", "equals", "é", ["é"], ["e\u0301", "É", "", None]),
    ("t", "not_equals", "a", ["A", ""], ["a", None]),
    ("t", "at_least", "a", ["a", "b", "é"], ["B", "", None]),
    ("t", "more_than", "a", ["aa"], ["a", "Z", None]),
    ("t", "at_most", "\uffff", ["\uffff", "a"], ["😀", None]),
    ("t", "less_than", "a", ["Z", ""], ["a", None]),
    ("t", "between", ["03-01", "03-31"], ["03-01", "03-15"], ["04-01", None]),
    ("t", "one_of", ["a", ""], ["a", ""], ["b", None]),
    ("t", "none_of", ["a", ""], ["b"], ["a", "", None]),
    ("t", "exists", True, [""], [None]),
    ("at", "before", T, [DAY - 1], [DAY, None]),
    ("at", "since", T, [DAY], [DAY - 1, None]),
    ("at", "within_last_days", 2, [NOW_AT, NOW_AT - 2 * DAY + 1], [NOW_AT + 1, NOW_AT - 2 * DAY]),
    ("at", "within_next_days", 2, [NOW_AT + 1, NOW_AT + 2 * DAY], [NOW_AT, NOW_AT + 2 * DAY + 1]),
    ("at", "at_least_days_ago", 2, [NOW_AT - 2 * DAY, 0], [NOW_AT - 2 * DAY + 1, NOW_AT, None]),
    ("at", "exists", True, [0], [None]),
    ("s", "contains", "a", [{"a"}, {"a", "b"}], [{"b"}, set(), None]),
    ("s", "contains_any", ["a", "b"], [{"a"}, {"b", "c"}], [{"c"}, set(), None]),
    ("s", "contains_all", ["a", "b"], [{"a", "b", "c"}], [{"a"}, set(), None]),
    ("s", "exists", True, [{"a"}, set()], [None]),
]


@pytest.mark.parametrize(("name", "op", "constant", "true_of", "false_of"), TABLE)
def test_operators_at_their_edges(
    name: str, op: str, constant: Any, true_of: list[Any], false_of: list[Any]
) -> None:
    condition = parse({"feature": name, op: constant}, CATALOGUE)
    negated = parse({"not": {"feature": name, op: constant}}, CATALOGUE)
    assert isinstance(condition, Comparison)
    predicate, not_predicate = (compile_predicate(c, CATALOGUE) for c in (condition, negated))
    for value in [*true_of, *false_of]:
        values = {name: value, "now": NOW_AT}
        expected = any(value is wanted for wanted in true_of)  # NaN equals nothing
        assert predicate(values) is expected, value
        assert not_predicate(values) is not expected, value
        assert holds(condition, actual_of(condition, values), values) is expected, value


def test_the_table_has_every_operator_of_every_type() -> None:
    wanted = {(feature.name, op) for feature in CATALOGUE for op in OPERATORS[feature.type]}
    assert {(name, op) for name, op, *_ in TABLE} == wanted


def test_a_missing_key_is_a_missing_value() -> None:
    predicate = compile_predicate(parse({"feature": "i", "exists": False}, CATALOGUE), CATALOGUE)
    assert predicate({}) is True
    assert predicate({"i": None}) is True


def test_empty_all_is_true_and_empty_any_is_false() -> None:
    assert compile_predicate(parse({"all": []}, CATALOGUE), CATALOGUE)({}) is True
    assert compile_predicate(parse({"any": []}, CATALOGUE), CATALOGUE)({}) is False
