"""`POST /v1/events`: each case of the table in the contract (docs: events)."""

import json
from typing import Any

import httpx
import pytest

from tests.integration.services.ingest.conftest import NewEdge
from tests.integration.services.ingest.edge import Edge
from tests.integration.services.ingest.events import event, joined, purchase

pytestmark = pytest.mark.integration

BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"urn:regulars:problem:{slug}"
    assert document["status"] == status
    return document


def items(response: httpx.Response) -> list[dict[str, Any]]:
    """The items of a 207."""
    assert response.status_code == 207, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


async def test_one_event_is_taken_and_stands_on_the_log(edge: Edge) -> None:
    sent = purchase(data={"note": {"unknown": [1, None, "ü"]}}, comexampleteller="kai")
    response = await edge.publish(sent, "application/cloudevents+json; charset=utf-8")
    assert response.status_code == 202
    answer = response.json()
    member = answer["member_id"]
    assert answer == {
        "id": sent["id"],
        "source": "pos/1",
        "member_id": member,
        "status": "accepted",
    }
    [record] = await edge.records()
    told = json.loads(record[2])
    assert record[1] == member.encode()
    assert told.pop("traceparent")
    assert told.pop("recordedtime").endswith("Z")
    assert told == {
        **sent,
        "subject": member,
        "partitionkey": member,
        "subjectkind": "card",
        "time": "2017-01-01T03:53:26Z",
        "datacontenttype": "application/json",
    }


async def test_the_same_event_again_is_a_duplicate_and_is_not_produced(edge: Edge) -> None:
    sent = purchase()
    first = (await edge.publish(sent)).json()
    again = await edge.publish(sent)
    assert again.status_code == 202
    assert again.json() == {**first, "status": "duplicate"}
    found = items(await edge.publish([sent, purchase(), sent], BATCH))
    assert [item["status"] for item in found] == ["duplicate", "accepted", "duplicate"]
    assert len(await edge.log()) == 2


async def test_the_same_event_twice_in_one_batch_is_produced_once(edge: Edge) -> None:
    sent = purchase()
    found = items(await edge.publish([sent, sent], BATCH))
    assert [item["status"] for item in found] == ["accepted", "duplicate"]
    assert len(await edge.log()) == 1


async def test_one_that_is_put_right_is_taken_beside_the_one_that_was_refused(edge: Edge) -> None:
    """Seen by the model: the second of one id was refused for what only the first had wrong."""
    wrong = purchase("phone:+8600000000000")
    right = {**wrong, "subject": "card:1"}
    other = {**wrong, "subject": "member:01a201e8-5e0a-728f-a7e2-f95200043e72"}
    found = items(await edge.publish([wrong, right, other, right], BATCH))
    assert [item["status"] for item in found] == ["rejected", "accepted", "duplicate", "duplicate"]
    assert [item.get("differs", False) for item in found] == [False, False, True, False]
    assert len(await edge.log()) == 1
    page = (await edge.client.get("/metrics")).text
    assert 'regulars_ingest_answers_total{answer="accepted",source="dev"} 1.0' in page
    assert 'regulars_ingest_answers_total{answer="rejected",source="dev"} 1.0' in page
    assert 'regulars_ingest_answers_total{answer="duplicate",source="dev"} 2.0' in page


async def test_binary_mode(edge: Edge) -> None:
    sent = purchase()
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "b-1",
        "ce-source": "pos/%E4%B8%8A",
        "ce-type": sent["type"],
        "ce-subject": "card:1",
        "ce-time": "2017-01-01T00:00:00Z",
        "ce-teller": "kai",
    }
    response = await edge.publish(sent["data"], **headers)
    assert response.status_code == 202
    assert response.json()["source"] == "pos/上"
    [told] = await edge.log()
    assert told["data"] == sent["data"]
    assert told["teller"] == "kai"


async def test_in_binary_mode_a_body_cannot_speak_for_the_envelope(edge: Edge) -> None:
    body = json.dumps(purchase()["data"]).encode() + b',"subject":"card:2"'
    headers = {"ce-specversion": "1.0", "ce-id": "b-1", "ce-source": "s", "ce-type": "t"}
    problem(await edge.publish(body, **headers), 422, "invalid-event")
    told = {**headers, "ce-data": "1"}
    problem(await edge.publish({}, **told), 422, "invalid-event")


@pytest.mark.parametrize("media_type", [BATCH, "application/json"])
async def test_a_batch_has_a_verdict_for_each_item_in_order(edge: Edge, media_type: str) -> None:
    good, bad = purchase(), purchase(data={"total": -1})
    found = items(await edge.publish([good, bad, {"id": "x"}, 3, "y"], media_type))
    assert [item["status"] for item in found] == ["accepted", *["rejected"] * 4]
    assert [item["id"] for item in found] == [good["id"], bad["id"], "x", None, None]
    assert found[0].keys() == {"id", "status", "member_id"}
    told = found[1]["problem"]
    assert told["status"] == 422
    assert [each["pointer"] for each in told["errors"]] == ["#/data/total"]
    assert len(await edge.log()) == 1


