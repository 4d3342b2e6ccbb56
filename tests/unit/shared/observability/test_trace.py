"""traceparent, case by case from the standard."""

import pytest

from shared.observability.trace import Trace, current_trace, new_trace, parse_traceparent, tracing

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
VALID = f"00-{TRACE_ID}-{SPAN_ID}-01"


def test_what_is_written_is_read_back() -> None:
    trace = new_trace()
    assert parse_traceparent(trace.traceparent) == trace
    assert parse_traceparent(trace._replace(sampled=False).traceparent) == trace._replace(
        sampled=False
    )


@pytest.mark.parametrize(
    "text", [VALID, f" {VALID} ", f"cc-{TRACE_ID}-{SPAN_ID}-01", f"cc-{TRACE_ID}-{SPAN_ID}-01-more"]
)
def test_valid(text: str) -> None:
    assert parse_traceparent(text) == Trace(TRACE_ID, SPAN_ID, sampled=True)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        VALID.upper(),
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"{VALID}-more",
        f"{VALID}x",
        VALID[:-1],
    ],
)
def test_not_valid_means_no_trace(text: str | None) -> None:
    assert parse_traceparent(text) is None


def test_a_child_is_of_the_same_trace() -> None:
    parent = new_trace()
    child = parent.child()
    assert child.trace_id == parent.trace_id
    assert child.span_id != parent.span_id


def test_the_trace_lasts_as_long_as_the_block() -> None:
    outer, inner = new_trace(), new_trace()
    with tracing(outer):
        with tracing(inner):
            assert current_trace() == inner
        assert current_trace() == outer
    assert current_trace() is None
