"""Text in one form: NFC, no white space around it, no control characters in ids (meaning.md §3).

Only fields that a type declares are put in order; what publishers add beside them passes as it is.
"""

import re
import unicodedata
from enum import Enum
from typing import Any, Final

from msgspec import Struct, inspect

from shared.events.scalars import ID
from shared.events.tree import Path, Wrong

_BLANK_AROUND: Final = re.compile(rb' (?:"|(?<=" ))').search
_AROUND: Final = re.compile(r'(?:(?<=[:\[,{])"\s)|(?:\s"(?=[:,\]}]))')
_CONTROL: Final = re.compile(r"[\x01-\x1f\x7f-\x9f]")  # NUL is refused everywhere
_SUSPECTS: Final = (b"\xc2", b"\xe1\x9a\x80", b"\xe2\x80", b"\xe2\x81\x9f", b"\xe3\x80\x80")
"""How characters begin, in UTF-8, that may be white space or control characters beyond ASCII."""


class Kind(Enum):
    """What a field holds."""

    ID = "id"
    TEXT = "text"
    ANYTHING = "anything"


Plan = Kind | dict[str, Any] | list[Any]
"""What is text in a value: a kind, fields by name, or the plan of a list's items."""


def is_plain(raw: bytes) -> bool:
    """Whether a document is printable ASCII without escapes, white space between values apart."""
    return raw.isascii() and b"\\" not in raw and b"\x7f" not in raw


def is_tidy(written: bytes, *, plain: bool) -> bool:
    """Whether data, as msgspec writes it, has nothing to be put in order; in doubt False.

    `plain`: the document that it comes from is (`is_plain`).
    """
    if plain:
        return _BLANK_AROUND(written) is None
    if b"\\" in written:  # quotation marks and backslashes do no harm
        written = written.replace(b"\\\\", b"").replace(b'\\"', b"")
    if b"\\" in written or b"\x7f" in written or _BLANK_AROUND(written) is not None:
        return False
    text = written.decode()
    if any(each in written for each in _SUSPECTS) and (
        _CONTROL.search(text) or _AROUND.search(text)
    ):
        return False
    return unicodedata.is_normalized("NFC", text)


def is_tidy_id(text: str) -> bool:
    """Whether an id has nothing to be put in order; in doubt False."""
    return text.isascii() and text.isprintable() and text[:1] != " " and text[-1:] != " "


def tidied(text: str) -> str:
    """A text in its one form."""
    return unicodedata.normalize("NFC", text).strip()


def plan_of(struct: type[Struct]) -> Plan:
    """What is text in the data of a struct."""
    return _plan(inspect.type_info(struct))


def put_in_order(value: Any, plan: Plan, path: Path = ()) -> tuple[Any, list[Wrong]]:
    """A value with its declared texts in their one form, and the ids that cannot have one."""
    wrong: list[Wrong] = []
    return _ordered(value, plan, path, wrong), wrong


def _ordered(value: Any, plan: Plan, path: Path, wrong: list[Wrong]) -> Any:
    if isinstance(value, str):
        if isinstance(plan, Kind):
            return _text(value, plan, path, wrong)
    elif isinstance(value, list):
        inner = plan[0] if isinstance(plan, list) else plan
        if inner is Kind.ANYTHING or isinstance(plan, list):
            return [_ordered(each, inner, (*path, at), wrong) for at, each in enumerate(value)]
    elif isinstance(value, dict):
        if isinstance(plan, dict):
            return {
                name: _ordered(each, plan[name], (*path, name), wrong) if name in plan else each
                for name, each in value.items()
            }
        if plan is Kind.ANYTHING:
            return {
                name: _ordered(each, plan, (*path, name), wrong) for name, each in value.items()
            }
    return value


def _text(text: str, kind: Kind, path: Path, wrong: list[Wrong]) -> str:
    text = tidied(text)
    if kind is Kind.ID and (found := _CONTROL.search(text)):
        words = f"the control character U+{ord(found.group()):04X} cannot stand in an id"
        wrong.append(Wrong(path, words))
    return text


def _plan(kind: inspect.Type) -> Plan:
    if isinstance(kind, inspect.Metadata):
        return Kind.ID if kind.extra == ID else _plan(kind.type)
    if isinstance(kind, inspect.UnionType):
        plans = [_plan(each) for each in kind.types if not isinstance(each, inspect.NoneType)]
        return plans[0] if len(plans) == 1 else Kind.ANYTHING
    if isinstance(kind, inspect.StructType):
        return {field.encode_name: _plan(field.type) for field in kind.fields}
    if isinstance(kind, inspect.ListType):
        return [_plan(kind.item_type)]
    if isinstance(kind, inspect.StrType):
        return Kind.TEXT
    return Kind.ANYTHING
