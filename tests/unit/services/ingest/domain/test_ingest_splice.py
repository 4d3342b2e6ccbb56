"""What goes on the log."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw

from services.ingest.domain.candidate import Candidate, Named
from services.ingest.domain.reading import read_event
from services.ingest.domain.splice import names_in, rewritten, spliced
from shared.events import decode, types
from shared.events.meaning import Bounds

LI = "01a201e8-5e0a-728f-a7e2-f95200043e72"
NAMED = Named(LI, LI.encode(), 2, "phone", LI)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PERSONAL = frozenset({"name", "phone", "email"})


def read(event_type: str, data: dict[str, Any], **more: Any) -> Candidate:
    told = {
        "specversion": "1.0",
        "id": "e1",
        "source": "pos/1",
        "type": event_type,
        "subject": "phone:+8613800000000",
        "time": "2017-01-01T11:53:26.25+08:00",
        "data": data,
        **more,
    }
    candidate = read_event(json.dumps(told).encode(), Bounds())
    assert candidate.refusal is None
    return candidate


def splice(candidate: Candidate, traceparent: str | None = None) -> dict[str, Any]:
    value = spliced(
        candidate.envelope,
        candidate.data,
        NAMED,
        recorded=NOW,
        traceparent=traceparent,
        extensions=candidate.extensions,
    )
    assert decode(value).subject == LI
    told: dict[str, Any] = json.loads(value)
    return told


def test_the_envelope_is_written_anew_and_names_nobody() -> None:
    candidate = read(types.MEMBER_JOINED, {"store_id": "s1", "via": "code"}, dataschema="x")
    assert splice(candidate, "trace") == {
        "specversion": "1.0",
        "id": "e1",
        "source": "pos/1",
        "type": types.MEMBER_JOINED,
        "subject": LI,
        "subjectkind": "phone",
        "partitionkey": LI,
        "time": "2017-01-01T03:53:26.250000Z",
        "recordedtime": "2026-01-02T03:04:05Z",
        "datacontenttype": "application/json",
        "dataschema": "x",
        "traceparent": "trace",
        "data": {"store_id": "s1", "via": "code"},
    }


def test_extensions_are_kept_but_not_where_they_speak_for_ingest() -> None:
    data = {"store_id": "s1", "via": "code"}
    candidate = read(
        types.MEMBER_JOINED, data, teller="kai", count=3, flag=True, none=None, subjectkind="card"
    )
    told = splice(candidate)
    assert (told["teller"], told["count"], told["flag"]) == ("kai", 3, True)
    assert "none" not in told  # CloudEvents: an attribute that is null is not there
    assert told["subjectkind"] == "phone"
    only = read(types.MEMBER_JOINED, data, subjectkind="card", partitionkey="x", recordedtime=5)
    assert splice(only)["partitionkey"] == LI


def test_names_become_member_ids_and_personal_data_is_taken_out() -> None:
    data = {
        "store_id": "s1",
        "via": "referral",
        "referrer": "card:9",
        "identities": ["phone:+8613800000000"],
        "profile": {"name": "Li", "phone": "1", "city": "SH", "hobby": "go"},
        "note": "kept",
    }
    candidate = read(types.MEMBER_JOINED, data)
    assert candidate.facts is not None
    assert names_in(candidate) == (["phone:+8613800000000"], ["card:9"])
    raw, found = rewritten(candidate.data, PERSONAL, {"card:9": "id of card:9"})
    assert json.loads(bytes(raw)) == {
        "store_id": "s1",
        "via": "referral",
        "referrer": "member:id of card:9",
        "profile": {"city": "SH", "hobby": "go"},
        "note": "kept",
    }
    assert found == [("name", b'"Li"'), ("phone", b'"1"')]


def test_personal_attributes_of_an_update_are_taken_out_too() -> None:
    data = {"by": "staff", "profile": {}, "attributes": {"email": ["a@b.c"], "size": "XL"}}
    raw, found = rewritten(Raw(json.dumps(data).encode()), PERSONAL, {})
    assert json.loads(bytes(raw)) == {"by": "staff", "profile": {}, "attributes": {"size": "XL"}}
    assert found == [("email", b'["a@b.c"]')]


PURCHASE = {
    "order_id": "o",
    "store_id": "s1",
    "currency": "CNY",
    "total": 1,
    "channel": "store",
    "lines": [],
}


@pytest.mark.parametrize(
    ("event_type", "data", "plain"),
    [
        (types.PURCHASE_COMPLETED, PURCHASE, True),
        (types.PURCHASE_COMPLETED, {**PURCHASE, "attribution": {"code": "c"}}, True),
        (types.PURCHASE_COMPLETED, {**PURCHASE, "attribution": {"referrer": "card:9"}}, False),
        (types.MEMBER_JOINED, {"store_id": "s1", "via": "code"}, True),
        (types.MEMBER_JOINED, {"store_id": "s1", "via": "code", "identities": []}, False),
        (types.MEMBER_JOINED, {"store_id": "s1", "via": "code", "profile": {}}, False),
        (types.MEMBER_PROFILE_UPDATED, {"by": "member", "profile": {}}, False),
        (types.INTERACTION_RECORDED, {"kind": "check_in"}, True),
    ],
)
def test_only_what_holds_names_is_written_anew(
    event_type: str, data: dict[str, Any], *, plain: bool
) -> None:
    assert (read(event_type, data).facts is None) is plain


def test_a_purchases_referrer_becomes_a_member_id() -> None:
    data = {**PURCHASE, "attribution": {"referrer": "card:9", "code": "c"}}
    candidate = read(types.PURCHASE_COMPLETED, data)
    raw, found = rewritten(candidate.data, PERSONAL, {"card:9": "m"})
    assert json.loads(bytes(raw))["attribution"] == {"referrer": "member:m", "code": "c"}
    assert found == []
