"""The generated function answers what the tree means, for any tree and any member."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.conditions import compile_predicate, compile_source, explain, parse, uses_now
from tests.property.conditions.trees import CATALOGUE, NOW_AT, members, trees, truth


@given(trees(), st.lists(members(), min_size=1, max_size=5))
def test_the_generated_function_agrees_with_the_plain_meaning(
    tree: dict[str, Any], several: list[dict[str, Any]]
) -> None:
    predicate = compile_predicate(parse(tree, CATALOGUE), CATALOGUE)
    for values in several:
        assert predicate(values) is truth(tree, values, NOW_AT)


@given(trees(), members())
def test_the_expression_agrees_when_features_are_local_names(
    tree: dict[str, Any], values: dict[str, Any]
) -> None:
    names: dict[str, Any] = {}

    def accessor(name: str, /, *of: str) -> str:
        value = values.get(name)
        if of:
            value = None if value is None else value.get(of[0])
        local = f"v{len(names)}"
        names[local] = value
        return local

    source = compile_source(parse(tree, CATALOGUE), accessor)
    assert eval(source, {"__builtins__": {}}, names) is truth(tree, values, NOW_AT)  # noqa: S307 - the point


@given(trees(), members())
def test_without_relative_operators_no_present_is_asked_for(
    tree: dict[str, Any], values: dict[str, Any]
) -> None:
    condition = parse(tree, CATALOGUE)
    if not uses_now(condition):
        del values["now"]
        compile_predicate(condition, CATALOGUE)(values)
        explain(condition, values)
