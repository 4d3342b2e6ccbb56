"""One batch of records as it lies on a topic: opened within bounds, and read record by record.

Kafka's record format 2: a header of 61 bytes, then the records, compressed together or not. The
client library reads it fast and gives a whole partition up at the first thing that it does not
like; `leniently` reads the same bytes slowly and gives up nothing that can be read.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cramjam
from aiokafka.codec import snappy_decode

OPENED_BYTES_MAX = 64 * 1024 * 1024
"""The most that a compressed batch may hold: Kafka bounds only what it is squeezed to."""

_HEADER_BYTES = 61
_BASE_OFFSET = struct.Struct(">q")
_LENGTH = struct.Struct(">i")
_ATTRIBUTES = struct.Struct(">h")
_LAST_DELTA = struct.Struct(">i")
_LENGTH_AT, _MAGIC_AT, _ATTRIBUTES_AT, _LAST_DELTA_AT = 8, 16, 21, 23
_PREFIX_BYTES = 12  # base offset and length, which the length does not count
_CODEC_MASK = 0x07
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_GUESS_BYTES_LEAST = 64 * 1024
_GUESS_FACTOR = 8


class UnreadableBatch(Exception):  # noqa: N818 - says what it is; that is how it reads
    """Bytes that are no batch of records, or one that cannot be opened; the message says why."""


Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a batch; `unreadable` says why the rest could not be read, if so.

    Attributes:
        offset: its place on the topic.
        count: how many offsets it stands for: more than one where the rest of a batch is lost.
    """

    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = ()
    unreadable: str | None = None
    count: int = 1


def cut(data: bytes, at: int) -> bytes | None:
    """The batch that begins at this byte; None where there is no whole one."""
    start = at + _LENGTH_AT
    if len(data) <= at + _MAGIC_AT:
        return None
    [length] = _LENGTH.unpack_from(data, start)
    end = at + _PREFIX_BYTES + length
    return data[at:end] if at + _MAGIC_AT < end <= len(data) else None


def magic_of(raw: bytes) -> int:
    """The version of a batch's format: 2 since Kafka 0.11."""
    return raw[_MAGIC_AT]


def offsets_of(raw: bytes) -> tuple[int, int]:
    """The first offset of a batch, and the one after its last."""
    [base] = _BASE_OFFSET.unpack_from(raw)
    if magic_of(raw) < 2 or len(raw) < _HEADER_BYTES:  # noqa: PLR2004 - the format's version
        return base, base + 1
    [delta] = _LAST_DELTA.unpack_from(raw, _LAST_DELTA_AT)
    return base, base + max(delta, 0) + 1


def opened(raw: bytes) -> bytes:
    """The same batch, not compressed.

    Raises:
        UnreadableBatch: an unknown codec, broken bytes, or far too much in them.
    """
    [attributes] = _ATTRIBUTES.unpack_from(raw, _ATTRIBUTES_AT)
    codec = attributes & _CODEC_MASK
    if not codec:
        return raw
    records = _open(codec, raw[_HEADER_BYTES:])
    header = bytearray(raw[:_HEADER_BYTES])
    _LENGTH.pack_into(header, _LENGTH_AT, _HEADER_BYTES - _PREFIX_BYTES + len(records))
    _ATTRIBUTES.pack_into(header, _ATTRIBUTES_AT, attributes & ~_CODEC_MASK)
    return bytes(header) + records


def _open(codec: int, squeezed: bytes) -> bytes:
    try:
        if codec == _GZIP:
            gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
            found = gzip.decompress(squeezed, OPENED_BYTES_MAX)
            if not gzip.eof:
                raise UnreadableBatch(_too_much("gzip"))
            return found
        if codec == _SNAPPY:
            return bytes(snappy_decode(squeezed))  # the format itself allows no more than 1:22
        if codec == _LZ4:
            return _grow(cramjam.lz4.decompress_into, squeezed, "lz4")
        if codec == _ZSTD:
            return _grow(cramjam.zstd.decompress_into, squeezed, "zstd")
    except (cramjam.DecompressionError, zlib.error, struct.error) as error:
        raise UnreadableBatch(f"its compressed bytes are broken: {error}") from error
    raise UnreadableBatch(f"unknown compression codec {codec}")


def _grow(into: Callable[[bytes, bytearray], int], squeezed: bytes, name: str) -> bytes:
    """Decompress into a room that grows up to the bound."""
    room = max(_GUESS_BYTES_LEAST, len(squeezed) * _GUESS_FACTOR)
    while True:
        room = min(room, OPENED_BYTES_MAX)
        space = bytearray(room)
        try:
            return bytes(memoryview(space)[: into(squeezed, space)])
        except cramjam.DecompressionError as error:
            if room == OPENED_BYTES_MAX:
                raise UnreadableBatch(f"{_too_much(name)}: {error}") from error
        room *= _GUESS_FACTOR


def _too_much(name: str) -> str:
    return f"its {name} bytes are broken, or open to more than {OPENED_BYTES_MAX:,} bytes"


def leniently(raw: bytes) -> Iterator[Entry]:
    """Read a batch that is not compressed, record by record; what cannot be read says so."""
    base, end = offsets_of(raw)
    at, expected = _HEADER_BYTES, base
    while at < len(raw) and expected < end:
        try:
            start, at = _bounds(raw, at)
        except (IndexError, UnreadableBatch) as error:
            reason = f"the rest of the batch is broken: {error}"
            yield Entry(expected, unreadable=reason, count=end - expected)
            return
        entry = _entry(raw[start:at], base, range(expected, end))
        yield entry
        expected = entry.offset + 1


def _bounds(raw: bytes, at: int) -> tuple[int, int]:
    """Where the next record's own bytes begin and end."""
    length, start = _varint(raw, at)
    if length <= 0 or start + length > len(raw):
        raise UnreadableBatch(f"a record says that it has {length} bytes")
    return start, start + length


def _entry(record: bytes, base: int, possible: range) -> Entry:
    """One record from its own bytes; its offset lies where the batch has room for it."""
    offset = possible.start
    try:
        _, at = _varint(record, 1)  # after the attributes: the time, which nothing here asks for
        delta, at = _varint(record, at)
        offset = _within(possible, base + delta)
        key, at = _bytes(record, at)
        value, at = _bytes(record, at)
        count, at = _varint(record, at)
        headers = []
        for _ in range(count):
            name, at = _bytes(record, at)
            content, at = _bytes(record, at)
            headers.append((_name(name or b""), content))
    except (IndexError, UnreadableBatch) as error:
        return Entry(offset, value=record, unreadable=f"a record's bytes are broken: {error}")
    return Entry(offset, key, value, tuple(headers))


def _within(possible: range, offset: int) -> int:
    if offset not in possible:
        raise UnreadableBatch(f"it says that its offset is {offset}")
    return offset


def _name(raw: bytes) -> str:
    """A header's name; bytes that are no UTF-8 stay in it as lone surrogates (PEP 383)."""
    return raw.decode("utf-8", "surrogateescape")


def _bytes(record: bytes, at: int) -> tuple[bytes | None, int]:
    """Bytes with their length before them; a negative length is null."""
    length, at = _varint(record, at)
    if length < 0:
        return None, at
    if at + length > len(record):
        raise UnreadableBatch(f"{length} bytes where {len(record) - at} are left")
    return record[at : at + length], at + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A zigzag number of variable length, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > 63:  # noqa: PLR2004 - bits
            raise UnreadableBatch("a number of more than 64 bits")
