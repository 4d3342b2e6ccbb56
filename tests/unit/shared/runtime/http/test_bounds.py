"""Whatever a caller may send says its bounds in OpenAPI: in every service, every field."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.applications import SERVICES, application

_WITHOUT_LIMIT = "application/x-ndjson"  # a stream of lines; what a line may be is told in words
_TEXT_BOUNDS = frozenset({"maxLength", "pattern", "format"})


def _types(schema: dict[str, Any]) -> list[str]:
    if "enum" in schema or "const" in schema:
        return []
    told = schema.get("type", [])
    return told if isinstance(told, list) else [told]


def _missing(schema: dict[str, Any]) -> Iterator[str]:
    types = _types(schema)
    if {"integer", "number"} & set(types):
        if not {"minimum", "exclusiveMinimum"} & schema.keys():
            yield "minimum"
        if not {"maximum", "exclusiveMaximum"} & schema.keys():
            yield "maximum"
    if "string" in types and not _TEXT_BOUNDS & schema.keys():
        yield "maxLength"
    if "array" in types and "maxItems" not in schema:
        yield "maxItems"


def unbounded(document: dict[str, Any], schema: Any, place: str) -> Iterator[str]:
    """Every place of a schema that does not say its bounds."""
    waiting: list[tuple[str, Any]] = [(place, schema)]
    seen: set[str] = set()
    while waiting:
        where, each = waiting.pop()
        reference = str(each.get("$ref", ""))
        if reference.startswith("#/components/schemas/"):
            if reference not in seen:
                seen.add(reference)
                name = reference.rpartition("/")[2]
                waiting.append((name, document["components"]["schemas"][name]))
            continue
        yield from (f"{where}: {what}" for what in _missing(each))
        for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            waiting.extend((where, inner) for inner in each.get(key, ()))
        inside = [each[key] for key in ("items", "additionalProperties") if key in each]
        waiting.extend((f"{where}[]", inner) for inner in inside if isinstance(inner, dict))
        waiting.extend((f"{where}/{name}", of) for name, of in each.get("properties", {}).items())


def _sent(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schema of everything that a caller sends, with its place."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                yield f"{method} {path} ?{parameter['name']}", parameter["schema"]
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                if media != _WITHOUT_LIMIT:
                    yield f"{method} {path}", content["schema"]


@pytest.mark.parametrize("name", sorted(SERVICES))
async def test_what_is_sent_says_its_bounds(name: str) -> None:
    nowhere = "postgresql://nobody:none@127.0.0.1:1/none"
    async with application(name, nowhere, "127.0.0.1:1") as made:
        document = made.framework.openapi()
    found = [line for place, of in _sent(document) for line in unbounded(document, of, place)]
    assert sorted(set(found)) == []


def test_what_says_none_is_found() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"items": {"type": "string"}}}}
    assert sorted(unbounded({}, schema, "x")) == [
        "x/a: maximum",
        "x/a: minimum",
        "x/b[]: maxLength",
    ]
    assert list(unbounded({}, {"type": "array"}, "x")) == ["x: maxItems"]
