"""Reading and writing events on Kafka."""

import json
from typing import Any

import pytest

from shared import events
from shared.clock import SECOND, parse_instant
from shared.events import decisions, facts, types

AT = parse_instant("2017-01-01T11:53:26Z")

PURCHASE = facts.PurchaseCompleted(
    order_id="31198570044",
    store_id="436",
    currency="USD",
    total=350,
    channel="store",
    lines=[facts.Line(sku="1", category="GROCERY", quantity=0.482, amount=350)],
)


def _encoded(**changes: Any) -> bytes:
    attributes: dict[str, Any] = {
        "type": types.PURCHASE_COMPLETED,
        "source": "pos/436",
        "id": "1",
        "subject": "0192e0a0-0000-7000-8000-000000000002",
        "at": AT,
        "data": PURCHASE,
        "recorded_at": AT + SECOND,
    }
    return events.encode(**(attributes | changes))


def test_what_is_written_is_read() -> None:
    event = events.decode(_encoded(traceparent="00-1-2-01"), [events.CONTENT_TYPE_HEADER])
    assert event.data == PURCHASE
    assert (event.at, event.recorded_at) == (AT, AT + SECOND)
    assert (event.type, event.source, event.id) == (types.PURCHASE_COMPLETED, "pos/436", "1")
    assert event.traceparent == "00-1-2-01"
    assert event.key == events.event_key("pos/436", "1")


def test_the_partition_key_is_the_subject_unless_told() -> None:
    assert json.loads(_encoded())["partitionkey"] == "0192e0a0-0000-7000-8000-000000000002"
    assert json.loads(_encoded(partitionkey="k"))["partitionkey"] == "k"


def test_what_is_absent_is_not_written() -> None:
    written = json.loads(_encoded())
    assert "traceparent" not in written
    assert "discount" not in written["data"]


def test_from_is_a_field_of_the_wire_not_of_python() -> None:
    tier = decisions.TierChanged(from_="silver", to="gold", because=decisions.Because(rule="r"))
    encoded = _encoded(type=types.TIER_CHANGED, data=tier)
    assert json.loads(encoded)["data"]["from"] == "silver"
    assert events.decode(encoded).data == tier


def test_source_and_id_make_the_identity() -> None:
    keys = {
        events.event_key(source, event_id)
        for source, event_id in [("a", "bc"), ("ab", "c"), ("abc", ""), ("a", "b")]
    }
    assert len(keys) == 4
    assert all(len(key) == 16 for key in keys)


def test_binary_mode() -> None:
    headers = [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"7"),
        ("ce_source", b"mall"),
        ("ce_type", types.CODE_VIEWED.encode()),
        ("ce_subject", b"store:436"),
        ("ce_time", b"2017-01-01T19:53:26+08:00"),
        ("ce_traceparent", b"00-1-2-01"),
    ]
    event = events.decode(b'{"code":"c","store_id":"436","visitor":"v"}', headers)
    assert event.data == facts.CodeViewed(code="c", store_id="436", visitor="v")
    assert (event.at, event.subject, event.traceparent) == (AT, "store:436", "00-1-2-01")


def test_unknown_types_are_read_as_they_are() -> None:
    event = events.decode(_encoded(type="acme.thing.done.v1", data={"a": [1]}))
    assert event.data == {"a": [1]}


def test_further_fields_do_no_harm() -> None:
    written = json.loads(_encoded())
    written["extension"] = "x"
    written["data"]["further"] = {"a": 1}
    assert events.decode(json.dumps(written).encode()).data == PURCHASE


def _spoil(**changes: Any) -> bytes:
    return json.dumps({**json.loads(_encoded()), **changes}).encode()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field"),
        (b'{"id":"\xff"}', "utf-8"),
        (b"[" * 5000, "Expected `object`"),
        (b'{"x":' + b"[" * 5000, "recursion"),
        (_spoil(time="2017-01-01T11:53:26"), "timezone"),
        (_spoil(data={"order_id": "1"}), r"data of regulars\.purchase\.completed\.v1: .*currency"),
        (_spoil(data=None), "data of"),
    ],
)
def test_other_bytes_are_undecodable_with_the_reason(raw: bytes, words: str) -> None:
    with pytest.raises(events.Undecodable, match=words):
        events.decode(raw)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([("ce_specversion", b"1.0")], "missing required field"),
        ([("ce_specversion", b"1.0"), ("ce_id", b"\xff")], "utf-8"),
    ],
)
def test_binary_mode_without_its_attributes(headers: list[tuple[str, bytes]], words: str) -> None:
    with pytest.raises(events.Undecodable, match=words):
        events.decode(b"{}", headers)


def test_a_header_without_a_value_is_no_attribute() -> None:
    headers: list[Any] = [("ce_specversion", b"1.0"), ("ce_id", None), ("ce_source", b"s")]
    with pytest.raises(events.Undecodable, match="missing required field"):
        events.decode(b"{}", headers)
