"""What people and other systems can ask the ledger."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from shared.clock import DAY, HOUR, WallClock, format_instant
from shared.events import Event, types
from tests.integration.services.points.conftest import NewLedger
from tests.integration.services.points.ledger import Ledger
from tests.integration.services.points.serving import answer, headers, serve
from tests.property.services.points.points_history import (
    MEMBER,
    NOON,
    born,
    bought,
    default_document,
    did,
    promoted,
    refunded,
)

pytestmark = pytest.mark.integration

ME = f"/v1/members/{MEMBER}"


@pytest.fixture
async def client(ledger: Ledger) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(ledger.database, WallClock()) as serving:
        yield serving


async def simulate(client: httpx.AsyncClient, event: Event, **who: Any) -> Any:
    body = {
        "event": {
            "type": event.type,
            "time": format_instant(event.at),
            "id": event.id,
            "source": event.source,
            "data": msgspec.to_builtins(event.data),
        }
    }
    response = await client.post("/v1/program:simulate", json=body | who)
    assert response.status_code == 200, response.text
    return response.json()


async def test_an_account_now_and_at_an_instant(ledger: Ledger, client: httpx.AsyncClient) -> None:
    await ledger.take(bought("e", "o", 3520), did("c", "check_in", NOON + HOUR))
    await ledger.take(refunded("r", "o", 1000, NOON + 2 * HOUR))
    now = await answer(client, f"{ME}/account")
    assert {name: now[name] for name in ("available", "pending", "held", "lifetime")} == {
        "available": 30,
        "pending": 0,
        "held": 0,
        "lifetime": 30,
    }
    assert now["expiries"] == [{"points": 30, "expires_on": None}]
    balances = {}
    for hours in (-1, 0, 1, 2):
        then = await answer(client, f"{ME}/account", params={"at": at(hours)})
        balances[hours] = then["available"]
        assert sum(each["points"] for each in then["expiries"]) == then["available"]
        assert then["as_of"].startswith(at(hours)[:19])
        assert (then["pending"], then["held"], then["lifetime"]) == (0, 0, then["available"])
    assert balances == {-1: 0, 0: 35, 1: 40, 2: 30}


def at(hours: int) -> str:
    return format_instant(NOON + hours * HOUR)


async def test_every_deadline_is_shown(new_ledger: NewLedger) -> None:
    """FloCafe #62: only the first expiry date was shown."""
    rolling = default_document() | {"expiry": {"policy": "rolling", "months": 12}}
    ledger = await new_ledger(rolling)
    await ledger.take(bought("e", "o", 1000), bought("f", "p", 2000, NOON + 3 * DAY))
    async with serve(ledger.database, WallClock()) as client:
        account = await answer(client, f"{ME}/account")
    assert account["expiries"] == [
        {"points": 10, "expires_on": "2025-03-15"},
        {"points": 20, "expires_on": "2025-03-18"},
    ]


async def test_an_unknown_member_is_a_problem_and_a_known_one_without_points_is_not(
    ledger: Ledger, client: httpx.AsyncClient
) -> None:
    for path in ("account", "transfers", "remarks"):
        response = await client.get(f"/v1/members/{uuid4()}/{path}")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
    await ledger.take(born("b", 3))
    assert (await answer(client, f"{ME}/account"))["available"] == 0
    assert await answer(client, f"{ME}/transfers") == {"items": [], "next": None}
    assert await answer(client, f"{ME}/remarks") == {"items": [], "next": None}


async def test_transfers_are_explained_in_both_languages(
    ledger: Ledger, client: httpx.AsyncClient
) -> None:
    """open-loyalty #79: "why did I get these points?" has no answer."""
    await ledger.take(born("b", 3, NOON - HOUR), bought("e", "o", 3520))
    await ledger.take(refunded("r", "o", 1000, NOON + HOUR))
    newest, oldest = (await answer(client, f"{ME}/transfers"))["items"]
    assert (newest["points"], newest["code"], newest["balance_after"]) == (-20, "clawback", 50)
    assert (oldest["points"], oldest["debit"], oldest["credit"]) == (70, "issued", "available")
    assert oldest["explanation"] == {
        "event_id": "e",
        "rule": "purchase",
        "program_version": 1,
        "figures": {
            "amount": 3520,
            "per_amount": 100,
            "each": 1,
            "birthday_month": True,
            "factor": 2.0,
            "multipliers": ["birthday_month"],
        },
        "text": {
            "zh": "消费积分：金额 3520，每满 100 得 1 分，乘以 2（birthday_month），共 70 分",  # noqa: RUF001 - Chinese
            "en": "Points for a purchase: 1 for every full 100 of 3520,"
            " times 2 (birthday_month): 70 points",
        },
    }
    assert newest["explanation"]["text"]["en"] == (
        "Points for a purchase: refund of 1000 leaves 2520 of 3520 of order o,"
        " which earns 50 in place of 70: -20 points"
    )


