"""A text corrected for those under way, by choice; what was said stays as it was said."""

import copy
from typing import Any

import pytest

from services.notify.handlers.messages import Messages
from shared.clock import MINUTE, SECOND, Instant
from shared.db import Database
from shared.events import Event, types
from shared.events.decisions import JobOpened
from shared.runtime.program import Proposal, put
from shared.runtime.withdrawing import withdraw
from tests.integration.services.notify.notify_lane import event
from tests.integration.services.notify.post import (
    Counting,
    Post,
    document_to,
)

pytestmark = pytest.mark.integration

WRONG, RIGHT = "Now for 1 yuan", "Now for 10 yuan"


def saying(text: str, **more: object) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(document_to("http://127.0.0.1:1"))
    document["channels"]["wecom"]["destination"] = "console"
    title = {"zh": "感谢", "en": "Thanks"}
    document["templates"]["thanks"] = {"title": title, "text": {"zh": text, "en": text}, **more}
    return document


async def apply(post: Post, document: dict[str, Any], at: Instant) -> None:
    async with post.database.transaction() as tx:
        proposal = Proposal(document, "hq", effective_from=at)
        await put(tx, post.lane.history.part, proposal, at - MINUTE)
    await post.lane.prepare()


async def shown(post: Post, job: Event) -> str | None:
    messages = Messages(post.database, post.lane.history, 1)
    found = await messages.job(job.data.job_id)
    assert found is not None
    return messages.text(found, "en", post.clock.now())


async def said(post: Post) -> list[str]:
    teller = Counting()
    await post.loop("console", lambda _: teller).turn()
    return teller.texts


@pytest.mark.parametrize(("more", "text"), [({"correct_under_way": True}, RIGHT), ({}, WRONG)])
async def test_m35_a_wrong_price_is_put_right_for_those_who_wait_by_choice(
    database: Database, more: dict[str, object], text: str
) -> None:
    post = Post(database, saying(WRONG))
    job = await post.request()
    await apply(post, saying(RIGHT, **more), post.clock.now())
    post.clock.advance(SECOND)
    assert await shown(post, job) == text
    assert await said(post) == [text]
    assert [row["text_version"] for row in await post.rows()] == [2 if more else 1]


async def test_what_was_said_is_shown_as_it_was_said(database: Database) -> None:
    post = Post(database, saying(WRONG))
    job = await post.request()
    assert await said(post) == [WRONG]
    await apply(post, saying(RIGHT, correct_under_way=True), post.clock.now())
    opened = event(
        types.JOB_OPENED, JobOpened(job_id=job.data.job_id), post.clock.now(), id_="opened"
    )
    await post.lane.feed([opened], stream=False)
    assert await shown(post, job) == WRONG


async def test_a_correction_counts_from_its_instant_on_and_not_when_it_is_withdrawn(
    database: Database,
) -> None:
    post = Post(database, saying(WRONG))
    job = await post.request()
    begins = post.clock.now() + MINUTE
    await apply(post, saying(RIGHT, correct_under_way=True), begins)
    assert await shown(post, job) == WRONG
    post.clock.set(begins)
    assert await shown(post, job) == RIGHT
    await apply(post, saying("newest", correct_under_way=True), begins + MINUTE)
    await apply(post, saying("no correction"), begins + 2 * MINUTE)
    post.clock.set(begins + 3 * MINUTE)
    assert await shown(post, job) == "newest"
    async with database.transaction() as tx:
        await withdraw(tx, 3, by="hq", note="", now=post.clock.now(), members=None)
    await post.lane.prepare()
    assert await shown(post, job) == RIGHT
    assert await said(post) == [RIGHT]


async def test_a_correction_that_the_message_has_no_words_for_is_passed_over(
    database: Database,
) -> None:
    post = Post(database, saying(WRONG))
    job = await post.request()
    other = saying("Gold for {{ tier_after }}", correct_under_way=True)
    other["caps"] = []
    other["journeys"] = {
        "tiers": {
            "title": {"zh": "级", "en": "tiers"},
            "trigger": {"event": types.TIER_CHANGED},
            "steps": [
                {"wait": {"for": "1h"}},
                {
                    "send": {
                        "id": "now",
                        "channel": "wecom",
                        "template": "thanks",
                        "category": "value",
                        "purpose": "test",
                        "deadline": "1d",
                    }
                },
            ],
        }
    }
    await apply(post, other, post.clock.now())
    assert await shown(post, job) == WRONG
    assert await said(post) == [WRONG]
