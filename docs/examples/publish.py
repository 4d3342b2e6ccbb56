"""Publishes purchases with the official CloudEvents SDK: over HTTP in every mode, and over Kafka.

pip install cloudevents httpx confluent-kafka; then, with INGEST, SOURCE_KEY and KAFKA set:
python docs/examples/publish.py
"""

import os
from datetime import UTC, datetime

import httpx
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer


def purchase(order: str) -> CloudEvent:
    """What a till knows when somebody has paid."""
    return CloudEvent(
        attributes={
            "id": order,  # the same when it is sent again
            "source": "/pos/store-12",
            "type": "regulars.purchase.completed.v1",
            "subject": "card:4711",
            "time": datetime.now(UTC),
            "datacontenttype": "application/json",
        },
        data={
            "order_id": order,
            "store_id": "store-12",
            "currency": "CNY",
            "total": 3520,
            "channel": "store",
            "lines": [{"sku": "tea-1", "category": "tea", "quantity": 2, "amount": 3520}],
        },
    )


def over_http() -> None:
    """One event, structured and binary; then several in one request."""
    key = os.environ["SOURCE_KEY"]
    with httpx.Client(
        base_url=os.environ["INGEST"], headers={"Authorization": f"Bearer {key}"}
    ) as client:
        for order, encode in (
            ("sdk-structured", http.to_structured_event),
            ("sdk-binary", http.to_binary_event),
        ):
            message = encode(purchase(order))
            answer = client.post("/v1/events", content=message.body, headers=message.headers)
            answer.raise_for_status()
            print(order, answer.json()["status"])

        written = [JSONFormat().write(purchase(order)) for order in ("sdk-batch-1", "sdk-batch-2")]
        answer = client.post(
            "/v1/events",
            content=b"[" + b",".join(written) + b"]",
            headers={"Content-Type": "application/cloudevents-batch+json"},
        )
        answer.raise_for_status()
        print("batch", [item["status"] for item in answer.json()["items"]])


def over_kafka() -> None:
    """The same events as records; what is not confirmed is said by `flush`."""
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA"],
            "enable.idempotence": True,
            "compression.type": "zstd",
        }
    )
    for order, encode in (
        ("sdk-kafka-structured", kafka.to_structured_event),
        ("sdk-kafka-binary", kafka.to_binary_event),
    ):
        message = encode(purchase(order))
        producer.produce(
            "regulars.inbound", message.value, key="store-12", headers=[*message.headers.items()]
        )
    print("not confirmed by Kafka:", producer.flush(30))


if __name__ == "__main__":
    over_http()
    over_kafka()
