"""What the edge needs to let events in: msgspec decides, pydantic only words what it refused.

Usual path: `INBOUND.decode(raw)` (or `INBOUND_BATCH`), then the data by `decoder_for(type)`, and
`shared.events.text.is_sound(raw)` once over the whole body, since msgspec skips fields that it does
not know without looking at their text. Whatever fails there goes through `read_extended` (an
envelope with further attributes) and at last through `explain_refusal`.
"""

import re
from typing import Any, Final, Literal

from msgspec import DecodeError, Raw, Struct, ValidationError, json
from pydantic import ValidationError as ModelError
from pydantic_core import ErrorDetails

from shared.events import types
from shared.events.models import MODELS, Envelope, EventModel
from shared.events.registry import STRUCTS
from shared.events.scalars import (
    Identifier,
    JsonContent,
    Label,
    Moment,
    Source,
    Subject,
    Text,
    check_extension,
    check_json_content,
    check_reach,
)
from shared.events.standards import nearest, unknown
from shared.events.text import unsound
from shared.events.tree import pointer_of

DECODE_ERRORS: Final = (DecodeError, UnicodeDecodeError, RecursionError)
"""All that msgspec raises on bad input (`ValidationError` is a `DecodeError`)."""

Extensions = dict[str, str | int | bool | None]
Code = Literal["invalid", "unknown-event-type", "reserved-event-type"]


class Problem(Struct, frozen=True, kw_only=True):
    """One thing wrong with an event: where (a JSON pointer) and what."""

    pointer: str
    reason: str
    code: Code = "invalid"


class UnknownTypeError(LookupError):
    """An event type that no source may publish."""


