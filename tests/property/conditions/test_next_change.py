"""`next_change` against walking through time, instant by instant."""

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.clock import DAY, format_instant
from shared.conditions import OPERATORS, Feature, next_change, parse
from shared.conditions.model import FeatureType
from tests.property.conditions.trees import (
    CATALOGUE,
    KEYS,
    NOW_AT,
    members,
    trees,
    truth,
    values_of,
)

Path = tuple[str, ...]
Steps = list[tuple[int, Any]]

_INSTANTS = st.builds(
    lambda days, micros: NOW_AT + days * DAY + micros, st.integers(-1, 5), st.integers(-1, 1)
)


def _single(feature: Feature) -> st.SearchStrategy[Any]:
    if not feature.keyed:
        return values_of(feature)
    return values_of(Feature(feature.name, feature.type))


def _paths(tree: Mapping[str, Any]) -> list[Path]:
    """Where the tree looks: a feature's name, and a key where it is kept by key."""
    if "feature" in tree:
        return [(tree["feature"], tree["of"]) if "of" in tree else (tree["feature"],)]
    below = tree["not"] if "not" in tree else tree.get("all", tree.get("any"))
    parts = below if isinstance(below, list) else [below]
    return [path for part in parts for path in _paths(part)]


@st.composite
def futures(draw: st.DrawFn, tree: Mapping[str, Any]) -> dict[Path, Steps]:
    """Steps of what the tree looks at, or not; also at, before and just beside the present."""
    elsewhere = ("orders",), ("amount", KEYS[0])
    paths = draw(st.lists(st.sampled_from([*_paths(tree), *elsewhere]), unique=True, max_size=6))
    steps: dict[Path, Steps] = {}
    for path in paths:
        instants = sorted(draw(st.lists(_INSTANTS, max_size=4)))
        steps[path] = [(at, draw(_single(CATALOGUE[path[0]]))) for at in instants]
    return steps


def _values_at(at: int, values: Mapping[str, Any], steps: Mapping[Path, Steps]) -> dict[str, Any]:
    then = {
        name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()
    }
    for (name, *key), path_steps in steps.items():
        for step_at, value in path_steps:
            if not NOW_AT < step_at <= at:
                continue
            if key:
                then[name] = {**(then.get(name) or {}), key[0]: value}
            else:
                then[name] = value
    return then


def _walk(
    tree: Mapping[str, Any], values: Mapping[str, Any], steps: Mapping[Path, Steps]
) -> int | None:
    """The first instant at which the answer is another, found by looking at one after the other.

    Whatever happens does so within a few microseconds of a whole day.
    """
    now_true = truth(tree, values, NOW_AT)
    walk = (NOW_AT + day * DAY + micro for day in range(12) for micro in range(-4, 5))
    return next(
        (
            at
            for at in walk
            if at > NOW_AT and truth(tree, _values_at(at, values, steps), at) is not now_true
        ),
        None,
    )


def _change(
    tree: Mapping[str, Any], values: Mapping[str, Any], steps: Mapping[Path, Steps]
) -> int | None:
    def future(name: str, /, *of: str) -> Steps:
        return steps.get((name, *of), [])

    return next_change(parse(tree, CATALOGUE), NOW_AT, future, values)


@given(st.data(), trees(), members())
def test_the_first_instant_at_which_the_answer_differs(
    data: st.DataObject, tree: dict[str, Any], values: dict[str, Any]
) -> None:
    steps = data.draw(futures(tree)) if _paths(tree) else {}
    expected = _walk(tree, values, steps)
    event("changes" if expected else "stays")
    assert _change(tree, values, steps) == expected


_CONSTANTS: dict[str, Any] = {
    "equals": "b",
    "not_equals": "b",
    "at_least": "b",
    "more_than": "b",
    "at_most": "b",
    "less_than": "b",
    "between": ["b", "c"],
    "one_of": ["b", "c"],
    "none_of": ["b", "c"],
    "before": format_instant(NOW_AT),
    "since": format_instant(NOW_AT),
    "within_last_days": 2,
    "within_next_days": 2,
    "at_least_days_ago": 2,
    "contains": "b",
    "contains_any": ["b", "c"],
    "contains_all": ["b", "c"],
    "exists": True,
}
_FEATURES: dict[FeatureType, str] = {"text": "city", "set": "tags", "instant": "last_order_at"}


def _value(of_type: str, chance: random.Random) -> Any:
    if chance.random() < 0.2:
        return None
    if of_type == "instant":
        return NOW_AT + chance.randint(-3, 4) * DAY + chance.randint(-1, 1)
    if of_type == "set":
        return frozenset(chance.sample("abcd", chance.randint(0, 3)))
    return chance.choice("abcd")


@pytest.mark.parametrize(
    ("of_type", "op"), [(of_type, op) for of_type in _FEATURES for op in OPERATORS[of_type]]
)
def test_each_operator_changes_when_the_walk_says_so(of_type: FeatureType, op: str) -> None:
    chance = random.Random(op)
    name = _FEATURES[of_type]
    tree = {"feature": name, op: _CONSTANTS[op]}
    changes: list[int | None] = []
    for _ in range(120):
        values = {name: _value(of_type, chance)}
        instants = sorted(
            NOW_AT + chance.randint(-1, 5) * DAY + chance.randint(-1, 1)
            for _ in range(chance.randint(0, 4))
        )
        steps: dict[tuple[str, ...], list[tuple[int, Any]]] = {
            (name,): [(at, _value(of_type, chance)) for at in instants]
        }
        changes.append(_walk(tree, values, steps))
        assert _change(tree, values, steps) == changes[-1], (values, steps)
    assert changes.count(None) >= 12, "too few that stay: the cases say little"
    assert len({each for each in changes if each is not None}) >= 8, "too few that change"
