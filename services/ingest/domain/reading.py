"""From bytes to candidates: events that are well-formed, beside those that are not and why.

msgspec decides, for a whole body at once, and what it read is vouched for by cheap signs: as many
names as there should be, text that is in order, numbers within reach. Only where a sign is missing
is an event read again with care (`careful`), alone and at ten times the cost.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import orjson
from msgspec import Raw, json

from services.ingest.domain.candidate import Candidate
from services.ingest.domain.careful import kept, read_with_care, told_by
from services.ingest.domain.refusal import UNREADABLE, invalid, too_large, wrong_field
from shared.events import types
from shared.events.edge import (
    DECODE_ERRORS,
    INBOUND,
    INBOUND_BATCH,
    Extensions,
    InboundEnvelope,
    decoder_for,
    explain_data,
    marks_of,
    read_extended,
)
from shared.events.meaning import Bounds, wrong_in
from shared.events.text import cut_array, is_array, is_sound
from shared.events.tidy import is_plain, is_tidy, is_tidy_id


class NoBatch(ValueError):  # noqa: N818 - says what the body is
    """A body that is no JSON array, so that it has no items to answer for."""


_decoders: Final = {name: decoder_for(name) for name in types.INBOUND}
_items: Final = json.Decoder(list[Raw])
_encode: Final = json.Encoder().encode


def read_event(raw: bytes, bounds: Bounds) -> Candidate:
    """Read one event in structured mode."""
    if len(raw) > bounds.event_bytes_max:
        return Candidate(refusal=too_large(bounds.event_bytes_max))
    return _guarded(_read_event, raw, bounds)


def _guarded(read: Callable[[bytes, Bounds], Candidate], raw: bytes, bounds: Bounds) -> Candidate:
    """Read one event; whatever goes wrong is told of this one and touches no other."""
    try:
        return read(raw, bounds)
    except Exception as error:  # noqa: BLE001 - one event's fault is not its neighbours'
        event_id, event_type = told_by(raw)
        return Candidate(
            raw=raw,
            refusal=UNREADABLE,
            accident=error,
            told_id=event_id,
            told_type=event_type,
        )


def _read_event(raw: bytes, bounds: Bounds) -> Candidate:
    return _read_fast(raw, bounds) or read_with_care(raw, bounds)


def _read_fast(raw: bytes, bounds: Bounds) -> Candidate | None:
    """Read one event; None where a closer look is needed."""
    extensions: Extensions = {}
    try:
        envelope = INBOUND.decode(raw)
    except DECODE_ERRORS:
        try:
            envelope, extensions = read_extended(raw)
        except DECODE_ERRORS:
            return None
    if not is_sound(raw):
        return None
    if not all(is_tidy_id(each) for each in extensions.values() if isinstance(each, str)):
        return None
    candidate = _vouched(envelope, bounds, plain=is_plain(raw))
    if candidate is None or not (extensions or _told_once(raw, [candidate])):
        return None
    candidate.raw, candidate.extensions = raw, extensions or None
    return candidate


def read_batch(raw: bytes, bounds: Bounds) -> list[Candidate]:
    """Read a JSON array of events.

    Raises:
        NoBatch: it is no JSON array; with the reason.
    """
    try:
        envelopes = INBOUND_BATCH.decode(raw)
    except DECODE_ERRORS:
        return _read_each(raw, bounds)
    if not is_sound(raw):
        return _read_each(raw, bounds)
    plain = is_plain(raw)
    candidates = [_item(envelope, bounds, plain=plain) for envelope in envelopes]
    return candidates if _told_once(raw, candidates) else _read_each(raw, bounds)


def _told_once(raw: bytes, candidates: Sequence[Candidate]) -> bool:
    """Whether no attribute of these events stands twice in their text; in doubt False.

    Every name and every text has its quotation marks, so that what was read accounts for all of
    them, unless some are part of a text.
    """
    marks = raw.count(b'"')
    for candidate in candidates:
        marks -= marks_of(candidate.envelope) + candidate.marks
    return not marks


def _item(envelope: InboundEnvelope, bounds: Bounds, *, plain: bool) -> Candidate:
    try:
        candidate = _vouched(envelope, bounds, plain=plain)
    except Exception as error:  # noqa: BLE001 - one event's fault is not its neighbours'
        candidate = Candidate(envelope, envelope.data, refusal=UNREADABLE, accident=error)
    if candidate is None and len(envelope.data) > bounds.event_bytes_max:
        candidate = Candidate(envelope, envelope.data, refusal=too_large(bounds.event_bytes_max))
    if candidate is None:
        candidate = _guarded(read_with_care, json.encode(envelope), bounds)
        if not candidate.is_read:
            candidate.envelope = envelope
    if not candidate.marks:
        candidate.marks = bytes(envelope.data).count(b'"')
    return candidate


def _vouched(envelope: InboundEnvelope, bounds: Bounds, *, plain: bool) -> Candidate | None:
    """The candidate of an envelope that was read, where all signs are good (the hottest function).

    None where a closer look is needed.
    """
    event_type = envelope.type
    decoder = _decoders.get(event_type)
    data = envelope.data
    if decoder is None:
        return Candidate(envelope, data, refusal=invalid(explain_data(event_type, bytes(data))))
    if len(data) > bounds.event_bytes_max:
        return None
    told = bytes(data)
    try:
        facts = decoder.decode(told)
    except DECODE_ERRORS:
        return None
    written = _encode(facts)
    marks = told.count(b'"')
    if (
        not is_tidy(written, plain=plain)
        or not (is_tidy_id(envelope.id) and is_tidy_id(envelope.source))
        or (not plain and b"\\u0022" in told)  # marks that are written as escapes
        or (marks != written.count(b'"') and _may_repeat_names(told, marks))
        or (event_type == types.MEMBER_PROFILE_UPDATED and facts.attributes)
    ):
        return None
    problems = wrong_in(event_type, facts, bounds)
    if problems:
        return Candidate(envelope, data, refusal=invalid(problems))
    # what is let go of at once is still in the processor's cache: a tenth of the whole
    keeps, store_id = kept(event_type, facts)
    candidate = Candidate(envelope, data, keeps, store_id)
    candidate.digest = hash((written, event_type, envelope.subject, envelope.time))
    candidate.marks = marks
    return candidate


def _may_repeat_names(told: bytes, marks: int) -> bool:
    """Whether an object in the data may tell a name twice: then only the last would be read.

    Every name has its quotation marks. As many of them in what was read and written again: none was
    lost. There are more where names are told that the type does not declare, or one stands twice;
    reading and writing all names tells which.
    """
    try:
        return orjson.dumps(orjson.loads(told)).count(b'"') != marks
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return True


def read_binary(attributes: dict[str, str], body: bytes, bounds: Bounds) -> Candidate:
    """Read one event in binary mode: attributes from the headers, the body is the data."""
    if len(body) > bounds.event_bytes_max:
        return Candidate(refusal=too_large(bounds.event_bytes_max))
    refused = partial(
        Candidate, raw=body, told_id=attributes.get("id"), told_type=attributes.get("type")
    )
    for name in ("data", "data_base64"):
        if name in attributes:
            words = "the data is the body, not a header"
            return refused(refusal=wrong_field(f"/{name}", words))
    try:
        # The body must be one JSON value: it is put between other members as it is.
        data = json.decode(body, type=Raw)
    except DECODE_ERRORS as error:
        words = f"the body is not JSON: {error}"
        return refused(refusal=wrong_field("/data", words))
    return _guarded(_read_event, json.encode({**attributes, "data": data}), bounds)


def _read_each(raw: bytes, bounds: Bounds) -> list[Candidate]:
    """Read the items of an array one by one, since not all of them are well."""
    try:
        items: Sequence[Raw] = _items.decode(raw)
    except RecursionError:  # one of them is nested too deeply: it is not its neighbours' fault
        return [read_event(item, bounds) for item in cut_array(raw)]
    except DECODE_ERRORS as error:
        if is_array(raw):  # but with text in it that cannot be read
            return [read_event(item, bounds) for item in cut_array(raw)]
        raise NoBatch(f"not a JSON array of events: {error}") from error
    return [read_event(bytes(item), bounds) for item in items]