class InboundEnvelope(
    Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """An event as published; `data` is left as it is, to be checked by type and spliced through.

    `recordedtime` and `partitionkey` are ingest's to set, and ignored when published.
    """

    specversion: Literal["1.0"]
    id: Identifier
    source: Source
    type: Identifier
    subject: Subject | None = None
    time: Moment
    data: Raw
    datacontenttype: JsonContent | None = None
    dataschema: Label | None = None
    traceparent: Text | None = None
    tracestate: Text | None = None
    recordedtime: Any = None
    partitionkey: Any = None

    def __post_init__(self) -> None:
        """Hold the time to what calendars can bear, and the data to JSON."""
        check_reach(self.time)
        if self.subject is None and self.type not in types.MAY_NAME_NOBODY:
            raise ValueError("subject is required")
        if self.datacontenttype is not None:
            check_json_content(self.datacontenttype)


INBOUND: Final = json.Decoder(InboundEnvelope)
INBOUND_BATCH: Final = json.Decoder(list[InboundEnvelope])
_ATTRIBUTES: Final = frozenset(InboundEnvelope.__struct_fields__)
_MARKS: Final = 4
"""Quotation marks of an attribute that is a text: two for its name, two for its value."""
_REQUIRED_MARKS: Final = 5 * _MARKS + 2  # `data` brings its own
_WITH_SUBJECT_MARKS: Final = _REQUIRED_MARKS + _MARKS
_QUOTED: Final = re.compile("'([^']+)'")
_SHOWN: Final = 64
_members: Final = json.Decoder(dict[str, Raw])
_anything: Final = json.Decoder()
_decoders: Final = {name: json.Decoder(STRUCTS[name]) for name in types.INBOUND}


def decoder_for(event_type: str) -> json.Decoder[Any]:
    """What reads the data of a type that sources may publish.

    Raises:
        UnknownTypeError: no such type, or not one that may come from outside.
    """
    try:
        return _decoders[event_type]
    except KeyError:
        raise UnknownTypeError(_unknown(event_type).reason) from None


def read_extended(raw: bytes | Raw) -> tuple[InboundEnvelope, Extensions]:
    """Read an envelope that may have further attributes: CloudEvents extensions, to be passed on.

    Slower than `INBOUND`; meant for what that refused.

    Raises:
        msgspec.ValidationError: not an event, or an attribute that no extension may have.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: not JSON.
    """
    members = _members.decode(raw)
    if bytes(raw).count(b'"') != json.encode(members).count(b'"'):
        raise ValidationError("an attribute stands twice")
    extensions: Extensions = {
        name: told
        for name, value in members.items()
        if name not in _ATTRIBUTES and (told := _anything.decode(value)) is not None
    }
    for name, value in extensions.items():
        try:
            check_extension(name, value)
        except ValueError as error:
            raise ValidationError(str(error)) from None
    known = {name: value for name, value in members.items() if name in _ATTRIBUTES}
    return INBOUND.decode(json.encode(known)), extensions


def marks_of(envelope: InboundEnvelope) -> int:
    """How many quotation marks an envelope has in its text, `data` apart; -1: not easily told.

    A name that stands twice is read once, and gone from what was read: its marks are too many.
    """
    if envelope.recordedtime is not None or envelope.partitionkey is not None:
        return -1
    marks = (
        _REQUIRED_MARKS if envelope.subject is None else _WITH_SUBJECT_MARKS
    )  # the four by hand: once an event, and a tuple costs as much again
    if envelope.datacontenttype is not None:
        marks += _MARKS
    if envelope.dataschema is not None:
        marks += _MARKS
    if envelope.traceparent is not None:
        marks += _MARKS
    if envelope.tracestate is not None:
        marks += _MARKS
    return marks


def explain_refusal(raw: bytes) -> list[Problem]:
    """Say everything that is wrong with an event; nothing when there is nothing wrong."""
    words = unsound(raw)
    if words is not None:
        return [Problem(pointer="", reason=words)]
    try:
        members = _members.decode(raw)
    except DECODE_ERRORS as error:
        return [Problem(pointer="", reason=f"not an event: {error}")]
    problems = _worded(Envelope, raw, "")
    event_type = _text_of(members.get("type"))
    if event_type is not None:
        problems += explain_data(event_type, bytes(members.get("data", b"")))
    return problems or _last_words(raw)


def explain_data(event_type: str, raw: bytes) -> list[Problem]:
    """Say everything that is wrong with the data of an event; pointers start with `/data`."""
    if event_type not in types.INBOUND:
        return [_unknown(event_type)]
    if not raw:
        return []  # that data is missing is said of the envelope
    problems = _worded(MODELS[event_type], raw, "/data")
    if problems:
        return problems
    try:
        _decoders[event_type].decode(raw)
    except DECODE_ERRORS as error:
        return [Problem(pointer="/data", reason=str(error))]
    return []


def _unknown(event_type: str) -> Problem:
    if event_type in types.RESERVED:
        return Problem(
            pointer="/type",
            reason=f"{event_type} is reserved for a later capability and cannot be published yet",
            code="reserved-event-type",
        )
    known = ", ".join(sorted(types.INBOUND))
    return Problem(
        pointer="/type",
        reason=f"{unknown('event type', event_type, types.INBOUND)}; known: {known}",
        code="unknown-event-type",
    )


def _text_of(raw: Raw | None) -> str | None:
    if raw is None:
        return None
    value = _anything.decode(raw)
    return value if isinstance(value, str) else None


def _last_words(raw: bytes) -> list[Problem]:
    """Where pydantic found nothing but msgspec did (which the property tests say never is)."""
    try:
        read_extended(raw)
    except DECODE_ERRORS as error:
        return [Problem(pointer="", reason=str(error))]
    return []


def _worded(model: type[EventModel], raw: bytes, prefix: str) -> list[Problem]:
    try:
        model.model_validate_json(raw)
    except ModelError as error:
        return [
            Problem(pointer=prefix + pointer_of(found["loc"]), reason=_words(found))
            for found in error.errors(include_url=False)
        ]
    return []


def _words(found: ErrorDetails) -> str:
    """What pydantic says; where a word is not of a closed list, also which of them is nearest."""
    words = found["msg"].removeprefix("Value error, ")
    value = found["input"]
    if found["type"] != "literal_error" or not isinstance(value, str):
        return words
    near = nearest(value, _QUOTED.findall(words))
    return f"{words}, not {value[:_SHOWN]!r}" + (f"; did you mean {near!r}?" if near else "")
