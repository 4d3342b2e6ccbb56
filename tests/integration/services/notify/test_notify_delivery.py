"""Delivery against real HTTP servers and a real queue."""

import asyncio

import pytest
from standardwebhooks import Webhook

from services.notify.__main__ import make_sender
from services.notify.domain.program import Destination
from services.notify.handlers.delivery import (
    AT_ONCE_MAX,
    DestinationLoop,
    Dispatcher,
)
from services.notify.senders import Sender
from services.notify.store import deliveries
from services.notify.store.deliveries import Result
from shared.clock import DAY, HOUR, MINUTE, SECOND, WallClock
from shared.db import Database
from shared.events import types
from tests.integration.services.notify.notify_lane import (
    consent,
    contact_removed,
    refund,
)
from tests.integration.services.notify.post import (
    NEW,
    OLD,
    Counting,
    Post,
    Receiver,
    document_to,
    listening,
)

pytestmark = pytest.mark.integration


async def test_a_message_is_signed_and_says_the_same_id_at_every_attempt(
    database: Database,
) -> None:
    receiver = Receiver(answers=[(503, {}), (200, {})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        job = await post.request()
        loop = post.loop()
        await loop.turn()
        assert await post.receipts() == []
        await loop.turn()
        assert len(receiver.heard) == 1, "not before its wait is over"
        post.clock.advance(5 * SECOND)
        await loop.turn()
        await loop.turn()
    assert len(receiver.heard) == 2
    ids = {headers["webhook-id"] for headers, _ in receiver.heard}
    assert ids == {job.data.job_id}
    for headers, body in receiver.heard:
        for secret in (NEW, OLD):
            said = Webhook(secret).verify(body, headers)
            assert said["data"]["job_id"] == job.data.job_id
            assert "35.20" in said["data"]["text"]
    [receipt] = await post.receipts()
    assert receipt.type == types.JOB_SENT
    assert receipt.data.job_id == job.data.job_id


async def test_gone_is_gone(database: Database) -> None:
    receiver = Receiver(answers=[(410, {})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        loop = post.loop()
        await loop.turn()
        post.clock.advance(HOUR)
        await loop.turn()
    assert len(receiver.heard) == 1
    [receipt] = await post.receipts()
    assert (receipt.type, receipt.data.error) == (types.JOB_FAILED, "answered 410 (gone)")


@pytest.mark.parametrize(("given", "wait"), [("120", 120 * SECOND), ("1", 5 * SECOND)])
async def test_a_destination_that_asks_for_patience_gets_it(
    database: Database, given: str, wait: int
) -> None:
    receiver = Receiver(answers=[(429, {"retry-after": given})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        await post.loop().turn()
    [row] = await post.rows()
    assert row["next_at"] - post.clock.now() == wait
    assert (row["state"], row["error"]) == ("waiting", "answered 429")


async def test_a_redirect_is_not_followed(database: Database) -> None:
    receiver = Receiver(answers=[(302, {"location": "http://127.0.0.1:1/elsewhere"})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        await post.loop().turn()
    [row] = await post.rows()
    assert row["error"] == "answered 302"


async def test_one_dead_destination_delays_nobody_else(database: Database) -> None:
    """rudder-server #4953: one destination that does not answer held up all the others."""
    dead = Receiver(silent=True)
    async with listening(dead) as url:
        post = Post(database, document_to(url))
        post.clock = WallClock()  # type: ignore[assignment]  # time passes while it is silent
        await post.enqueue("wecom", 300)
        alive = await post.enqueue("sms", 300)
        counting = Counting(len(alive))
        secrets = {"REGULARS_WEBHOOK_SECRET_NEW": NEW, "REGULARS_WEBHOOK_SECRET_OLD": OLD}

        def make(to: Destination) -> Sender:
            return counting if to.name == "console" else make_sender(to, secrets, WallClock())

        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group, asyncio.timeout(30):
            group.create_task(Dispatcher(post.office(make)).run(stop))
            await counting.done.wait()
            said_after_dead_had = len(dead.heard)
            stop.set()
    assert sorted(counting.said) == sorted(alive)
    # its breaker opened after the first attempts: the other jobs wait, none of them tried in vain
    assert said_after_dead_had <= AT_ONCE_MAX
    waiting = [row for row in await post.rows() if row["channel"] == "wecom"]
    assert sum(row["attempts"] == 0 for row in waiting) >= 300 - AT_ONCE_MAX


async def test_after_a_rest_one_probe_goes_before_the_others(database: Database) -> None:
    receiver = Receiver(answers=[(500, {})] * 5)
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.enqueue("wecom", 5)
        loop = post.loop()
        await loop.turn()
        await post.enqueue("wecom", 10)
        await loop.turn()
        assert len(receiver.heard) == 5, "resting"
        post.clock.advance(31 * SECOND)
        await loop.turn()
        assert len(receiver.heard) == 6, "a probe"
        await loop.turn()
    assert len(receiver.heard) == 5 + 15
    assert {row["state"] for row in await post.rows()} == {"sent"}


async def test_a_message_withdrawn_in_time_is_not_said(database: Database) -> None:
    """LinkWeChat: a cancelled message was sent all the same."""
    receiver = Receiver()
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        job = await post.request()
        bought_at = post.clock.now() - 3 * MINUTE - SECOND
        out = await post.lane.feed([refund("1", bought_at + SECOND)], stream=False)
        assert [each.data.job_id for each in out] == [job.data.job_id]
        assert out[0].data.reason == "exited"
        await post.lane.queue(out)
        await post.loop().turn()
    assert receiver.heard == []
    assert [row["state"] for row in await post.rows()] == ["cancelled"]


async def test_before_every_attempt_the_member_is_asked_again(database: Database) -> None:
    """A no that comes between two attempts of a webhook counts."""
    receiver = Receiver(answers=[(503, {})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        loop = post.loop()
        await loop.turn()
        await post.lane.feed([consent(post.clock.now(), granted=False)], stream=False)
        post.clock.advance(MINUTE)
        await loop.turn()
    assert len(receiver.heard) == 1
    [receipt] = await post.receipts()
    assert (receipt.type, receipt.data.error) == (types.JOB_FAILED, "no_consent")


async def test_m25_a_contact_that_is_gone_is_no_address_at_the_last_look(
    database: Database,
) -> None:
    receiver = Receiver()
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        await post.lane.feed([contact_removed(post.clock.now())], stream=False)
        await post.loop().turn()
    assert receiver.heard == []
    [receipt] = await post.receipts()
    assert receipt.data.error == "no_address"


async def test_what_would_be_said_at_night_waits_for_the_morning(database: Database) -> None:
    hour = WallClock().now() % DAY // HOUR
    night = {"start": f"{hour:02d}:00", "end": f"{(hour + 2) % 24:02d}:00"}
    post = Post(database, document_to("http://127.0.0.1:1") | {"quiet_hours": night})
    morning = (post.clock.now() // HOUR + 2) * HOUR
    [job] = await post.enqueue("wecom", 1)
    counting = Counting()
    loop = post.loop("crm", lambda _: counting)
    await loop.turn()
    assert counting.said == []
    [row] = await post.rows()
    assert (row["state"], row["next_at"], row["error"]) == ("waiting", morning, "quiet_hours")
    post.clock.advance(morning - post.clock.now())
    await loop.turn()
    assert counting.said == [job]


async def test_nothing_is_said_to_who_was_never_asked_where_a_word_is_needed(
    database: Database,
) -> None:
    document = document_to("http://127.0.0.1:1")
    document["channels"]["sms"]["consent"] = "explicit"
    post = Post(database, document)
    await post.enqueue("sms", 1)
    counting = Counting()
    await post.loop("console", lambda _: counting).turn()
    assert counting.said == []
    assert [receipt.data.error for receipt in await post.receipts()] == ["no_consent"]


async def test_the_same_jobs_told_again_are_not_said_again(database: Database) -> None:
    """Mautic #3669, #2215: concurrent runs sent the same message twice."""
    post = Post(database, document_to("http://127.0.0.1:1"))
    expected = await post.enqueue("sms", 45)
    counting = Counting()
    loops = [post.loop("console", lambda _: counting) for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(_empty(loop))
    assert sorted(counting.said) == sorted(expected)
    job = await post.request()
    await post.lane.queue([job, job])
    webhook = post.loop("crm", lambda _: counting)
    await webhook.turn()
    await post.lane.queue([job])
    await webhook.turn()
    assert counting.said.count(job.data.job_id) == 1


async def _empty(loop: DestinationLoop) -> None:
    while await loop.turn() == 0:
        pass


async def test_what_a_killed_worker_held_is_said_by_the_next(database: Database) -> None:
    post = Post(database, document_to("http://127.0.0.1:1"))
    [job] = await post.enqueue("sms", 1)
    now = post.clock.now()
    async with database.transaction() as tx:
        ready = await deliveries.ready(tx, ["sms"], now, 10)
        [held] = await deliveries.claim(tx, 0, ready[0], now, lease=40 * SECOND)
    counting = Counting()
    loop = post.loop("console", lambda _: counting)
    await loop.turn()
    assert counting.said == [], "its lease is not over"
    post.clock.advance(40 * SECOND)
    await loop.turn()
    assert counting.said == [job]
    # the first worker was only slow; what it has to say comes too late
    late = Result(held.job_id, held.attempts, "failed", now, "slow", None)
    async with database.transaction() as tx:
        assert await deliveries.record(tx, 0, [late], post.clock.now()) == set()
    assert [row["state"] for row in await post.rows()] == ["sent"]


async def test_what_waited_past_its_deadline_is_given_up(database: Database) -> None:
    post = Post(database, document_to("http://127.0.0.1:1"))
    await post.enqueue("sms", 2, deadline=MINUTE)
    post.clock.advance(2 * MINUTE)
    counting = Counting()
    await post.loop("console", lambda _: counting).turn()
    assert counting.said == []
    assert [each.data.error for each in await post.receipts()] == ["past_deadline"] * 2


async def test_a_text_too_long_for_its_channel_is_refused_with_the_figures(
    database: Database,
) -> None:
    document = document_to("http://127.0.0.1:1")
    document["channels"]["sms"] = {**document["channels"]["sms"], "bytes_max": 20}
    post = Post(database, document)
    await post.enqueue("sms", 1)
    counting = Counting()
    await post.loop("console", lambda _: counting).turn()
    assert counting.said == []
    [receipt] = await post.receipts()
    assert receipt.data.error.endswith("bytes, and sms takes 20")
