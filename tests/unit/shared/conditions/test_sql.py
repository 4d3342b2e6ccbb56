"""SQL text where the answer alone would not show a mistake (answers: tests/integration)."""

import pytest
from sqlalchemy import ColumnElement, column
from sqlalchemy.dialects import postgresql

from shared.conditions import Catalogue, Feature, parse
from shared.conditions.sql import to_sql

CATALOGUE = Catalogue([Feature("city", "text"), Feature("orders", "int")])


def _text(expression: ColumnElement[bool]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    return str(expression.compile(dialect=dialect))


@pytest.mark.parametrize("op", ["at_least", "more_than", "at_most", "less_than"])
def test_text_is_ordered_by_code_point_whatever_the_collation(op: str) -> None:
    condition = parse({"feature": "city", op: "b"}, CATALOGUE)
    assert '(city COLLATE "C")' in _text(to_sql(condition, {"city": column("city")}))


def test_equality_leaves_the_column_bare_so_that_an_index_serves_it() -> None:
    condition = parse({"feature": "city", "equals": "b"}, CATALOGUE)
    assert _text(to_sql(condition, {"city": column("city")})).startswith(
        "city IS NOT NULL AND city = "
    )


def test_constants_are_bound_never_written() -> None:
    condition = parse({"feature": "city", "equals": "'; DROP TABLE members"}, CATALOGUE)
    assert "DROP" not in _text(to_sql(condition, {"city": column("city")}))


def test_a_feature_without_column_is_an_error() -> None:
    with pytest.raises(KeyError, match="orders"):
        to_sql(parse({"feature": "orders", "at_least": 1}, CATALOGUE), {"city": column("city")})
