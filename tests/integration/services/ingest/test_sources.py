"""Sources: who may publish what, how fast, and what of theirs was rejected."""

import json
from typing import Any

import pytest

from shared.clock import SECOND, ManualClock, parse_instant
from tests.integration.services.ingest.conftest import NewEdge
from tests.integration.services.ingest.edge import Edge
from tests.integration.services.ingest.events import PURCHASE, joined, purchase
from tests.integration.services.ingest.test_answers import BATCH, LINES, items, problem
from tests.integration.services.ingest.test_identities import housekeeping

pytestmark = pytest.mark.integration


async def register(edge: Edge, **rights: Any) -> dict[str, Any]:
    response = await edge.client.post(
        "/v1/sources", json={"name": "pos-1", **rights}, headers=edge.token()
    )
    assert response.status_code == 201, response.text
    told: dict[str, Any] = response.json()
    edge.headers["authorization"] = f"Bearer {told['key']}"
    return told


async def test_a_source_may_publish_what_it_was_registered_for(edge: Edge) -> None:
    await register(edge, types=[PURCHASE], stores=["s1"], origins=["pos/1"])
    assert (await edge.publish(purchase())).status_code == 202
    refused = [
        (joined(), "type-not-allowed"),
        (purchase(data={"store_id": "s2"}), "store-not-allowed"),
        (purchase(source="pos/2"), "source-not-allowed"),
    ]
    for sent, slug in refused:
        problem(await edge.publish(sent), 403, slug)
    found = items(await edge.publish([sent for sent, _ in refused] + [purchase()], BATCH))
    assert [item.get("problem", {}).get("status") for item in found] == [403, 403, 403, None]
    assert len(await edge.log()) == 2


async def test_the_key_is_shown_once_and_can_be_changed(edge: Edge) -> None:
    headers = {**edge.token(), "idempotency-key": "k"}
    body = {"name": "pos-1"}
    told = (await edge.client.post("/v1/sources", json=body, headers=headers)).json()
    again = await edge.client.post("/v1/sources", json=body, headers=headers)
    assert again.status_code == 201
    assert "key" not in again.json()
    assert "key" not in (await edge.client.get("/v1/sources/pos-1", headers=headers)).json()
    response = await edge.client.post("/v1/sources", json=body, headers=edge.token())
    problem(response, 409, "source-exists")

    edge.headers["authorization"] = f"Bearer {told['key']}"
    assert (await edge.publish(purchase())).status_code == 202
    rotated = await edge.client.post("/v1/sources/pos-1:rotate-key", headers=edge.token())
    assert rotated.status_code == 200
    problem(await edge.publish(purchase()), 401, "unauthenticated")
    edge.headers["authorization"] = f"Bearer {rotated.json()['key']}"
    assert (await edge.publish(purchase())).status_code == 202

    off = await edge.client.put("/v1/sources/pos-1", json={"active": False}, headers=edge.token())
    assert off.json()["active"] is False
    problem(await edge.publish(purchase()), 401, "unauthenticated")
    on = await edge.client.put("/v1/sources/pos-1", json={}, headers=edge.token())
    assert on.json()["active"] is True
    assert (await edge.publish(purchase())).status_code == 202
    gone = await edge.client.delete("/v1/sources/pos-1", headers=edge.token())
    assert gone.status_code == 204
    problem(await edge.publish(purchase()), 401, "unauthenticated")
    for path in ("/v1/sources/pos-1", "/v1/sources/pos-1/rejected"):
        problem(await edge.client.get(path, headers=edge.token()), 404, "not-found")


async def test_a_source_registered_elsewhere_is_known_at_once(new_edge: NewEdge) -> None:
    here, there = await new_edge(), await new_edge()
    told = await register(here)
    there.headers["authorization"] = f"Bearer {told['key']}"
    assert (await there.publish(purchase())).status_code == 202


async def test_too_fast_is_answered_with_when_to_come_again(new_edge: NewEdge) -> None:
    clock = ManualClock(parse_instant("2026-01-01T00:00:00Z"))
    edge = await new_edge(time=clock)
    await register(edge, rate_per_second=2, burst=4)
    found = items(await edge.publish([purchase() for _ in range(4)], BATCH))
    assert [item["status"] for item in found] == ["accepted"] * 4
    refused = await edge.publish(purchase())
    problem(refused, 429, "too-fast")
    assert refused.headers["retry-after"] == "1"
    refused = await edge.publish([purchase() for _ in range(3)], BATCH)
    problem(refused, 429, "too-fast")
    assert refused.headers["retry-after"] == "2"
    clock.advance(2 * SECOND)
    assert (await edge.publish(purchase())).status_code == 202
    assert len(await edge.log()) == 5


async def test_a_stream_of_lines_is_slowed_down_rather_than_refused(edge: Edge) -> None:
    await register(edge, rate_per_second=20, burst=10)
    for _ in range(2):
        body = b"\n".join(json.dumps(purchase()).encode() for _ in range(20))
        found = items(await edge.publish(body, LINES))
        assert [item["status"] for item in found] == ["accepted"] * 20