async def test_an_empty_batch_and_what_is_no_batch(edge: Edge) -> None:
    assert items(await edge.publish([], BATCH)) == []
    problem(await edge.publish({"a": 1}, BATCH), 422, "invalid-batch")
    problem(await edge.publish(b"[1,", BATCH), 422, "invalid-batch")


async def test_lines_are_answered_one_by_one(edge: Edge) -> None:
    good, late = purchase(), purchase("card:2")
    lines = [json.dumps(good), "", "nonsense", '{"id": "z"}', json.dumps(late)]
    found = items(await edge.publish("\r\n".join(lines).encode(), LINES))
    assert [item["id"] for item in found] == [good["id"], None, "z", late["id"]]
    assert [item["status"] for item in found] == ["accepted", "rejected", "rejected", "accepted"]
    assert items(await edge.publish(b"", LINES)) == []


async def test_a_line_that_is_too_long_is_one_rejected_item(edge: Edge) -> None:
    long = purchase(data={"note": "x" * 600_000})
    body = b"\n".join(json.dumps(each).encode() for each in (purchase(), long, purchase()))
    found = items(await edge.publish(body, LINES))
    assert [item["status"] for item in found] == ["accepted", "rejected", "accepted"]
    assert found[1]["problem"]["status"] == 413


async def test_what_is_wrong_is_told_with_a_pointer_to_each_field(edge: Edge) -> None:
    sent = purchase(data={"total": "much", "lines": [{"sku": "x"}]}, time="yesterday")
    told = problem(await edge.publish(sent), 422, "invalid-event")
    pointers = {each["pointer"] for each in told["errors"]}
    assert {"#/time", "#/data/total", "#/data/lines/0/amount"} <= pointers


async def test_an_unknown_type_is_answered_with_the_known_ones(edge: Edge) -> None:
    told = problem(await edge.publish(event("a.b.v1", {})), 422, "unknown-event-type")
    assert "regulars.purchase.completed.v1" in told["detail"]
    reserved = event("regulars.order.placed.v1", {})
    problem(await edge.publish(reserved), 422, "reserved-event-type")
    # facts that only ingest may state
    problem(
        await edge.publish(event("regulars.member.created.v1", {"identities": []})),
        422,
        "unknown-event-type",
    )


@pytest.mark.parametrize("media_type", [BATCH, LINES])
async def test_an_unknown_type_holds_up_none_of_its_neighbours(edge: Edge, media_type: str) -> None:
    sent = [purchase(), event("a.b.v1", {}), event("a.b.v1", {}, id="x\u0000"), purchase()]
    text = [json.dumps(each) for each in sent]
    body = "[" + ",".join(text) + "]" if media_type == BATCH else "\n".join(text)
    found = items(await edge.publish(body.encode(), media_type))
    assert [item["status"] for item in found] == ["accepted", "rejected", "rejected", "accepted"]
    assert [item["id"] for item in found[:2]] == [sent[0]["id"], sent[1]["id"]]
    assert "member_id" not in found[1]
    assert [each["pointer"] for each in found[1]["problem"]["errors"]] == ["#/type"]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"content-type": "text/plain"}, "send one of"),
        ({"content-type": ""}, "send one of"),
        ({"content-type": "application/json; charset=latin-1"}, "UTF-8"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "compressed"),
        ({"content-type": "image/png", "ce-specversion": "1.0"}, "JSON"),
    ],
)
async def test_media_types_that_are_not_taken(
    edge: Edge, headers: dict[str, str], words: str
) -> None:
    response = await edge.client.post(
        "/v1/events", content=b"{}", headers={**edge.headers, **headers}
    )
    assert words in problem(response, 415, "unsupported-media-type")["detail"]


async def test_what_is_too_large(new_edge: NewEdge) -> None:
    edge = await new_edge(event_bytes_max=2_048, batch_bytes_max=65_536, batch_events_max=3)
    large = purchase(data={"note": "x" * 4_000})
    problem(await edge.publish(large, "application/cloudevents+json"), 413, "too-large")
    problem(await edge.publish(b"x" * 65_537, BATCH), 413, "too-large")
    problem(await edge.publish([purchase() for _ in range(4)], BATCH), 413, "too-large")
    found = items(await edge.publish([large, purchase()], BATCH))
    assert [item["status"] for item in found] == ["rejected", "accepted"]
    assert found[0]["problem"]["status"] == 413
    assert len(await edge.log()) == 1