async def test_transfers_come_in_pages(ledger: Ledger, client: httpx.AsyncClient) -> None:
    await ledger.take(*(bought(f"e{i}", f"o{i}", 1000, NOON + i // 2) for i in range(7)))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await answer(client, f"{ME}/transfers", params={"limit": 3} | cursor)
        seen += [item["explanation"]["event_id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 7
    assert seen[0] == "e6"
    assert (await client.get(f"{ME}/transfers", params={"cursor": "no"})).status_code == 400


async def test_what_moved_nothing_is_explained_too(
    ledger: Ledger, client: httpx.AsyncClient
) -> None:
    await ledger.take(bought("e", "o", 1000))
    await ledger.take(bought("again", "o", 1000, NOON + HOUR), refunded("r", "unknown", 500))
    items = (await answer(client, f"{ME}/remarks"))["items"]
    assert [(item["event_id"], item["code"]) for item in items] == [
        ("again", "order_counted_before"),
        ("r", "refund_waits_for_order"),
    ]
    assert items[0]["text"]["en"] == ("order o was counted by event e, so it earns nothing again")


async def test_the_trial_balance(ledger: Ledger, client: httpx.AsyncClient) -> None:
    await ledger.take(bought("e", "o", 3520), bought("f", "p", 1000, store="s9"))
    await ledger.take(refunded("r", "o", 520))
    balance = await answer(client, "/v1/ledger/trial-balance")
    assert balance["balanced"] is True
    assert balance["debits"] == balance["credits"] == 50
    assert balance["points_issued"] == balance["members"]["available"] == 40
    assert balance["accounts"] == [
        {"account": "available", "store_id": None, "debits": 5, "credits": 45, "balance": -40},
        {"account": "issued", "store_id": None, "debits": 45, "credits": 5, "balance": 40},
    ]
    by_store = await answer(client, "/v1/ledger/trial-balance", params={"by_store": True})
    assert {
        (each["store_id"], each["account"]): each["balance"] for each in by_store["accounts"]
    } == {
        ("s1", "available"): -30,
        ("s1", "issued"): 30,
        ("s9", "available"): -10,
        ("s9", "issued"): 10,
    }


async def test_points_that_no_transfer_brought_unbalance_the_books(
    ledger: Ledger, client: httpx.AsyncClient
) -> None:
    await ledger.take(bought("e", "o", 3520))
    async with ledger.database.transaction() as tx:
        await tx.execute("UPDATE accounts SET available = available + 1")
    balance = await answer(client, "/v1/ledger/trial-balance")
    assert (balance["points_issued"], balance["members"]["available"]) == (35, 36)
    assert balance["balanced"] is False
    async with ledger.database.transaction() as tx:  # what stands at the end is verified
        await tx.execute("UPDATE accounts SET available = available - 1")


async def test_a_store_sees_its_own(ledger: Ledger, client: httpx.AsyncClient) -> None:
    await ledger.take(bought("e", "o", 3520), bought("f", "p", 1000, store="s9"))
    caller = headers(WallClock(), "store", ("s9",))
    transfers = await answer(client, f"{ME}/transfers", headers=caller)
    assert [item["store_id"] for item in transfers["items"]] == ["s9"]
    balance = await answer(client, "/v1/ledger/trial-balance", headers=caller)
    assert (balance["points_issued"], balance["members"]) == (10, None)


@pytest.mark.parametrize("path", [f"{ME}/account", f"{ME}/transfers", "/v1/ledger/trial-balance"])
async def test_no_token_no_answer(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers={"Authorization": ""})).status_code == 401


async def test_a_simulation_is_what_then_happens_and_leaves_no_trace(
    ledger: Ledger, client: httpx.AsyncClient
) -> None:
    await ledger.take(bought("e", "o", 1000), did("c", "check_in"))
    event = bought("f", "p", 2550, NOON + HOUR)
    before = await everything(ledger)
    simulated = await simulate(client, event, member_id=str(MEMBER))
    assert await everything(ledger) == before
    assert (simulated["points"], simulated["balance_before"], simulated["balance_after"]) == (
        25,
        15,
        40,
    )
    await ledger.take(event)
    happened = (await answer(client, f"{ME}/transfers"))["items"][0]
    [foretold] = simulated["transfers"]
    assert {**foretold, "recorded_at": None} == {**happened, "recorded_at": None}
    known = await simulate(client, event, member_id=str(MEMBER))
    assert (known["points"], known["counted_before"]) == (0, True)


async def everything(ledger: Ledger) -> list[Any]:
    tables = ("transfers", "lots", "accounts", "flows", "remarks", "facts", "timelines")
    return [await ledger.fetch(f"SELECT * FROM {table}") for table in tables]  # noqa: S608 - above


async def test_simulating_for_somebody_made_up(client: httpx.AsyncClient) -> None:
    order = bought("f", "p", 1000)
    newcomer = await simulate(client, order)
    assert (newcomer["points"], newcomer["balance_before"], newcomer["balance_after"]) == (
        10,
        0,
        10,
    )
    born_in_march = {"profile": {"birthday": "1990-03-02"}}
    told = await simulate(client, order, **born_in_march)
    for name in ("f74", "f187"):  # by their keys they sort before every fact of a persona
        again = await simulate(client, bought(name, "p", 1000), **born_in_march)
        assert again["points"] == told["points"] == 20
    assert "birthday_month" in told["transfers"][0]["explanation"]["text"]["en"]


async def test_simulating_a_late_event_shows_its_corrections(new_ledger: NewLedger) -> None:
    rule = {
        "id": "purchase",
        "name": {"zh": "消费", "en": "purchase"},
        "source": "purchase",
        "points": 1,
        "per_amount": 100,
        "multipliers": [
            {
                "id": "gold",
                "name": {"zh": "金卡", "en": "gold"},
                "factor": 2,
                "when": {"feature": "tier", "equals": "gold"},
            }
        ],
    }
    ledger = await new_ledger({"rules": [rule]})
    await ledger.take(promoted("t", "gold", NOON - HOUR), bought("e", "o", 1000))
    async with serve(ledger.database, WallClock()) as client:
        late = await simulate(client, refunded("r", "o", 400), member_id=str(MEMBER))
        tiered = await simulate(client, bought("x", "y", 1000), profile={"tier": "gold"})
    assert (late["points"], late["balance_after"]) == (-8, 12)
    assert tiered["points"] == 20


async def test_a_bad_simulation_says_where(client: httpx.AsyncClient) -> None:
    data = {"order_id": "o", "store_id": "s", "currency": "CNY", "total": -1, "channel": "store"}
    event = {"type": types.PURCHASE_COMPLETED, "data": data | {"lines": []}}
    response = await client.post("/v1/program:simulate", json={"event": event})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["#/event/data/total"]
    unknown = {"event": {"type": "regulars.nothing.v1", "data": {}}}
    response = await client.post("/v1/program:simulate", json=unknown)
    assert response.json()["type"].endswith("unknown-event-type")


async def test_a_new_version_is_validated_with_pointers_and_used(
    ledger: Ledger, client: httpx.AsyncClient
) -> None:
    wrong = default_document()
    wrong["rules"][0]["points"] = 0
    response = await client.put("/v1/program", json={"document": wrong})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [
        "#/document/rules/0/points"
    ]
    double = default_document()
    double["rules"][0]["points"] = 2
    response = await client.put("/v1/program", json={"document": double})
    assert response.status_code == 200, response.text
    assert response.json()["version"] == 2
    later = bought("f", "p", 1000, WallClock().now() + DAY)
    told = await simulate(client, later)
    assert told["points"] == 20
    assert told["transfers"][0]["explanation"]["program_version"] == 2
