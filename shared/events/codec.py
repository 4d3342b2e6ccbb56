"""Reading and writing events on Kafka, behind the edge.

What is on the log was validated when it came in, so reading is one pass of msgspec over the
envelope and one over the data. Both CloudEvents modes are read (structured: the value is the
whole event; binary: attributes in `ce_` headers, the value is the data); one is written,
structured JSON.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

from msgspec import DecodeError, Raw, Struct, ValidationError, convert, json

from shared.clock import Instant, from_datetime, to_datetime
from shared.events.registry import STRUCTS
from shared.events.scalars import Moment

CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"
CONTENT_TYPE_HEADER: Final[tuple[str, bytes]] = ("content-type", CONTENT_TYPE.encode())

_BINARY_PREFIX: Final = "ce_"
_KEY_BYTES: Final = 16

Headers = Sequence[tuple[str, bytes | None]]
"""As Kafka clients give them; some give None for a header without a value."""


class Undecodable(Exception):  # noqa: N818 - says what the bytes are; that is how it reads
    """Bytes that are no event of ours; the message says what is wrong with them."""


class Event(Struct, frozen=True, gc=False, kw_only=True):
    """One event, decoded and trusted.

    `at` is when it happened, `recorded_at` when ingest (or the deciding service) took it, both
    as instants. `data` is the struct of its type; of a type not known here, a dict. `key` is its
    identity: 16 bytes made of source and id.
    """

    id: str
    source: str
    type: str
    subject: str
    at: Instant
    data: Any
    key: bytes
    traceparent: str | None = None
    recorded_at: Instant | None = None


class _Envelope(Struct, frozen=True, gc=False, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    time: Moment
    data: Raw
    subject: str = ""
    recordedtime: Moment | None = None
    traceparent: str | None = None


class _Outgoing(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Moment
    recordedtime: Moment
    data: Any
    partitionkey: str
    datacontenttype: str
    traceparent: str | None = None


_envelopes: Final = json.Decoder(_Envelope)
_decoders: Final[dict[str, json.Decoder[Any]]] = {
    name: json.Decoder(struct) for name, struct in STRUCTS.items()
}
_anything: Final = json.Decoder()
_encoder: Final = json.Encoder()


def event_key(source: str, event_id: str) -> bytes:
    """The identity of an event as 16 bytes: source and id, which no other event shares."""
    return blake2b(f"{source}\0{event_id}".encode(), digest_size=_KEY_BYTES).digest()


def decode(value: bytes, headers: Headers = ()) -> Event:
    """Read one Kafka record, structured or binary.

    Raises:
        Undecodable: not an event, or data that its type does not allow; with the reason in words.
    """
    # msgspec lets UnicodeDecodeError and RecursionError out beside its own errors.
    try:
        envelope = _binary(value, headers) if _is_binary(headers) else _envelopes.decode(value)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"not a CloudEvent: {error}") from error
    try:
        data = _decoders.get(envelope.type, _anything).decode(envelope.data)
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"data of {envelope.type}: {error}") from error
    recorded = envelope.recordedtime
    return Event(
        id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        subject=envelope.subject,
        at=from_datetime(envelope.time),
        data=data,
        key=event_key(envelope.source, envelope.id),
        traceparent=envelope.traceparent,
        recorded_at=None if recorded is None else from_datetime(recorded),
    )


def encode(  # noqa: PLR0913 - the attributes of an event, all by name
    *,
    type: str,  # noqa: A002 - the attribute's name in CloudEvents
    source: str,
    id: str,  # noqa: A002 - the attribute's name in CloudEvents
    subject: str,
    at: Instant,
    data: Struct | Raw | dict[str, Any],
    recorded_at: Instant,
    traceparent: str | None = None,
    partitionkey: str | None = None,
) -> bytes:
    """Write one event as structured JSON; send it with `CONTENT_TYPE_HEADER`.

    `partitionkey` is the subject unless told otherwise.
    """
    return _encoder.encode(
        _Outgoing(
            specversion="1.0",
            id=id,
            source=source,
            type=type,
            subject=subject,
            time=to_datetime(at),
            recordedtime=to_datetime(recorded_at),
            data=data,
            partitionkey=subject if partitionkey is None else partitionkey,
            datacontenttype="application/json",
            traceparent=traceparent,
        )
    )


def encode_event(event: Event, recorded_at: Instant) -> bytes:
    """Write an event that is at hand; see `encode`."""
    return encode(
        type=event.type,
        source=event.source,
        id=event.id,
        subject=event.subject,
        at=event.at,
        data=event.data,
        recorded_at=recorded_at,
    )


def _is_binary(headers: Headers) -> bool:
    """Whether the attributes are in the headers; a content type that says otherwise decides."""
    told = dict(headers)
    structured = (told.get("content-type") or b"").lower().startswith(b"application/cloudevents")
    return "ce_specversion" in told and not structured


def _binary(value: bytes, headers: Headers) -> _Envelope:
    attributes: dict[str, Any] = {
        name.removeprefix(_BINARY_PREFIX): content.decode()
        for name, content in headers
        if name.startswith(_BINARY_PREFIX) and content
    }
    attributes["data"] = Raw(value)
    try:
        return convert(attributes, _Envelope)
    except ValidationError as error:
        raise Undecodable(f"not a CloudEvent in binary mode: {error}") from error
