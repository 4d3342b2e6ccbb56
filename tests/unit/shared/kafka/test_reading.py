"""What lies on a topic is handed out, or what stands for it says which offsets are lost and why."""

import struct
from collections.abc import Callable, Sequence

import pytest
from aiokafka.codec import gzip_encode, lz4_encode, zstd_encode
from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import TopicPartition

from shared.kafka.reading import Batches, ForgivingRecords, UnreadableRecord
from shared.kafka.record_batch import OPENED_BYTES_MAX

PLACE = TopicPartition("events", 3)
_CRC_AT, _CODEC_AT, _RECORDS_AT = 17, 22, 61
_ZSTD = 4


def batch(
    values: Sequence[bytes], begin: int = 0, spoil: Callable[[bytearray], None] | None = None
) -> bytes:
    """A batch as it lies on a broker, its check sum right."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 100_000)
    for offset, value in enumerate(values):
        assert builder.append(offset, timestamp=1, key=b"k", value=value, headers=[("h", b"x")])
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, begin)
    if spoil is not None:
        spoil(raw)
        struct.pack_into(">I", raw, _CRC_AT, calc_crc32c(bytes(raw[21:])))
    return bytes(raw)


def read(data: bytes, position: int = 0) -> list[tuple[int, bytes | None, str | None, int]]:
    """(offset, value, reason, offsets) of what is handed out."""
    records = ForgivingRecords(
        PLACE,
        Batches(data),
        [],
        position,
        None,
        None,
        True,  # noqa: FBT003 - the library's own order
        READ_COMMITTED,
    )
    return [
        (each.offset, each.value, each.reason, each.count)
        if isinstance(each, UnreadableRecord)
        else (each.offset, each.value, None, 1)
        for each in records
    ]


def _says_zstd(raw: bytearray) -> None:
    raw[_CODEC_AT] |= _ZSTD


def _no_utf8(raw: bytearray) -> None:
    raw[raw.index(b"h", _RECORDS_AT)] = 0xE9


def test_what_is_well_is_handed_out_from_the_position_on() -> None:
    data = batch([b"a", b"b"]) + batch([b"c"], begin=2)
    assert read(data) == [(0, b"a", None, 1), (1, b"b", None, 1), (2, b"c", None, 1)]
    assert read(data, position=1) == [(1, b"b", None, 1), (2, b"c", None, 1)]


def test_a_batch_that_cannot_be_opened_loses_its_offsets_and_no_others() -> None:
    data = batch([b"a", b"b", b"c"], spoil=_says_zstd) + batch([b"d"], begin=3)
    lost, good = read(data)
    assert (lost[0], lost[3]) == (0, 3)
    assert "cannot be opened" in (lost[2] or "")
    assert good == (3, b"d", None, 1)


def test_a_header_name_that_is_no_utf8_is_read_all_the_same() -> None:
    assert [value for _, value, _, _ in read(batch([b"a"], spoil=_no_utf8))] == [b"a"]


def test_a_wrong_check_sum_is_said() -> None:
    raw = bytearray(batch([b"a"]))
    raw[-1] ^= 0xFF
    [(offset, _, reason, _)] = read(bytes(raw))
    assert offset == 0
    assert "check sum" in (reason or "")


@pytest.mark.parametrize("cut", [10, 40])
def test_bytes_that_are_no_batch_stand_for_one_offset(cut: int) -> None:
    [(offset, _, reason, count)] = read(batch([b"a"])[:cut], position=7)
    assert (offset, count) == (7, 1)
    assert reason


def _says_number_90(raw: bytearray) -> None:
    raw[_RECORDS_AT + 3] = 180  # zigzag
    raw[_RECORDS_AT + 4] = 1
    _no_utf8(raw)


def test_a_record_with_a_wrong_number_takes_no_others_place() -> None:
    data = batch([b"a", b"b"], spoil=_says_number_90) + batch([b"c"], begin=2)
    told = read(data)
    assert [(offset, count) for offset, _, _, count in told] == [(0, 1), (1, 1), (2, 1)]
    assert told[-1][1] == b"c"


def test_a_batch_of_the_oldest_format_is_read() -> None:
    builder = LegacyRecordBatchBuilder(1, 0, 100_000)
    assert builder.append(0, 1, b"k", b"old")
    assert read(bytes(builder.build())) == [(0, b"old", None, 1)]


@pytest.mark.parametrize("codec", [1, 3, 4])
def test_a_batch_that_opens_to_far_too_much_is_lost_and_costs_no_memory(codec: int) -> None:
    much = b"\0" * (OPENED_BYTES_MAX + 1)
    squeezed = {1: gzip_encode, 3: lz4_encode, 4: zstd_encode}[codec](much)

    def squeeze(raw: bytearray) -> None:
        raw[_RECORDS_AT:] = squeezed
        raw[_CODEC_AT] |= codec
        struct.pack_into(">i", raw, 8, len(raw) - 12)

    lost, good = read(batch([b"a", b"b"], spoil=squeeze) + batch([b"c"], begin=2))
    assert (lost[0], lost[3]) == (0, 2)
    assert "open to more than" in (lost[2] or "")
    assert good == (2, b"c", None, 1)
