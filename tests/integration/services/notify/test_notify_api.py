"""The API as a client sees it, over the real database."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from services.notify.api.journeys import journeys_router
from services.notify.api.messages import messages_router
from services.notify.handlers.messages import Messages
from shared.auth.tokens import Verifier, issue
from shared.clock import MINUTE, ManualClock, WallClock
from shared.db import Database
from shared.events import decode, types
from shared.observability.metrics import Metrics
from shared.runtime.http.app import build_app
from shared.runtime.http.health import HealthBoard
from shared.runtime.program import ProgramHistory
from tests.integration.services.notify.notify_lane import (
    MEMBER,
    NotifyLane,
    SundayNoon,
    days,
    joined,
    part,
    purchase,
    refund,
)

pytestmark = pytest.mark.integration

KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s"


@pytest.fixture
async def client(database: Database, lane: NotifyLane) -> AsyncIterator[httpx.AsyncClient]:
    clock = WallClock()
    reading = Messages(database, ProgramHistory(part(), lane.clock), 1)
    app = build_app(
        service="notify",
        title="notify",
        routers=[messages_router(reading, lane.clock, 1), journeys_router(reading, lane.clock)],
        metrics=Metrics("notify", CollectorRegistry()),
        health=HealthBoard(clock),
        verifier=Verifier.local(KEY),
        database=database,
        clock=clock,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://notify") as client:
        client.headers["authorization"] = token("admin")
        yield client


def token(role: str, *stores: str) -> str:
    now = WallClock().now()
    signed = issue(KEY, subject="tester", role=role, stores=stores, expires_in_seconds=60, now=now)
    return f"Bearer {signed}"


async def a_history(lane: NotifyLane, clock: ManualClock) -> None:
    """Welcomed, thanked, asked, and then the order went back."""
    await lane.feed([joined(SundayNoon), purchase("1", SundayNoon + 1)])
    await lane.feed([refund("1", SundayNoon + days(3))])
    clock.set(SundayNoon + days(4))


async def test_a_members_messages_and_non_messages_with_their_reasons(
    client: httpx.AsyncClient, lane: NotifyLane, clock: ManualClock
) -> None:
    await a_history(lane, clock)
    answer = (await client.get(f"/v1/members/{MEMBER}/messages", params={"lang": "en"})).json()
    assert answer["next"] is None
    told = [(m["step"], m["status"], m["reason"]) for m in answer["items"]]
    assert told == [
        ("7d", "suppressed", "exited"),
        ("1d", "requested", None),
        ("3m", "requested", None),
        ("20s", "requested", None),
    ]
    thanks = answer["items"][2]
    assert thanks["text"].startswith("Thank you for coming! Your order 1 (35.20 CNY)")
    assert thanks["because"]["event_id"] == "purchase-1"
    assert thanks["because"]["rule"] == "after_purchase/3m"
    assert thanks["due_at"] == "2024-03-10T12:03:00.000001Z"
    ended = answer["items"][0]["because"]
    assert ended["event_id"] == "refund-1"
    # nothing is left of the order that had begun the journey
    assert ended["figures"] == [{"feature": "order_left", "op": "at_most", "value": 0, "actual": 0}]


async def test_pages_hold_every_message_once(
    client: httpx.AsyncClient, lane: NotifyLane, clock: ManualClock
) -> None:
    await a_history(lane, clock)
    whole = (await client.get(f"/v1/members/{MEMBER}/messages")).json()["items"]
    seen, cursor = [], None
    while True:
        params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"/v1/members/{MEMBER}/messages", params=params)).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == whole


async def test_who_was_never_heard_of_has_an_empty_list(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1/members/{uuid4()}/messages")
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})


async def test_withdrawn_messages_are_shown_on_demand(
    client: httpx.AsyncClient, lane: NotifyLane
) -> None:
    await lane.feed([purchase("1", SundayNoon)], SundayNoon + days(2))
    await lane.feed([purchase("2", SundayNoon + MINUTE)], SundayNoon + days(2))
    shown = (await client.get(f"/v1/members/{MEMBER}/messages")).json()["items"]
    assert {m["entry_event_id"] for m in shown} == {"purchase-2"}
    every = await client.get(f"/v1/members/{MEMBER}/messages", params={"withdrawn": True})
    gone = [m for m in every.json()["items"] if m["status"] == "withdrawn"]
    assert {(m["step"], m["superseded_by"]) for m in gone} == {
        ("3m", "purchase-2"),
        ("1d", "purchase-2"),
    }


async def test_a_store_sees_its_own_messages_only(
    client: httpx.AsyncClient, lane: NotifyLane, clock: ManualClock
) -> None:
    await a_history(lane, clock)
    path = f"/v1/members/{MEMBER}/messages"
    mine = await client.get(path, headers={"authorization": token("store", "s1")})
    other = await client.get(path, headers={"authorization": token("store", "s2")})
    assert len(mine.json()["items"]) == 4
    assert other.json()["items"] == []
    job = mine.json()["items"][0]["job_id"]
    refused = await client.get(f"/v1/jobs/{job}", headers={"authorization": token("store", "s2")})
    assert refused.status_code == 403
    nobody = await client.get(path, headers={"authorization": ""})
    assert nobody.status_code == 401


async def test_one_job_with_its_bookkeeping(
    client: httpx.AsyncClient, lane: NotifyLane, clock: ManualClock
) -> None:
    await a_history(lane, clock)
    [first, *_] = (await client.get(f"/v1/members/{MEMBER}/messages")).json()["items"]
    job = (await client.get(f"/v1/jobs/{first['job_id']}")).json()
    assert {**first, **job} == job
    assert job["revision"] == 0
    assert (await client.get(f"/v1/jobs/{uuid4()}")).status_code == 404
    assert (await client.get("/v1/jobs/nonsense")).status_code == 422


async def test_journeys_and_what_came_of_them(
    client: httpx.AsyncClient, lane: NotifyLane, clock: ManualClock
) -> None:
    await a_history(lane, clock)
    journeys = (await client.get("/v1/journeys")).json()
    by_name = {each["name"]: each for each in journeys["items"]}
    assert list(by_name) == ["welcome", "after_purchase", "tier_changed"]
    steps = [step["id"] for step in by_name["after_purchase"]["steps"]]
    assert steps == ["3m", "1d", "7d", "15d", "30d", "45d", "60d", "90d", "120d"]
    assert by_name["after_purchase"]["steps"][0]["waits"] == [
        {"since_entry": "3m", "for": None, "until": None}
    ]
    stats = (await client.get("/v1/journeys/stats")).json()
    assert stats["jobs_by_step"] == {
        "welcome/20s": 1,
        "after_purchase/3m": 1,
        "after_purchase/1d": 1,
    }
    assert stats["suppressed_by_reason"] == {"exited": 1}
    assert stats["deliveries"] == {"waiting": 3}


async def test_a_template_is_rendered_with_sample_and_own_values(
    client: httpx.AsyncClient,
) -> None:
    listed = (await client.get("/v1/templates")).json()
    assert "thanks" in [each["id"] for each in listed["items"]]
    answer = await client.post(
        "/v1/templates/thanks:render", json={"language": "zh", "variables": {"total": 123456}}
    )
    assert "1234.56 CNY" in answer.json()["text"]
    assert answer.json()["bytes"] == len(answer.json()["text"].encode())
    wrong = await client.post("/v1/templates/thanks:render", json={"variables": {"totl": 1}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "#/variables/totl"
    assert (await client.post("/v1/templates/none:render", json={})).status_code == 404


async def test_receipts_are_published_for_the_member_they_are_about(
    client: httpx.AsyncClient, lane: NotifyLane, clock: ManualClock, database: Database
) -> None:
    await a_history(lane, clock)
    items = (await client.get(f"/v1/members/{MEMBER}/messages")).json()["items"]
    said = next(each for each in items if each["step"] == "3m")
    body = {"receipts": [{"job_id": said["job_id"], "status": "opened", "provider_id": "p-1"}]}
    answer = await client.post("/v1/receipts", json=body, headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    again = await client.post("/v1/receipts", json=body, headers={"idempotency-key": "k"})
    assert again.headers["idempotency-replayed"] == "true"
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT messages FROM outbox WHERE topic = 'regulars.receipts'")
    [[(key, value)]] = [
        msgspec.msgpack.decode(row["messages"], type=list[tuple[bytes, bytes]]) for row in rows
    ]
    receipt = decode(value)
    assert UUID(key.decode()) == MEMBER
    assert (receipt.type, receipt.subject) == (types.JOB_OPENED, str(MEMBER))
    await lane.feed([receipt], stream=False)
    job = (await client.get(f"/v1/jobs/{said['job_id']}")).json()
    assert (job["status"], job["provider_id"]) == ("opened", "p-1")


async def test_one_unknown_job_refuses_all_receipts_with_its_place(
    client: httpx.AsyncClient, lane: NotifyLane, clock: ManualClock
) -> None:
    await a_history(lane, clock)
    [known, *_] = (await client.get(f"/v1/members/{MEMBER}/messages")).json()["items"]
    receipts = [
        {"job_id": known["job_id"], "status": "sent"},
        {"job_id": str(uuid4()), "status": "sent"},
    ]
    answer = await client.post("/v1/receipts", json={"receipts": receipts})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["#/receipts/1/job_id"]
    marketer = {"authorization": token("marketer")}
    refused = await client.post("/v1/receipts", json={"receipts": receipts}, headers=marketer)
    assert refused.status_code == 403
