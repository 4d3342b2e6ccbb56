"""Who is who: made once, linked safely, kept secret."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from shared.db import Database
from shared.events.topics import EVENTS
from tests.integration.services.ingest.conftest import NewEdge
from tests.integration.services.ingest.edge import Edge
from tests.integration.services.ingest.events import UPDATED, event, joined, purchase
from tests.integration.services.ingest.test_answers import BATCH, items, problem

pytestmark = pytest.mark.integration

PHONE = "phone:+8613800001234"


async def member(edge: Edge, name: str, **headers: str) -> dict[str, Any]:
    response = await edge.client.get(
        "/v1/members", params={"identity": name}, headers=headers or edge.token()
    )
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def rows(database: Database, sql: str) -> list[Any]:
    async with database.transaction() as tx:
        return [tuple(row) for row in await tx.fetch(sql)]


async def outgoing(edge: Edge) -> list[dict[str, Any]]:
    """The facts that ingest has added, in the outbox (no relay runs here)."""
    told = []
    async with edge.database.transaction() as tx:
        for row in await tx.fetch("SELECT topic, messages FROM outbox ORDER BY id"):
            assert row["topic"] == EVENTS
            for key, value in msgspec.msgpack.decode(row["messages"]):
                fact = json.loads(value)
                assert fact["subject"].encode() == key
                told.append(fact)
    return told


async def test_a_new_name_makes_a_member_and_says_so_once(edge: Edge) -> None:
    sent = purchase("card:7", data={"store_id": "s9"})
    first = (await edge.publish(sent)).json()["member_id"]
    second = (await edge.publish(purchase("card:7"))).json()["member_id"]
    assert first == second
    found = await member(edge, "card: 7")
    assert found["member_id"] == first
    assert found["store_id"] == "s9"
    assert [name["name"] for name in found["identities"]] == ["card:7"]
    [created] = await outgoing(edge)
    assert created["id"] == f"created:{first}"
    assert created["type"] == "regulars.member.created.v1"
    assert created["time"] == "2017-01-01T03:53:26Z"
    assert created["data"] == {"identities": ["card"], "store_id": "s9", "cause": sent["id"]}


async def test_further_names_are_linked_and_then_lead_to_the_same_member(edge: Edge) -> None:
    sent = joined("card:1", data={"identities": [PHONE, "wecom:w1"]})
    first = (await edge.publish(sent)).json()["member_id"]
    for name in (PHONE, "wecom:w1", f"member:{first}"):
        assert (await edge.publish(purchase(name))).json()["member_id"] == first
    told = await outgoing(edge)
    assert [fact["type"].split(".")[2] for fact in told] == ["created", "identified", "identified"]
    assert len({fact["id"] for fact in told}) == 3


async def test_a_subject_that_is_new_is_who_its_further_names_say(edge: Edge) -> None:
    first = (await edge.publish(purchase(PHONE))).json()["member_id"]
    again = await edge.publish(joined("wecom:new", data={"identities": [PHONE]}))
    assert again.json()["member_id"] == first


async def test_two_members_who_share_a_name_stay_two_and_it_is_written_down(edge: Edge) -> None:
    li = (await edge.publish(joined("card:1", data={"identities": [PHONE]}))).json()["member_id"]
    wang = (await edge.publish(purchase("card:2"))).json()["member_id"]
    again = await edge.publish(joined("card:2", data={"identities": [PHONE]}))
    assert again.json()["member_id"] == wang != li
    found = await rows(
        edge.database, "SELECT member_id::text, owner_id::text, reason FROM identity_conflicts"
    )
    assert found == [(wang, li, "other-member")]
    page = (await edge.client.get("/metrics")).text
    assert 'regulars_ingest_identity_conflicts_total{reason="other-member"} 1.0' in page


async def test_the_shared_tablet_links_nobody(edge: Edge) -> None:
    tablet = "phone:+8600000000000"
    sent = [joined(f"wecom:{who}", data={"identities": [tablet]}) for who in "ab"]
    first, second = items(await edge.publish(sent, BATCH))
    assert first["member_id"] != second["member_id"]
    problem(await edge.publish(purchase(tablet)), 422, "blocked-name")


async def test_names_of_others_become_member_ids(edge: Edge) -> None:
    li = (await edge.publish(purchase(PHONE))).json()["member_id"]
    sent = joined("card:2", data={"via": "referral", "referrer": PHONE})
    await edge.publish(sent)
    bought = purchase("card:2", data={"attribution": {"referrer": "card:new"}})
    await edge.publish(bought)
    told = {fact["id"]: fact["data"] for fact in await edge.log()}
    assert told[sent["id"]]["referrer"] == f"member:{li}"
    unseen = (await member(edge, "card:new"))["member_id"]
    assert told[bought["id"]]["attribution"]["referrer"] == f"member:{unseen}"
    problem(await edge.publish(joined(data={"referrer": "nobody"})), 422, "invalid-event")
    unknown = "member:01a201e8-5e0a-728f-a7e2-f95200043e72"
    problem(await edge.publish(purchase(unknown)), 422, "unknown-member")
    by_nobody = purchase(data={"attribution": {"referrer": unknown}})
    refused = problem(await edge.publish(by_nobody), 422, "unknown-member")
    assert [each["pointer"] for each in refused["errors"]] == ["#/data/attribution/referrer"]


async def test_what_says_who_somebody_is_stands_nowhere_in_clear(edge: Edge) -> None:
    secrets = ["13800001234", "李雷雷雷", "secret@example.com"]
    profile = {"name": secrets[1], "phone": PHONE, "email": secrets[2], "city": "Shanghai"}
    sent = joined(PHONE, data={"profile": profile, "identities": [f"email:{secrets[2]}"]})
    assert (await edge.publish(sent)).status_code == 202
    await edge.publish(purchase(PHONE, data={"total": -1}))  # rejected, and kept to be looked at
    await housekeeping(edge)
    log = b"".join(key + value for _, key, value in await edge.records())
    dump = ""
    for table in ("members", "identities", "personal_data", "rejected_events", "outbox"):
        for [row] in await rows(edge.database, f"SELECT t::text FROM {table} t"):  # noqa: S608 - a constant
            dump += row
    for secret in secrets:
        assert secret.encode() not in log
        assert secret not in dump
        assert secret.encode().hex() not in dump
    assert b"Shanghai" in log
    found = await member(edge, PHONE)
    assert found["personal"] == {"name": secrets[1], "phone": PHONE, "email": secrets[2]}
    shown = json.dumps(await member(edge, PHONE, **edge.token("marketer")), ensure_ascii=False)
    assert not any(secret in shown for secret in secrets)


async def test_personal_data_is_what_the_latest_event_told(edge: Edge) -> None:
    def updated(name: str, time: str) -> Any:
        return event(UPDATED, {"by": "member", "profile": {"name": name}}, time=time)

    await edge.publish(updated("second", "2017-01-02T00:00:00Z"))
    await edge.publish(updated("first", "2017-01-01T00:00:00Z"))
    assert (await member(edge, "card:1"))["personal"] == {"name": "second"}
    batch = [updated("fourth", "2017-01-04T00:00:00Z"), updated("third", "2017-01-03T00:00:00Z")]
    await edge.publish(batch, BATCH)
    assert (await member(edge, "card:1"))["personal"] == {"name": "fourth"}


async def test_personal_data_that_is_cleared_is_gone_and_late_words_do_not_bring_it_back(
    edge: Edge,
) -> None:
    def updated(day: int, **told: Any) -> Any:
        data = {"by": "member", "profile": told, "attributes": {"email": told.get("email", "a@b")}}
        return event(UPDATED, data, time=f"2017-01-{day:02d}T00:00:00Z")

    await edge.publish(updated(1, name="first", phone=PHONE))
    await edge.publish(updated(3, name=None, email=[]))
    assert (await member(edge, "card:1"))["personal"] == {"phone": PHONE}
    await edge.publish(updated(2, name="late"))
    assert (await member(edge, "card:1"))["personal"] == {"phone": PHONE}
    profile = {"name": None, "phone": None}
    await edge.publish(joined(data={"profile": profile}, time="2017-01-04T00:00:00Z"))
    assert (await member(edge, "card:1"))["personal"] == {"phone": PHONE}, "that clears nothing"


async def test_two_processes_that_meet_somebody_at_once_make_one_member(new_edge: NewEdge) -> None:
    edges = [await new_edge() for _ in range(3)]
    names = [f"card:{number}" for number in range(40)]
    answers: list[list[dict[str, Any]]] = []

    async def publish(edge: Edge, order: list[str]) -> None:
        answers.append(items(await edge.publish([purchase(name) for name in order], BATCH)))

    async with asyncio.TaskGroup() as tasks:
        for index, edge in enumerate(edges):
            order = names if index % 2 else names[::-1]
            tasks.create_task(publish(edge, order))
    assert all(item["status"] == "accepted" for answer in answers for item in answer)
    assert await rows(edges[0].database, "SELECT count(*)::int FROM members") == [(40,)]
    assert await rows(edges[0].database, "SELECT count(*)::int FROM identities") == [(40,)]
    by_order: dict[str, set[str]] = {}
    for fact in await edges[0].log():
        by_order.setdefault(fact["subject"], set()).add(fact["id"])
    assert sorted(len(ids) for ids in by_order.values()) == [3] * 40
    assert len(await outgoing(edges[0])) == 40


async def test_a_name_given_by_hand(edge: Edge) -> None:
    li = (await edge.publish(purchase("card:1"))).json()["member_id"]
    await edge.publish(purchase("card:2"))

    async def link(identity: str, **more: str) -> Any:
        return await edge.client.post(
            f"/v1/members/{li}/identities",
            json={"identity": identity},
            headers={**edge.token(), **more},
        )

    once = {"idempotency-key": "k1"}
    response = await link(PHONE, **once)
    assert response.status_code == 201
    assert {each["name"] for each in response.json()["identities"]} == {"card:1", PHONE}
    again = await link(PHONE, **once)
    assert again.status_code == 201
    assert again.json() == {"member_id": li}  # what is kept for repetitions holds no names
    assert (await edge.publish(purchase(PHONE))).json()["member_id"] == li
    problem(await link("card:2"), 409, "identity-conflict")
    problem(await link("phone:+8600000000000"), 422, "blocked-name")
    problem(await link("moon:1"), 422, "invalid-identity")
    for number in range(2):
        assert (await link(f"phone:+861380000000{number}")).status_code == 201
    problem(await link("phone:+8613800000009"), 409, "identity-limit")
    other = "01a201e8-5e0a-728f-a7e2-f95200043e72"
    response = await edge.client.post(
        f"/v1/members/{other}/identities", json={"identity": "card:9"}, headers=edge.token()
    )
    problem(response, 404, "not-found")
    assert await rows(edge.database, "SELECT count(*)::int FROM members") == [(2,)]


async def test_who_may_look_at_members(edge: Edge) -> None:
    found = (await edge.publish(purchase("card:1", data={"store_id": "s1"}))).json()["member_id"]
    path = f"/v1/members/{found}"
    assert (await edge.client.get(path)).status_code == 401
    assert (await edge.client.get(path, headers=edge.token("analyst"))).status_code == 200
    assert (await edge.client.get(path, headers=edge.token("store", ("s1",)))).status_code == 200
    assert (await edge.client.get(path, headers=edge.token("store", ("s2",)))).status_code == 403
    link = {"identity": "card:3"}
    response = await edge.client.post(
        f"{path}/identities", json=link, headers=edge.token("marketer")
    )
    assert response.status_code == 403
    nobody = await edge.client.get(
        "/v1/members", params={"identity": "card:no"}, headers=edge.token()
    )
    problem(nobody, 404, "not-found")


async def housekeeping(edge: Edge) -> None:
    """Have the loop beside the requests turn once."""
    stop = asyncio.Event()
    stop.set()
    [task] = edge.parts.roles["serve"].tasks
    await task(stop)
