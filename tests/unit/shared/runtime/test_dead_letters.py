"""What is told about a record that was set aside."""

import base64

import orjson
import pytest

from shared.kafka.consumer import Record
from shared.runtime.dead_letters import announcement

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
