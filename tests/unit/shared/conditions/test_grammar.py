"""What is wrong with a tree is said with its place and with what was expected."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.clock import parse_instant
from shared.conditions import Catalogue, Comparison, ConditionError, Feature, Not, parse, to_json
from shared.conditions.grammar import DEPTH_MAX, NODES_MAX

CATALOGUE = Catalogue(
    [
        Feature("orders_90d", "int"),
        Feature("amount_90d", "int", keyed=True, keys=("GROCERY", "WINE")),
        Feature("rate", "number"),
        Feature("paid_card", "bool"),
        Feature("channel", "text", values=("store", "app")),
        Feature("city", "text"),
        Feature("last_order_at", "instant"),
        Feature("tags", "set"),
    ]
)


@pytest.mark.parametrize(
    ("tree", "pointer", "words"),
    [
        (3, "", "expected one of"),
        ({}, "", "expected one of"),
        ({"all": {}}, "/all", "expected a list of conditions"),
        ({"any": [3]}, "/any/0", "expected one of"),
        ({"all": [], "any": []}, "/any", "nothing can stand beside 'all'"),
        ({"any": [], "of": 1}, "/of", "nothing can stand beside 'any'"),
        ({"of": 1, "not": {}}, "/of", "nothing can stand beside 'not'"),
        ({"not": [], "feature": "rate"}, "/feature", "nothing can stand beside 'not'"),
        ({"feature": "orders_90"}, "/feature", "did you mean 'orders_90d'?"),
        ({"feature": "nothing like it", "equals": 1}, "/feature", "unknown feature"),
        ({"feature": 5, "equals": 1}, "/feature", "unknown feature 5"),
        ({"feature": "orders_90d", "atleast": 1}, "/atleast", "did you mean 'at_least'?"),
        ({"feature": "orders_90d", "a/~": 1}, "/a~1~0", "unknown operator"),
        ({"feature": "orders_90d"}, "", "expected exactly one operator, got none"),
        ({"feature": "rate", "at_least": 1, "at_most": 2}, "", "got at_least, at_most"),
        ({"feature": "paid_card", "at_least": True}, "/at_least", "paid_card (bool) takes"),
        ({"feature": "orders_90d", "at_least": "3"}, "/at_least", "expected a whole number"),
        ({"feature": "orders_90d", "at_least": 2.5}, "/at_least", "expected a whole number"),
        ({"feature": "orders_90d", "at_least": True}, "/at_least", "expected a whole number"),
        ({"feature": "orders_90d", "at_least": 2**63}, "/at_least", "64 bits"),
        ({"feature": "orders_90d", "exists": 1}, "/exists", "expected true or false"),
        ({"feature": "orders_90d", "between": [1]}, "/between", "expected [lowest, highest]"),
        ({"feature": "orders_90d", "between": [3, 1]}, "/between", "3 above 1"),
        ({"feature": "orders_90d", "between": [1, "2"]}, "/between/1", "whole number"),
        ({"feature": "orders_90d", "one_of": []}, "/one_of", "1 to 1000 values"),
        ({"feature": "rate", "equals": float("nan")}, "/equals", "expected a finite number"),
        ({"feature": "rate", "equals": 2**53 + 1}, "/equals", "2^53"),
        ({"feature": "rate", "equals": -(2**53) - 1}, "/equals", "2^53"),
        ({"feature": "rate", "equals": "1"}, "/equals", "expected a number"),
        ({"feature": "rate", "equals": float("-inf")}, "/equals", "expected a finite number"),
        ({"feature": "rate", "equals": 10**400}, "/equals", "2^53"),
        ({"feature": "rate", "equals": True}, "/equals", "expected a number"),
        ({"feature": "channel", "equals": "stor"}, "/equals", "did you mean 'store'?"),
        ({"feature": "channel", "one_of": ["app", "x"]}, "/one_of/1", "known: store, app"),
        ({"feature": "city", "equals": "a\0"}, "/equals", "without NUL"),
        ({"feature": "city", "equals": "\ud800"}, "/equals", "surrogates"),
        ({"feature": "city", "equals": "a\udfff"}, "/equals", "surrogates"),
        ({"feature": "city", "equals": "x" * 257}, "/equals", "at most 256 characters, got 257"),
        ({"feature": "city", "equals": "x" * 300}, "/equals", "at most 256 characters, got 300"),
        ({"feature": "amount_90d", "at_least": 1}, "", "say which with 'of'"),
        ({"feature": "amount_90d", "of": "WINES", "at_least": 1}, "/of", "did you mean 'WINE'?"),
        ({"feature": "rate", "of": "WINE", "at_least": 1}, "/of", "leave out 'of'"),
        ({"feature": "last_order_at", "before": "2017-01-01"}, "/before", "with its offset"),
        ({"feature": "last_order_at", "before": datetime(2017, 1, 1)}, "/before", "offset"),  # noqa: DTZ001 - that is what is wrong
        ({"feature": "last_order_at", "since": 0}, "/since", "expected a time"),
        ({"feature": "last_order_at", "within_last_days": 0}, "/within_last_days", "1 to 36525"),
        ({"feature": "last_order_at", "within_next_days": 36_526}, "/within_next_days", "36526"),
        ({"feature": "tags", "contains": ["a"]}, "/contains", "expected text"),
    ],
)
def test_a_wrong_tree_is_refused(tree: object, pointer: str, words: str) -> None:
    with pytest.raises(ConditionError) as refused:
        parse(tree, CATALOGUE)
    [problem] = refused.value.problems
    assert problem.pointer == pointer
    assert words in problem.message


def test_all_problems_are_told_at_once_from_the_place_given() -> None:
    tree = {
        "all": [
            {"feature": "orders_90d", "at_least": "many"},
            {"not": {"feature": "amount_90d", "of": "BEER", "one_of": [1, "2", "3"]}},
        ]
    }
    with pytest.raises(ConditionError) as refused:
        parse(tree, CATALOGUE, "/tags/2/when")
    assert [problem.pointer for problem in refused.value.problems] == [
        "/tags/2/when/all/0/at_least",
        "/tags/2/when/all/1/not/of",
        "/tags/2/when/all/1/not/one_of/1",
        "/tags/2/when/all/1/not/one_of/2",
    ]
    assert str(refused.value).startswith("/tags/2/when/all/0/at_least: expected a whole number")


def _nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"feature": "rate", "exists": True}
    for _ in range(depth - 1):
        tree = {"not": tree}
    return tree


def test_depth_has_a_limit() -> None:
    parse(_nested(DEPTH_MAX), CATALOGUE)
    with pytest.raises(ConditionError, match="nested at most 16 levels"):
        parse(_nested(DEPTH_MAX + 1), CATALOGUE)
    with pytest.raises(ConditionError, match="nested at most 16 levels"):
        parse(_nested(900), CATALOGUE)


def test_size_has_a_limit_that_is_told_once() -> None:
    leaf = {"feature": "rate", "exists": True}
    parse({"all": [leaf] * (NODES_MAX - 1)}, CATALOGUE)
    with pytest.raises(ConditionError, match="at most 500 parts") as refused:
        parse({"all": [{"any": [leaf] * 400}, {"any": [leaf] * 400}]}, CATALOGUE)
    # all, any and its 400, any and 97: the next would be the 501st part
    assert [problem.pointer for problem in refused.value.problems] == ["/all/1/any/97"]


def test_a_branch_is_found_wherever_it_stands() -> None:
    with pytest.raises(ConditionError) as refused:
        parse({"surplus": 1, "all": []}, CATALOGUE)
    assert [problem.pointer for problem in refused.value.problems] == ["/surplus"]


@pytest.mark.parametrize(
    "tree",
    [
        {"feature": "orders_90d", "one_of": list(range(1_000))},
        {"feature": "orders_90d", "between": (1, 1)},
        {"feature": "orders_90d", "equals": 2**63 - 1},
        {"feature": "orders_90d", "equals": -(2**63) + 1},
        {"feature": "rate", "equals": 2**53},
        {"feature": "rate", "equals": -(2**53)},
        {"feature": "rate", "equals": 1e300},
        {"feature": "city", "equals": "长" * 256},
        {"feature": "city", "equals": "\ud7ff\ue000"},
        {"feature": "last_order_at", "within_last_days": 1},
        {"feature": "last_order_at", "at_least_days_ago": 36_525},
    ],
)
def test_what_is_just_within_the_limits_is_taken(tree: dict[str, Any]) -> None:
    assert list(to_json(parse(tree, CATALOGUE))) == list(tree)


def test_a_list_of_more_than_a_thousand_values_is_refused() -> None:
    with pytest.raises(ConditionError, match="1 to 1000 values"):
        parse({"feature": "orders_90d", "one_of": list(range(1_001))}, CATALOGUE)


def test_known_words_are_told_up_to_a_bound() -> None:
    words = tuple(f"w{number:02}" for number in range(30))
    catalogue = Catalogue([Feature("channel", "text", values=words)])
    with pytest.raises(ConditionError) as refused:
        parse({"feature": "channel", "equals": "???"}, catalogue)
    [problem] = refused.value.problems
    assert problem.message == f"unknown value of channel '???'; known: {', '.join(words[:20])}"


def test_a_long_value_is_shown_by_its_beginning() -> None:
    for length, told in ((58, "x" * 58 + "'"), (59, "x" * 58 + "…")):
        with pytest.raises(ConditionError) as refused:
            parse({"feature": "x" * length, "equals": 1}, CATALOGUE)
        [problem] = refused.value.problems
        assert problem.message == f"unknown feature '{told}"


def test_instants_are_read_with_any_offset_and_from_yaml() -> None:
    at = parse_instant("2024-04-30T16:00:00Z")
    for given in ("2024-05-01T00:00:00+08:00", datetime(2024, 4, 30, 16, tzinfo=UTC)):
        condition = parse({"feature": "last_order_at", "since": given}, CATALOGUE)
        assert condition == Comparison("last_order_at", "since", at, "instant")
        assert to_json(condition) == {"feature": "last_order_at", "since": "2024-04-30T16:00:00Z"}


def test_a_condition_is_a_value() -> None:
    tree = {"not": {"feature": "tags", "contains_any": ["a", "b"]}}
    assert parse(tree, CATALOGUE) == Not(Comparison("tags", "contains_any", ("a", "b"), "set"))
    assert hash(parse(tree, CATALOGUE)) == hash(parse(tree, CATALOGUE))
