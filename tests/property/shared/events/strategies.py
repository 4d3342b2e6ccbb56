"""Events made from the structs themselves: valid ones, and valid ones with something spoilt."""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from shared.events.edge import InboundEnvelope
from shared.events.registry import STRUCTS

_TIMES = st.sampled_from(
    ["2017-01-01T11:53:26Z", "2017-06-30T23:59:59.123456+08:00", "1999-12-31T00:00:00-05:00"]
)
_DAYS = st.sampled_from(["2017-01-01", "1604-02-29", "9999-12-31"])
_WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12
) | st.sampled_from(["熟客", "x" * 128, "ž\U0001f600", "a\nb"])

ODDITIES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    -0.0,
    1.0,
    1e17,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
    10**40,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "x" * 129,
    "x" * 257,
    "1483271606",
    "86400",
    "1",
    "true",
    "USD\n",
    "usd",
    "USDT",
    "2017-01-01T00:00:00",
    "2017-01-01T00:00:00Z",
    "2017-02-29T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1899-12-31T23:59:59Z",
    "2200-01-01T00:00:00Z",
    "2017-01-01",
    "20170101",
    "application/json\n",
    "\0",
    [],
    {},
    [None],
    [[]],
    {"": None},
]
"""What publishers have been seen to send, or might."""


_OF_A_FORM: dict[str, st.SearchStrategy[Any]] = {
    "currency": st.sampled_from(["CNY", "USD"]),
    "datacontenttype": st.just("application/json") | st.none(),
}
"""Fields whose form is checked by a function, which no type tells of."""

_STRATEGIES: dict[type[inspect.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    inspect.Metadata: lambda kind: value_of(kind.type),
    inspect.StrType: lambda _: _WORDS,
    inspect.IntType: lambda kind: st.integers(kind.ge, kind.le),
    inspect.FloatType: lambda kind: (
        st.floats(kind.ge, kind.le or 1e12, allow_nan=False, allow_infinity=False)
        | st.integers(0, 9)
    ),
    inspect.BoolType: lambda _: st.booleans(),
    inspect.NoneType: lambda _: st.none(),
    inspect.RawType: lambda _: st.none(),
    inspect.AnyType: lambda _: st.none() | st.booleans() | _WORDS | st.lists(st.integers()),
    inspect.DateTimeType: lambda _: _TIMES,
    inspect.DateType: lambda _: _DAYS,
    inspect.LiteralType: lambda kind: st.sampled_from(kind.values),
    inspect.ListType: lambda kind: st.lists(value_of(kind.item_type), max_size=3),
    inspect.DictType: lambda kind: st.dictionaries(_WORDS, value_of(kind.value_type), max_size=2),
    inspect.UnionType: lambda kind: st.one_of([value_of(option) for option in kind.types]),
    inspect.StructType: lambda kind: data_of(kind.cls),
}


def value_of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Valid JSON values of a msgspec type."""
    return _STRATEGIES[type(kind)](kind)


def data_of(struct: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """Valid data of one struct."""
    kind = inspect.type_info(struct)
    assert isinstance(kind, inspect.StructType)
    return st.fixed_dictionaries(
        {f.encode_name: _field(f) for f in kind.fields if f.required},
        optional={f.encode_name: _field(f) for f in kind.fields if not f.required},
    )


def _field(field: inspect.Field) -> st.SearchStrategy[Any]:
    form = _OF_A_FORM.get(field.encode_name)
    return value_of(field.type) if form is None else form


@st.composite
def spoilt(draw: st.DrawFn, valid: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    """Valid data with up to two changes: a value replaced, a field taken away or added."""
    data = deepcopy(draw(valid))
    for _ in range(draw(st.integers(0, 2))):
        _change(draw, draw(st.sampled_from(_places(data))))
    return data


def _places(data: Any) -> list[Any]:
    found = [data]
    for inner in data.values() if isinstance(data, dict) else data:
        if isinstance(inner, dict | list):
            found += _places(inner)
    return found


def _change(draw: st.DrawFn, place: Any) -> None:
    odd = deepcopy(draw(st.sampled_from(ODDITIES)))
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    action = draw(st.sampled_from(["replace", "remove", "add"])) if keys else "add"
    if action == "remove":
        del place[draw(st.sampled_from(keys))]
    elif action == "replace":
        place[draw(st.sampled_from(keys))] = odd
    elif isinstance(place, dict):
        place[draw(st.sampled_from(["further", "extension", "x y", "data_base64", "from"]))] = odd
    else:
        place.append(odd)


TYPES = st.sampled_from(sorted(STRUCTS))
ENVELOPES = data_of(InboundEnvelope)