async def test_who_has_no_key_or_a_wrong_one(edge: Edge) -> None:
    for headers in ({}, {"authorization": "Basic eA=="}, {"authorization": "Bearer no"}):
        response = await edge.client.post("/v1/events", json=purchase(), headers=headers)
        problem(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")
    strange = {b"authorization": b"Bearer \xff\xfe"}
    response = await edge.client.post("/v1/events", json=purchase(), headers=strange)
    problem(response, 401, "unauthenticated")


async def test_an_event_in_the_future_is_refused_except_in_a_replay(new_edge: NewEdge) -> None:
    edge = await new_edge()
    sent = purchase(time="2199-01-01T00:00:00Z")
    told = problem(await edge.publish(sent), 422, "time-in-the-future")
    assert [each["pointer"] for each in told["errors"]] == ["#/time"]
    replay = await new_edge(clock="stream")
    assert (await replay.publish(sent)).status_code == 202


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_times_that_overflow_are_refused(edge: Edge, time: str) -> None:
    problem(await edge.publish(purchase(time=time)), 422, "invalid-event")


async def test_facts_without_a_member_are_keyed_by_what_they_are_about(edge: Edge) -> None:
    viewed = event(
        "regulars.code.viewed.v1",
        {"code": "c", "store_id": "s1", "visitor": "v"},
        subject="store:s1",
    )
    response = await edge.publish(viewed)
    assert response.json()["member_id"] is None
    [found] = items(await edge.publish([{**viewed, "id": "again"}], BATCH))
    assert found == {"id": "again", "status": "accepted"}
    records = await edge.records()
    assert {key for _, key, _ in records} == {b"store:s1"}
    assert len({partition for partition, _, _ in records}) == 1
    told = problem(
        await edge.publish({**viewed, "id": "x", "subject": "card:1"}), 422, "invalid-event"
    )
    assert told["errors"][0]["pointer"] == "#/subject"
    # and a member's event cannot be about a store, even one that is known by heart
    problem(await edge.publish(purchase("store:s1")), 422, "invalid-event")


@pytest.mark.parametrize(
    "subject", ["nobody", "phone:123", "member:x", "email:a", "moon:1", "card:"]
)
async def test_names_that_are_none(edge: Edge, subject: str) -> None:
    told = problem(await edge.publish(purchase(subject)), 422, "invalid-event")
    assert [each["pointer"] for each in told["errors"]] == ["#/subject"]
    assert subject not in told["detail"]


async def test_bad_text_in_unknown_fields_is_not_spliced_through(edge: Edge) -> None:
    raw = json.dumps(joined(data={"note": "MARK"})).encode()
    for bad in (b"\xff\xfe", b"\\ud800", b"\\u0000"):
        problem(await edge.publish(raw.replace(b"MARK", bad)), 422, "invalid-event")
    deep = raw.replace(b'"MARK"', b"[" * 20_000 + b"]" * 20_000)
    problem(await edge.publish(deep), 422, "invalid-event")
    found = items(await edge.publish(b"[" + raw.replace(b"MARK", b"\xff") + b"," + raw + b"]"))
    assert [item["status"] for item in found] == ["rejected", "accepted"]
    assert len(await edge.log()) == 1


async def test_the_trace_of_a_request_is_carried_to_the_log(edge: Edge) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    own = f"00-{'a' * 32}-{'b' * 16}-01"
    sent = [purchase(), purchase(traceparent=own)]
    header = f"00-{trace}-00f067aa0ba902b7-01"
    await edge.publish(sent, BATCH, traceparent=header)
    told = {each["id"]: each["traceparent"] for each in await edge.log()}
    assert told[sent[0]["id"]].split("-")[1] == trace
    assert told[sent[1]["id"]] == own


async def test_other_paths_and_methods_are_the_frameworks(edge: Edge) -> None:
    assert (await edge.client.get("/v1/events")).status_code == 405
    assert (await edge.client.get("/healthz")).status_code == 200
    document = (await edge.client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/events"]["post"]
    assert set(operation["requestBody"]["content"]) >= {
        "application/cloudevents+json",
        BATCH,
        LINES,
        "application/json",
    }
    assert {"202", "207", "401", "403", "413", "415", "429", "503"} <= set(operation["responses"])
    assert operation["security"] == [{"source": []}]


async def test_requests_are_counted_by_route_and_status(edge: Edge) -> None:
    await edge.publish(purchase())
    await edge.publish(b"{", "text/plain")
    page = (await edge.client.get("/metrics")).text
    for status in ("202", "415"):
        line = (
            'regulars_http_requests_total{method="POST",route="/v1/events",'
            f'service="ingest",status="{status}"}} 1.0'
        )
        assert line in page
    assert 'regulars_ingest_answers_total{answer="accepted",source="dev"} 1.0' in page
