"""One value of the books is changed behind the service's back: `verify` names it.

That they are clean as the service leaves them is asked after every test of this folder
(`conftest.py`), whatever the order of arrival was.
"""

from uuid import UUID

import pytest

from services.points.__main__ import SERVICE
from shared.clock import HOUR, MINUTE
from shared.db import Database
from tests.conftest import NewDatabase
from tests.integration.services.points.ledger import Ledger, about
from tests.integration.services.verifying import unnoticed, verified
from tests.property.services.points.points_history import (
    NOON,
    adjusted,
    bought,
    default_document,
    did,
    joined,
    promoted,
    refunded,
)

pytestmark = pytest.mark.integration

ANN = UUID("01890000-0000-7000-8000-00000000000a")
BEN = UUID("01890000-0000-7000-8000-00000000000b")


@pytest.fixture
async def books(new_database: NewDatabase) -> str:
    """A ledger in which everything happened: late events, refunds, awards, remarks."""
    url = await new_database(SERVICE.migrations)
    database = Database(url, application_name="test")
    ledger = Ledger(database, default_document())
    await ledger.take(*about(BEN, [bought("late", "late", 700, NOON)]))
    for member, referrer in ((ANN, None), (BEN, ANN)):
        history = [
            joined(f"j{member}", 3, NOON - HOUR, referrer=referrer),
            bought("e1", "o1", 3_520, NOON + HOUR),
            did("c1", "check_in", NOON + HOUR),
            bought("e2", "o2", 1_200, NOON + 2 * HOUR, store="s2"),
            promoted("t1", "gold", NOON + 2 * HOUR),
            refunded("r1", "o1", 1_000, NOON + 3 * HOUR),
            refunded("r2", "unheard of", 1_000, NOON + 3 * HOUR),
            adjusted("a1", 40, NOON + 4 * HOUR),
            adjusted("a2", -10, NOON + 5 * HOUR),
        ]
        for event in about(member, history):
            await ledger.take(event)
        await ledger.take(*about(member, [bought("e0", "o0", 900, NOON + MINUTE)]))
    await ledger.check()
    await database.close()
    return url


async def test_the_books_are_clean_as_they_are_left(books: str) -> None:
    findings = await verified("points", books)
    assert findings.listed == []
    assert {table for table, rows in findings.checked.items() if rows} == {
        *("members", "facts", "timelines"),
        *("transfers", "lots", "accounts", "awards", "remarks"),
    }


CHANGES = {
    "timelines": {
        "as_at = as_at + 1": "timelines.as_at",
        "as_rank = 5": "timelines.as_rank",
        r"as_key = '\x00'": "timelines.as_key",
        "due_at = 1": "timelines.due_at",
        r"state = '\xc1'": "timelines.state",
        "state = set_byte(state, 5, get_byte(state, 5) # 1)": "timelines.state.member",
        "DELETE": "timelines.row",
        "INSERT (partition, member_id, as_at, as_rank, as_key, state)"
        r" VALUES (0, gen_random_uuid(), 0, 0, '\x00', '\x90')": "timelines.row",
    },
    "facts": {
        r"body = '\xc1'": "facts.body",
        r"event_key = '\x00'": "facts.event_key",
        r"about = '\x00' WHERE about IS NOT NULL": "facts.about",
        r"supersedes = '\x00'": "facts.supersedes",
        "DELETE WHERE about IS NOT NULL": "transfers.row",
    },
    "transfers": {
        "points = points + 1": "transfers.points",
        "balance_after = balance_after + 1": "transfers.balance_after",
        "debit = credit, credit = debit": "transfers.points",
        "debit = 'nobody' WHERE debit = 'issued'": "transfers.debit, credit",
        "id = gen_random_uuid()": "transfers.id",
        "rule = 'none'": "transfers.row",
        "event_at = event_at + 1": "transfers.row",
        "store_id = 'none'": "transfers.row",
        r"event_key = '\x00'": "transfers.row",
        "code = 'clawback' WHERE code = 'earn' AND event_id = 'e2'": "transfers.code",
        "event_id = 'none' WHERE event_id = 'e2'": "transfers.event_id",
        "program_version = 7 WHERE event_id = 'e2'": "transfers.program_version",
        "funder = 'none' WHERE event_id = 'e2'": "transfers.funder",
        "order_id = 'none' WHERE event_id = 'e2'": "transfers.order_id",
        "explanation = '{}' WHERE event_id = 'e2'": "transfers.explanation",
        "explanation = '{'": "transfers.explanation",
        "DELETE WHERE event_id = 'e2'": "transfers.row",
    },
    "lots": {
        "remaining = remaining - 1 WHERE remaining > 0": "lots.remaining",
        "granted = granted + 1": "lots.granted",
        "expires_on = '2030-01-01'": "lots.expires_on",
        "event_at = 1": "lots.event_at",
        "id = gen_random_uuid()": "lots.row",
        "DELETE": "lots.row",
        "INSERT (partition, member_id, id, event_at, granted, remaining)"
        " SELECT 0, member_id, gen_random_uuid(), 0, 5, 5 FROM lots LIMIT 1": "lots.row",
    },
    "accounts": {
        "available = available + 1": "accounts.available",
        "lifetime = lifetime + 1": "accounts.lifetime",
        "held = 1": "accounts.held",
        "pending = 1": "accounts.pending",
        "DELETE": "accounts.row",
        "INSERT (partition, member_id, available, pending, held, lifetime, recorded_at)"
        " VALUES (7, gen_random_uuid(), 1, 0, 0, 1, 0)": "accounts.row",
    },
    "flows": {
        "points = points + 1": "flows.points",
        "store_id = 'none'": "flows.row",
        "DELETE": "flows.row",
    },
    "awards": {
        "stands = NOT stands": "awards.stands",
        r"award = '\x00' WHERE stands": "awards.award",
        "DELETE WHERE stands": "awards.row",
    },
    "remarks": {
        r"figures = '\x00'": "remarks.figures",
        "event_id = 'none'": "remarks.event_id",
        "code = 'none'": "remarks.row",
        "DELETE": "remarks.row",
    },
}


@pytest.mark.parametrize("table", CHANGES)
async def test_a_changed_value_is_named(books: str, table: str) -> None:
    assert await unnoticed("points", books, table, CHANGES[table]) == []
