"""The dead letters' API on PostgreSQL."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.clock import SECOND, ManualClock
from shared.db import Database
from shared.kafka.consumer import Record
from shared.runtime import dead_letters
from tests.integration.shared.runtime.http.serving import NOW, runtime_database, serve, token

pytestmark = pytest.mark.integration

TOPICS = ("regulars.events", "regulars.segments")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with runtime_database(database_url) as database:
        async with database.transaction() as tx:
            for offset in range(7):
                record = Record(
                    TOPICS[offset % 2],
                    0,
                    offset,
                    0,
                    b"member",
                    "{坏".encode() if offset else b"\xff\x00",
                    (("content-type", b"application/json"),),
                )
                await dead_letters.insert(
                    tx,
                    "points",
                    record,
                    kind="undecodable",
                    error=f"not JSON: {offset}",
                    now=NOW + offset * SECOND,
                    about=("regulars.purchase.completed.v1", f"e{offset}", None),
                )
        yield database


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(database, ManualClock(NOW + 60 * SECOND)) as client:
        yield client


async def states(client: httpx.AsyncClient) -> dict[str, int]:
    counted: dict[str, int] = {}
    for letter in (await client.get("/v1/dead-letters?limit=500")).json()["items"]:
        counted[letter["state"]] = counted.get(letter["state"], 0) + 1
    return counted


async def test_the_list_comes_in_pages_newest_first_with_its_total(
    client: httpx.AsyncClient,
) -> None:
    seen: list[str] = []
    query = "/v1/dead-letters?limit=3"
    while True:
        told = (await client.get(query)).json()
        assert told["total"] == 7
        seen += [letter["event_id"] for letter in told["items"]]
        if told["next"] is None:
            break
        query = f"/v1/dead-letters?limit=3&cursor={told['next']}"
    assert seen == [f"e{offset}" for offset in range(6, -1, -1)]


async def test_filters(client: httpx.AsyncClient) -> None:
    told = (await client.get("/v1/dead-letters", params={"topic": TOPICS[1]})).json()
    assert told["total"] == len(told["items"]) == 3
    assert (await client.get("/v1/dead-letters?state=discarded")).json()["total"] == 0
    assert (await client.get("/v1/dead-letters?type=regulars.other.v1")).json()["total"] == 0
    assert (await client.get("/v1/dead-letters?state=lost")).status_code == 422


async def test_one_letter_has_its_bytes_and_its_reason(client: httpx.AsyncClient) -> None:
    items = (await client.get("/v1/dead-letters")).json()["items"]
    assert "raw" not in items[0]
    letter = (await client.get(f"/v1/dead-letters/{items[0]['id']}")).json()
    assert letter["text"] == "{坏"
    assert base64.b64decode(letter["raw"]) == "{坏".encode()
    assert letter["error"] == "not JSON: 6"
    assert letter["headers"] == [["content-type", base64.b64encode(b"application/json").decode()]]
    assert letter["first_at"] == "2023-11-14T22:13:26Z"
    binary = (await client.get(f"/v1/dead-letters/{items[-1]['id']}")).json()
    assert binary["text"] is None
    assert base64.b64decode(binary["raw"]) == b"\xff\x00"
    assert (await client.get("/v1/dead-letters/999999")).status_code == 404


async def test_replay_and_discard_one(client: httpx.AsyncClient) -> None:
    one, two = [
        each["id"] for each in (await client.get("/v1/dead-letters?limit=2")).json()["items"]
    ]
    replayed = await client.post(f"/v1/dead-letters/{one}:replay")
    assert replayed.status_code == 202
    assert replayed.json() == {"ids": [one], "state": "replaying", "left": 0}
    discarded = await client.post(f"/v1/dead-letters/{two}:discard")
    assert discarded.json() == {"ids": [two], "state": "discarded", "left": 0}
    assert await states(client) == {"held": 5, "replaying": 1, "discarded": 1}
    again = await client.post(f"/v1/dead-letters/{two}:replay")
    assert again.status_code == 409
    assert "discarded" in again.json()["detail"]
    assert (await client.post("/v1/dead-letters/999999:discard")).status_code == 404


async def test_replay_what_matches(client: httpx.AsyncClient) -> None:
    told = await client.post("/v1/dead-letters:replay", json={"topic": TOPICS[1]})
    assert told.status_code == 202
    assert len(told.json()["ids"]) == 3
    assert await states(client) == {"held": 4, "replaying": 3}
    ids = [each["id"] for each in (await client.get("/v1/dead-letters")).json()["items"]]
    told = await client.post("/v1/dead-letters:replay", json={"ids": ids[:3]})
    assert await states(client) == {
        "held": 7 - 3 - len(told.json()["ids"]),
        "replaying": 3 + len(told.json()["ids"]),
    }
    await client.post("/v1/dead-letters:replay", json={})
    assert await states(client) == {"replaying": 7}


async def test_letters_are_for_operators_only(client: httpx.AsyncClient) -> None:
    for role in ("marketer", "analyst", "store"):
        response = await client.get("/v1/dead-letters", headers=token(role))
        assert response.status_code == 403