async def test_rejected_events_can_be_looked_at_newest_first_and_are_bounded(
    new_edge: NewEdge,
) -> None:
    edge = await new_edge(rejected_kept_max=3)
    for total in range(1, 6):
        problem(
            await edge.publish(purchase(id=f"r{total}", data={"total": -total})),
            422,
            "invalid-event",
        )
    await edge.publish(b"\xff not json")
    await housekeeping(edge)
    path = "/v1/sources/dev/rejected"
    page = (await edge.client.get(path, params={"limit": 2}, headers=edge.token())).json()
    rest = (
        await edge.client.get(path, params={"cursor": page["next"]}, headers=edge.token())
    ).json()
    kept = page["items"] + rest["items"]
    assert rest["next"] is None
    assert [each["event_id"] for each in kept] == [None, "r5", "r4"]
    assert kept[1]["problem"]["errors"][0]["pointer"] == "/data/total"
    assert '"total": -5' in kept[1]["raw"]
    assert (await edge.client.get(path, headers=edge.token("marketer"))).status_code == 403


async def test_rights_that_make_no_sense_are_refused(edge: Edge) -> None:
    for rights in ({"types": ["a.b"]}, {"rate_per_second": 0}, {"burst": 0}, {"name": "A b"}):
        response = await edge.client.post(
            "/v1/sources", json={"name": "x", **rights}, headers=edge.token()
        )
        problem(response, 422, "invalid-request")


async def test_unknown_stores_are_noted_and_a_strict_source_refuses_them(edge: Edge) -> None:
    assert (await edge.publish(purchase(data={"store_id": "new"}))).status_code == 202
    await housekeeping(edge)
    listed = await edge.client.get("/v1/stores", params={"confirmed": False}, headers=edge.token())
    assert [(each["store_id"], each["first_source"]) for each in listed.json()["items"]] == [
        ("new", "dev")
    ]
    assert "regulars_ingest_stores_unconfirmed 1.0" in (await edge.client.get("/metrics")).text
    await register(edge, strict=True)
    told = problem(await edge.publish(purchase(data={"store_id": "new"})), 422, "unknown-store")
    assert told["errors"][0]["pointer"] == "#/data/store_id"
    written = await edge.client.put(
        "/v1/stores/new", json={"name": "New", "time_zone": "Asia/Shanghai"}, headers=edge.token()
    )
    assert written.json()["confirmed"] is True
    assert (await edge.publish(purchase(data={"store_id": "new"}))).status_code == 202


async def test_master_data_of_stores(edge: Edge) -> None:
    many = {"stores": [{"store_id": f"s{number}", "city": "SH"} for number in range(5)]}
    for _ in range(2):
        response = await edge.client.post("/v1/stores:bulk", json=many, headers=edge.token())
        assert response.json() == {"stores": 5}
    page = (await edge.client.get("/v1/stores", params={"limit": 3}, headers=edge.token())).json()
    rest = (
        await edge.client.get("/v1/stores", params={"cursor": page["next"]}, headers=edge.token())
    ).json()
    assert [each["store_id"] for each in page["items"] + rest["items"]] == [
        f"s{number}" for number in range(5)
    ]
    new = {"store_id": "s9", "latitude": 31.2, "longitude": 121.5}
    assert (await edge.client.post("/v1/stores", json=new, headers=edge.token())).status_code == 201
    response = await edge.client.post("/v1/stores", json=new, headers=edge.token())
    problem(response, 409, "store-exists")
    keeper = edge.token("store", ("s9",))
    assert (await edge.client.get("/v1/stores/s9", headers=keeper)).json()["latitude"] == 31.2
    assert (await edge.client.get("/v1/stores/s1", headers=keeper)).status_code == 403
    mine = (await edge.client.get("/v1/stores", headers=keeper)).json()["items"]
    assert [each["store_id"] for each in mine] == ["s9"]
    assert (await edge.client.put("/v1/stores/s9", json={}, headers=keeper)).status_code == 403
    bad = {"store_id": "x", "time_zone": "Mars/Olympus"}
    response = await edge.client.post("/v1/stores", json=bad, headers=edge.token())
    problem(response, 422, "invalid-request")
    assert (await edge.client.delete("/v1/stores/s9", headers=edge.token())).status_code == 204
    response = await edge.client.get("/v1/stores/s9", headers=edge.token())
    problem(response, 404, "not-found")


async def test_the_replays_clock(new_edge: NewEdge) -> None:
    wall, replay = await new_edge(), await new_edge(clock="stream")
    body = {"until": "2017-12-31T00:00:00+08:00"}
    response = await wall.client.post("/v1/clock:advance", json=body, headers=wall.token())
    problem(response, 409, "wall-clock")
    moved = await replay.client.post("/v1/clock:advance", json=body, headers=replay.token())
    assert moved.status_code == 200
    records = await replay.records()
    assert sorted(partition for partition, _, _ in records) == [0, 1, 2, 3]
    assert {fact["data"]["until"] for fact in await replay.log()} == {"2017-12-30T16:00:00Z"}
    low = {"until": "0001-01-01T00:00:00Z"}
    response = await replay.client.post("/v1/clock:advance", json=low, headers=replay.token())
    problem(response, 422, "invalid-request")
    stranger = replay.token("analyst")
    response = await replay.client.post("/v1/clock:advance", json=body, headers=stranger)
    assert response.status_code == 403


async def test_the_contracts_as_documents(edge: Edge) -> None:
    document = (await edge.client.get("/asyncapi.json")).json()
    assert document["asyncapi"].startswith("3.")
    schema = await edge.client.get(f"/schemas/{PURCHASE}.json")
    assert schema.headers["content-type"] == "application/schema+json"
    assert "lines" in schema.json()["properties"]
    assert (await edge.client.get("/schemas/envelope.json")).status_code == 200
    problem(await edge.client.get("/schemas/asyncapi.json"), 404, "not-found")
    problem(await edge.client.get("/schemas/a.b.json"), 404, "not-found")
