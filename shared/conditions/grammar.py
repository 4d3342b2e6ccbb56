"""From JSON to a checked condition and back.

A tree is one of `{"all": [tree, …]}`, `{"any": [tree, …]}`, `{"not": tree}` or a comparison
`{"feature": name, ("of": key,) <operator>: constant}` with exactly one operator. Every problem is
reported, each with a JSON pointer and with what was expected instead.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from shared.clock import format_instant
from shared.conditions import model
from shared.conditions.catalogue import Catalogue, Feature, nearest
from shared.conditions.constants import constant_of, key_of
from shared.conditions.errors import ConditionError, Problem, down, shown, wrong
from shared.conditions.model import OPERATORS, Comparison, Condition, Operator

DEPTH_MAX: Final = 16
NODES_MAX: Final = 500

_BRANCHES: Final = ("all", "any", "not")
_FORMS: Final = "one of {all: […]}, {any: […]}, {not: {…}}, {feature: …, <operator>: …}"


def parse(tree: object, catalogue: Catalogue, pointer: str = "") -> Condition:
    """Check a JSON tree against a catalogue.

    Args:
        tree: what `json.loads` or a YAML loader gave.
        catalogue: the features that may be spoken of.
        pointer: where the tree stands in its document; the pointers of problems start with it.

    Raises:
        ConditionError: with every problem found.
    """
    return _Reader(catalogue).read(tree, pointer, depth=1)


def to_json(condition: Condition) -> dict[str, Any]:
    """The tree again: `parse(to_json(c), catalogue) == c`."""
    match condition:
        case model.All(parts):
            return {"all": [to_json(part) for part in parts]}
        case model.Any(parts):
            return {"any": [to_json(part) for part in parts]}
        case model.Not(inner):
            return {"not": to_json(inner)}
        case Comparison(feature=feature, op=op, of=of):
            key = {} if of is None else {"of": of}
            return {"feature": feature, **key, op: constant_to_json(condition)}


def constant_to_json(comparison: Comparison) -> Any:
    """The constant as it stands in JSON: instants as RFC 3339, tuples as lists."""
    value = comparison.value
    if isinstance(value, tuple):
        return list(value)
    if comparison.op in {"before", "since"}:
        return format_instant(cast("int", value))
    return value


class _Reader:
    """One pass over one tree, counting its parts."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._nodes = 0

    def read(self, tree: object, pointer: str, depth: int) -> Condition:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise wrong(pointer, f"a condition has at most {NODES_MAX} parts")
        if depth > DEPTH_MAX:
            raise wrong(pointer, f"a condition is nested at most {DEPTH_MAX} levels deep")
        if not isinstance(tree, Mapping):
            raise wrong(pointer, f"expected {_FORMS}, got {shown(tree)}")
        branch = next((key for key in _BRANCHES if key in tree), None)
        if branch is None:
            return self._comparison(tree, pointer)
        if len(tree) > 1:
            other = next(key for key in tree if key != branch)
            raise wrong(down(pointer, other), f"nothing can stand beside {branch!r}")
        if branch == "not":
            return model.Not(self.read(tree["not"], down(pointer, "not"), depth + 1))
        parts = self._parts(tree[branch], down(pointer, branch), depth + 1)
        return model.All(parts) if branch == "all" else model.Any(parts)

    def _parts(self, trees: object, pointer: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(trees, list | tuple):
            raise wrong(pointer, f"expected a list of conditions, got {shown(trees)}")
        parts: list[Condition] = []
        problems: list[Problem] = []
        for i, tree in enumerate(trees):
            if self._nodes > NODES_MAX:
                break  # said once; what follows is not looked at
            try:
                parts.append(self.read(tree, down(pointer, i), depth))
            except ConditionError as error:
                problems.extend(error.problems)
        if problems:
            raise ConditionError(problems)
        return tuple(parts)

    def _comparison(self, tree: Mapping[Any, object], pointer: str) -> Comparison:
        feature = self._feature(tree, pointer)
        op = _operator(tree, feature, pointer)
        problems: list[Problem] = []
        of = None
        try:
            of = _key(tree, feature, pointer)
        except ConditionError as error:
            problems.extend(error.problems)
        try:
            value = constant_of(feature, op, tree[op], down(pointer, op))
        except ConditionError as error:
            raise ConditionError([*problems, *error.problems]) from None
        if problems:
            raise ConditionError(problems)
        return Comparison(feature.name, op, value, feature.type, of)

    def _feature(self, tree: Mapping[Any, object], pointer: str) -> Feature:
        if "feature" not in tree:
            raise wrong(pointer, f"expected {_FORMS}, got {shown(dict(tree))}")
        name = tree["feature"]
        feature = self._catalogue.get(name) if isinstance(name, str) else None
        if feature is None:
            like = self._catalogue.nearest(name) if isinstance(name, str) else None
            raise wrong(down(pointer, "feature"), f"unknown feature {shown(name)}{_hint(like)}")
        return feature


def _key(tree: Mapping[Any, object], feature: Feature, pointer: str) -> str | None:
    if feature.keyed:
        if "of" not in tree:
            raise wrong(pointer, f"{feature.name} is kept by key: say which with 'of'")
        return key_of(feature, tree["of"], down(pointer, "of"))
    if "of" in tree:
        raise wrong(down(pointer, "of"), f"{feature.name} is not kept by key: leave out 'of'")
    return None


def _operator(tree: Mapping[Any, object], feature: Feature, pointer: str) -> Operator:
    allowed = OPERATORS[feature.type]
    given = [key for key in tree if key not in {"feature", "of"}]
    known = f"{feature.name} ({feature.type}) takes {', '.join(allowed)}"
    for key in given:
        if key not in allowed:
            hint = _hint(nearest(str(key), allowed))
            raise wrong(down(pointer, key), f"unknown operator {shown(key)}{hint} ({known})")
    if len(given) != 1:
        got = ", ".join(given) or "none"
        raise wrong(pointer, f"expected exactly one operator, got {got} ({known})")
    return cast("Operator", given[0])


def _hint(like: str | None) -> str:
    return f"; did you mean {like!r}?" if like else ""
