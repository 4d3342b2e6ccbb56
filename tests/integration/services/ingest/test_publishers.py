"""What publishers met elsewhere, by the numbers of the list of cases: read as it was meant, or
refused in words; and nobody's neighbour suffers.
"""

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.integration.services.ingest.edge import Edge, consuming
from tests.integration.services.ingest.events import joined, purchase
from tests.integration.services.ingest.test_answers import BATCH, LINES, items, problem
from tests.integration.services.ingest.test_identities import housekeeping
from tests.integration.services.ingest.test_inbound import letters, offer, settled

pytestmark = pytest.mark.integration


def binary(sent: dict[str, Any], **more: str) -> dict[str, str]:
    """The attributes of an event as headers."""
    told = {f"ce-{name}": str(value) for name, value in sent.items() if name != "data"}
    return told | more


async def raw(
    edge: Edge, body: bytes, headers: dict[str, str] | list[tuple[str, str]], method: str = "POST"
) -> Any:
    key = list(edge.headers.items())
    given = list(headers.items()) if isinstance(headers, dict) else headers
    return await edge.client.request(method, "/v1/events", content=body, headers=key + given)


async def test_a_number_out_of_range_in_an_unknown_field_touches_no_neighbour(edge: Edge) -> None:
    spoilt = json.dumps(joined("card:2")).replace('"via"', '"depth": 1e400, "via"').encode()
    body = b"[" + b",".join((json.dumps(purchase()).encode(), spoilt)) + b"]"
    good, bad = items(await edge.publish(body, BATCH))
    assert (good["status"], bad["status"]) == ("accepted", "rejected")
    assert "out of range" in bad["problem"]["detail"]
    lines = b"\n".join((spoilt, json.dumps(purchase()).encode()))
    assert [each["status"] for each in items(await edge.publish(lines, LINES))] == [
        "rejected",
        "accepted",
    ]


async def test_unknown_fields_come_through_as_they_were_written(edge: Edge) -> None:
    exact = '{"small": 0.1000000000000000055, "large": 123456789012345678901234567890, "e": 1e2}'
    sent = joined("card:3", data={"profile": {"name": "Li", "city": "Wuhan"}})
    body = json.dumps(sent).replace('"via"', f'"exact": {exact}, "via"').encode()
    assert (await edge.publish(body)).status_code == 202
    [(_, _, value)] = [each for each in await edge.records() if sent["id"].encode() in each[2]]
    assert exact.replace(": ", ":").encode() in value.replace(b": ", b":")
    assert b'"Li"' not in value


async def test_a_nul_is_refused_and_ingest_goes_on(edge: Edge) -> None:
    told = problem(await edge.publish(purchase(data={"note": "a\0b"})), 422, "invalid-event")
    assert "NUL" in told["detail"]
    await housekeeping(edge)  # what was refused can be kept, too
    listed = await edge.client.get("/v1/sources/dev/rejected", headers=edge.token())
    assert "NUL" in listed.text, listed.text
    assert (await edge.publish(purchase())).status_code == 202


async def test_a_key_that_stands_twice_is_refused_wherever_it_is(edge: Edge) -> None:
    sent = json.dumps(purchase(data={"more": {"a": 1}}))
    for once, twice in (
        ('"total": 3520', '"total": 3520, "total": 1'),
        ('"a": 1', '"a": 1, "a": 1'),
        ('"specversion"', '"id": "other", "specversion"'),
    ):
        answer = await edge.publish(sent.replace(once, twice).encode())
        assert "stands twice" in problem(answer, 422, "invalid-event")["detail"], twice
    assert (await edge.publish(sent.encode())).status_code == 202  # as it was


async def test_i4_a_leap_second_and_a_byte_order_mark_are_called_by_their_names(edge: Edge) -> None:
    answer = await edge.publish(purchase(time="2016-12-31T23:59:60Z"))
    assert "leap second" in problem(answer, 422, "invalid-event")["detail"]
    answer = await edge.publish(b"\xef\xbb\xbf" + json.dumps(purchase()).encode())
    assert "byte order mark" in problem(answer, 422, "invalid-event")["detail"]


async def test_binary_mode_of_the_official_sdk_says_no_media_type(edge: Edge) -> None:
    sent = purchase()
    assert (await raw(edge, json.dumps(sent["data"]).encode(), binary(sent))).status_code == 202


@pytest.mark.parametrize("media", ["application/JSON", "application/vnd.my_till+json", "text/json"])
async def test_i12_media_types_ignore_case_and_may_hold_underscores(edge: Edge, media: str) -> None:
    sent = purchase()
    headers = binary(sent, **{"content-type": media})
    assert (await raw(edge, json.dumps(sent["data"]).encode(), headers)).status_code == 202


async def test_i14_a_quoted_string_is_unescaped(edge: Edge) -> None:
    sent = purchase()
    headers = binary(sent) | {"ce-id": '"a \\"b\\" c"'}
    answer = await raw(edge, json.dumps(sent["data"]).encode(), headers)
    assert answer.json()["id"] == 'a "b" c'


async def test_i15_an_attribute_that_stands_twice_is_refused(edge: Edge) -> None:
    sent = purchase()
    headers = [*binary(sent).items(), ("ce-id", "another")]
    answer = await raw(edge, json.dumps(sent["data"]).encode(), headers)
    assert "ce-id stands twice" in problem(answer, 422, "invalid-event")["detail"]


