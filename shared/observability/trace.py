"""W3C trace context: which request or event a piece of work belongs to.

Only the `traceparent` header is handled, the part that joins log lines and messages of several
services. It enters with an HTTP request or a Kafka message, is held in a context variable while
the work lasts, and leaves with every message that the work produced.
https://www.w3.org/TR/trace-context/
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<rest>-.*)?"
)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_SAMPLED = 1


class Trace(NamedTuple):
    """One span of one trace: 32 and 16 lower-case hexadecimal digits."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        """The header's value, version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"

    def child(self) -> "Trace":
        """A new span of the same trace."""
        return self._replace(span_id=secrets.token_hex(8))


def new_trace() -> Trace:
    """Begin a trace that nobody handed to us."""
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def parse_traceparent(text: str | None) -> Trace | None:
    """Read a `traceparent`; None when there is none or it is not valid (then start anew)."""
    match = _TRACEPARENT.fullmatch(text.strip()) if text else None
    if match is None or match["version"] == "ff":
        return None
    if match["version"] == "00" and match["rest"]:
        return None
    if match["trace"] == _NO_TRACE or match["span"] == _NO_SPAN:
        return None
    return Trace(match["trace"], match["span"], bool(int(match["flags"], 16) & _SAMPLED))


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace | None:
    """The trace of the work going on, if it has one."""
    return _current.get()


@contextmanager
def tracing(trace: Trace | None) -> Iterator[Trace | None]:
    """Run a block as part of a trace; log lines written inside carry its ids."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)
