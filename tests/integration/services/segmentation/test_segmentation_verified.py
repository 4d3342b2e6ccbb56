"""One value is changed behind segmentation's back: `verify` names it.

That everything is clean as the service leaves it is asked after every test of this folder
(`conftest.py`), whatever the order of arrival was.
"""

import random
from uuid import UUID

import pytest

from services.segmentation.__main__ import SERVICE
from services.segmentation.domain.facts import AnyFact, Interaction, Purchase, Refund
from shared.clock import DAY, Instant, parse_instant
from shared.db import Database
from tests.conftest import NewDatabase
from tests.integration.services.segmentation.desk import Desk, event_of
from tests.integration.services.verifying import unnoticed, verified
from tests.property.services.segmentation.stories import document

pytestmark = pytest.mark.integration

START: Instant = parse_instant("2024-01-01T08:00:00Z")
MEMBERS = [UUID(int=0x0189 << 112 | 7 << 76 | 2 << 62 | number) for number in (1, 2)]


@pytest.fixture
async def desk_url(new_database: NewDatabase) -> str:
    """Two members' purchases, told late and out of order: with decisions that were replaced."""
    url = await new_database(SERVICE.migrations)
    database = Database(url, application_name="test")
    desk = Desk(database, document())
    facts: list[AnyFact] = [
        Purchase("p0", "o0", "north", 900, (("s", "BAKERY", 900),)),
        Purchase("p1", "o1", "south", 1_200, (("s", "DAIRY", 1_200),)),
        Interaction("i", "share"),
        Refund("r", "o1", 5_000),
        Purchase("p2", "o2", "north", 2_900, (("s", "BAKERY", 2_900),)),
    ]
    events = [
        event_of(member, START + day * DAY, f"{member}-{day}", fact)
        for member in MEMBERS
        for day, fact in enumerate(facts)
    ]
    random.Random(2).shuffle(events)
    for event in events:
        await desk.take([event])
    await desk.take([], START + 20 * DAY, timers=100)
    await database.close()
    return url


async def test_all_is_clean_as_it_is_left(desk_url: str) -> None:
    findings = await verified("segmentation", desk_url)
    assert findings.listed == []
    assert {table for table, rows in findings.checked.items() if rows} == {
        *("members", "facts", "timelines"),
        *("members_features", "changes", "member_tags", "member_tiers"),
    }


CHANGES = {
    "timelines": {
        "due_at = due_at + 1": "timelines.due_at",
        "due_at = NULL": "timelines.due_at",
        "as_at = as_at + 1": "timelines.as_at",
        r"state = '\xc1'": "timelines.state",
        "DELETE": "timelines.row",
    },
    "facts": {
        r"body = '\xc1'": "facts.body",
        r"about = '\x00' WHERE about IS NOT NULL": "facts.about",
        "at = at + 1": "timelines.state.history",
        "DELETE WHERE about IS NOT NULL": "timelines.state.history",
    },
    "members_features": {
        "orders = orders + 1": "members_features.orders",
        "spend_30d = spend_30d + 1": "members_features.spend_30d",
        "tier = 'none'": "members_features.tier",
        "tags = '{}'": "members_features.tags",
        "category_orders = '{}'": "members_features.category_orders",
        "as_of = as_of + 1": "members_features.as_of",
        "due_at = 1": "members_features.due_at",
        "stale_30d = 1": "members_features.stale_30d",
        "DELETE": "members_features.row",
    },
    "changes": {
        "at = at + 1 WHERE NOT superseded": "changes.id",
        "at = at + 1 WHERE superseded": "changes.id",
        "id = gen_random_uuid()": "changes.id",
        "added = '{none}' WHERE kind = 'tags' AND NOT superseded": "changes.added",
        "added = '{none}' WHERE kind = 'tags' AND superseded": "changes.id",
        "now = 'none' WHERE kind = 'tier' AND superseded": "changes.id",
        "now = 'none' WHERE kind = 'tier' AND NOT superseded AND before <> now": "changes.now",
        "until = 1 WHERE kind = 'tier'": "changes.id",
        "because = '[]' WHERE NOT superseded AND cardinality(added) > 0": "changes.because",
        "because = '{'": "changes.because",
        "cause = 'none' WHERE NOT superseded": "changes.cause",
        "superseded = NOT superseded": "changes.superseded",
        "supersedes = gen_random_uuid()": "changes.supersedes",
        "generation = generation + 1": "changes.generation",
        "DELETE WHERE generation = 0 AND NOT superseded": "changes.row",
        "DELETE WHERE superseded": "changes.generation",
    },
    "member_tags": {
        "since = since + 1": "member_tags.since",
        "source = 'staff'": "member_tags.source",
        "because = '[]'": "member_tags.because",
        "tag = 'none'": "member_tags.row",
        "DELETE": "member_tags.row",
        "INSERT (partition, member_id, tag, since, source, because)"
        " VALUES (0, gen_random_uuid(), 'none', 0, 'rule', '[]')": "member_tags.row",
    },
    "member_tiers": {
        "tier = 'none'": "member_tiers.tier",
        "level = level + 1": "member_tiers.level",
        "since = since + 1": "member_tiers.since",
        "until = 1": "member_tiers.until",
        "grace_until = 1": "member_tiers.grace_until",
        "because = '[]'": "member_tiers.because",
        "DELETE": "member_tiers.row",
    },
}


@pytest.mark.parametrize("table", CHANGES)
async def test_a_changed_value_is_named(desk_url: str, table: str) -> None:
    assert await unnoticed("segmentation", desk_url, table, CHANGES[table]) == []
