"""When is a schema still the same version? When nothing changed but words and new optional fields.

Both sides count. A publisher built on the old schema must still be taken: nothing may become
required or narrower. A consumer built on the old schema must still understand: nothing may go away,
become optional or wider. So all that is left is adding an optional field; anything else is a new
version beside the old one.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]

_WORDS: Final = frozenset({"$schema", "$id", "$defs", "title", "description", "examples"})
"""What only people read (and definitions, which are compared where they are used)."""

_NARROWER_WHEN_RAISED: Final = frozenset({"minLength", "minimum", "exclusiveMinimum", "minItems"})


_AGREED: Final = frozenset(
    {
        ("maxLength", 128, 200),
        ("maxLength", 128, 256),
        ("maxLength", 256, 320),
        ("maxLength", 256, 10_000),
        ("maximum", 2**63 - 1, 2**53 - 1),
        ("maximum", 2**63 - 1, 10**11),
        ("maximum", None, 1e9),
        ("minimum", -(2**63 - 1), -(2**53 - 1)),
        (
            "pattern",
            "^application/([a-z0-9.-]+[+])?json",
            "^[A-Za-z]+/([A-Za-z0-9._-]+[+])?[jJ][sS][oO][nN]",
        ),
    }
)
"""Bounds moved once, before the first release, to those that publishing-events.md promises: real
orders did not fit under the old ones, and amounts near 2^63 ended the sums of a store."""


WIDENED: Final[Mapping[str, frozenset[str]]] = {
    "envelope.json": frozenset({"/subject"}),
    "regulars.purchase.completed.v1.json": frozenset({"/channel", "/store_id", "/lines"}),
    "regulars.purchase.refunded.v1.json": frozenset(
        {
            "/order_id",
            "/store_id",
            *(f"/lines/*/{name}" for name in ("sku", "category", "quantity", "amount")),
        }
    ),
}
"""Fields that were made wider once, before the first release, by schema file (ADR 15)."""


def breaks(old: Json, new: Json, widened: frozenset[str] = frozenset()) -> list[str]:
    """What makes `new` another version than `old`: each place and reason, or nothing.

    Args:
        old: the schema as it was.
        new: as it is to be.
        widened: places that may become wider.
    """
    return sorted(_Comparison(old, new, widened).compare(old, new, ""))


class _Comparison:
    """Walks two schemas side by side, following references inside each."""

    def __init__(self, old: Json, new: Json, widened: frozenset[str]) -> None:
        self._old = old
        self._new = new
        self._widened = widened
        self._inside: set[tuple[str, str]] = set()

    def compare(self, old: Json, new: Json, place: str) -> Iterator[str]:
        references = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if references in self._inside:
            return  # a schema that contains itself
        if all(references):
            self._inside.add(references)
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        yield from self._properties(old, new, place)
        yield from self._inner(old, new, place)
        yield from self._alternatives(old, new, place)
        yield from _enumeration(old, new, place)
        yield from _constraints(old, new, place)
        self._inside.discard(references)

    def _properties(self, old: Json, new: Json, place: str) -> Iterator[str]:
        old_fields: Json = old.get("properties", {})
        new_fields: Json = new.get("properties", {})
        old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
        for name in old_fields:
            field = f"{place}/{name}"
            if name not in new_fields:
                yield f"{field}: removed; consumers may need it"
                continue
            if field in self._widened:
                continue
            yield from self.compare(old_fields[name], new_fields[name], field)
            if name in new_required - old_required:
                yield f"{field}: became required; publishers may not send it"
            if name in old_required - new_required:
                yield f"{field}: became optional; consumers count on it"
        for name in new_required - set(old_fields):
            yield f"{place}/{name}: added as required; publishers do not send it yet"

    def _inner(self, old: Json, new: Json, place: str) -> Iterator[str]:
        for key, step in (("items", "/*"), ("additionalProperties", "/{}")):
            before, after = old.get(key), new.get(key)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from self.compare(before, after, place + step)
            elif before != after:
                yield f"{place or '/'}: {key} changed from {before!r} to {after!r}"

    def _alternatives(self, old: Json, new: Json, place: str) -> Iterator[str]:
        for key in ("anyOf", "oneOf", "allOf"):
            before, after = old.get(key, []), new.get(key, [])
            if len(before) != len(after):
                yield f"{place or '/'}: {key} had {len(before)} alternatives and has {len(after)}"
                continue
            for one, other in zip(before, after, strict=True):
                yield from self.compare(one, other, place)


_WALKED: Final = frozenset(
    {"properties", "required", "items", "additionalProperties", "anyOf", "oneOf", "allOf"}
    | {"enum", "$ref"}
)


def _resolved(document: Json, schema: Json) -> Json:
    """The schema with its reference followed; what stands beside the reference counts too."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = document
    for step in str(reference).removeprefix("#/").split("/"):
        found = found[step]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}


def _enumeration(old: Json, new: Json, place: str) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if before is None and after is None:
        return
    if before is None or after is None:
        yield f"{place or '/'}: the list of allowed values was {'added' if after else 'removed'}"
        return
    for value in before:
        if value not in after:
            yield f"{place}: {value!r} is allowed no more; publishers may send it"
    for value in after:
        if value not in before:
            yield f"{place}: {value!r} was added to the allowed values; consumers do not know it"


def _constraints(old: Json, new: Json, place: str) -> Iterator[str]:
    for key in sorted((set(old) | set(new)) - _WORDS - _WALKED):
        before, after = old.get(key), new.get(key)
        if before != after and (key, before, after) not in _AGREED:
            effect = _effect(key, before, after)
            yield f"{place or '/'}: {key} changed from {before!r} to {after!r}{effect}"


def _effect(key: str, before: Any, after: Any) -> str:
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return ""
    narrower = (after > before) == (key in _NARROWER_WHEN_RAISED)
    if narrower:
        return "; narrower: publishers may send what is allowed no more"
    return "; wider: consumers do not expect it"
