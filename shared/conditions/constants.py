"""Which constant fits which operator of which feature.

The limits keep every interpreter exact and safe.
"""

import math
from datetime import datetime
from typing import Any, Final

from shared.clock import from_datetime, parse_instant
from shared.conditions.catalogue import Feature, nearest
from shared.conditions.errors import ConditionError, Problem, down, shown, wrong
from shared.conditions.model import RELATIVE, Constant, Operator, Scalar

INTEGER_MAX: Final = 2**63 - 1  # a bigint
EXACT_MAX: Final = 2**53  # whole numbers up to here are exact as 64-bit floats
TEXT_LENGTH_MAX: Final = 256
VALUES_MAX: Final = 1000
DAYS_MAX: Final = 36_525  # a hundred years

_LISTS: Final = {"one_of", "none_of", "contains_any", "contains_all"}
_PAIR: Final = 2
_WORDS_SHOWN_MAX: Final = 20


def constant_of(feature: Feature, op: Operator, given: object, pointer: str) -> Constant:
    """Check the constant of a comparison; `pointer` is where it stands.

    Raises:
        ConditionError: it does not fit.
    """
    if op == "exists":
        return _bool(given, pointer)
    if op in RELATIVE:
        return _days(given, pointer)
    if op == "between":
        return _range(feature, given, pointer)
    if op in _LISTS:
        if not isinstance(given, list | tuple) or not 1 <= len(given) <= VALUES_MAX:
            message = f"expected a list of 1 to {VALUES_MAX} values, got {shown(given)}"
            raise wrong(pointer, message)
        return _items(feature, given, pointer)
    return _scalar(feature, given, pointer)


def key_of(feature: Feature, given: object, pointer: str) -> str:
    """Check the `of` of a comparison with a keyed feature.

    Raises:
        ConditionError: it is no text, or not among the feature's keys.
    """
    return _among(feature.keys, _text(given, pointer), f"key of {feature.name}", pointer)


def _range(feature: Feature, given: object, pointer: str) -> Constant:
    if not isinstance(given, list | tuple) or len(given) != _PAIR:
        raise wrong(pointer, f"expected [lowest, highest], got {shown(given)}")
    ends: tuple[Any, ...] = _items(feature, given, pointer)
    low, high = ends
    if low > high:
        raise wrong(pointer, f"expected [lowest, highest], got {low!r} above {high!r}")
    return ends


def _items(
    feature: Feature, given: list[Any] | tuple[Any, ...], pointer: str
) -> tuple[Scalar, ...]:
    items: list[Scalar] = []
    problems: list[Problem] = []
    for i, item in enumerate(given):
        try:
            items.append(_scalar(feature, item, down(pointer, i)))
        except ConditionError as error:
            problems.extend(error.problems)
    if problems:
        raise ConditionError(problems)
    return tuple(items)


def _scalar(feature: Feature, given: object, pointer: str) -> Scalar:
    match feature.type:
        case "int":
            return _integer(given, pointer)
        case "number":
            return _number(given, pointer)
        case "bool":
            return _bool(given, pointer)
        case "instant":
            return _instant(given, pointer)
        case "text" | "set":
            text = _text(given, pointer)
            return _among(feature.values, text, f"value of {feature.name}", pointer)


def _integer(given: object, pointer: str) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise wrong(pointer, f"expected a whole number, got {shown(given)}")
    if abs(given) > INTEGER_MAX:
        raise wrong(pointer, "expected a whole number of at most 64 bits")
    return given


def _number(given: object, pointer: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise wrong(pointer, f"expected a number, got {shown(given)}")
    if isinstance(given, float) and not math.isfinite(given):
        raise wrong(pointer, f"expected a finite number, got {given}")
    if isinstance(given, int) and abs(given) > EXACT_MAX:
        raise wrong(pointer, f"expected at most {EXACT_MAX} (2^53), got {given}")
    return float(given)


def _bool(given: object, pointer: str) -> bool:
    if not isinstance(given, bool):
        raise wrong(pointer, f"expected true or false, got {shown(given)}")
    return given


def _days(given: object, pointer: str) -> int:
    days = _integer(given, pointer)
    if not 1 <= days <= DAYS_MAX:
        raise wrong(pointer, f"expected 1 to {DAYS_MAX} days, got {days}")
    return days


def _instant(given: object, pointer: str) -> int:
    try:
        if isinstance(given, datetime):  # YAML reads an unquoted time so
            return from_datetime(given)
        if isinstance(given, str):
            return parse_instant(given)
    except (ValueError, OverflowError):
        pass  # falls through to the same words as every other wrong value
    expected = "expected a time with its offset, as 2024-05-01T00:00:00+08:00"
    raise wrong(pointer, f"{expected}, got {shown(given)}")


def _text(given: object, pointer: str) -> str:
    if not isinstance(given, str):
        raise wrong(pointer, f"expected text, got {shown(given)}")
    if len(given) > TEXT_LENGTH_MAX:
        raise wrong(pointer, f"expected at most {TEXT_LENGTH_MAX} characters, got {len(given)}")
    if "\0" in given or any("\ud800" <= character <= "\udfff" for character in given):
        raise wrong(pointer, "expected text without NUL and lone surrogates")
    return given


def _among(known: tuple[str, ...] | None, text: str, what: str, pointer: str) -> str:
    if known is None or text in known:
        return text
    like = nearest(text, known)
    hint = f"did you mean {like!r}?" if like else f"known: {', '.join(known[:_WORDS_SHOWN_MAX])}"
    raise wrong(pointer, f"unknown {what} {shown(text)}; {hint}")
