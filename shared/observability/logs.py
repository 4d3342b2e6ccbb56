"""Structured logs on the standard library's logging.

One line is one record: JSON for machines, coloured text for people. Facts go in as `extra` fields,
not into the sentence: `logger.info("batch committed", extra={"partition": 3, "events": 812})`.
Each line carries the trace of the work it belongs to (see `shared.observability.trace`).

Personal data does not belong in logs. Callers do not log it; should one slip in, fields with a
telling name and identities in the text (`phone:+8613…`) are masked here, at the only way out.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from typing_extensions import override

from shared.observability.trace import current_trace

Style = Literal["json", "console"]

_STANDARD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message", "asctime", "taskName", "color_message", "service",
}  # fmt: skip
_PRIVATE_FIELDS = frozenset({
    "address", "authorization", "birthday", "card", "content", "email", "identities", "identity",
    "openid", "password", "phone", "profile", "secret", "source_key", "text",
    "token", "unionid", "wecom",
})  # fmt: skip
_MASK = "[masked]"
_MINUTE_SECONDS = 60.0
_SAME_A_MINUTE = 20
_SENTENCES_MAX = 1_000
_LINE_CHARACTERS = 200
_STACK_LINES = 60
_PRIVATE_TEXT = re.compile(
    r"\b(?P<kind>(?:phone|email|wecom|unionid|openid|card|pos): ?|Bearer )"
    r"(?P<value>[^\s\"',;)}\]]{4,})"
)
_QUIET = ("asyncio", "aiokafka", "httpx", "httpcore", "uvicorn.access")
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


def configure(
    service: str, *, style: Style = "json", level: str = "INFO", stream: TextIO | None = None
) -> None:
    """Send everything that is logged in this process to one stream (default: standard error).

    Called once by a composition root. Replaces whatever handlers were there.

    Raises:
        ValueError: no such level.
    """
    out = stream if stream is not None else sys.stderr
    handler = logging.StreamHandler(out)
    handler.addFilter(Repeats())
    handler.setFormatter(
        JsonLines(service) if style == "json" else Console(service, colour=out.isatty())
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


class Repeats(logging.Filter):
    """Lets the same sentence through a few times a minute, and then says how often it came.

    What fails again and again must not fill the disk: twenty lines a minute tell as much.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin to count."""
        super().__init__()
        self._monotonic = monotonic
        self._minutes: dict[tuple[str, int, str], tuple[float, int]] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is written."""
        now = self._monotonic()
        sentence = (record.name, record.levelno, str(record.msg)[:_LINE_CHARACTERS])
        began, count = self._minutes.get(sentence, (now, 0))
        if now - began >= _MINUTE_SECONDS:
            if count > _SAME_A_MINUTE:
                record.msg = f"{record.msg} [{count - _SAME_A_MINUTE} more like it in a minute]"
            began, count = now, 0
        if len(self._minutes) > _SENTENCES_MAX:
            self._minutes.clear()
        self._minutes[sentence] = began, count + 1
        return count < _SAME_A_MINUTE


def _bounded(stack: str) -> str:
    """A stack of a bearable length: its beginning, and above all its end."""
    lines = stack.splitlines()
    if len(lines) <= _STACK_LINES:
        return stack
    left = len(lines) - _STACK_LINES
    half = _STACK_LINES // 2
    return "\n".join([*lines[:half], f"  … {left} lines left out …", *lines[-half:]])


def mask(text: str) -> str:
    """Blot out identities and bearer tokens in a sentence."""
    return _PRIVATE_TEXT.sub(lambda found: found["kind"] + _MASK, text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller put beside the sentence, with private fields masked."""
    return {
        name: _MASK if name in _PRIVATE_FIELDS else mask(value) if isinstance(value, str) else value
        for name, value in record.__dict__.items()
        if name not in _STANDARD_FIELDS
    }


def _time_of(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, trace ids, fields, error."""

    def __init__(self, service: str) -> None:
        """Write lines of this service."""
        super().__init__()
        self._service = service

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        trace = current_trace()
        if trace is not None:
            line["trace_id"], line["span_id"] = trace.trace_id, trace.span_id
        line |= _fields(record)
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["stack"] = mask(_bounded(self.formatException(record.exc_info)))
        return json.dumps(line, ensure_ascii=False, default=str)


class Console(logging.Formatter):
    """One readable line: time, level, service, sentence, fields; below it the stack, if any."""

    def __init__(self, service: str, *, colour: bool) -> None:
        """Write lines of this service, coloured when a person looks at a terminal."""
        super().__init__()
        self._service = service
        self._colour = colour

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    @override
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = " ".join((
            self._paint("2", _time_of(record)[11:-1]),
            self._paint(_COLOURS.get(record.levelname, "0"), f"{record.levelname:<7}"),
            self._paint("36", self._service),
            mask(record.getMessage()),
            self._paint("2", fields),
        ))  # fmt: skip
        if record.exc_info and record.exc_info[0] is not None:
            line = f"{line.rstrip()}\n{mask(_bounded(self.formatException(record.exc_info)))}"
        return line.rstrip()
