"""What `explain` names is enough: nothing else could have changed the answer."""

from typing import Any

from hypothesis import given

from shared.conditions import explain, parse
from tests.property.conditions.trees import CATALOGUE, NOW_AT, members, trees, truth


@given(trees(), members(), members())
def test_with_the_named_figures_kept_the_answer_stays(
    tree: dict[str, Any], values: dict[str, Any], others: dict[str, Any]
) -> None:
    named = explain(parse(tree, CATALOGUE), values)
    kept = {**others}
    for leaf in named:
        name, actual = leaf["feature"], values.get(leaf["feature"])
        if "of" in leaf:
            actual = {**(kept.get(name) or {}), leaf["of"]: (actual or {}).get(leaf["of"])}
        kept[name] = actual
    assert truth(tree, kept, NOW_AT) is truth(tree, values, NOW_AT)