async def test_i20_a_sender_of_webhooks_may_subscribe(edge: Edge) -> None:
    asked = {"WebHook-Request-Origin": "eventemitter.example", "WebHook-Request-Rate": "120"}
    answer = await raw(edge, b"", asked, "OPTIONS")
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "eventemitter.example"
    assert answer.headers["webhook-allowed-rate"] == "*"
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("coding", "status"), [("Identity", 202), ("", 202), ("gzip", 415), ("identity, gzip", 415)]
)
async def test_i23_a_body_that_is_not_compressed_may_say_so(
    edge: Edge, coding: str, status: int
) -> None:
    headers = {"content-type": "application/json", "content-encoding": coding}
    assert (await raw(edge, json.dumps(purchase()).encode(), headers)).status_code == status


async def test_i33_a_trailing_slash_is_another_place_and_loses_no_body(edge: Edge) -> None:
    answer = await edge.client.post("/v1/events/", json=purchase())
    problem(answer, 404, "not-found")


async def test_the_same_id_with_another_content_is_a_duplicate_that_says_so(edge: Edge) -> None:
    sent = purchase()
    await edge.publish(sent)
    other = {**sent, "data": {**sent["data"], "total": 1}}
    answer = (await edge.publish(other)).json()
    assert answer["status"] == "duplicate"
    assert "another content" in answer["remark"]
    assert "remark" not in (await edge.publish(sent)).json()
    told = items(await edge.publish([other, sent], BATCH))
    assert ["remark" in each for each in told] == [True, False]


async def test_base64_is_opened_where_json_is_in_it(edge: Edge) -> None:
    sent = purchase()
    data = sent.pop("data")
    inside = b64encode(json.dumps(data).encode()).decode()
    assert (await edge.publish({**sent, "data_base64": inside})).status_code == 202
    whole = purchase()
    assert (await edge.publish({**whole, "data_base64": None})).status_code == 202
    told = problem(await edge.publish({**whole, "data_base64": inside}), 422, "invalid-event")
    assert "not both" in told["detail"]
    told = problem(await edge.publish({**sent, "data_base64": "AAEC"}), 422, "invalid-event")
    assert "base64" in told["detail"]


async def test_no_purchase_is_lost_for_tracing(edge: Edge) -> None:
    fits, too_long = purchase(tracestate="a=" + "x" * 510), purchase(tracestate="a=" + "x" * 700)
    mad = purchase(traceparent="y" * 900)
    for sent in (fits, too_long, mad):
        assert (await edge.publish(sent)).status_code == 202
    told = {fact["id"]: fact for fact in await edge.log()}
    assert told[fits["id"]]["tracestate"] == fits["tracestate"]
    assert "tracestate" not in told[too_long["id"]]
    assert len(told[mad["id"]]["traceparent"]) < 100


async def test_amounts_have_a_bound_and_currencies_a_list(edge: Edge) -> None:
    huge = purchase(data={"total": 2**63 - 1})
    assert "100000000000" in problem(await edge.publish(huge), 422, "invalid-event")["detail"]
    strange = purchase(data={"currency": "CNX"})
    told = problem(await edge.publish(strange), 422, "invalid-event")
    assert "did you mean" in told["detail"]


async def test_p31_an_order_of_a_thousand_lines_is_taken(edge: Edge) -> None:
    line = {"sku": "x" * 40, "category": "soup", "quantity": 1, "amount": 255, "name": "n" * 60}
    sent = purchase(data={"total": 255 * 1_114, "lines": [line] * 1_114})
    assert (await edge.publish(sent)).status_code == 202
    long_id = purchase(data={"order_id": "o" * 200}, source="s" * 256)
    assert (await edge.publish(long_id)).status_code == 202


async def test_m3_full_width_and_composed_letters_are_one_name(edge: Edge) -> None:
    first = (await edge.publish(purchase("card:888"))).json()["member_id"]
    assert (await edge.publish(purchase("card:\uff18\uff18\uff18"))).json()["member_id"] == first
    phone = (await edge.publish(purchase("phone:+442079460958"))).json()["member_id"]
    spelt = purchase("phone:+44 (0)20 7946 0958")
    assert (await edge.publish(spelt)).json()["member_id"] == phone


async def test_m4_composed_and_decomposed_letters_are_one_text(edge: Edge) -> None:
    sent = joined("card:9", data={"profile": {"city": "Zu\u0308rich Cafe\u0301"}})
    for escaped in (True, False):
        body = json.dumps({**sent, "id": f"m4-{escaped}"}, ensure_ascii=escaped).encode()
        assert (await edge.publish(body)).status_code == 202
    cities = [fact["data"]["profile"]["city"] for fact in await edge.log() if "m4" in fact["id"]]
    assert cities == ["Zürich Café"] * 2


async def test_kafka_reads_as_http_does(edge: Edge) -> None:
    await edge.client.put("/v1/sources/dev", json={"origins": ["pos/1"]}, headers=edge.token())
    structured, twice, empty = purchase(), purchase(), purchase()
    attributes = [(f"ce_{name}", str(v).encode()) for name, v in twice.items() if name != "data"]
    wrong = purchase(data={"total": "much"}, time="yesterday")
    async with consuming(edge):
        cloud = [("content-type", b"application/cloudevents+json"), ("ce_specversion", b"1.0")]
        await offer(edge, structured, headers=cloud)
        await offer(edge, twice["data"], headers=[*attributes, ("ce_id", b"another")])
        await offer(edge, empty, headers=[("unrelated", None)])  # type: ignore[list-item]  # Kafka's null
        await offer(edge, wrong)
        await settled(edge, 4)
    told = {fact["id"] for fact in await edge.log()}
    assert {structured["id"], empty["id"]} <= told
    errors = {event_id: error for error, _, event_id, _ in await letters(edge)}
    assert len(errors) == 2
    assert "/time" in errors[wrong["id"]]
    assert "/data/total" in errors[wrong["id"]]
    assert any("stands twice" in error for error in errors.values())
