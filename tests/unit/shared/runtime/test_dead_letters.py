"""What is told about a record that was set aside."""

import base64

import orjson
import pytest

from shared.kafka.consumer import Record
from shared.runtime.dead_letters import announcement, name_again, storable_name

MESSAGE_BYTES_MAX = 900_000


@pytest.mark.parametrize("size", [0, 10, 256 * 1024, 256 * 1024 + 1, 1_000_000])
def test_an_announcement_always_fits_into_a_message(size: int) -> None:
    record = Record("regulars.inbound", 1, 7, 0, b"k", b"x" * size, [("h", b"v")])
    outgoing = announcement("ingest", record, "undecodable", "not an event")
    assert len(outgoing.value) < MESSAGE_BYTES_MAX
    told = orjson.loads(outgoing.value)
    assert told["raw_bytes"] == size
    assert told["position"] == 7
    if 0 < size <= 256 * 1024:
        assert base64.b64decode(told["raw"]) == record.value
    else:
        assert told["raw"] is None


def test_neither_a_large_key_nor_large_headers_make_an_announcement_too_large() -> None:
    """Kafka would refuse it, and everything behind it in the outbox would wait for ever."""
    headers = [("h" * 200_000, b"v" * 700_000), ("empty", None)]
    record = Record("regulars.inbound", 1, 7, 0, b"k" * 900_000, b"x" * 256 * 1024, headers)
    outgoing = announcement("ingest", record, "undecodable", "not an event")
    assert len(outgoing.key) + len(outgoing.value) < MESSAGE_BYTES_MAX
    told = orjson.loads(outgoing.value)
    assert told["headers"] == []
    assert told["headers_bytes"] > 1_100_000
    assert base64.b64decode(told["raw"]) == record.value


@pytest.mark.parametrize(
    "raw",
    [b"plain", b"caf\xe9", b"a\0b", rb"b\x00b", rb"\\", b"\xff\\", "时间".encode()],
)
def test_the_name_of_a_header_is_kept_so_that_it_is_found_again(raw: bytes) -> None:
    name = raw.decode("utf-8", "surrogateescape")
    stored = storable_name(name)
    assert "\0" not in stored
    assert stored.encode()
    assert name_again(stored) == name
