"""Clients that others wrote, unchanged, in every mode: what they publish earns, and they read it.

The official CloudEvents SDK (its present API and that of version 1), librdkafka (confluent-kafka
and kcat) and Apache Kafka's own client for Java.
"""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.v1 import conversion as conversion_v1
from cloudevents.v1 import http as http_v1
from cloudevents.v1 import kafka as kafka_v1

from deploy.local.settings import StackSettings
from deploy.local.stack import Stack
from shared.events.topics import INBOUND, POINTS
from tests.debian import kcat
from tests.e2e.outside import Outside, as_json, attributes, details, offer, purchase, run
from tests.handbook import ROOT
from tests.java import java_with_kafka

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

JSON = {"datacontenttype": "application/json"}
_LAG_SECONDS = 10.0
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    stack = Stack(
        tmp_path_factory.mktemp("clients") / "stack",
        services=("ingest", "points"),
        settings=StackSettings(kafka=None),
    )
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(stack):
        if stack.endpoints.broker != "kafka":
            pytest.skip("codecs and transactions need Apache Kafka")
        made = Outside(stack.endpoints)
        yield made
        made.close()


@pytest.mark.parametrize(
    ("order", "encode", "more"),
    [
        ("sdk-structured", http.to_structured_event, {}),
        ("sdk-structured-typed", http.to_structured_event, JSON),
        ("sdk-binary-typed", http.to_binary_event, JSON),
        pytest.param("sdk-binary", http.to_binary_event, {}),
        ("sdk-binary-capitals", http.to_binary_event, {"datacontenttype": "Application/JSON"}),
        ("sdk-binary-vendor", http.to_binary_event, {"datacontenttype": "application/x_y+json"}),
    ],
)
def test_sdk_over_http(
    outside: Outside, order: str, encode: Callable[..., http.HTTPMessage], more: dict[str, Any]
) -> None:
    message = encode(purchase(order, **more))
    assert outside.post(message.body, message.headers)["status"] == "accepted"
    outside.earns(order)
    # sent again in the other mode it is the same event
    message = http.to_structured_event(purchase(order))
    assert outside.post(message.body, message.headers)["status"] == "duplicate"


@pytest.mark.parametrize(
    ("order", "encode", "more"),
    [
        ("sdk1-structured", conversion_v1.to_structured, {}),
        ("sdk1-binary-typed", conversion_v1.to_binary, JSON),
        pytest.param("sdk1-binary", conversion_v1.to_binary, {}),
    ],
)
def test_sdk_version_1_over_http(
    outside: Outside, order: str, encode: Callable[..., Any], more: dict[str, Any]
) -> None:
    given = attributes(order, **more)
    given["time"] = given["time"].isoformat()
    headers, body = encode(http_v1.CloudEvent(given, details(order)))
    assert outside.post(body, headers)["status"] == "accepted"
    outside.earns(order)


@pytest.mark.parametrize(
    ("media_type", "start", "between", "end"),
    [
        ("application/cloudevents-batch+json", b"[", b",", b"]"),
        ("application/json", b"[", b",\n", b"]"),
        ("application/x-ndjson", b"", b"\n", b"\n"),
    ],
)
def test_several_in_one_request(
    outside: Outside, media_type: str, start: bytes, between: bytes, end: bytes
) -> None:
    orders = [f"sdk-{media_type.rpartition('/')[2]}-{number}" for number in range(3)]
    body = start + between.join(JSONFormat().write(purchase(order)) for order in orders) + end
    answer = outside.post(body, {"Content-Type": media_type}, status=207)
    assert [item["status"] for item in answer["items"]] == ["accepted"] * 3
    outside.earns(*orders)


@pytest.mark.parametrize("more", [{}, JSON, {"partitionkey": "store-12"}], ids=str)
@pytest.mark.parametrize("encode", [kafka.to_structured_event, kafka.to_binary_event])
def test_sdk_over_kafka(
    outside: Outside, encode: Callable[..., kafka.KafkaMessage], more: dict[str, str]
) -> None:
    order = f"sdk-kafka-{encode.__name__}-{len(str(more))}"
    outside.send(encode(purchase(order, **more)))
    outside.earns(order)


@pytest.mark.parametrize("encode", [kafka_v1.to_structured, kafka_v1.to_binary])
def test_sdk_version_1_over_kafka(outside: Outside, encode: Callable[..., Any]) -> None:
    order = f"sdk1-kafka-{encode.__name__}"
    given = attributes(order, partitionkey="store-12", **JSON)
    given["time"] = given["time"].isoformat()
    made = encode(http_v1.CloudEvent(given, details(order)))
    outside.send(kafka.KafkaMessage(dict(made.headers), made.key, made.value))
    outside.earns(order)


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_in_both_modes(outside: Outside, codec: str) -> None:
    producer = outside.producer(**{"compression.type": codec, "linger.ms": 50})
    orders = []
    for encode in (kafka.to_structured_event, kafka.to_binary_event):
        for number in range(5):  # together in one record batch, or nothing is compressed
            orders.append(f"{codec}-{encode.__name__}-{number}")
            offer(producer, encode(purchase(orders[-1], **JSON)))
    assert producer.flush(30) == 0
    outside.earns(*orders)


def test_an_idempotent_producer(outside: Outside) -> None:
    message = kafka.to_binary_event(purchase("idempotent", **JSON))
    outside.send(message, **{"enable.idempotence": True, "acks": "all"})
    outside.earns("idempotent")


def test_a_committed_transaction(outside: Outside) -> None:
    _in_transaction(outside, "committed", commit=True)
    outside.earns("committed")


