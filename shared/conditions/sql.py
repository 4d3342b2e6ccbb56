"""Millions of members at once: the condition as a SQLAlchemy expression for PostgreSQL.

Every comparison is written `column IS NOT NULL AND …`, so it is true or false and never NULL:
`NOT`, selects and filters all see the same answer, and indexes stay usable (`COALESCE(…, false)`
would hide the column from them).
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Text,
    all_,
    and_,
    any_,
    false,
    literal,
    not_,
    or_,
    true,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.types import TypeEngine

from shared.clock import DAY, Instant
from shared.conditions import model
from shared.conditions.model import Comparison, Condition, Constant, FeatureType, Operator

_TYPES: dict[FeatureType, type[TypeEngine[Any]]] = {
    "int": BigInteger,
    "number": Double,
    "bool": Boolean,
    "text": Text,
    "instant": BigInteger,
    "set": Text,
}


def to_sql(
    condition: Condition,
    columns: Mapping[str, ColumnElement[Any]],
    *,
    now: Instant | None = None,
) -> ColumnElement[bool]:
    """The condition over these columns: true or false for every row.

    Args:
        condition: the tree.
        columns: an expression for each feature: bigint for int and instant (microseconds), double
            precision, boolean, text (of a deterministic collation), text[] for sets, jsonb (an
            object) for keyed features.
        now: the present, for a condition that `uses_now`.

    Raises:
        KeyError: a feature has no column.
        ValueError: the present is needed and not given.
    """
    match condition:
        case Comparison():
            return _comparison(condition, columns, now)
        case model.Not(inner):
            return not_(to_sql(inner, columns, now=now))
        case model.All(parts):
            return and_(true(), *(to_sql(part, columns, now=now) for part in parts))
        case model.Any(parts):
            return or_(false(), *(to_sql(part, columns, now=now) for part in parts))


def _comparison(
    leaf: Comparison, columns: Mapping[str, ColumnElement[Any]], now: Instant | None
) -> ColumnElement[bool]:
    column = columns[leaf.feature]
    if leaf.of is not None:
        column = sql_cast(column.op("->>")(literal(leaf.of, Text)), _TYPES[leaf.type])
    present: ColumnElement[bool] = column.is_not(None)
    if leaf.type == "number" and leaf.op in _TRUE_OF_NAN:
        present = and_(present, column != sql_cast(literal("NaN", Text), Double))
    if leaf.op == "exists":
        return present if leaf.value else not_(present)
    if leaf.op in model.RELATIVE:
        return and_(present, _relative(leaf, column, now))
    return and_(present, _test(leaf, column))


# PostgreSQL holds NaN equal to itself and greater than every number; to us it is missing
_TRUE_OF_NAN = frozenset({"not_equals", "none_of", "exists", "at_least", "more_than"})


_EQUALITY: Final[dict[Operator, Callable[[Any, Any], Any]]] = {
    "equals": operator.eq,
    "not_equals": operator.ne,
}
_ORDER: Final[dict[Operator, Callable[[Any, Any], Any]]] = {
    "at_least": operator.ge,
    "more_than": operator.gt,
    "at_most": operator.le,
    "less_than": operator.lt,
    "before": operator.lt,
    "since": operator.ge,
}


def _test(leaf: Comparison, column: ColumnElement[Any]) -> ColumnElement[bool]:
    match leaf.op:
        case "one_of":
            return column == any_(_array(leaf))
        case "none_of":
            return column != all_(_array(leaf))
        case "contains" | "contains_all":
            return column.op("@>", is_comparison=True)(_array(leaf))
        case "contains_any":
            return column.op("&&", is_comparison=True)(_array(leaf))
        case "equals" | "not_equals":
            result: ColumnElement[bool] = _EQUALITY[leaf.op](column, _bound(leaf, leaf.value))
            return result
        case _:
            return _ordered(leaf, column)


def _ordered(leaf: Comparison, column: ColumnElement[Any]) -> ColumnElement[bool]:
    if leaf.type == "text":
        column = column.collate("C")  # by code point, whatever the language of the database
    if isinstance(leaf.value, tuple):
        low, high = (_bound(leaf, end) for end in leaf.value)
        return column.between(low, high)
    result: ColumnElement[bool] = _ORDER[leaf.op](column, _bound(leaf, leaf.value))
    return result


def _relative(
    leaf: Comparison, column: ColumnElement[Any], now: Instant | None
) -> ColumnElement[bool]:
    if now is None:
        raise ValueError(f"{leaf.feature} {leaf.op}: the present is needed")
    span = cast("int", leaf.value) * DAY
    here, past, ahead = (literal(at, BigInteger) for at in (now, now - span, now + span))
    if leaf.op == "within_last_days":
        return and_(column <= here, column > past)
    if leaf.op == "within_next_days":
        return and_(column > here, column <= ahead)
    return column <= past


def _bound(leaf: Comparison, value: Constant) -> ColumnElement[Any]:
    # cast, so that the driver sends a float even where the column is numeric
    return sql_cast(literal(value, _TYPES[leaf.type]), _TYPES[leaf.type])


def _array(leaf: Comparison) -> ColumnElement[Any]:
    items = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    array = ARRAY(_TYPES[leaf.type])
    return sql_cast(literal(list(items), array), array)
