"""Log lines: what is in them, and what must never be."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from shared.observability import logs
from shared.observability.trace import Trace, tracing

TRACE = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def stream(root_logger: logging.Logger) -> io.StringIO:
    stream = io.StringIO()
    logs.configure("points", style="json", level="info", stream=stream)
    assert len(root_logger.handlers) == 1
    return stream


def test_a_line_is_one_json_object_with_its_fields_and_trace(stream: io.StringIO) -> None:
    with tracing(TRACE):
        logging.getLogger("shared.runtime").info("batch committed", extra={"events": 812})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "service": "points", "logger": "shared.runtime",
        "message": "batch committed", "events": 812,
        "trace_id": TRACE.trace_id, "span_id": TRACE.span_id,
    }  # fmt: skip


def test_an_error_brings_its_stack_in_the_same_line(stream: io.StringIO) -> None:
    try:
        dict[str, str]()["no lot"]
    except KeyError:
        logging.getLogger("x").exception("could not")
    (text,) = stream.getvalue().splitlines()
    line = json.loads(text)
    assert line["error"] == "KeyError"
    assert "no lot" in line["stack"]


def test_a_line_break_in_a_message_does_not_make_a_second_line(stream: io.StringIO) -> None:
    logging.getLogger("x").warning('one\n{"level": "forged"}')
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("field", ["phone", "email", "birthday", "authorization", "token", "text"])
def test_private_fields_are_masked(stream: io.StringIO, field: str) -> None:
    logging.getLogger("x").info("seen", extra={field: "13812345678"})
    assert "13812345678" not in stream.getvalue()


@pytest.mark.parametrize(
    "sentence",
    [
        "unknown member phone:+8613812345678 at till 4",
        "unknown member phone:%2B8613812345678",
        "no member email:li@example.test, dropped",
        "refused Bearer eyJhbGciOi8613812345678li@example.test",
        "refused (card:8613812345678)",
    ],
)
def test_identities_in_a_sentence_are_masked(stream: io.StringIO, sentence: str) -> None:
    logging.getLogger("x").info(sentence)
    assert "8613812345678" not in stream.getvalue()
    assert "li@example.test" not in stream.getvalue()


def test_an_ordinary_sentence_stays_as_it_is() -> None:
    sentence = "position: 4, card: no, member 0198 joined store 12; phone calls: 3"
    assert logs.mask(sentence) == sentence


def test_the_console_line_is_for_people(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    logs.configure("points", style="console", stream=stream)
    root_logger.info("batch committed", extra={"events": 812})
    line = stream.getvalue()
    assert "\x1b" not in line
    assert line.rstrip().endswith("INFO    points batch committed events=812")


def test_levels_are_kept(root_logger: logging.Logger) -> None:
    stream = io.StringIO()
    logs.configure("points", level="warning", stream=stream)
    root_logger.info("not this")
    root_logger.warning("this")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["this"]


@pytest.mark.usefixtures("root_logger")
def test_an_unknown_level_is_an_error() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        logs.configure("points", level="loud")