def test_an_aborted_transaction_never_was(outside: Outside) -> None:
    _in_transaction(outside, "aborted", commit=False)
    _in_transaction(outside, "after-aborted", commit=True)  # into the same partition
    outside.earns("after-aborted")
    assert outside.member("aborted") is None
    assert "aborted" not in outside.seen


def test_after_a_transaction_nothing_waits(outside: Outside) -> None:
    _in_transaction(outside, "no-lag", commit=True)
    outside.earns("no-lag")
    deadline = time.monotonic() + _LAG_SECONDS
    while set(lags := _inbound_lag(outside)) != {0.0}:
        assert time.monotonic() < deadline, lags
        time.sleep(0.1)


def _in_transaction(outside: Outside, order: str, *, commit: bool) -> None:
    producer = outside.producer(**{"transactional.id": f"till-{order}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    offer(producer, kafka.to_structured_event(purchase(order, partitionkey="one")))
    assert producer.flush(30) == 0
    if commit:
        producer.commit_transaction(30)
    else:
        producer.abort_transaction(30)


def _inbound_lag(outside: Outside) -> list[float]:
    lines = outside.ask("ingest", "/metrics").text.splitlines()
    return [
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("regulars_lag_events{") and f'topic="{INBOUND}"' in line
    ]


def test_kcat_publishes_and_reads(outside: Outside, tmp_path: Any) -> None:
    program, broker = str(kcat()), outside.endpoints.kafka
    whole, data = tmp_path / "structured.json", tmp_path / "binary.json"
    whole.write_bytes(as_json("kcat-structured"))
    data.write_text(json.dumps(details("kcat-binary")))
    publish = (program, "-P", "-b", broker, "-t", INBOUND, "-k", "store-12")
    run(*publish, "-H", "content-type=application/cloudevents+json", str(whole))
    given = attributes("kcat-binary", specversion="1.0")
    given["time"] = given["time"].isoformat()
    headers = [f"-Hce_{name}={value}" for name, value in given.items()]
    run(*publish, *headers, "-H", "content-type=application/json", "-z", "gzip", str(data))
    committed = as_json("kcat-transaction")
    run(*publish, "-X", "transactional.id=kcat", given=committed)  # no headers at all
    outside.earns("kcat-structured", "kcat-binary", "kcat-transaction")

    read = run(program, "-C", "-b", broker, "-t", POINTS, "-o", "beginning", "-e", "-q", "-J")
    found = [json.loads(line) for line in read.splitlines()]
    mine = [each for each in found if '"kcat-binary"' in each["payload"]]
    assert len(mine) == 1
    event = json.loads(mine[0]["payload"])
    assert _header(mine[0], "content-type").startswith("application/cloudevents+json")
    assert mine[0]["key"] == event["subject"] == outside.member("kcat-binary")
    assert event["type"] == "regulars.points.moved.v1"


def test_p15_an_order_rung_up_on_the_wrong_card_goes_to_the_right_one(outside: Outside) -> None:
    bought = "regulars.purchase.completed.v1"
    outside.say(bought, "wrong-card", "p15-a", details("p15"))
    outside.has("p15-a", 35)
    outside.say(bought, "right-card", "p15-b", details("p15"))
    outside.has("p15-a", 0)
    outside.has("p15-b", 35)
    member = outside.member("p15-a")
    told = outside.ask("points", f"/v1/members/{member}/transfers", lang="en").json()["items"]
    assert "another member's" in json.dumps(told)
    # what comes back is the buyer's, whoever is named
    refund = {"order_id": "p15", "store_id": "store-12", "refund_id": "r", "currency": "CNY"}
    outside.say("regulars.purchase.refunded.v1", "back", "p15-a", refund | {"amount": 1000})
    outside.has("p15-b", 25)
    outside.has("p15-a", 0)


def test_p14_what_comes_back_without_its_receipt(outside: Outside) -> None:
    outside.say("regulars.purchase.completed.v1", "p14", "p14", details("p14") | {"total": 10_000})
    outside.has("p14", 100)
    refund = {"refund_id": "r", "store_id": "store-12", "currency": "CNY", "amount": 4_650}
    outside.say("regulars.purchase.refunded.v1", "p14-back", "p14", refund)
    outside.has("p14", 53)


def test_p35_a_basket_without_a_name_earns_for_who_claims_its_receipt(outside: Outside) -> None:
    code = {"receipt_code": "R-p35"}
    outside.say("regulars.purchase.completed.v1", "nobody", None, details("p35") | code)
    outside.say("regulars.receipt.claimed.v1", "scan", "p35", code)
    outside.has("p35", 35)


def _header(record: dict[str, Any], name: str) -> str:
    """kcat writes headers as a list: name, value, name, value."""
    names = record["headers"][::2]
    return str(record["headers"][2 * names.index(name) + 1])


def test_java_publishes_and_reads(outside: Outside) -> None:
    start = java_with_kafka()
    examples = ROOT / "docs" / "examples"
    for mode in ("structured", "binary"):
        run(*start, str(examples / "Publisher.java"), outside.endpoints.kafka, mode, f"java-{mode}")
    for order in ("java-structured", "java-binary"):
        assert outside.moved(order).get_subject() == outside.member("4711")
    read = run(*start, str(examples / "Reader.java"), outside.endpoints.kafka, POINTS)
    events = [json.loads(line) for line in read.splitlines() if line.startswith("{")]
    orders = {event["data"].get("order_id"): event for event in events}
    for order in ("java-structured", "java-binary"):
        assert orders[order]["type"] == "regulars.points.moved.v1"
        assert orders[order]["subject"] == outside.moved(order).get_subject()
