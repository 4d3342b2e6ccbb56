"""A newcomer buys, and whoever sent them has points of it: two lanes, and the log between them."""

from uuid import UUID

import httpx
import pytest

from shared.clock import HOUR, MINUTE
from shared.events import Event
from tests.integration.services.points.conftest import NewCounter
from tests.integration.services.points.counter import PARTITIONS, Counter
from tests.integration.services.points.ledger import about
from tests.property.services.points.points_history import NOON, bought, joined, refunded

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

ANN = UUID("01890000-0000-7000-8000-00000000000a")
NEWCOMERS = [UUID(int=number, version=4) for number in range(1, 2 * PARTITIONS)]
"""Enough that most are in other partitions than she is."""


def _join_and_buy() -> list[Event]:
    return [
        each
        for member in NEWCOMERS
        for each in about(
            member,
            [
                joined(f"j-{member}", None, NOON, referrer=ANN),
                bought(f"p-{member}", f"o-{member}", 300, NOON + HOUR),
            ],
        )
    ]


async def _transfers(client: httpx.AsyncClient, member: UUID) -> list[tuple[str, int, str]]:
    answer = await client.get(f"/v1/members/{member}/transfers")
    return [
        (each["code"], each["points"], each["explanation"]["text"]["en"])
        for each in answer.json()["items"]
    ]


async def test_the_referrer_is_given_points_and_told_why_until_all_is_given_back(
    new_counter: NewCounter,
) -> None:
    counter = await new_counter()
    first = NEWCOMERS[0]
    await counter.publish(_join_and_buy())
    async with counter.lanes(), counter.serving() as client:
        await counter.until_available(ANN, 50 * len(NEWCOMERS))
        transfers = await _transfers(client, ANN)
        name = "A newcomer who buys"
        bought_it = f"{name}: {first}, who was referred, has become a buyer: +50 points"
        assert ("earn", 50, bought_it) in transfers
        await counter.publish(about(first, [refunded("r1", f"o-{first}", 100, NOON + 2 * HOUR)]))
        await counter.until_available(first, 2)  # a part of it: still a buyer
        await counter.publish(about(first, [refunded("r2", f"o-{first}", 200, NOON + 3 * HOUR)]))
        await counter.until_available(ANN, 50 * len(NEWCOMERS) - 50)
        gave_back = f"{name}: {first}, who was referred, has given back all that was bought"
        assert (await _transfers(client, ANN))[0] == ("clawback", -50, f"{gave_back}: -50 points")
        account = (await client.get(f"/v1/members/{ANN}/account")).json()
        assert sum(each["points"] for each in account["expiries"]) == account["available"]
    await counter.ledger.check()


async def test_what_was_awarded_by_mistake_is_withdrawn(new_counter: NewCounter) -> None:
    """A purchase that comes late: the newcomer was none when they were sent."""
    counter = await new_counter()
    newcomer = NEWCOMERS[0]
    await counter.publish(
        about(
            newcomer,
            [joined("j", None, NOON, referrer=ANN), bought("p", "o", 300, NOON + HOUR)],
        )
    )
    async with counter.lanes():
        await counter.until_available(ANN, 50)
        await counter.publish(about(newcomer, [bought("e", "early", 500, NOON - MINUTE)]))
        await counter.until_available(ANN, 0)
    [(stands,)] = await counter.ledger.fetch("SELECT stands FROM awards")
    assert not stands
    await counter.ledger.check()


async def test_a_ledger_that_is_built_anew_says_it_again_and_nothing_changes(
    new_counter: NewCounter,
) -> None:
    """The log holds what was said before; what is said again has a greater revision."""
    counter = await new_counter()
    await counter.publish(_join_and_buy())
    async with counter.lanes():
        await counter.until_available(ANN, 50 * len(NEWCOMERS))
    net, lots = await counter.ledger.net(ANN), await counter.ledger.lots(ANN)
    again: Counter = await new_counter()
    async with again.lanes():
        # what the first ledger said and what the second says itself: twice as many facts
        await again.until(
            "SELECT 1 FROM facts WHERE member_id = $1 HAVING count(*) = $2",
            ANN,
            2 * len(NEWCOMERS),
        )
        await again.until_available(ANN, 50 * len(NEWCOMERS))
    assert await again.ledger.net(ANN) == net
    assert await again.ledger.lots(ANN) == lots
    await again.ledger.check()
