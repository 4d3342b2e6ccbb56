"""The generated source: what it looks like, and that no text in it can become code."""

import pytest

from shared.conditions import (
    Catalogue,
    ConditionError,
    Feature,
    compile_predicate,
    compile_source,
    parse,
)

CATALOGUE = Catalogue(
    [
        Feature("orders", "int"),
        Feature("city", "text"),
        Feature("amount", "int", keyed=True),
        Feature("seen_at", "instant"),
    ]
)


def test_the_source_is_one_expression_over_what_the_accessor_gives() -> None:
    tree = {
        "all": [
            {"feature": "orders", "at_least": 3},
            {"not": {"feature": "city", "one_of": ["a", "b"]}},
            {"feature": "amount", "of": "WINE", "less_than": 5},
            {"feature": "seen_at", "at_least_days_ago": 1},
        ]
    }
    source = compile_source(parse(tree, CATALOGUE), lambda name, *of: "_".join(("v", name, *of)))
    assert source == (
        "((v_orders is not None and v_orders >= 3)"
        " and (not (v_city in {'a', 'b'}))"
        " and (v_amount_WINE is not None and v_amount_WINE < 5)"
        " and (v_seen_at is not None and v_seen_at + 86400000000 <= v_now))"
    )


def test_an_expression_that_is_no_name_is_evaluated_once() -> None:
    condition = parse({"feature": "orders", "between": [1, 3]}, CATALOGUE)
    source = compile_source(condition, lambda name: f"row[{name!r}]")
    assert source == "((_c := row['orders']) is not None and 1 <= _c <= 3)"


@pytest.mark.parametrize("text", ["'", '"', "\\", "'''", "\n", "{orders}", "') or (1 == 1", "#"])
def test_text_stays_text(text: str) -> None:
    predicate = compile_predicate(parse({"feature": "city", "equals": text}, CATALOGUE), CATALOGUE)
    assert predicate({"city": text}) is True
    assert predicate({"city": "x"}) is False


def test_generated_code_reaches_no_builtins() -> None:
    predicate = compile_predicate(parse({"all": []}, CATALOGUE), CATALOGUE)
    assert predicate.__globals__["__builtins__"] == {}


def test_the_present_is_needed_only_where_it_matters() -> None:
    tree = {"any": [{"feature": "orders", "exists": True}, {"feature": "seen_at", "exists": True}]}
    assert compile_predicate(parse(tree, CATALOGUE), CATALOGUE)({}) is False
    relative = parse({"feature": "seen_at", "within_last_days": 1}, CATALOGUE)
    with pytest.raises(KeyError, match="now"):
        compile_predicate(relative, CATALOGUE)({"seen_at": 0})


def test_a_condition_of_another_catalogue_is_refused() -> None:
    condition = parse({"feature": "orders", "at_least": 3}, CATALOGUE)
    with pytest.raises(ConditionError, match="unknown feature 'orders'"):
        compile_predicate(condition, Catalogue([]))
    with pytest.raises(ConditionError, match="another kind"):
        compile_predicate(condition, Catalogue([Feature("orders", "text")]))
    with pytest.raises(ConditionError, match="another kind"):
        compile_predicate(condition, Catalogue([Feature("orders", "int", keyed=True)]))
