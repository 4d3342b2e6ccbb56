"""JSON has one meaning: looked at once, over the whole body, at the edge.

msgspec skips fields that it does not know without looking at what is in them. What would pass there
unseen breaks those who read the event later: bytes that are no UTF-8, halves of surrogate pairs,
the character NUL, numbers beyond every range.
"""

import re
from json import loads as loads_by_grammar
from typing import Final

import orjson

_BOM: Final = b"\xef\xbb\xbf"
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[][{},]', re.DOTALL)


def is_sound(raw: bytes) -> bool:
    """Whether the text of a body that was decoded with gaps is sound also in the gaps.

    Bytes that are no UTF-8, halves of surrogate pairs and NUL characters pass unseen in fields that
    are not declared.
    """
    if raw.isascii() and b"\\" not in raw:
        return True  # the usual case, at a tenth of the price
    try:
        raw.decode()
        if b"\\u" in raw:
            orjson.loads(raw)
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        return False
    return not (b"\\u0000" in raw and _ESCAPED_NUL.search(raw))


def unsound(raw: bytes) -> str | None:
    """What is wrong with a body as JSON, whatever it is about; None: nothing."""
    if raw.startswith(_BOM):
        return "the body begins with a byte order mark (BOM): leave it out"
    try:
        raw.decode()
        orjson.loads(raw)
    except UnicodeDecodeError as error:
        return f"not sound JSON: {error}"
    except orjson.JSONDecodeError as error:
        return f"not sound JSON: {_worded(error)}"
    if b"\\u0000" in raw and _ESCAPED_NUL.search(raw):
        return "the character NUL (\\u0000) is not taken"
    return None


def _worded(error: orjson.JSONDecodeError) -> str:
    words = str(error)
    if "infinity" in words:
        return words.replace("number is infinity when parsed as double", "a number out of range")
    return words


def is_array(raw: bytes) -> bool:
    """Whether a body is an array by JSON's grammar, whatever characters its texts hold."""
    try:
        return isinstance(loads_by_grammar(raw.decode(errors="replace"), parse_constant=_no), list)
    except (ValueError, RecursionError):
        return False


def _no(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def cut_array(raw: bytes) -> list[bytes]:
    """Cut a JSON array into its items without reading them, however deeply they are nested."""
    items: list[bytes] = []
    depth, begun = 0, 0
    for token in _STRUCTURE.finditer(raw):
        mark = token.group()
        if mark in (b"[", b"{"):
            depth += 1
            if depth == 1:
                begun = token.end()
        elif depth == 1 and mark in (b",", b"]"):
            items.append(raw[begun : token.start()].strip())
            begun = token.end()
        if mark in (b"]", b"}"):
            depth -= 1
    return items
