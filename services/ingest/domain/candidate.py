"""From bytes to candidates: events that are well-formed, beside those that are not and why.

msgspec decides, for a whole body at once; only when it refuses is each item looked at alone, and
only what is refused is explained (at five times the cost).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Raw, Struct, json

from services.ingest.domain.refusal import Refusal, invalid, too_large, wrong_field
from shared.events import types
from shared.events.edge import (
    DECODE_ERRORS,
    INBOUND,
    INBOUND_BATCH,
    Extensions,
    InboundEnvelope,
    UnknownTypeError,
    decoder_for,
    explain_data,
    explain_refusal,
    read_extended,
)
from shared.events.text import in_one_form, unsound


class Named(Struct, frozen=True, gc=False, array_like=True):
    """Who or what an event is about, ready for the log.

    `member_id` is None for facts without a member; `subject` is what the log gets.
    """

    subject: str
    key: bytes
    partition: int
    kind: str
    member_id: str | None


UNREAD: Final = InboundEnvelope(
    specversion="1.0",
    id="-",
    source="-",
    type="-",
    subject="-",
    time=datetime(1970, 1, 1, tzinfo=UTC),
    data=Raw(b"null"),
)
UNNAMED: Final = Named("", b"", 0, "", None)


class Candidate(Struct, gc=False):
    """One item of a request on its way through the edge.

    Attributes:
        envelope: the event as published, once it is read.
        data: what goes on the log as `data`: as published, unless names in it were replaced.
        facts: the struct of its type, kept only where names or personal data are to be taken out of
            the data; None where the data is plain.
        store_id: the store that the data names.
        extensions: further attributes, to be passed on.
        raw: the item's own bytes where it was looked at alone.
        refusal: why it is not taken.
        named: who it is about, once that is known.
        duplicate: it was confirmed before.
        differs: what was confirmed under its id was something else.
    """

    envelope: InboundEnvelope = UNREAD
    data: Any = None
    facts: Any = None
    store_id: str | None = None
    extensions: Extensions | None = None
    raw: bytes | None = None
    refusal: Refusal | None = None
    named: Named = UNNAMED
    duplicate: bool = False
    differs: bool = False

    @property
    def is_read(self) -> bool:
        """Whether it could be read at all, so that it has an id to be answered by."""
        return self.envelope is not UNREAD


class NoBatch(ValueError):  # noqa: N818 - says what the body is
    """A body that is no JSON array, so that it has no items to answer for."""


_WITH_NAMES: Final = frozenset(
    {types.MEMBER_JOINED, types.MEMBER_PROFILE_UPDATED, types.PURCHASE_COMPLETED}
)
_decoders: Final = {name: decoder_for(name) for name in types.INBOUND}
_items: Final = json.Decoder(list[Raw])


def _is_plain(event_type: str, facts: Any) -> bool:
    """Whether the data can go on the log as it is: no names of members, nothing personal."""
    if event_type not in _WITH_NAMES:
        return True
    if event_type == types.PURCHASE_COMPLETED:
        return facts.attribution is None or facts.attribution.referrer is None
    if event_type == types.MEMBER_PROFILE_UPDATED:
        return False
    return facts.profile is None and facts.identities is None and facts.referrer is None


def _kept(event_type: str, facts: Any) -> tuple[Any, str | None]:
    """What a candidate keeps of the facts: all of them only where they are not plain."""
    return None if _is_plain(event_type, facts) else facts, getattr(facts, "store_id", None)


def read_event(raw: bytes, bytes_max: int) -> Candidate:
    """Read one event in structured mode."""
    if len(raw) > bytes_max:
        return Candidate(refusal=too_large(bytes_max))
    raw = in_one_form(raw)
    try:
        envelope = INBOUND.decode(raw)
    except DECODE_ERRORS:
        return _read_again(raw)
    if unsound(raw) is not None:
        return Candidate(raw=raw, refusal=invalid(explain_refusal(raw)))
    candidate = Candidate(envelope, envelope.data, raw=raw)
    _read_facts(candidate)
    return candidate


def read_batch(raw: bytes, bytes_max: int) -> list[Candidate]:
    """Read a JSON array of events.

    Raises:
        NoBatch: it is no JSON array; with the reason.
    """
    raw = in_one_form(raw)
    try:
        envelopes = INBOUND_BATCH.decode(raw)
    except DECODE_ERRORS:
        return _read_each(raw, bytes_max)
    if unsound(raw) is not None:
        return _read_each(raw, bytes_max)
    return [_candidate(envelope, bytes_max) for envelope in envelopes]


def _candidate(envelope: InboundEnvelope, bytes_max: int) -> Candidate:
    """The candidate of an envelope that was read (the hottest function of the edge)."""
    data = envelope.data
    decoder = _decoders.get(envelope.type)
    if decoder is not None and len(data) <= bytes_max:
        try:
            # what is let go of at once is still in the processor's cache: a tenth of the whole
            return Candidate(envelope, data, *_kept(envelope.type, decoder.decode(data)))
        except DECODE_ERRORS:
            pass  # read again below, to be explained
    candidate = Candidate(envelope, data)
    if len(data) > bytes_max:
        candidate.refusal = too_large(bytes_max)
    else:
        _read_facts(candidate)
    return candidate


def read_binary(attributes: dict[str, str], body: bytes, bytes_max: int) -> Candidate:
    """Read one event in binary mode: attributes from the headers, the body is the data."""
    if len(body) > bytes_max:
        return Candidate(refusal=too_large(bytes_max))
    for name in ("data", "data_base64"):
        if name in attributes:
            words = "the data is the body, not a header"
            return Candidate(refusal=wrong_field(f"/{name}", words))
    try:
        # The body must be one JSON value: it is put between other members as it is.
        data = json.decode(body, type=Raw)
        raw = json.encode({**attributes, "data": data})
    except DECODE_ERRORS as error:
        return Candidate(raw=body, refusal=wrong_field("/data", f"the body is not JSON: {error}"))
    return read_event(raw, bytes_max + len(raw) - len(body))


def _read_each(raw: bytes, bytes_max: int) -> list[Candidate]:
    """Read the items of an array one by one, since not all of them are well."""
    try:
        items: Sequence[Raw] = _items.decode(raw)
    except DECODE_ERRORS as error:
        raise NoBatch(f"not a JSON array of events: {error}") from error
    return [read_event(bytes(item), bytes_max) for item in items]


def _read_again(raw: bytes) -> Candidate:
    """Read an event that has further attributes, or say what is wrong with it."""
    try:
        envelope, extensions = read_extended(raw)
    except DECODE_ERRORS:
        return Candidate(raw=raw, refusal=_explained(raw))
    if unsound(raw) is not None:
        return Candidate(raw=raw, refusal=_explained(raw))
    candidate = Candidate(envelope, envelope.data, extensions=extensions, raw=raw)
    _read_facts(candidate)
    return candidate


def _explained(raw: bytes) -> Refusal:
    problems = explain_refusal(raw)
    if not problems:
        return wrong_field("", "this event cannot be read")
    return invalid(problems)


def _read_facts(candidate: Candidate) -> None:
    """Read the data by the event's type."""
    envelope = candidate.envelope
    try:
        facts = decoder_for(envelope.type).decode(candidate.data)
        candidate.facts, candidate.store_id = _kept(envelope.type, facts)
    except (*DECODE_ERRORS, UnknownTypeError) as error:
        problems = explain_data(envelope.type, bytes(candidate.data))
        candidate.refusal = invalid(problems) if problems else wrong_field("/data", str(error))


def named_in(raw: bytes | None) -> tuple[str | None, str | None]:
    """The type and id that something says which is no event, as far as they can be read."""
    try:
        told = json.decode(raw or b"")
    except DECODE_ERRORS:
        return None, None
    if not isinstance(told, dict):
        return None, None
    found = [told.get(name) for name in ("type", "id")]
    event_type, event_id = (each[:200] if isinstance(each, str) else None for each in found)
    return event_type, event_id
