"""Points by hand: asked over HTTP, decided by the member's lane, answered from the verdict."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.integration.services.points.conftest import NewCounter
from tests.integration.services.points.ledger import about
from tests.integration.services.points.serving import headers
from tests.property.services.points.points_history import (
    NOON,
    bought,
    refunded,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ANN = UUID("01890000-0000-7000-8000-00000000000a")


async def adjust(
    client: httpx.AsyncClient,
    points: int,
    *,
    key: str | None = None,
    member: UUID = ANN,
    **more: Any,
) -> httpx.Response:
    body = {"member_id": str(member), "points": points, "reason": "a cold meal"}
    auth = more.pop("auth", {})
    keyed = {} if key is None else {"Idempotency-Key": key}
    return await client.post("/v1/adjustments", json=body | more, headers=auth | keyed)


async def together(asking: Sequence[Coroutine[Any, Any, httpx.Response]]) -> list[httpx.Response]:
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(each) for each in asking]
    return [each.result() for each in asked]


async def test_points_are_given_and_taken_and_say_why(new_counter: NewCounter) -> None:
    counter = await new_counter()
    await counter.publish(about(ANN, [bought("e1", "o1", 3000, NOON)]))
    async with counter.lanes(), counter.serving() as client:
        await counter.until_available(ANN, 30)
        given = await adjust(client, 50, store_id="s1")
        assert given.status_code == 201, given.text
        told = given.json()
        assert (told["state"], told["points"], told["balance"]) == ("granted", 50, 80)
        assert (told["by"], told["role"], told["reason"]) == ("li", "admin", "a cold meal")
        assert (await client.get(given.headers["location"])).json() == told
        taken = await adjust(client, -60)
        assert (taken.status_code, taken.json()["balance"]) == (201, 20)
        account = (await client.get(f"/v1/members/{ANN}/account")).json()
        assert (account["available"], account["lifetime"]) == (20, 30)
        assert sum(each["points"] for each in account["expiries"]) == 20
        page = (await client.get(f"/v1/members/{ANN}/transfers")).json()["items"]
        assert page[0]["explanation"]["text"]["en"] == "60 points taken by li: a cold meal"
        assert (page[1]["id"], page[1]["code"]) == (told["transfer_id"], "adjust")
        assert (page[1]["debit"], page[1]["credit"]) == ("adjusted", "available")
        balance = (await client.get("/v1/ledger/trial-balance")).json()
        assert (balance["points_issued"], balance["points_adjusted"]) == (30, -10)
        assert balance["balanced"]
    await counter.ledger.check()


async def test_a_repeated_key_has_one_effect_and_the_same_answer(new_counter: NewCounter) -> None:
    counter = await new_counter()
    bob = UUID("01890000-0000-7000-8000-00000000000b")
    await counter.publish(
        [*about(ANN, [bought("e1", "o1", 3000, NOON)]), *about(bob, [bought("e2", "o1", 100)])]
    )
    async with counter.lanes(), counter.serving() as client, counter.serving() as other:
        await counter.until_available(ANN, 30)
        await counter.until_available(bob, 1)
        at_once = await together([adjust(each, -20, key="k") for each in (client, other) * 10])
        assert {each.status_code for each in at_once} == {201}
        assert len({each.text for each in at_once}) == 1
        again = await adjust(other, -20, key="k")
        assert again.headers["idempotency-replayed"] == "true"
        assert again.text == at_once[0].text
        for wrong in (
            await adjust(client, -21, key="k"),
            await adjust(other, -20, member=bob, key="k"),
        ):
            assert wrong.status_code == 422
            assert wrong.json()["type"].endswith("idempotency-key-reused")
        other_caller = headers(counter.ledger.clock, role="system")
        assert (await adjust(client, -20, key="k", auth=other_caller)).status_code == 201
        refused = await adjust(client, -20, key="much")
        repeated = await adjust(client, -20, key="much")
        assert refused.status_code == repeated.status_code == 422
        assert repeated.json()["adjustment"] == refused.json()["adjustment"]
    assert await counter.transfers(ANN) == [(-20,)]
    assert await counter.transfers(bob) == []
    await counter.ledger.check()


async def test_two_hundred_at_once_never_take_more_than_is_there(new_counter: NewCounter) -> None:
    counter = await new_counter()
    await counter.publish(about(ANN, [bought("e1", "o1", 50_000, NOON)]))
    async with counter.lanes(), counter.serving() as client:
        await counter.until_available(ANN, 500)
        answers = await together([adjust(client, -10) for _ in range(200)])
        granted = [each.json() for each in answers if each.status_code == 201]
        refused = [each.json() for each in answers if each.status_code == 422]
        assert (len(granted), len(refused)) == (50, 150)
        assert sorted(each["balance"] for each in granted) == list(range(0, 500, 10))
        assert {each["adjustment"]["refusal"] for each in refused} == {"insufficient_points"}
        assert len(await counter.transfers(ANN)) == 50
    await counter.ledger.check()


async def test_what_is_asked_wrongly_or_against_the_policy_is_refused_and_says_why(
    new_counter: NewCounter,
) -> None:
    counter = await new_counter()
    await counter.publish(about(ANN, [bought("e1", "o1", 3000, NOON)]))
    async with counter.lanes(), counter.serving() as client:
        await counter.until_available(ANN, 30)
        store = headers(counter.ledger.clock, role="store", stores=("s1",))
        analyst = headers(counter.ledger.clock, role="analyst")
        answers = {
            "unknown-member": await adjust(client, 5, member=uuid4()),
            "insufficient-points": await adjust(client, -31),
            "above-store-limit": await adjust(client, 101, auth=store, store_id="s1"),
            "store-missing": await adjust(client, 5, auth=store),
            "invalid-request": await adjust(client, 0),
        }
        for slug, answer in answers.items():
            assert answer.status_code == 422, answer.text
            assert answer.json()["type"].endswith(slug), answer.text
        for blank in ({"reason": " "}, {"reason": "\0"}, {"reason": "x" * 257}, {"more": 1}):
            assert (await adjust(client, 5, **blank)).status_code == 422
        for points in (2**63, 1.5, "5", True):
            assert (await adjust(client, points)).status_code == 422  # type: ignore[arg-type]
        for forbidden in (
            await adjust(client, 5, auth=store, store_id="s2"),
            await adjust(client, 5, auth=analyst),
        ):
            assert forbidden.status_code == 403
        mine = await adjust(client, 100, auth=store, store_id="s1")
        assert mine.status_code == 201
        theirs = headers(counter.ledger.clock, role="store", stores=("s2",))
        assert (await client.get(mine.headers["location"], headers=theirs)).status_code == 404
        assert (await client.get(f"/v1/adjustments/{uuid4()}")).status_code == 404
    assert await counter.transfers(ANN) == [(100,)]


async def test_while_nobody_decides_it_is_accepted_and_decided_later_once(
    new_counter: NewCounter,
) -> None:
    counter = await new_counter(wait_seconds=0.3)
    await counter.publish(about(ANN, [bought("e1", "o1", 3000, NOON)]))
    async with counter.serving() as client:
        pending = [await adjust(client, -20, key="k") for _ in range(2)]
        assert {each.status_code for each in pending} == {202}
        place = pending[0].headers["location"]
        assert (await client.get(place)).status_code == 404  # no lane has read it
        async with counter.lanes():
            await counter.until("SELECT 1 FROM commands WHERE verdict IS NOT NULL")
            told = await client.get(place)
            assert (told.status_code, told.json()["balance"]) == (200, 10)
            again = await adjust(client, -20, key="k")
            assert (again.status_code, again.json()) == (201, told.json())
    assert await counter.transfers(ANN) == [(-20,)]


async def test_whoever_reads_the_log_again_takes_the_verdicts_and_gives_none(
    new_counter: NewCounter,
) -> None:
    """What was told at the counter stays told, also where a late refund makes it too much."""
    counter = await new_counter()
    await counter.publish(about(ANN, [bought("e1", "o1", 3000, NOON)]))
    async with counter.lanes(), counter.serving() as client:
        await counter.until_available(ANN, 30)
        assert (await adjust(client, -25)).status_code == 201
        assert (await adjust(client, -25)).status_code == 422
        assert (await adjust(client, 3)).status_code == 201
        await counter.publish(about(ANN, [refunded("r1", "o1", 3000, NOON + 1)]))
        await counter.until_available(ANN, -22)
        poor = await adjust(client, -1)
        assert (poor.status_code, poor.json()["adjustment"]["balance"]) == (422, -22)
        await counter.publish(about(ANN, [bought("e2", "o2", 5000, NOON + 2)]))
        await counter.until_available(ANN, 28)
    await counter.ledger.check()
    anew = await new_counter()
    async with anew.lanes(), anew.serving() as client:
        await anew.until_available(ANN, 28)
        await anew.until("SELECT 1 FROM commands HAVING count(*) = 4 AND count(verdict) = 4")
        assert (await adjust(client, -28)).status_code == 201
    await anew.ledger.check()
    assert await anew.transfers(ANN) == [(-25,), (3,), (-28,)]
    assert await anew.ledger.fetch(
        "SELECT id, verdict FROM commands ORDER BY at LIMIT 4"
    ) == await counter.ledger.fetch("SELECT id, verdict FROM commands ORDER BY at")
