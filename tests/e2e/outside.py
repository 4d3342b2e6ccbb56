"""Ingest and points as other systems see them: an address, a key, topics; and clients of others."""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from deploy.local.endpoints import Endpoints
from shared.clock import WallClock, to_datetime
from shared.events.topics import INBOUND, POINTS

TOTAL, EARNS = 3520, 35
_PATIENCE_SECONDS = 60.0
_FLUSH_SECONDS = 30.0


def attributes(order: str, **more: Any) -> dict[str, Any]:
    """The attributes of a purchase by a member of its own; the order's number is its id."""
    return {
        "id": order,
        "source": "/pos/store-12",
        "type": "regulars.purchase.completed.v1",
        "subject": f"card:{order}",
        "time": to_datetime(WallClock().now()),
        **more,
    }


def details(order: str) -> dict[str, Any]:
    """The data of the purchase."""
    return {
        "order_id": order,
        "store_id": "store-12",
        "currency": "CNY",
        "total": TOTAL,
        "channel": "store",
        "lines": [{"sku": "茶-1", "category": "tea", "quantity": 2, "amount": TOTAL}],
    }


def purchase(order: str, **more: Any) -> CloudEvent:
    """The purchase as an event of the official SDK."""
    return CloudEvent(attributes(order, **more), details(order))


def as_json(order: str) -> bytes:
    """The purchase as structured JSON, made by hand."""
    event = attributes(order, specversion="1.0") | {"data": details(order)}
    event["time"] = event["time"].isoformat()
    return json.dumps(event).encode()


@dataclass
class Outside:
    """What a publisher or reader knows of us, and what it sees on `regulars.points`.

    Attributes:
        endpoints: of the running stack.
        seen: events of the topic, decoded by the official SDK, by the order that they are about.
    """

    endpoints: Endpoints
    seen: dict[str, BaseCloudEvent] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the topic from its beginning."""
        self._reader = Consumer(
            {
                "bootstrap.servers": self.endpoints.kafka,
                "group.id": "none",
                "enable.auto.commit": False,
            }
        )
        known = self._reader.list_topics(POINTS, timeout=_FLUSH_SECONDS).topics[POINTS].partitions
        self._reader.assign([TopicPartition(POINTS, each, OFFSET_BEGINNING) for each in known])

    def close(self) -> None:
        """Read no more."""
        self._reader.close()

    def post(self, body: bytes | str | None, headers: Mapping[str, str], status: int = 202) -> Any:
        """Publish over HTTP with the headers of a client, and our key beside them."""
        key = {"Authorization": f"Bearer {self.endpoints.source_key}"}
        url = f"{self.endpoints.services['ingest']}/v1/events"
        answer = httpx.post(url, content=body, headers={**headers, **key}, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()

    def producer(self, **settings: Any) -> Producer:
        """A producer of librdkafka."""
        return Producer({"bootstrap.servers": self.endpoints.kafka, **settings})

    def send(self, message: kafka.KafkaMessage, **settings: Any) -> None:
        """Publish what an SDK has made over Kafka, until the broker has it."""
        producer = self.producer(**settings)
        offer(producer, message)
        assert producer.flush(_FLUSH_SECONDS) == 0

    def moved(self, order: str) -> BaseCloudEvent:
        """Wait for the event that says what an order has earned."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while order not in self.seen:
            assert time.monotonic() < deadline, f"{order} has earned nothing"
            record = self._reader.poll(0.5)
            if record is None:
                continue
            assert record.error() is None, record.error()
            event = kafka.from_kafka_event(_message(record))
            if event.get_type() == "regulars.points.moved.v1":
                self.seen[_data(event).get("order_id", "")] = event  # a return has no order
        return self.seen[order]

    def earns(self, *orders: str) -> None:
        """Wait until orders have earned what they should, and say so as events should."""
        for order in orders:
            event = self.moved(order)
            assert event.get_subject() == self.member(order)
            assert _data(event)["points"] == EARNS

    def member(self, order: str) -> str | None:
        """The member who made the order; nothing where nobody did."""
        answer = self.ask("ingest", "/v1/members", identity=f"card:{order}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.json()["member_id"]

    def has(self, card: str, points: int) -> None:
        """Wait until the account of a card's member stands at so many points."""
        member = self.member(card)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            account = self.ask("points", f"/v1/members/{member}/account").json()
            if account.get("available") == points:
                return
            assert time.monotonic() < deadline, account
            time.sleep(0.1)  # asks again; nothing says that it is done

    def say(self, type_: str, id_: str, card: str | None, data: Mapping[str, Any]) -> None:
        """Publish an event as a till would; no card: nobody is named."""
        event = attributes(id_, specversion="1.0", type=type_) | {"data": data}
        event["time"] = event["time"].isoformat()
        event.pop("subject")
        if card is not None:
            event["subject"] = f"card:{card}"
        told = self.post(json.dumps(event), {"Content-Type": "application/json"})
        assert told["status"] == "accepted"

    def ask(self, service: str, path: str, **query: str) -> httpx.Response:
        """Ask a service as an administrator."""
        return httpx.get(
            self.endpoints.services[service] + path,
            params=query,
            headers={"Authorization": f"Bearer {self.endpoints.token}"},
            timeout=30,
        )


def offer(producer: Producer, message: kafka.KafkaMessage) -> None:
    """Give a producer a message of an SDK."""
    producer.produce(INBOUND, message.value, key=message.key, headers=list(message.headers.items()))


def run(*argv: str, given: bytes | None = None) -> str:
    """Run somebody's client to its end; answers what it printed."""
    done = subprocess.run(argv, input=given, capture_output=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def _message(record: Any) -> kafka.KafkaMessage:
    return kafka.KafkaMessage(dict(record.headers() or ()), record.key(), record.value())


def _data(event: BaseCloudEvent) -> dict[str, Any]:
    data = event.get_data()
    assert isinstance(data, dict)
    return data
