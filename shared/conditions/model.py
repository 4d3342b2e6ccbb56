"""The tree: what a condition is once it has been checked. Values only, no behaviour but walking."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

FeatureType = Literal["int", "number", "bool", "text", "instant", "set"]

Operator = Literal[
    "equals",
    "not_equals",
    "at_least",
    "more_than",
    "at_most",
    "less_than",
    "between",
    "one_of",
    "none_of",
    "before",
    "since",
    "within_last_days",
    "within_next_days",
    "at_least_days_ago",
    "contains",
    "contains_any",
    "contains_all",
    "exists",
]

Scalar = int | float | bool | str
Constant = Scalar | tuple[Scalar, ...]
"""What a feature is compared with: instants are microseconds, lists (`between`, …) are tuples."""

NOW: Final = "now"
"""The name under which the present reaches a condition; no feature can be called so."""

_ORDERED: Final[tuple[Operator, ...]] = (
    "equals",
    "not_equals",
    "at_least",
    "more_than",
    "at_most",
    "less_than",
    "between",
    "one_of",
    "none_of",
    "exists",
)

OPERATORS: Final[dict[FeatureType, tuple[Operator, ...]]] = {
    "int": _ORDERED,
    "number": _ORDERED,
    "text": _ORDERED,
    "bool": ("equals", "not_equals", "exists"),
    # before: strictly; since: at that instant or later. within_last_days N: now - N days < value <=
    # now within_next_days N: now < value <= now + N days at_least_days_ago N: value <= now - N days
    "instant": (
        "before",
        "since",
        "within_last_days",
        "within_next_days",
        "at_least_days_ago",
        "exists",
    ),
    "set": ("contains", "contains_any", "contains_all", "exists"),
}
"""The operators of each type, in the order in which a form would offer them."""

RELATIVE: Final[frozenset[Operator]] = frozenset(
    {"within_last_days", "within_next_days", "at_least_days_ago"}
)
"""Operators whose answer moves with the present."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A leaf: one feature, one operator, one constant. Made by `parse`, which checks all of it."""

    feature: str
    op: Operator
    value: Constant
    type: FeatureType
    of: str | None = None


@dataclass(frozen=True, slots=True)
class All:
    """True when every condition is (so also when there is none)."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True when at least one condition is (so false when there is none)."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the condition is false."""

    condition: "Condition"


Condition = All | Any | Not | Comparison


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Walk the leaves from left to right."""
    match condition:
        case Comparison():
            yield condition
        case Not(inner):
            yield from comparisons(inner)
        case All(parts) | Any(parts):
            for part in parts:
                yield from comparisons(part)


def features_of(condition: Condition) -> frozenset[str]:
    """The names of the features that the condition looks at."""
    return frozenset(leaf.feature for leaf in comparisons(condition))


def uses_now(condition: Condition) -> bool:
    """Whether the answer depends on the present, so that the value "now" has to be given."""
    return any(leaf.op in RELATIVE for leaf in comparisons(condition))
