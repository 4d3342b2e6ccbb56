"""Versions of the program on PostgreSQL: what is in force when, who was first, what is refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from shared.clock import HOUR, SECOND, ManualClock, format_instant
from shared.db import Database
from shared.runtime.program import (
    BEGINNING,
    END,
    MARGIN,
    Mistake,
    ProgramError,
    ProgramHistory,
    ProgramPart,
    Withdrawn,
)
from shared.timers import judged
from tests.integration.shared.runtime.http.serving import NOW, runtime_database, serve, token

pytestmark = pytest.mark.integration

DEFAULT = {"rules": [{"id": "purchase", "points": 1}], "currency": "CNY", "a": None}


def parse(document: Mapping[str, Any]) -> int:
    """The program of these tests: the points of its first rule."""
    rules = document.get("rules")
    if not isinstance(rules, list):
        raise ProgramError([Mistake("/rules", "is missing")])
    mistakes = [
        Mistake(f"/rules/{index}/points", "must be a positive number")
        for index, rule in enumerate(rules)
        if rule.get("points", 0) <= 0
    ]
    if mistakes:
        raise ProgramError(mistakes)
    return int(rules[0]["points"])


PART = ProgramPart("points", parse, DEFAULT)


def earning(points: int) -> dict[str, Any]:
    return {**DEFAULT, "rules": [{"id": "purchase", "points": points}]}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with runtime_database(database_url) as database:
        yield database


@pytest.fixture
async def history(database: Database, clock: ManualClock) -> ProgramHistory[int]:
    history = ProgramHistory(PART, clock)
    async with database.transaction() as tx:
        assert await history.refresh(tx)
    return history


@pytest.fixture
async def client(
    database: Database, clock: ManualClock, history: ProgramHistory[int]
) -> AsyncIterator[httpx.AsyncClient]:
    assert history.versions
    async with serve(database, clock, program=PART) as client:
        yield client


async def refreshed(history: ProgramHistory[int], database: Database) -> bool:
    async with database.transaction() as tx:
        return await history.refresh(tx)


async def test_the_default_has_always_been_in_force(
    history: ProgramHistory[int], client: httpx.AsyncClient
) -> None:
    assert history.at(BEGINNING).version == history.at(-(2**62)).version == 1
    told = (await client.get("/v1/program")).json()
    assert told["version"] == 1
    assert told["effective_from"] is None
    assert told["state"] == "in_force"
    assert told["author"] == "program.yaml"
    assert list(told["document"]) == ["rules", "currency", "a"], "the order it was written in"


async def test_processes_that_start_together_install_the_default_once(
    database: Database, clock: ManualClock
) -> None:
    histories = [ProgramHistory(PART, clock) for _ in range(6)]
    async with asyncio.TaskGroup() as tasks:
        for history in histories:
            tasks.create_task(refreshed(history, database))
    assert {history.at(NOW).version for history in histories} == {1}


async def test_an_event_is_judged_by_the_version_of_its_time(
    client: httpx.AsyncClient, history: ProgramHistory[int], database: Database
) -> None:
    later = format_instant(NOW + HOUR)
    assert not await refreshed(history, database)
    two = await client.put(
        "/v1/program", json={"document": earning(3), "effective_from": later, "note": "spring"}
    )
    assert two.status_code == 200
    assert two.json()["state"] == "planned"
    three = (await client.put("/v1/program", json={"document": earning(2)})).json()
    assert three["effective_from"] == format_instant(NOW + MARGIN)
    assert await refreshed(history, database)
    judged = [history.at(at) for at in (NOW, NOW + MARGIN - 1, NOW + MARGIN, NOW + HOUR)]
    assert [(each.version, each.program) for each in judged] == [(1, 1), (1, 1), (3, 2), (2, 3)]
    assert history.numbered(2).program == 3
    with pytest.raises(LookupError):
        history.numbered(4)


async def test_the_history_says_who_when_and_why(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await client.put(
        "/v1/program", json={"document": earning(2), "note": "because"}, headers=token("marketer")
    )
    clock.advance(MARGIN)
    told = (await client.get("/v1/program")).json()
    assert told["version"] == 2
    assert [(each["version"], each["state"], each["note"]) for each in told["history"]] == [
        (2, "in_force", "because"),
        (1, "past", "the default"),
    ]
    one = (await client.get("/v1/program/1")).json()
    assert one["document"] == DEFAULT
    assert one["state"] == "past"
    assert (await client.get("/v1/program/9")).status_code == 404


async def test_nothing_begins_in_the_past(client: httpx.AsyncClient) -> None:
    for at in (NOW - HOUR, NOW, NOW + 4 * SECOND):
        response = await client.put(
            "/v1/program", json={"document": earning(2), "effective_from": format_instant(at)}
        )
        assert response.status_code == 422
        assert response.json()["type"] == "urn:regulars:problem:effective-from-too-early"
        assert response.json()["errors"][0]["pointer"] == "#/effective_from"
    assert len((await client.get("/v1/program")).json()["history"]) == 1


async def test_every_mistake_has_its_place(client: httpx.AsyncClient) -> None:
    document = {"rules": [{"id": "a", "points": 1}, {"id": "b"}, {"id": "c", "points": -1}]}
    for response in (
        await client.put("/v1/program", json={"document": document}),
        await client.post("/v1/program:validate", json={"document": document}),
        await client.post("/v1/program:diff", json={"document": document}),
    ):
        assert response.status_code == 422
        assert response.json()["type"] == "urn:regulars:problem:invalid-program"
        assert [error["pointer"] for error in response.json()["errors"]] == [
            "#/document/rules/1/points",
            "#/document/rules/2/points",
        ]
    assert (await client.post("/v1/program:validate", json={"document": earning(2)})).json() == {
        "valid": True
    }


async def test_the_same_document_again_is_no_new_version(client: httpx.AsyncClient) -> None:
    assert (await client.put("/v1/program", json={"document": DEFAULT})).json()["version"] == 1
    assert (await client.put("/v1/program", json={"document": earning(2)})).json()["version"] == 2
    assert (await client.put("/v1/program", json={"document": earning(2)})).json()["version"] == 2
    assert (await client.put("/v1/program", json={"document": DEFAULT})).json()["version"] == 3


async def test_of_two_editors_one_is_told_to_look_again(client: httpx.AsyncClient) -> None:
    seen = (await client.get("/v1/program")).headers["etag"]
    assert seen == '"1"'
    first, second = [
        await client.put(
            "/v1/program", json={"document": earning(points)}, headers={"If-Match": seen}
        )
        for points in (2, 3)
    ]
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert second.status_code == 412
    assert "newest version is 2" in second.json()["detail"]
    unknown = await client.put(
        "/v1/program", json={"document": earning(4)}, headers={"If-Match": '"abc"'}
    )
    assert unknown.status_code == 412


async def test_editors_at_once_get_a_version_each(client: httpx.AsyncClient) -> None:
    async with asyncio.TaskGroup() as tasks:
        sent = [
            tasks.create_task(client.put("/v1/program", json={"document": earning(points)}))
            for points in range(2, 8)
        ]
    assert sorted(each.result().json()["version"] for each in sent) == list(range(2, 8))


async def test_what_would_change(client: httpx.AsyncClient) -> None:
    draft = earning(2)
    del draft["a"]
    told = (await client.post("/v1/program:diff", json={"document": draft})).json()
    assert told == {
        "version": 1,
        "changes": [
            {"op": "change", "pointer": "/rules/purchase/points", "before": 1, "after": 2},
            {"op": "remove", "pointer": "/a", "before": None, "after": None},
        ],
    }


async def test_who_may_read_and_who_may_write(client: httpx.AsyncClient) -> None:
    proposal = {"document": earning(2)}
    assert (await client.get("/v1/program", headers=token("analyst"))).status_code == 200
    assert (await client.get("/v1/program", headers=token("store"))).status_code == 403
    for role in ("analyst", "store", "system"):
        response = await client.put("/v1/program", json=proposal, headers=token(role))
        assert response.status_code == 403


async def test_before_the_service_has_run_there_is_none(
    database: Database, clock: ManualClock
) -> None:
    async with serve(database, clock, program=PART) as client:
        assert (await client.get("/v1/program")).status_code == 404


async def withdrawn(client: httpx.AsyncClient, version: int, **more: Any) -> httpx.Response:
    return await client.post(f"/v1/program/{version}:withdraw", json={"note": "wrong"}, **more)


async def test_a_version_withdrawn_counts_as_never_in_force(
    client: httpx.AsyncClient,
    history: ProgramHistory[int],
    database: Database,
    clock: ManualClock,
) -> None:
    for points in (2, 3):
        await client.put("/v1/program", json={"document": earning(points)})
        clock.advance(HOUR)
    begins = [NOW + MARGIN, NOW + HOUR + MARGIN]
    assert await refreshed(history, database)
    told = (await withdrawn(client, 2)).json()
    assert (told["state"], told["already"]) == ("withdrawn", False)
    assert (told["withdrawn_by"], told["withdrawn_note"]) == ("li", "wrong")
    assert told["withdrawn_at"] == format_instant(NOW + 2 * HOUR)
    assert await refreshed(history, database)
    assert not await refreshed(history, database)
    judged = [history.at(at).version for at in (NOW, *begins)]
    assert judged == [1, 1, 3]
    assert history.numbered(2).program == 2, "what it decided can still be explained"
    assert history.withdrawn == (Withdrawn(2, begins[0], begins[1]),)
    assert history.withdrawn[0].cause == "program:2:withdrawn"

    clock.advance(HOUR)
    again = (await withdrawn(client, 2)).json()
    assert again["already"]
    assert again["withdrawn_at"] == told["withdrawn_at"]
    assert (await withdrawn(client, 3)).json()["effective_from"] == format_instant(begins[1])
    assert await refreshed(history, database)
    assert history.at(clock.now()).version == 1
    assert [each.until for each in history.withdrawn] == [END, END]
    shown = (await client.get("/v1/program")).json()
    assert shown["version"] == 1
    assert [each["state"] for each in shown["history"]] == ["withdrawn", "withdrawn", "in_force"]


async def test_one_that_has_not_begun_can_be_withdrawn_and_the_first_cannot(
    client: httpx.AsyncClient, history: ProgramHistory[int], database: Database
) -> None:
    await client.put("/v1/program", json={"document": earning(2)})
    assert (await withdrawn(client, 2)).json()["state"] == "withdrawn"
    assert await refreshed(history, database)
    assert history.at(NOW + HOUR).version == 1
    first = await withdrawn(client, 1)
    assert first.status_code == 422
    assert first.json()["type"] == "urn:regulars:problem:first-version"
    assert "none before it" in first.json()["detail"]
    assert (await withdrawn(client, 9)).status_code == 404
    for role in ("analyst", "store", "system"):
        assert (await withdrawn(client, 2, headers=token(role))).status_code == 403


async def test_what_was_withdrawn_is_no_ground_to_stand_on(client: httpx.AsyncClient) -> None:
    await client.put("/v1/program", json={"document": earning(2)})
    seen = (await client.get("/v1/program")).headers["etag"]
    assert seen == '"2"'
    await withdrawn(client, 2)
    assert (await client.get("/v1/program")).headers["etag"] == '"1"'
    draft = {"document": earning(3)}
    refused = await client.put("/v1/program", json=draft, headers={"If-Match": seen})
    assert refused.status_code == 412
    compared = (await client.post("/v1/program:diff", json={"document": DEFAULT})).json()
    assert compared == {"version": 1, "changes": []}
    # the same document again: it is in force; the withdrawn one again: a new version
    assert (await client.put("/v1/program", json={"document": DEFAULT})).json()["version"] == 1
    again = await client.put("/v1/program", json={"document": earning(2)})
    assert again.json()["version"] == 3


async def test_a_withdrawal_sent_again_with_its_key_is_answered_alike(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    await client.put("/v1/program", json={"document": earning(2)})
    key = {"Idempotency-Key": "k-1"}
    first = await withdrawn(client, 2, headers={**token(), **key})
    clock.advance(HOUR)
    second = await withdrawn(client, 2, headers={**token(), **key})
    assert first.json() == second.json()
    assert not second.json()["already"]


async def test_how_far_the_lanes_are_is_told(client: httpx.AsyncClient, database: Database) -> None:
    await client.put("/v1/program", json={"document": earning(2)})
    assert (await client.get("/v1/program/2")).json()["judging"] is None
    told = (await withdrawn(client, 2)).json()["judging"]
    assert told == {"members": 0, "judged": 0, "partitions_left": 2}
    async with database.transaction() as tx:
        await judged.move(tx, 0, 2, judged.NOBODY, 3, NOW)
        await judged.move(tx, 1, 2, judged.NOBODY, 4, None)
    told = (await client.get("/v1/program/2")).json()["judging"]
    assert told == {"members": 0, "judged": 7, "partitions_left": 1}
