"""Differences between program documents, as a person would tell them."""

import pytest

from shared.runtime.http.program_diff import Change, diff


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [Change("change", "/a", 1, 2)]),
        ({"a": 1}, {"a": 1.0}, [Change("change", "/a", 1, 1.0)]),
        ({"a": 1}, {"a": True}, [Change("change", "/a", before=1, after=True)]),
        ({"a": 1}, {}, [Change("remove", "/a", 1, None)]),
        ({}, {"a/b~": 1}, [Change("add", "/a~1b~0", None, 1)]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [Change("change", "/a/b/c", 1, 2)]),
        ({"a": [1, 2]}, {"a": [1, 2]}, []),
        ({"a": [1, 2]}, {"a": [2, 1]}, [Change("change", "/a", [1, 2], [2, 1])]),
        ({"a": [1]}, {"a": [True]}, [Change("change", "/a", [1], [True])]),
        ({"a": []}, {"a": [{"id": "x"}]}, [Change("add", "/a/x", None, {"id": "x"})]),
        ({"a": {}}, {"a": []}, [Change("change", "/a", {}, [])]),
    ],
)
def test_differences(before: object, after: object, changes: list[Change]) -> None:
    assert diff(before, after) == changes


def test_a_rule_put_first_is_one_addition() -> None:
    rules = [{"id": "a", "points": 1}, {"id": "b", "points": 2}]
    new = {"id": "c", "points": 3}
    assert diff({"rules": rules}, {"rules": [new, *rules]}) == [
        Change("add", "/rules/c", None, new)
    ]


def test_order_matters_and_is_told_once() -> None:
    one, two = {"id": "a", "points": 1}, {"id": "b", "points": 2}
    assert diff([one, two], [two, one]) == [Change("move", "", ["a", "b"], ["b", "a"])]


def test_names_given_twice_are_no_names() -> None:
    twice = [{"id": "a"}, {"id": "a"}]
    assert diff([], twice) == [Change("change", "", [], twice)]
