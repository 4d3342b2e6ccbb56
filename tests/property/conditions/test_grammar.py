"""Reading, writing and the schema agree on what a condition is."""

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # ships no types

from shared.conditions import Condition, ConditionError, Problem, json_schema, parse, to_json
from tests.property.conditions.trees import CATALOGUE, conditions, trees

_SCHEMA = Draft202012Validator(json_schema(CATALOGUE))

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(conditions())
def test_a_condition_goes_round_through_json(condition: Condition) -> None:
    assert parse(json.loads(json.dumps(to_json(condition))), CATALOGUE) == condition


@given(trees())
def test_the_schema_takes_what_the_parser_takes(tree: dict[str, Any]) -> None:
    parse(tree, CATALOGUE)
    _SCHEMA.validate(tree)


@st.composite
def broken_trees(draw: st.DrawFn) -> Any:
    """A tree with one thing put wrong somewhere."""
    tree = draw(trees())
    node: Any = tree
    while draw(st.booleans()):
        below = [item for v in node.values() for item in (v if isinstance(v, list) else [v])]
        inner = [item for item in below if isinstance(item, dict)]
        if not inner:
            break
        node = draw(st.sampled_from(inner))
    name = draw(st.sampled_from([*node, "of", "feature", "at_least", "all", "surplus"]))
    if draw(st.booleans()):
        node[name] = draw(_JSON)
    else:
        node.pop(name, None)
    return tree


def _problems(tree: Any) -> tuple[Problem, ...]:
    try:
        parse(tree, CATALOGUE)
    except ConditionError as error:
        return error.problems
    return ()


_BEYOND_A_SCHEMA = re.compile(
    r"expected \[lowest, highest\], got \S+ above"
    r"|expected a time with its offset, .*, got ['\"]"
    r"|expected text without NUL"
    r"|expected at most 9007199254740992"
)


@given(broken_trees() | _JSON)
def test_what_the_parser_takes_the_schema_takes_and_the_other_way_round(tree: Any) -> None:
    assert _SCHEMA.is_valid(tree) is all(
        _BEYOND_A_SCHEMA.match(problem.message) for problem in _problems(tree)
    )


@given(broken_trees())
def test_pointers_of_problems_lead_to_something_in_the_tree(tree: Any) -> None:
    assume(not _SCHEMA.is_valid(tree))
    with pytest.raises(ConditionError) as refused:
        parse(tree, CATALOGUE, "/rules/0/when")
    for problem in refused.value.problems:
        assert problem.pointer.startswith("/rules/0/when")
        node = tree
        for step in problem.pointer.removeprefix("/rules/0/when").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node[int(name)] if isinstance(node, list) else node[name]
