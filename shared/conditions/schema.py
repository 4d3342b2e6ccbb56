"""JSON Schema (2020-12) of conditions over a catalogue: what forms and editors are built on."""

from typing import Any, Final

from shared.conditions.catalogue import Catalogue, Feature
from shared.conditions.constants import (
    DAYS_MAX,
    INTEGER_MAX,
    TEXT_LENGTH_MAX,
    VALUES_MAX,
)
from shared.conditions.model import OPERATORS, FeatureType, Operator

_SCALARS: Final[dict[FeatureType, dict[str, Any]]] = {
    "int": {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX},
    "number": {"type": "number"},
    "bool": {"type": "boolean"},
    "instant": {"type": "string", "format": "date-time"},
    "text": {"type": "string", "maxLength": TEXT_LENGTH_MAX},
    "set": {"type": "string", "maxLength": TEXT_LENGTH_MAX},
}


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of a condition tree over these features.

    Depth, number of parts, the order in `between` and what is a real time are left to `parse`.
    """
    nested = {"$ref": "#/$defs/condition"}
    branches = [
        _branch("all", {"type": "array", "items": nested}),
        _branch("any", {"type": "array", "items": nested}),
        _branch("not", nested),
    ]
    leaves = {f"feature.{feature.name}": _comparison(feature) for feature in catalogue}
    refs = [{"$ref": f"#/$defs/{name}"} for name in leaves]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Condition",
        "$ref": "#/$defs/condition",
        "$defs": {"condition": {"oneOf": [*branches, *refs]}, **leaves},
    }


def _branch(name: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: inner},
        "required": [name],
        "additionalProperties": False,
    }


def _comparison(feature: Feature) -> dict[str, Any]:
    properties: dict[str, Any] = {"feature": {"const": feature.name}}
    if feature.keyed:
        properties["of"] = _words(feature.keys)
    fixed = list(properties)
    for op in OPERATORS[feature.type]:
        properties[op] = _constant(feature, op)
    return {
        "title": feature.describe.get("en", feature.name),
        "type": "object",
        "properties": properties,
        "required": fixed,
        # one operator beside what is fixed
        "minProperties": len(fixed) + 1,
        "maxProperties": len(fixed) + 1,
        "additionalProperties": False,
    }


def _constant(feature: Feature, op: Operator) -> dict[str, Any]:
    scalar = _SCALARS[feature.type] if feature.values is None else _words(feature.values)
    match op:
        case "exists":
            return {"type": "boolean"}
        case "within_last_days" | "within_next_days" | "at_least_days_ago":
            return {"type": "integer", "minimum": 1, "maximum": DAYS_MAX}
        case "between":
            return _list(scalar, 2, 2)
        case "one_of" | "none_of" | "contains_any" | "contains_all":
            return _list(scalar, 1, VALUES_MAX)
        case _:
            return scalar


def _words(known: tuple[str, ...] | None) -> dict[str, Any]:
    return _SCALARS["text"] if known is None else {"enum": list(known)}


def _list(item: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}
