"""What can be wrong with a condition.

ConditionError(ValueError)   carries one Problem for each thing that is wrong, not only the first
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SHOWN_LENGTH_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (RFC 6901 JSON pointer) and what was expected."""

    pointer: str
    message: str


class ConditionError(ValueError):
    """A tree that is no condition over the catalogue at hand."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take every problem found, in document order."""
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.message}" for p in self.problems))


def wrong(pointer: str, message: str) -> ConditionError:
    """The error of one single problem."""
    return ConditionError([Problem(pointer, message)])


def down(pointer: str, step: object) -> str:
    """The pointer to a part of what a pointer points to."""
    escaped = str(step).replace("~", "~0").replace("/", "~1")
    return f"{pointer}/{escaped}"


def shown(value: object) -> str:
    """A value as it may stand in a message: never long."""
    text = repr(value)
    if len(text) <= _SHOWN_LENGTH_MAX:
        return text
    return f"{text[: _SHOWN_LENGTH_MAX - 1]}…"
