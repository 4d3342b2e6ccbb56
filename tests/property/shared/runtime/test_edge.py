"""What holds for every document, cursor and trace."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.observability.trace import Trace, parse_traceparent
from shared.runtime.http.paging import PageQueryParameters, decode_cursor, encode_cursor, page
from shared.runtime.http.problems import json_pointer
from shared.runtime.http.program_diff import diff

_LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text("abc/~", max_size=3)
_DOCUMENTS = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "a", "b/c"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(_DOCUMENTS)
def test_nothing_differs_from_itself(document: object) -> None:
    assert diff(document, document) == []


@given(_DOCUMENTS, _DOCUMENTS)
def test_what_differs_is_told(before: object, after: object) -> None:
    told = bool(diff(before, after))
    assert told == (not _same(before, after))


def _same(one: object, two: object) -> bool:
    """Equality as JSON has it: true is not 1."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    return type(one) is type(two) and one == two


@given(st.integers(-(2**63), 2**63 - 1), st.text())
def test_a_cursor_comes_back_as_it_went(at: int, name: str) -> None:
    cursor = encode_cursor((at, name))
    assert decode_cursor(cursor, tuple[int, str]) == (at, name)
    assert cursor.isascii()
    assert not set(cursor) & set("+/=?&")


@settings(max_examples=50)
@given(st.sets(st.integers(0, 200)), st.integers(1, 20))
def test_pages_put_together_are_the_list(numbers: set[int], limit: int) -> None:
    rows = sorted(numbers)
    seen: list[int] = []
    cursor: str | None = None
    while True:
        query = PageQueryParameters(limit, cursor)
        after = query.after(int)
        found = [row for row in rows if after is None or row > after][: limit + 1]
        told = page(found, query, lambda row: row)
        assert len(told.items) <= limit
        seen += told.items
        cursor = told.next
        if cursor is None:
            break
    assert seen == rows


@given(st.lists(st.text(max_size=4) | st.integers(0, 9), max_size=4))
def test_a_pointer_finds_what_it_points_to(parts: list[Any]) -> None:
    pointer = json_pointer(parts)
    read = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    assert read == [str(part) for part in parts]


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
def test_a_trace_comes_back_as_it_went(trace_id: int, span_id: int, sampled: bool) -> None:  # noqa: FBT001 - drawn
    trace = Trace(f"{trace_id:032x}", f"{span_id:016x}", sampled)
    assert parse_traceparent(trace.traceparent) == trace


@given(st.text())
def test_any_text_is_a_trace_or_none(text: str) -> None:
    trace = parse_traceparent(text)
    assert trace is None or parse_traceparent(trace.traceparent) == trace
