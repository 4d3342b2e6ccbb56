"""An event as a tree, read with care: numbers stay as they were written, nothing is dropped unseen.

Slower than msgspec by a factor of ten. It reads what the fast path could not vouch for, and knows
for each wrong thing where it stands.
"""

import json
import re
from collections.abc import Iterator
from math import isinf
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec import json as fast

Path = tuple[str | int, ...]

DEPTH_MAX: Final = 200
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHOWN: Final = 64


class Wrong(Struct, frozen=True):
    """One thing wrong with a document: where, and what."""

    path: Path
    reason: str


class _Repeating(dict[str, Any]):
    """An object that told a name twice."""

    repeated: str = ""


def read_tree(raw: bytes) -> tuple[Any, list[Wrong]]:
    """Read a JSON document; every number in it is a `Raw` of its own digits.

    Returns:
        The tree, and what is wrong in it: names told twice, characters that no store can hold,
        numbers that no reader can hold.

    Raises:
        ValueError: not JSON in UTF-8; the message says where.
        RecursionError: nested too deeply.
    """
    tree = json.loads(
        raw.decode(),
        object_pairs_hook=_object,
        parse_int=_number,
        parse_float=_number,
        parse_constant=_constant,
    )
    wrong = list(_wrong_in(tree))
    return tree, wrong


def write_tree(tree: Any) -> bytes:
    """The document again: numbers as they were written."""
    return fast.encode(tree)


def pointer_of(path: Path) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _number(digits: str) -> Raw:
    return Raw(digits.encode())


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    repeating = _Repeating(found)
    repeating.repeated = next(name for name in names if names.count(name) > 1)
    return repeating


def _wrong_in(tree: Any) -> Iterator[Wrong]:
    waiting: list[tuple[Path, Any]] = [((), tree)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > DEPTH_MAX:
            raise RecursionError(f"nested more than {DEPTH_MAX} deep")
        if isinstance(value, dict):
            yield from _names(path, value)
            waiting.extend(((*path, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), inner) for index, inner in enumerate(value))
        elif isinstance(value, str):
            yield from _text(path, value)
        elif isinstance(value, Raw) and isinf(float(bytes(value))):
            yield Wrong(path, "a number out of range: no reader can hold it")


def _names(path: Path, value: dict[str, Any]) -> Iterator[Wrong]:
    if isinstance(value, _Repeating):
        name = value.repeated
        yield Wrong(
            (*path, name),
            f"the name {name[:_SHOWN]!r} stands twice in this object: which one counts?",
        )
    for name in value:
        yield from _text(path, name)


def _text(path: Path, text: str) -> Iterator[Wrong]:
    if "\0" in text:
        yield Wrong(path, "the character NUL (\\u0000) is not taken")
    if _SURROGATE.search(text):
        yield Wrong(path, "half of a surrogate pair (\\ud800 to \\udfff) is no character")
