"""`next_change` against walking through time, instant by instant."""

from collections.abc import Mapping
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from shared.clock import DAY
from shared.conditions import Feature, next_change, parse
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


@st.composite
def futures(draw: st.DrawFn) -> dict[Path, Steps]:
    """Steps of some features; also at, before and just beside the present, also two at once."""
    paths = [
        (feature.name, *key)
        for feature in CATALOGUE
        for key in ([(key,) for key in KEYS[:2]] if feature.keyed else [()])
    ]
    chosen = draw(st.lists(st.sampled_from(paths), unique=True, max_size=6))
    steps: dict[Path, Steps] = {}
    for path in chosen:
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


@given(trees(), members(), futures())
def test_the_first_instant_at_which_the_answer_differs(
    tree: dict[str, Any], values: dict[str, Any], steps: dict[Path, Steps]
) -> None:
    condition = parse(tree, CATALOGUE)
    now_true = truth(tree, values, NOW_AT)
    # whatever happens does so within a few microseconds of a whole day: look at all of these
    walk = [
        NOW_AT + day * DAY + micro
        for day in range(12)
        for micro in range(-4, 5)
        if day or micro > 0
    ]
    expected = next(
        (at for at in walk if truth(tree, _values_at(at, values, steps), at) is not now_true), None
    )
    event("changes" if expected else "stays")

    def future(name: str, /, *of: str) -> Steps:
        return steps.get((name, *of), [])

    assert next_change(condition, NOW_AT, future, values) == expected
