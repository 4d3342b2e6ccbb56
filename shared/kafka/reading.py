"""A mend for the client library: nothing that lies on a topic makes a partition stand.

aiokafka 0.14.0 raises on the first record that it cannot read (a header's name that is no UTF-8,
bytes that do not decompress, a broken check sum), from then on at each attempt, and the partition
stands for ever. Here such a record comes through leniently read, or, where that is not possible, as
an `UnreadableRecord` that says which offsets are lost and why; the position moves on.

Transactions are the library's: what was aborted is passed over, markers too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.structs import ConsumerRecord, TopicPartition

from shared.kafka import record_batch
from shared.kafka.record_batch import Entry, UnreadableBatch

_CREATE_TIME = 0
_MAGIC = 2


@dataclass
class UnreadableRecord(ConsumerRecord):  # type: ignore[misc]  # aiokafka ships no types
    """What stands for records that cannot be handed out; `value` is what there is of their bytes.

    Attributes:
        reason: why, in words.
        count: how many offsets are lost, from `offset` on.
    """

    reason: str = ""
    count: int = 1


class Batches:
    """The batches of one fetch of a partition, cut but not yet read."""

    def __init__(self, data: bytes) -> None:
        """Cut these bytes; what follows the last whole batch was cut off by the broker."""
        self._data = bytes(data)
        self._at = 0
        self._next = record_batch.cut(self._data, 0)
        # a first batch that cannot be cut is broken: the broker always sends one whole
        self.broken = self._next is None and len(self._data) > 0

    def size_in_bytes(self) -> int:
        """How many bytes the broker sent."""
        return len(self._data)

    def has_next(self) -> bool:
        """Whether there is something to hand out."""
        return self._next is not None or self.broken

    def next_raw(self) -> bytes:
        """The next batch's bytes."""
        raw = self._next
        if raw is None:
            self.broken = False
            return self._data
        self._at += len(raw)
        self._next = record_batch.cut(self._data, self._at)
        return raw


class ForgivingRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka ships no types
    """The records of one fetch of a partition; reading them never raises."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[ConsumerRecord]:
        batches: Batches = self._records
        while batches.has_next():
            if batches.broken:
                yield self._lost(batches.next_raw(), "bytes that are no batch", 1)
                return
            raw = batches.next_raw()
            yield from self._of_batch(raw)
            self.next_fetch_offset = max(self.next_fetch_offset, record_batch.offsets_of(raw)[1])

    def _of_batch(self, raw: bytes) -> Iterator[ConsumerRecord]:
        """What a batch holds, from the position on."""
        try:
            batch = self._checked(raw)
            if self._passed_over(batch):
                return
            if record_batch.magic_of(raw) >= _MAGIC and batch.compression_type:
                raw = record_batch.opened(raw)
                batch = DefaultRecordBatch(raw)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is these bytes' fault
            yield self._lost(raw, f"a batch that cannot be opened: {error}")
            return
        try:
            for record in batch:
                if record.offset >= self.next_fetch_offset:
                    told = self._consumer_record(self._tp, record)
                    self.next_fetch_offset = record.offset + 1
                    yield told
        except Exception as error:  # noqa: BLE001 - as above
            yield from self._leniently(raw, error)

    def _checked(self, raw: bytes) -> Any:
        magic = record_batch.magic_of(raw)
        batch = DefaultRecordBatch(raw) if magic >= _MAGIC else LegacyRecordBatch(raw, magic)
        if self._check_crcs and not batch.validate_crc():
            raise UnreadableBatch("its check sum is wrong")
        return batch

    def _passed_over(self, batch: Any) -> bool:
        """Whether a batch is a transaction's marker, or of a transaction that was aborted."""
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return True
        return bool(batch.is_control_batch)

    def _leniently(self, raw: bytes, error: Exception) -> Iterator[ConsumerRecord]:
        """What the library stumbled over, from the position on."""
        if record_batch.magic_of(raw) < _MAGIC:
            yield self._lost(raw, f"a record that cannot be read: {error}")
            return
        for entry in record_batch.leniently(raw):
            if entry.offset + entry.count > self.next_fetch_offset:
                self.next_fetch_offset = entry.offset + entry.count
                yield self._told(entry)

    def _told(self, entry: Entry) -> ConsumerRecord:
        tp: TopicPartition = self._tp
        fields = (*tp, entry.offset, 0, _CREATE_TIME, entry.key, entry.value, None, -1, -1)
        if entry.unreadable is None:
            return ConsumerRecord(*fields, entry.headers)
        return UnreadableRecord(*fields, (), entry.unreadable, entry.count)

    def _lost(self, raw: bytes, reason: str, count: int | None = None) -> UnreadableRecord:
        """What stands for a batch from the position on."""
        offset = self.next_fetch_offset
        if count is None:
            count = max(1, record_batch.offsets_of(raw)[1] - offset)
        self.next_fetch_offset = offset + count
        told = self._told(Entry(offset, value=raw, unreadable=reason, count=count))
        assert isinstance(told, UnreadableRecord)  # noqa: S101 - narrows the type
        return told


def mend() -> None:
    """Make every consumer of this process read forgivingly."""
    fetcher.MemoryRecords = Batches
    fetcher.PartitionRecords = ForgivingRecords
