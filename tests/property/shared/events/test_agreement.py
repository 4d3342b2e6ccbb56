"""msgspec decides and pydantic words the refusal, so the two must agree on every event."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.events import edge, types
from shared.events.models import MODELS
from shared.events.registry import STRUCTS
from shared.events.text import unsound
from tests.property.shared.events import strategies as events

_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(struct) for name, struct in STRUCTS.items()
}


def _is_sound(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except edge.DECODE_ERRORS:
        return False
    return unsound(raw) is None


def _msgspec_takes(event_type: str, raw: bytes) -> bool:
    try:
        _decoders[event_type].decode(raw)
    except edge.DECODE_ERRORS:
        return False
    return True


def _pydantic_takes(event_type: str, raw: bytes) -> bool:
    try:
        MODELS[event_type].model_validate_json(raw)
    except ValidationError:
        return False
    return True


@given(st.data())
@settings(max_examples=600, deadline=None)
def test_both_take_the_same_data(data: st.DataObject) -> None:
    event_type = data.draw(events.TYPES)
    body = data.draw(events.spoilt(events.data_of(STRUCTS[event_type])))
    raw = json.dumps(body).encode()
    assume(_is_sound(raw))  # what is not is refused before either is asked
    assert _msgspec_takes(event_type, raw) == _pydantic_takes(event_type, raw)


EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "pos/1",
    "subject": "store:1",
    "time": "2017-01-01T11:53:26Z",
    "data": {},
}


@given(events.spoilt(events.ENVELOPES))
@example(EXAMPLE | {"x y": None})
@example(EXAMPLE | {"x y": "told"})
@settings(max_examples=400, deadline=None)
def test_a_refusal_is_always_worded_and_only_a_refusal(envelope: dict[str, Any]) -> None:
    envelope["type"] = types.MEMBER_ERASED
    if "data" in envelope and not isinstance(envelope["data"], dict):
        envelope["data"] = {}
    raw = json.dumps(envelope).encode()
    try:
        edge.read_extended(raw)
        taken = unsound(raw) is None
    except edge.DECODE_ERRORS:
        taken = False
    # member.erased is ingest's own, so its data is not asked about here
    problems = [p for p in edge.explain_refusal(raw) if p.code != "unknown-event-type"]
    assert taken == (problems == [])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_the_edge_takes_it_can_also_read(data: st.DataObject) -> None:
    event_type = data.draw(st.sampled_from(sorted(types.INBOUND)))
    body = data.draw(events.data_of(STRUCTS[event_type]))
    envelope = data.draw(events.ENVELOPES) | {"type": event_type, "data": body}
    raw = json.dumps(envelope).encode()
    if envelope.get("subject") is None and event_type not in types.MAY_NAME_NOBODY:
        [problem] = edge.explain_refusal(raw)
        assert (problem.pointer, problem.reason) == ("/subject", "Field required")
        with pytest.raises(edge.DECODE_ERRORS):
            edge.INBOUND.decode(raw)
        return
    assert edge.explain_refusal(raw) == []
    assert edge.INBOUND.decode(raw).type == event_type
    edge.decoder_for(event_type).decode(msgspec.json.encode(body))


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_no_bytes_make_the_edge_fall_over(raw: bytes) -> None:
    assert edge.explain_refusal(raw) != []
