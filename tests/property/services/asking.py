"""Conditions asked the slow way: the tree as it stands in the program, read from top to bottom.

The services compile conditions; the models beside their property tests ask them here, so that a
wrong compilation cannot agree with itself. A comparison with what is missing is false; `exists`
asks whether it is there.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shared.clock import DAY, Instant, parse_instant

Read = Callable[[str], Any]
"""A feature's value by its name; None where it is missing."""


def holds(tree: Mapping[str, Any] | None, read: Read, now: Instant = 0) -> bool:
    """Whether a condition is true; none given always is."""
    if tree is None:
        return True
    if "all" in tree:
        return all(holds(part, read, now) for part in tree["all"])
    if "any" in tree:
        return any(holds(part, read, now) for part in tree["any"])
    if "not" in tree:
        return not holds(tree["not"], read, now)
    value = read(tree["feature"])
    if "of" in tree:
        value = value.get(tree["of"])
    [(word, wanted)] = [each for each in tree.items() if each[0] not in {"feature", "of"}]
    if word == "exists":
        return (value is not None) is wanted
    return value is not None and bool(_WORDS[word](value, wanted, now))


_WORDS: dict[str, Callable[[Any, Any, Instant], Any]] = {
    "equals": lambda value, wanted, now: value == wanted,
    "not_equals": lambda value, wanted, now: value != wanted,
    "at_least": lambda value, wanted, now: value >= wanted,
    "more_than": lambda value, wanted, now: value > wanted,
    "at_most": lambda value, wanted, now: value <= wanted,
    "less_than": lambda value, wanted, now: value < wanted,
    "between": lambda value, wanted, now: wanted[0] <= value <= wanted[1],
    "one_of": lambda value, wanted, now: value in wanted,
    "none_of": lambda value, wanted, now: value not in wanted,
    "contains": lambda value, wanted, now: wanted in value,
    "contains_any": lambda value, wanted, now: set(wanted) & set(value),
    "contains_all": lambda value, wanted, now: set(wanted) <= set(value),
    "before": lambda value, wanted, now: value < parse_instant(wanted),
    "since": lambda value, wanted, now: value >= parse_instant(wanted),
    "within_last_days": lambda value, wanted, now: value <= now < value + wanted * DAY,
    "within_next_days": lambda value, wanted, now: now < value <= now + wanted * DAY,
    "at_least_days_ago": lambda value, wanted, now: value + wanted * DAY <= now,
}
"""A value that is there, the constant, the present → whether it is so."""
