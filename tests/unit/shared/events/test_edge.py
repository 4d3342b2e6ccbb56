"""Letting events in, and saying exactly why not."""

import json
from typing import Any

import msgspec
import pytest

from shared.events import edge, types
from shared.events.text import unsound


def _event(**changes: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "pos",
        "type": types.MEMBER_CONSENT_CHANGED,
        "subject": "card:1",
        "time": "2017-01-01T11:53:26Z",
        "data": {"channel": "sms", "granted": True, "source": "app"},
    }
    return event | changes


def _raw(**changes: Any) -> bytes:
    return json.dumps(_event(**changes)).encode()


def test_a_good_event_has_no_problems() -> None:
    assert edge.explain_refusal(_raw()) == []
    envelope = edge.INBOUND.decode(_raw())
    assert edge.decoder_for(envelope.type).decode(envelope.data).channel == "sms"


def test_data_is_kept_as_it_came() -> None:
    data = {"channel": "sms", "granted": True, "source": "app", "further": {"a": [1, "熟客"]}}
    envelope = edge.INBOUND.decode(_raw(data=data))
    assert json.loads(bytes(envelope.data)) == data


def test_every_wrong_field_is_pointed_to() -> None:
    problems = edge.explain_refusal(
        _raw(id="", time="yesterday", data={"channel": 5, "granted": "yes"})
    )
    assert [problem.pointer for problem in problems] == [
        "/id",
        "/time",
        "/data/channel",
        "/data/granted",
        "/data/source",
    ]
    assert "RFC 3339" in problems[1].reason
    assert "required" in problems[4].reason


def test_pointers_into_lists_and_odd_names() -> None:
    data = {
        "order_id": "1",
        "store_id": "s",
        "currency": "USD",
        "total": 1,
        "channel": "store",
        "lines": [{"sku": "1", "category": "c", "quantity": -1, "amount": 1}],
    }
    [problem] = edge.explain_refusal(_raw(type=types.PURCHASE_COMPLETED, data=data))
    assert problem.pointer == "/data/lines/0/quantity"
    joined = {"store_id": "s", "via": "code", "consent": {"a/b~c": 1}}
    [problem] = edge.explain_refusal(_raw(type=types.MEMBER_JOINED, data=joined))
    assert problem.pointer == "/data/consent/a~1b~0c"


def test_unknown_types_name_the_known_ones() -> None:
    [problem] = edge.explain_refusal(_raw(type="acme.thing.done.v1"))
    assert (problem.pointer, problem.code) == ("/type", "unknown-event-type")
    assert types.PURCHASE_COMPLETED in problem.reason
    with pytest.raises(edge.UnknownTypeError, match="known"):
        edge.decoder_for("acme.thing.done.v1")


@pytest.mark.parametrize("event_type", sorted(types.RESERVED))
def test_reserved_types_say_so(event_type: str) -> None:
    [problem] = edge.explain_refusal(_raw(type=event_type))
    assert problem.code == "reserved-event-type"
    with pytest.raises(edge.UnknownTypeError, match="reserved"):
        edge.decoder_for(event_type)


@pytest.mark.parametrize("event_type", [types.MEMBER_ERASED, types.POINTS_MOVED])
def test_our_own_types_are_not_taken_from_outside(event_type: str) -> None:
    [problem] = edge.explain_refusal(_raw(type=event_type))
    assert problem.code == "unknown-event-type"


def test_extension_attributes_pass() -> None:
    raw = _raw(tenant="a", attempt=3, test=True)
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        edge.INBOUND.decode(raw)
    envelope, extensions = edge.read_extended(raw)
    assert envelope.id == "1"
    assert extensions == {"tenant": "a", "attempt": 3, "test": True}
    assert edge.explain_refusal(raw) == []


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"Tenant": "a"}, "names consist of"),
        ({"tenant": {"a": 1}}, "a text, a whole number"),
        ({"tenant": 0.5}, "a text, a whole number"),
        ({"tenant": 2**31}, "32 bits"),
        ({"tenant": -(2**31) - 1}, "32 bits"),
    ],
)
def test_other_attributes_do_not(attributes: dict[str, Any], words: str) -> None:
    raw = _raw(**attributes)
    with pytest.raises(msgspec.ValidationError, match=words):
        edge.read_extended(raw)
    [problem] = edge.explain_refusal(raw)
    assert words in problem.reason


@pytest.mark.parametrize(
    ("time", "taken"),
    [
        ("1900-01-01T00:00:00Z", True),
        ("1900-01-01T00:00:00+00:01", False),
        ("2199-12-31T23:59:59Z", True),
        ("2200-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00+14:00", False),
        ("9999-12-31T23:59:59-14:00", False),
    ],
)
def test_times_that_no_calendar_can_bear(time: str, taken: bool) -> None:  # noqa: FBT001 - a case of the table
    raw = _raw(time=time)
    assert (edge.explain_refusal(raw) == []) == taken
    if not taken:
        with pytest.raises(msgspec.ValidationError, match="1900 to 2199"):
            edge.INBOUND.decode(raw)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (b'"\xff"', "utf-8"),
        (b'"\\u0000"', "NUL"),
        (b'"a\\\\\\u0000"', "NUL"),
    ],
)
def test_text_that_would_break_a_store_is_seen_in_unknown_fields(inside: bytes, words: str) -> None:
    raw = _raw(data={"channel": "sms", "granted": True, "source": "app", "x": "HERE"})
    spoilt = raw.replace(b'"HERE"', inside)
    edge.decoder_for(types.MEMBER_CONSENT_CHANGED).decode(edge.INBOUND.decode(spoilt).data)
    reason = unsound(spoilt)
    assert reason is not None
    assert words in reason
    assert words in edge.explain_refusal(spoilt)[0].reason


@pytest.mark.parametrize("inside", [b'"\\\\u0000"', b'"\\u00e9"', b'"\\ud83d\\ude00"', b'"u0000"'])
def test_sound_text_passes(inside: bytes) -> None:
    assert unsound(b'{"x":' + inside + b"}") is None


def test_bottomless_nesting_is_refused_in_words() -> None:
    raw = _raw(data="HERE").replace(b'"HERE"', b"[" * 5000 + b"]" * 5000)
    assert edge.explain_refusal(raw) != []


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert "not sound JSON" in (unsound(b'{"x":"\\ud800"}') or "")
