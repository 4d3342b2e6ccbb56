"""Text has one form, and JSON one meaning: looked at once, over the whole body, at the edge.

msgspec skips fields that it does not know without looking at what is in them. What would pass there
unseen breaks those who read the event later: bytes that are no UTF-8, halves of surrogate pairs,
the character NUL, numbers beyond every range, and a key that stands twice, of which one reader
takes the first and another the last.
"""

import re
from collections.abc import Iterable
from json import loads as loads_in_pairs
from typing import Any, Final
from unicodedata import is_normalized, normalize

import orjson

_BOM: Final = b"\xef\xbb\xbf"
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_ESCAPED: Final = re.compile(r"(?<!\\)((?:\\\\)*)((?:\\u[0-9a-fA-F]{4})+)")
_KEY_END: Final = b'":'


class RepeatedKeyError(ValueError):
    """A key that stands twice in one object; the message names it."""


def in_one_form(raw: bytes) -> bytes:
    """A body with its text in Unicode's NFC, also where it was written in escapes.

    What is no UTF-8 stays as it is, to be refused.
    """
    if raw.isascii() and b"\\u" not in raw:
        return raw
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw
    if "\\u" in text:
        plain = _ESCAPED.sub(_unescaped, text)
        if not is_normalized("NFC", plain):
            return normalize("NFC", plain).encode()
    return raw if is_normalized("NFC", text) else normalize("NFC", text).encode()


def _unescaped(found: "re.Match[str]") -> str:
    """Letters beyond ASCII as themselves; what JSON must escape, and halves of pairs, stay."""
    told = found[2]
    try:
        letters: str = orjson.loads(f'"{told}"')
    except orjson.JSONDecodeError:
        return found[0]
    return found[1] + "".join(
        letter if letter > "\x7f" else f"\\u{ord(letter):04x}" for letter in letters
    )


def unsound(raw: bytes) -> str | None:
    """What is wrong with a body as JSON, whatever it is about; None: nothing."""
    if raw.startswith(_BOM):
        return "the body begins with a byte order mark (BOM): leave it out"
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return f"not sound JSON: {_worded(error)}"
    if b"\\u0000" in raw and _ESCAPED_NUL.search(raw):
        return "the character NUL (\\u0000) is not taken"
    # the same document, each key once: fewer keys when one of them stood twice
    if raw.count(_KEY_END) + raw.count(b'" :') != orjson.dumps(told).count(_KEY_END):
        try:
            loads_in_pairs(raw, object_pairs_hook=_each_once)
        except RepeatedKeyError as error:
            return str(error)
        except (ValueError, RecursionError):
            return None  # too deep for this reader; others have read it
    return None


def _worded(error: orjson.JSONDecodeError) -> str:
    words = str(error)
    if "infinity" in words:
        return words.replace("number is infinity when parsed as double", "a number out of range")
    return words


def _each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for key, value in pairs:
        if key in told:
            raise RepeatedKeyError(f"the key {key[:64]!r} stands twice: which one counts?")
        told[key] = value
    return told
