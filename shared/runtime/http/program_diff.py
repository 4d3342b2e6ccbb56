"""What differs between two program documents, for the person about to put one in force.

Lists of named things (`id`, `name` or `key` in each) are compared by name, so that a rule put first
does not look like every rule changed; other lists are compared as a whole.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import orjson

from shared.runtime.http.problems import json_pointer

_NAMES = ("id", "key", "name")


class Change(NamedTuple):
    """One difference; for an addition `before` is None, for a removal `after`."""

    op: Literal["add", "remove", "change", "move"]
    pointer: str
    before: Any
    after: Any


def diff(before: object, after: object) -> list[Change]:
    """List the differences, in the order of the documents."""
    return list(_diff(before, after, ()))


def _diff(before: object, after: object, path: tuple[str | int, ...]) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif not _same(before, after):
        yield Change("change", json_pointer(path), before, after)


def _of_objects(
    before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Change]:
    for name, value in before.items():
        if name not in after:
            yield Change("remove", json_pointer((*path, name)), value, None)
        else:
            yield from _diff(value, after[name], (*path, name))
    for name, value in after.items():
        if name not in before:
            yield Change("add", json_pointer((*path, name)), None, value)


def _of_lists(before: list[Any], after: list[Any], path: tuple[str | int, ...]) -> Iterator[Change]:
    named_before, named_after = _by_name(before), _by_name(after)
    if named_before is None or named_after is None:
        if not _same(before, after):
            yield Change("change", json_pointer(path), before, after)
        return
    yield from _of_objects(named_before, named_after, path)
    kept_before = [name for name in named_before if name in named_after]
    kept_after = [name for name in named_after if name in named_before]
    if kept_before != kept_after:
        yield Change("move", json_pointer(path), kept_before, kept_after)


def _same(before: object, after: object) -> bool:
    """Equality as JSON has it: true is not 1, and 1 is not 1.0."""
    sort = orjson.OPT_SORT_KEYS
    return orjson.dumps(before, option=sort) == orjson.dumps(after, option=sort)


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """The items by their names; None where they have none, or share one."""
    for key in _NAMES:
        if all(isinstance(item, Mapping) and isinstance(item.get(key), str) for item in items):
            named = {item[key]: item for item in items}
            return named if len(named) == len(items) else None
    return None
