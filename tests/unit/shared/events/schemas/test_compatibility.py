"""What keeps a schema's version, and what does not."""

from copy import deepcopy
from typing import Any

import pytest

from shared.events.schemas import documents
from shared.events.schemas.compatibility import breaks

OLD: dict[str, Any] = {
    "$defs": {
        "Line": {
            "type": "object",
            "required": ["sku"],
            "properties": {"sku": {"type": "string"}, "amount": {"type": "integer"}},
        },
        "Tree": {
            "type": "object",
            "properties": {"under": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        },
    },
    "type": "object",
    "required": ["id", "kind"],
    "additionalProperties": True,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 128},
        "kind": {"enum": ["a", "b"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "total": {"type": "integer", "minimum": 0},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "tree": {"$ref": "#/$defs/Tree"},
        "consent": {"type": "object", "additionalProperties": {"type": "boolean"}},
    },
}


def _changed(path: str, value: Any) -> dict[str, Any]:
    """The old schema with one place replaced; `...` takes it away."""
    new = deepcopy(OLD)
    *steps, last = path.split("/")
    place: Any = new
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/further", {"type": "string"}),
        ("$defs/Line/properties/further", {"type": "string"}),
        ("$defs/Unused", {"type": "string"}),
        ("title", "Other words"),
        ("description", "Other words"),
        ("properties/id/description", "Other words"),
        ("properties/id/examples", ["x"]),
        ("required", ["kind", "id"]),
    ],
)
def test_the_same_version(path: str, value: Any) -> None:
    assert breaks(OLD, _changed(path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("properties/note", ..., "/note: removed"),
        ("$defs/Line/properties/amount", ..., "/lines/*/amount: removed"),
        ("required", ["id", "kind", "total"], "/total: became required"),
        ("required", ["id", "kind", "new"], "/new: added as required"),
        ("required", ["id"], "/kind: became optional"),
        ("$defs/Line/required", ["sku", "amount"], "/lines/*/amount: became required"),
        ("properties/id/type", "integer", "/id: type changed from 'string' to 'integer'"),
        ("properties/id/maxLength", 64, "/id: maxLength changed from 128 to 64; narrower"),
        ("properties/id/maxLength", 512, "/id: maxLength changed from 128 to 512; wider"),
        ("properties/id/minLength", 2, "/id: minLength changed from 1 to 2; narrower"),
        ("properties/total/minimum", -1, "/total: minimum changed from 0 to -1; wider"),
        ("properties/total/maximum", 10, "/total: maximum changed from None to 10"),
        ("properties/id/pattern", "^a", "/id: pattern changed"),
        ("properties/kind/enum", ["a"], "/kind: 'b' is allowed no more"),
        ("properties/kind/enum", ["a", "b", "c"], "/kind: 'c' was added"),
        ("properties/kind", {"type": "string"}, "/kind: the list of allowed values was removed"),
        ("properties/total/enum", [1], "/total: the list of allowed values was added"),
        ("properties/note/anyOf", [{"type": "string"}], "/note: anyOf had 2 alternatives"),
        ("properties/note/anyOf/0/type", "integer", "/note: type changed"),
        ("properties/note/default", "x", "/note: default changed"),
        ("properties/lines/items", {"type": "string"}, "/lines/*/sku: removed"),
        ("properties/consent/additionalProperties/type", "string", "/consent/{}: type changed"),
        ("additionalProperties", False, "/: additionalProperties changed"),
        ("$defs/Tree/properties/under/items", {"type": "string"}, "/tree/under/*/under: removed"),
    ],
)
def test_another_version(path: str, value: Any, words: str) -> None:
    found = breaks(OLD, _changed(path, value))
    assert [line for line in found if line.startswith(words)], found


def test_every_document_is_compatible_with_itself() -> None:
    for document in documents.build().values():
        assert breaks(document, document) == []
