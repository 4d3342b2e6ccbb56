"""Publishing until everything is confirmed, against an ingest that has its moods."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest

from deploy.demo.errors import RefusedError
from deploy.demo.publish import BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Publisher, in_batches

Answer = tuple[int, dict[str, str], Any]
Mood = Callable[[list[str]], Answer | None]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class FakeIngest:
    """Takes batches as ingest does; `moods` answer the first requests instead."""

    def __init__(self, *moods: Mood) -> None:
        self.taken: list[str] = []
        self.requests = 0
        self._moods = list(moods)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        assert dict(scope["headers"])[b"authorization"] == b"Bearer key"
        self.requests += 1
        ids = [event["id"] for event in orjson.loads(body)]
        status, headers, content = self._answer(ids)
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": orjson.dumps(content)})

    def _answer(self, ids: list[str]) -> Answer:
        mood = self._moods.pop(0) if self._moods else None
        answer = mood(ids) if mood else None
        if answer is not None:
            return answer
        return 207, {}, {"items": [self._take(event_id) for event_id in ids]}

    def _take(self, event_id: str) -> dict[str, str]:
        status = "duplicate" if event_id in self.taken else "accepted"
        self.taken.append(event_id)
        return {"id": event_id, "status": status}


def _events(count: int) -> list[tuple[str, int, bytes]]:
    return [("a" if i % 2 else "b", i, orjson.dumps({"id": str(i)})) for i in range(count)]


def _publisher(ingest: FakeIngest, rate: int | None = None) -> Publisher:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=ingest),  # type: ignore[arg-type]  # ASGI's own types are wider
        base_url="http://ingest",
    )
    return Publisher(client, "key", rate=rate)


async def test_everything_arrives_once_and_in_order() -> None:
    ingest = FakeIngest()
    published = await _publisher(ingest).publish(_events(2500))
    assert ingest.taken == [str(i) for i in range(2500)]
    assert ingest.requests == 3
    assert published.by_type == Counter({"a": 1250, "b": 1250})
    assert (published.duplicates, published.repeats, published.until) == (0, 0, 2499)


async def test_what_is_not_confirmed_is_sent_again_with_the_same_id() -> None:
    def half(ids: list[str]) -> Answer:
        items: list[dict[str, Any]] = [
            {"id": i, "status": "accepted"}
            if int(i) % 2
            else {"id": i, "status": "unconfirmed", "problem": {"status": 503}}
            for i in ids
        ]
        return 207, {}, {"items": items}

    ingest = FakeIngest(half)
    published = await _publisher(ingest).publish(_events(10))
    assert ingest.taken == ["0", "2", "4", "6", "8"]
    assert (published.count, published.repeats) == (10, 5)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refusal_for_now_is_waited_out(status: int) -> None:
    ingest = FakeIngest(lambda _: (status, {"retry-after": "0.01"}, {}))
    published = await _publisher(ingest).publish(_events(3))
    assert ingest.taken == ["0", "1", "2"]
    assert (published.count, published.repeats) == (3, 3)


async def test_the_second_batch_waits_for_the_first() -> None:
    """Otherwise what a member did later could arrive earlier."""
    ingest = FakeIngest(lambda _: (503, {"retry-after": "0.01"}, {}))
    await _publisher(ingest).publish(_events(1500))
    assert ingest.taken == [str(i) for i in range(1500)]


async def test_an_event_that_is_not_valid_ends_it() -> None:
    problem = {"status": 422, "detail": "/data/total: not a number"}
    ingest = FakeIngest(lambda ids: (207, {}, {"items": [{"id": ids[0], "problem": problem}]}))
    with pytest.raises(RefusedError, match="/data/total"):
        await _publisher(ingest).publish(_events(1))


async def test_a_bad_key_ends_it() -> None:
    ingest = FakeIngest(lambda _: (401, {}, {"detail": "unknown key"}))
    with pytest.raises(RefusedError, match="401"):
        await _publisher(ingest).publish(_events(1))


async def test_duplicates_are_counted() -> None:
    ingest = FakeIngest()
    publisher = _publisher(ingest)
    await publisher.publish(_events(4))
    published = await publisher.publish(_events(5))
    assert (published.count, published.duplicates) == (9, 4)


def test_batches_keep_to_what_ingest_takes() -> None:
    large = b"x" * (BATCH_BYTES_MAX // 3)
    events = [("a", 0, large)] * 4 + [("a", 0, b"{}")] * (BATCH_EVENTS_MAX + 5)
    batches = list(in_batches(events))
    assert [event for batch in batches for event in batch] == events
    for batch in batches:
        assert len(batch) <= BATCH_EVENTS_MAX
        assert sum(len(raw) + 1 for _, _, raw in batch) <= BATCH_BYTES_MAX
    assert len(batches) == 3
    assert list(in_batches([])) == []


async def test_a_rate_is_kept_in_small_steps() -> None:
    ingest = FakeIngest()
    started = time.monotonic()
    await _publisher(ingest, rate=200).publish(_events(100))
    assert 0.4 < time.monotonic() - started < 5
    assert ingest.requests == 2
