"""One member, one call: the condition as generated Python.

A condition becomes a single expression of comparisons and `and` / `or` / `not`; nothing of it is
looked up, called or allocated per node when it runs. Constants enter the source as `repr` of
numbers, booleans and text that `parse` has checked, names as `repr` of text: no input becomes code.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from shared.clock import DAY
from shared.conditions import model
from shared.conditions.catalogue import Catalogue
from shared.conditions.errors import ConditionError, Problem
from shared.conditions.model import NOW, Comparison, Condition, comparisons

Predicate = Callable[[Mapping[str, Any]], bool]

_SYMBOLS: Final = {
    "at_least": ">=",
    "more_than": ">",
    "at_most": "<=",
    "less_than": "<",
    "before": "<",
    "since": ">=",
    "not_equals": "!=",
    "none_of": "not in",
}


Accessor = Callable[..., str]
"""Says which Python expression reads a feature: a local name, `row.orders`, `get('orders')`.

Called with the feature's name; for a keyed feature with name and key; with `NOW` for the present.
The expression must give None for what is missing, has to bind tighter than a comparison (a name, a
call, something in parentheses) and must not use the name `_c`.
"""


def compile_predicate(condition: Condition, catalogue: Catalogue) -> Predicate:
    """Make the function that answers for one member's values (feature name → value).

    A missing key and None are both "missing". Keyed features are mappings. A condition that
    `uses_now` needs `values["now"]` (KeyError).

    Raises:
        ConditionError: the condition was made for another catalogue.
    """
    _check(condition, catalogue)
    body = compile_source(condition, _from_mapping)
    source = f"def predicate(values):\n    get = values.get\n    return {body}\n"
    namespace: dict[str, Any] = {"__builtins__": {}}
    exec(compile(source, "<condition>", "exec"), namespace)  # noqa: S102 - checked constants only
    return cast("Predicate", namespace["predicate"])


def compile_source(condition: Condition, accessor: Accessor) -> str:
    """The condition as a Python expression of type bool, to stand in a larger generated function.

    It assigns the local names `_c` (always) and leaves all others alone.
    """
    match condition:
        case Comparison():
            return f"({_leaf(condition, accessor)})"
        case model.Not(inner):
            return f"(not {compile_source(inner, accessor)})"
        case model.All(parts):
            return _joined(" and ", parts, accessor, empty="True")
        case model.Any(parts):
            return _joined(" or ", parts, accessor, empty="False")


def _joined(word: str, parts: tuple[Condition, ...], accessor: Accessor, empty: str) -> str:
    return f"({word.join(compile_source(part, accessor) for part in parts)})" if parts else empty


def _leaf(leaf: Comparison, accessor: Accessor) -> str:
    read = accessor(leaf.feature) if leaf.of is None else accessor(leaf.feature, leaf.of)
    # None and NaN equal no constant, so these two need no test for what is missing
    if leaf.op == "equals":
        return f"{read} == {leaf.value!r}"
    if leaf.op == "one_of":
        return f"{read} in {_braces(leaf)}"
    name, there = (read, read) if read.isidentifier() else ("_c", f"(_c := {read})")
    present = f"{there} is not None"
    if leaf.type == "number" and leaf.op in {"not_equals", "none_of", "exists"}:
        present += f" and {name} == {name}"  # false of NaN; order comparisons are so by themselves
    if leaf.op == "exists":
        return present if leaf.value else f"not ({present})"
    return f"{present} and {_test(leaf, name, accessor)}"


def _test(leaf: Comparison, name: str, accessor: Accessor) -> str:
    value = leaf.value
    match leaf.op:
        case "between":
            low, high = cast("tuple[Any, Any]", value)
            return f"{low!r} <= {name} <= {high!r}"
        case "none_of":
            return f"{name} not in {_braces(leaf)}"
        case "contains":
            return f"{value!r} in {name}"
        case "contains_any" | "contains_all":
            word = " or " if leaf.op == "contains_any" else " and "
            items = cast("tuple[str, ...]", value)
            return f"({word.join(f'{item!r} in {name}' for item in items)})"
        case "within_last_days" | "within_next_days" | "at_least_days_ago":
            return _relative(leaf, name, accessor(NOW))
        case _:
            return f"{name} {_SYMBOLS[leaf.op]} {value!r}"


def _relative(leaf: Comparison, name: str, now: str) -> str:
    span = cast("int", leaf.value) * DAY
    if leaf.op == "within_last_days":
        return f"{name} <= {now} < {name} + {span}"
    if leaf.op == "within_next_days":
        return f"{name} - {span} <= {now} < {name}"
    return f"{name} + {span} <= {now}"


def _braces(leaf: Comparison) -> str:
    # a set of constants: the compiler makes it a frozenset, built once
    items = cast("tuple[Any, ...]", leaf.value)
    return f"{{{', '.join(repr(item) for item in items)}}}"


def _from_mapping(name: str, /, *of: str) -> str:
    if name == NOW:
        return f"values[{NOW!r}]"
    if not of:
        return f"get({name!r})"
    return f"(None if (_k := get({name!r})) is None else _k.get({of[0]!r}))"


def _check(condition: Condition, catalogue: Catalogue) -> None:
    problems = []
    for leaf in comparisons(condition):
        feature = catalogue.get(leaf.feature)
        if feature is None:
            problems.append(Problem("", f"unknown feature {leaf.feature!r}"))
        elif feature.type != leaf.type or feature.keyed is (leaf.of is None):
            problems.append(Problem("", f"{leaf.feature!r} is another kind of feature here"))
    if problems:
        raise ConditionError(problems)
