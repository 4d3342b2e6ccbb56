"""What goes on the log: the envelope written anew around the data as it was published.

The data is not decoded and encoded again: its bytes are put between the attributes (1.4 µs against
6 for a five-line purchase). Only where it holds names or personal data is it written anew: names of
other members become member ids, and what says who somebody is (`personal`) is taken out, since the
log is kept for ever, is read by everybody, and cannot be made to forget (docs/decisions).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from msgspec import Raw, Struct, json

from services.ingest.domain.candidate import Candidate, Named
from shared.events.edge import Extensions, InboundEnvelope
from shared.events.scalars import TRACESTATE_LENGTH_MAX

OWN_ATTRIBUTES: Final = frozenset({"subjectkind", "recordedtime", "partitionkey"})
"""Attributes that ingest sets: what a publisher says there is not passed on."""


class _Spliced(Struct, frozen=True, gc=False, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    partitionkey: str
    subjectkind: str
    datacontenttype: str
    data: Raw
    traceparent: str | None = None
    tracestate: str | None = None
    dataschema: str | None = None


class Personal(NamedTuple):
    """Personal data found in an event: the field, and its value as JSON."""

    field: str
    value: bytes


_encoder: Final = json.Encoder()
_objects: Final = json.Decoder(dict[str, Raw])


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
            named.subject,
            time,
            recorded,
            named.subject,
            named.kind,
            "application/json",
            data,
            _carried(envelope.traceparent) or traceparent,
            _carried(envelope.tracestate),
            envelope.dataschema,
        )
    )
    return value if extensions is None else _with_extensions(value, extensions)


def _carried(trace: str | None) -> str | None:
    """A trace context or state, unless it is longer than the standard allows.

    No purchase is lost for tracing.
    """
    return None if trace is None or len(trace) > TRACESTATE_LENGTH_MAX else trace


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
    data: Raw, personal_fields: frozenset[str], member_of: Callable[[str], str]
) -> tuple[Raw, list[Personal]]:
    """Take out what is personal and put member ids in the place of names.

    Args:
        data: the data as published, valid by its type.
        personal_fields: the fields of `profile` and `attributes` that are taken out.
        member_of: the member id of a name.
    """
    members = _objects.decode(data)
    found: list[Personal] = []
    for part in ("profile", "attributes"):
        fields = _object(members.get(part))
        if fields is None:
            continue
        present = sorted(personal_fields & fields.keys())
        found.extend(Personal(field, bytes(fields.pop(field))) for field in present)
        members[part] = Raw(_encoder.encode(fields))
    members.pop("identities", None)
    _refer(members, member_of)
    attribution = _object(members.get("attribution"))
    if attribution is not None:
        _refer(attribution, member_of)
        members["attribution"] = Raw(_encoder.encode(attribution))
    return Raw(_encoder.encode(members)), found


def _object(value: Raw | None) -> dict[str, Raw] | None:
    """The members of an object, each as it was written: what is not ours stays unchanged."""
    if value is None or not bytes(value).startswith(b"{"):
        return None
    return _objects.decode(value)


def _refer(members: dict[str, Raw], member_of: Callable[[str], str]) -> None:
    """Put the member's id in the place of the name in `referrer`."""
    name = members.get("referrer")
    if name is not None and bytes(name).startswith(b'"'):
        members["referrer"] = Raw(_encoder.encode(f"member:{member_of(json.decode(name))}"))
