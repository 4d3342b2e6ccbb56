"""What is taken back, as the APIs of the services show it: an interaction, fields of a profile."""

from typing import Any

import orjson
import pytest

from deploy.demo.services import Services
from deploy.local.stack import Stack
from shared.clock import DAY, HOUR, Instant, format_instant, parse_instant
from shared.events import types
from tests.e2e.story import Teller, finish

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

NOON = parse_instant("2025-03-14T12:00:00Z")


def told(name: str, type_: str, at: Instant, data: dict[str, Any]) -> tuple[str, Instant, bytes]:
    event: dict[str, Any] = {"specversion": "1.0", "id": name, "source": "community", "type": type_}
    event |= {"subject": "card:1", "time": format_instant(at), "data": data}
    return type_, at, orjson.dumps(event)


async def test_p26_a_deleted_reply_and_a_cleared_profile(stack: Stack) -> None:
    profile = {"city": "Wuhan", "interests": ["tea"], "birthday": "1990-03-07"}
    updated = types.MEMBER_PROFILE_UPDATED
    events = [
        told("set", updated, NOON, {"by": "member", "profile": profile}),
        told("spam", types.INTERACTION_RECORDED, NOON + HOUR, {"kind": "check_in"}),
        told("kept", types.INTERACTION_RECORDED, NOON + 2 * HOUR, {"kind": "check_in"}),
    ]
    later = [
        told("gone", types.INTERACTION_WITHDRAWN, NOON + DAY, {"id": "spam"}),
        told("early", types.INTERACTION_WITHDRAWN, NOON + DAY, {"id": "more-spam"}),
        told("clear", updated, NOON + DAY, {"by": "member", "profile": dict.fromkeys(profile)}),
        told("late", updated, NOON + HOUR, {"by": "member", "profile": {"city": "Lima"}}),
        told("more-spam", types.INTERACTION_RECORDED, NOON + 2 * DAY, {"kind": "check_in"}),
    ]
    teller = Teller(stack)
    await teller.tell(events)
    await finish(stack, NOON + 3 * HOUR)
    async with Services(stack.endpoints) as services:
        member = (await services.get("ingest", "/v1/members?identity=card:1"))["member_id"]
        assert (await figures(services, member))["city"] == "Wuhan"
        assert await points(services, member) == [("spam", 5)]

        for event in later:
            await teller.tell([event])
        await finish(stack, NOON + 3 * DAY)
        await teller.close()
        assert sorted(await points(services, member)) == [("gone", -5), ("gone", 5), ("spam", 5)]
        known = await figures(services, member)
        assert (known["city"], known["interests"], known["birthday_month"]) == (None, [], None)
        assert known["interactions"] == 1
        remarks = await services.get("points", f"/v1/members/{member}/remarks")
        assert {each["code"] for each in remarks["items"]} == {
            "withdrawal_waits",
            "withdrawn_early",
        }


async def figures(services: Services, member: str) -> dict[str, Any]:
    view = await services.get("segmentation", f"/v1/members/{member}")
    found: dict[str, Any] = view["features"]
    return found


async def points(services: Services, member: str) -> list[tuple[str, int]]:
    """What was moved, with the event that moved it."""
    told = await services.get("points", f"/v1/members/{member}/transfers")
    return [(each["explanation"]["event_id"], each["points"]) for each in told["items"]]
