"""What goes on the log: the envelope written anew around the data as it was published.

The data is not decoded and encoded again: its bytes are put between the attributes (1.4 µs against
6 for a five-line purchase). Only where it holds names or personal data is it written anew: names of
other members become member ids, and what says who somebody is (`personal`) is taken out, since the
log is kept for ever, is read by everybody, and cannot be made to forget (docs/decisions).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from msgspec import Raw, Struct, json

from services.ingest.domain.candidate import Candidate, Named
from shared.events.edge import Extensions, InboundEnvelope
from shared.events.scalars import carried

OWN_ATTRIBUTES: Final = frozenset({"subjectkind", "recordedtime", "partitionkey"})
"""Attributes that ingest sets: what a publisher says there is not passed on."""


class _Spliced(Struct, frozen=True, gc=False, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    recordedtime: datetime
    partitionkey: str
    datacontenttype: str
    data: Raw
    subject: str = ""
    subjectkind: str = ""
    traceparent: str | None = None
    tracestate: str | None = None
    dataschema: str | None = None


class Personal(NamedTuple):
    """Personal data found in an event: the field, and its value as JSON."""

    field: str
    value: bytes

    @property
    def clears(self) -> bool:
        """Whether the field is not known any more."""
        return json.decode(self.value) in (None, [])


_encoder: Final = json.Encoder()
_objects: Final = json.Decoder(dict[str, Raw])
_words: Final = json.Decoder(str)


def spliced(
    envelope: InboundEnvelope,
    data: Raw,
    named: Named,
    *,
    recorded: datetime,
    traceparent: str | None,
    extensions: Extensions | None,
) -> bytes:
    """The event as it goes on the log."""
    time = envelope.time
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    value = _encoder.encode(
        _Spliced(
            "1.0",
            envelope.id,
            envelope.source,
            envelope.type,
            time,
            recorded,
            named.partitionkey,
            "application/json",
            data,
            named.subject,
            named.kind,
            carried(envelope.traceparent) or traceparent,
            carried(envelope.tracestate),
            envelope.dataschema,
        )
    )
    return value if extensions is None else _with_extensions(value, extensions)


def _with_extensions(value: bytes, extensions: Extensions) -> bytes:
    kept = {name: told for name, told in extensions.items() if name not in OWN_ATTRIBUTES}
    if not kept:
        return value
    return b"".join((value[:-1], b",", _encoder.encode(kept)[1:]))


def names_in(candidate: Candidate) -> tuple[list[str], list[str]]:
    """Names in the data of an event: further names of its member, and names of others."""
    facts = candidate.facts
    further: list[str] = list(getattr(facts, "identities", None) or ())
    others: list[str] = []
    if isinstance(referrer := getattr(facts, "referrer", None), str):
        others.append(referrer)
    attribution = getattr(facts, "attribution", None)
    if attribution is not None and attribution.referrer is not None:
        others.append(attribution.referrer)
    return further, others


def rewritten(
    data: Raw, personal_fields: frozenset[str], members: Mapping[str, str]
) -> tuple[Raw, list[Personal]]:
    """Take out what is personal and put member ids in the place of names.

    Args:
        data: the data as published, valid by its type.
        personal_fields: the fields of `profile` and `attributes` that are taken out.
        members: the member ids of the names that stand in the data, as they stand there.
    """
    told = _objects.decode(data)  # what is not touched stays as it was written
    found: list[Personal] = []
    for part in ("profile", "attributes"):
        fields = _object_in(told, part)
        present = sorted(personal_fields & fields.keys())
        if present:
            found.extend(Personal(field, bytes(fields.pop(field))) for field in present)
            told[part] = Raw(_encoder.encode(fields))
    told.pop("identities", None)
    _name_member(told, members)
    attribution = _object_in(told, "attribution")
    if _name_member(attribution, members):
        told["attribution"] = Raw(_encoder.encode(attribution))
    return Raw(_encoder.encode(told)), found


def _object_in(told: dict[str, Raw], field: str) -> dict[str, Raw]:
    """The members of an object in an object; none where there is no such object."""
    value = bytes(told.get(field, b""))
    return _objects.decode(value) if value[:1] == b"{" else {}


def _name_member(told: dict[str, Raw], members: Mapping[str, str]) -> bool:
    """Put a member id in the place of the referrer's name, if one is told."""
    value = bytes(told.get("referrer", b""))
    member = members.get(_words.decode(value)) if value[:1] == b'"' else None
    if member is None:
        return False
    told["referrer"] = Raw(_encoder.encode(f"member:{member}"))
    return True
