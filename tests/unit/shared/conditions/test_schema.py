"""The schema as a form reads it: every word of it matters to somebody who draws one."""

from typing import Any

from shared.conditions import Catalogue, Feature, json_schema

_TEXT = {"type": "string", "maxLength": 256}
_INTEGER = {"type": "integer", "minimum": -(2**63) + 1, "maximum": 2**63 - 1}
_DAYS = {"type": "integer", "minimum": 1, "maximum": 36_525}


def _list(item: dict[str, Any], least: int = 1, most: int = 1000) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}


def _leaf(title: str, fixed: dict[str, Any], operators: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "properties": {**fixed, **operators},
        "required": list(fixed),
        "minProperties": len(fixed) + 1,
        "maxProperties": len(fixed) + 1,
        "additionalProperties": False,
    }


def _ordered(scalar: dict[str, Any]) -> dict[str, Any]:
    single = ("equals", "not_equals", "at_least", "more_than", "at_most", "less_than")
    return {
        **dict.fromkeys(single, scalar),
        "between": _list(scalar, 2, 2),
        "one_of": _list(scalar),
        "none_of": _list(scalar),
        "exists": {"type": "boolean"},
    }


def test_a_form_can_be_drawn_from_it() -> None:
    schema = json_schema(
        Catalogue(
            [
                Feature("orders", "int", {"en": "Orders", "zh": "订单"}),
                Feature("rate", "number", {"zh": "比率"}),
                Feature("asked", "bool"),
                Feature("channel", "text", values=("store", "app")),
                Feature("favourite", "text", keyed=True, keys=("TEA",)),
                Feature("seen_at", "instant", keyed=True),
                Feature("tags", "set"),
            ]
        )
    )
    nested = {"$ref": "#/$defs/condition"}
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Condition"
    assert schema["$ref"] == "#/$defs/condition"
    [every, some, negated, *leaves] = schema["$defs"].pop("condition")["oneOf"]
    for branch, name, inner in (
        (every, "all", {"type": "array", "items": nested}),
        (some, "any", {"type": "array", "items": nested}),
        (negated, "not", nested),
    ):
        assert branch == {
            "type": "object",
            "properties": {name: inner},
            "required": [name],
            "additionalProperties": False,
        }
    assert [leaf["$ref"] for leaf in leaves] == [f"#/$defs/{name}" for name in schema["$defs"]]
    assert schema["$defs"] == {
        "feature.orders": _leaf("Orders", {"feature": {"const": "orders"}}, _ordered(_INTEGER)),
        "feature.rate": _leaf("rate", {"feature": {"const": "rate"}}, _ordered({"type": "number"})),
        "feature.asked": _leaf(
            "asked",
            {"feature": {"const": "asked"}},
            {op: {"type": "boolean"} for op in ("equals", "not_equals", "exists")},
        ),
        "feature.channel": _leaf(
            "channel", {"feature": {"const": "channel"}}, _ordered({"enum": ["store", "app"]})
        ),
        "feature.favourite": _leaf(
            "favourite",
            {"feature": {"const": "favourite"}, "of": {"enum": ["TEA"]}},
            _ordered(_TEXT),
        ),
        "feature.seen_at": _leaf(
            "seen_at",
            {"feature": {"const": "seen_at"}, "of": _TEXT},
            {
                "before": {"type": "string", "format": "date-time"},
                "since": {"type": "string", "format": "date-time"},
                "within_last_days": _DAYS,
                "within_next_days": _DAYS,
                "at_least_days_ago": _DAYS,
                "exists": {"type": "boolean"},
            },
        ),
        "feature.tags": _leaf(
            "tags",
            {"feature": {"const": "tags"}},
            {
                "contains": _TEXT,
                "contains_any": _list(_TEXT),
                "contains_all": _list(_TEXT),
                "exists": {"type": "boolean"},
            },
        ),
    }
