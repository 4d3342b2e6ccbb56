"""The HTTP API on a real database."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.segmentation.api.members import audiences_router, members_router
from services.segmentation.domain.facts import Interaction, Joined, ProfileFact, Purchase
from shared.auth.tokens import Verifier, issue
from shared.clock import DAY, SECOND, ManualClock, format_instant, parse_instant
from shared.observability.metrics import Metrics
from shared.runtime.http.app import build_app
from shared.runtime.http.health import HealthBoard
from tests.integration.services.segmentation.conftest import NewDesk
from tests.integration.services.segmentation.desk import Desk, event_of

pytestmark = pytest.mark.integration

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
START = parse_instant("2024-03-01T08:00:00Z")
MEMBER = UUID("01890000-0000-7000-8000-000000000001")


@asynccontextmanager
async def _client(
    desk: Desk, clock: ManualClock, role: str = "marketer"
) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(
        service="segmentation",
        title="Segmentation",
        routers=[members_router(desk.reader), audiences_router(desk.reader)],
        metrics=Metrics("segmentation"),
        health=HealthBoard(clock),
        verifier=Verifier.local(KEY),
        database=desk.database,
        clock=clock,
    )
    token = issue(
        KEY, subject="li", role=role, expires_in_seconds=900 * DAY // SECOND, now=clock.now()
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://test",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


async def _shopper(new_desk: NewDesk) -> tuple[Desk, ManualClock]:
    clock = ManualClock(START)
    desk = await new_desk(clock=clock, stream=False)
    told = ProfileFact("j", None, None, "Wuhan")
    events = [event_of(MEMBER, START, "j", Joined("j", "north", told))]
    for i in range(3):
        order = Purchase(f"p{i}", f"o{i}", "north", 1500, (("s", "DAIRY", 1500),))
        events.append(event_of(MEMBER, START + i * DAY, f"p{i}", order))
    await desk.take(events)
    clock.set(START + 2 * DAY)
    return desk, clock


async def test_a_member_with_reasons_and_ends(new_desk: NewDesk) -> None:
    desk, clock = await _shopper(new_desk)
    async with _client(desk, clock) as client:
        answer = await client.get(f"/v1/members/{MEMBER}")
        assert answer.status_code == 200
        member = answer.json()
        tags = {tag["tag"]: tag for tag in member["tags"]}

        assert member["features"]["orders_7d"] == 3
        assert member["features"]["last_order_at"] == format_instant(START + 2 * DAY)
        assert member["features"]["city"] == "Wuhan"
        assert set(tags) == {"often", "big", "odd", "quiet", "interest:DAIRY", "store:north"}
        often = tags["often"]
        assert (often["group"], often["since"]) == ("history", format_instant(START + 2 * DAY))
        # three orders in thirty days end when the first of them is thirty days old
        assert often["until"] == format_instant(START + 30 * DAY)
        assert often["because"] == [
            {
                "cause": "p2",
                "rule": "history.often",
                "program_version": 1,
                "tag": "often",
                "figures": [{"feature": "orders_30d", "op": "at_least", "value": 3, "actual": 3}],
            }
        ]
        tier = member["tier"]
        assert (tier["level"], tier["rank"]) == ("two", 1)
        assert tier["until"] == format_instant(START + DAY + 20 * DAY)
        assert tier["because"][0]["cause"] == "p1"
        assert tier["progress"]["next"]["level"] == "three"
        assert tier["progress"]["next"]["figures"] == [
            {"feature": "orders_30d", "op": "at_least", "value": 4, "actual": 3}
        ]
        assert tier["progress"]["stay"]["met"] is True

        # time alone: figures fall to the second, with nothing written
        clock.set(START + 7 * DAY)
        later = (await client.get(f"/v1/members/{MEMBER}")).json()
        assert later["features"]["orders_7d"] == 2
        assert later["as_of"] == format_instant(START + 7 * DAY)
        unknown = await client.get("/v1/members/01890000-0000-7000-8000-0000000000ff")
        assert unknown.status_code == 404
        assert unknown.headers["content-type"] == "application/problem+json"


async def test_the_audit_in_pages(new_desk: NewDesk) -> None:
    desk, clock = await _shopper(new_desk)
    await desk.pass_time(START + 100 * DAY)
    async with _client(desk, clock) as client:
        whole = (await client.get(f"/v1/members/{MEMBER}/changes?limit=500")).json()
        assert whole["next"] is None
        items, cursor = list[Any](), ""
        while True:
            page = (await client.get(f"/v1/members/{MEMBER}/changes?limit=2{cursor}")).json()
            items += page["items"]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert items == whole["items"]
        assert [item["at"] for item in items] == sorted((i["at"] for i in items), reverse=True)
        published = {id_ for _, _, id_, _ in desk.published[MEMBER]}
        assert {item["id"] for item in items} == published
        assert {item["cause"] for item in items} == {"timer", "j", "p0", "p1", "p2"}


async def test_audiences_and_summaries(new_desk: NewDesk) -> None:
    desk, clock = await _shopper(new_desk)
    other = UUID("01890000-0000-7000-8000-000000000002")
    await desk.take([event_of(other, START + 2 * DAY, "x", Interaction("x", "share"))])
    async with _client(desk, clock) as client:
        features = (await client.get("/v1/features")).json()
        assert {"orders_90d", "tags", "tier"} <= {item["name"] for item in features["items"]}
        wanted = {"condition": {"feature": "orders_30d", "at_least": 3}, "sample": 5}
        found = (await client.post("/v1/audiences:preview", json=wanted)).json()
        assert (found["count"], found["members"], found["share"]) == (1, 2, 0.5)
        assert found["sample"] == [str(MEMBER)]
        assert found["took_ms"] > 0

        wrong = {"condition": {"all": [{"feature": "orders_90d", "at_leest": 3}, {"feature": "x"}]}}
        refused = await client.post("/v1/audiences:preview", json=wrong)
        assert refused.status_code == 422
        pointers = {error["pointer"] for error in refused.json()["errors"]}
        assert any(pointer.startswith("#/condition/all/0") for pointer in pointers)
        assert any(pointer.startswith("#/condition/all/1") for pointer in pointers)

        tiers = (await client.get("/v1/tiers:summary")).json()
        assert tiers["tiers"] == {"one": 1, "two": 1, "three": 0, "four": 0, "five": 0}
        tags = (await client.get("/v1/tags:summary")).json()["tags"]
        assert (tags["quiet"], tags["often"]) == (2, 1)


async def test_who_may_ask(new_desk: NewDesk) -> None:
    desk, clock = await _shopper(new_desk)
    async with _client(desk, clock, "store") as client:
        assert (await client.get(f"/v1/members/{MEMBER}")).status_code == 200
        assert (await client.get("/v1/tiers:summary")).status_code == 403
        preview = await client.post("/v1/audiences:preview", json={"condition": {"all": []}})
        assert preview.status_code == 403
        client.headers.pop("Authorization")
        assert (await client.get(f"/v1/members/{MEMBER}")).status_code == 401
