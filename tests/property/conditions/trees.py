"""Random conditions and random members, made so that they meet: few values, near each other."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from shared.clock import DAY, format_instant
from shared.conditions import OPERATORS, Catalogue, Condition, Feature, parse

NOW_AT = 17_000 * DAY

CATALOGUE = Catalogue(
    [
        Feature("orders", "int"),
        Feature("rate", "number"),
        Feature("paid_card", "bool"),
        Feature("city", "text"),
        Feature("last_order_at", "instant"),
        Feature("tags", "set"),
        Feature("amount", "int", keyed=True),
        Feature("share", "number", keyed=True),
        Feature("asked", "bool", keyed=True),
        Feature("favourite", "text", keyed=True),
        Feature("bought_at", "instant", keyed=True),
    ]
)

KEYS = ["GROCERY", 'wine \'n "beer"', "日用品", "a/b~c"]
# accents, cases, scripts, astral planes and what looks like code: compared by code point
TEXTS = ["", "a", "B", "Z", "z", "é", "é", "ä", "ß", "ss", "中", "😀", "﷽", "'); --", "a\n\\"]

_INTEGERS = st.integers(-3, 4) | st.sampled_from([2**53 + 1, -(2**63) + 1, 2**63 - 1])
_NUMBERS = st.sampled_from([-1.5, -0.0, 0.0, 0.1, 0.1 + 0.2, 0.3, 1.0, 3.0, 1e300, 5e-324])
_INSTANTS = st.builds(
    lambda days, micros: NOW_AT + days * DAY + micros, st.integers(-3, 3), st.integers(-1, 1)
)
_WORDS = st.sampled_from(TEXTS)

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": _INTEGERS,
    "number": _NUMBERS | st.just(math.nan) | st.sampled_from([math.inf, -math.inf]),
    "bool": st.booleans(),
    "text": _WORDS,
    "instant": _INSTANTS,
    "set": st.frozensets(_WORDS, max_size=4),
}
_CONSTANTS: dict[str, st.SearchStrategy[Any]] = {
    **_VALUES,
    "number": _NUMBERS | st.integers(-2, 3),
    "instant": _INSTANTS.map(format_instant),
    "set": _WORDS,
}


@st.composite
def comparison_trees(draw: st.DrawFn) -> dict[str, Any]:
    """A comparison of any feature by any of its operators."""
    feature = draw(st.sampled_from(list(CATALOGUE)))
    op = draw(st.sampled_from(OPERATORS[feature.type]))
    constants = _CONSTANTS[feature.type]
    value: Any
    match op:
        case "exists":
            value = draw(st.booleans())
        case "within_last_days" | "within_next_days" | "at_least_days_ago":
            value = draw(st.integers(1, 3))
        case "between":
            value = sorted(draw(st.tuples(constants, constants)))
        case "one_of" | "none_of" | "contains_any" | "contains_all":
            value = draw(st.lists(constants, min_size=1, max_size=4))
        case _:
            value = draw(constants)
    key = {"of": draw(st.sampled_from(KEYS))} if feature.keyed else {}
    return {"feature": feature.name, **key, op: value}


def trees() -> st.SearchStrategy[dict[str, Any]]:
    """A JSON tree that is a condition over `CATALOGUE`."""
    return st.recursive(
        comparison_trees(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda parts: {"all": parts}),
            st.lists(inner, max_size=4).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=8,
    )


def conditions() -> st.SearchStrategy[Condition]:
    """A condition over `CATALOGUE`."""
    return trees().map(lambda tree: parse(tree, CATALOGUE))


def values_of(feature: Feature) -> st.SearchStrategy[Any]:
    """A value of the feature, or None; for a keyed one a mapping that may lack keys."""
    value = st.none() | _VALUES[feature.type]
    if not feature.keyed:
        return value
    return st.none() | st.dictionaries(st.sampled_from(KEYS), value, max_size=3)


def members() -> st.SearchStrategy[dict[str, Any]]:
    """A member's values, with some missing in every way there is, and the present."""
    return st.fixed_dictionaries(
        {"now": st.just(NOW_AT)},
        optional={feature.name: values_of(feature) for feature in CATALOGUE},
    )


def truth(tree: Mapping[str, Any], values: Mapping[str, Any], now: int) -> bool:
    """What a JSON tree means, said once more, slowly and without a line of the product's code."""
    if "all" in tree:
        return all(truth(part, values, now) for part in tree["all"])
    if "any" in tree:
        return any(truth(part, values, now) for part in tree["any"])
    if "not" in tree:
        return not truth(tree["not"], values, now)
    actual = values.get(tree["feature"])
    if "of" in tree:
        actual = (actual or {}).get(tree["of"])
    (op, wanted), *_ = [item for item in tree.items() if item[0] not in {"feature", "of"}]
    missing = actual is None or (isinstance(actual, float) and math.isnan(actual))
    if op == "exists":
        return wanted is (not missing)
    return not missing and _compare(op, actual, wanted, now)


def _compare(op: str, actual: Any, wanted: Any, now: int) -> bool:
    def instant(text: str) -> int:
        return next(
            at
            for day in range(-5, 6)
            for micro in (-1, 0, 1)
            if format_instant(at := NOW_AT + day * DAY + micro) == text
        )

    answers: dict[str, Callable[[], bool]] = {
        "equals": lambda: actual == wanted,
        "not_equals": lambda: actual != wanted,
        "at_least": lambda: actual > wanted or actual == wanted,
        "more_than": lambda: actual > wanted,
        "at_most": lambda: actual < wanted or actual == wanted,
        "less_than": lambda: actual < wanted,
        "between": lambda: not actual < wanted[0] and not actual > wanted[1],
        "one_of": lambda: any(actual == item for item in wanted),
        "none_of": lambda: not any(actual == item for item in wanted),
        "before": lambda: actual < instant(wanted),
        "since": lambda: not actual < instant(wanted),
        "within_last_days": lambda: 0 <= now - actual < wanted * DAY,
        "within_next_days": lambda: 0 < actual - now <= wanted * DAY,
        "at_least_days_ago": lambda: now - actual >= wanted * DAY,
        "contains": lambda: wanted in set(actual),
        "contains_any": lambda: bool(set(actual) & set(wanted)),
        "contains_all": lambda: set(actual) >= set(wanted),
    }
    return answers[op]()
