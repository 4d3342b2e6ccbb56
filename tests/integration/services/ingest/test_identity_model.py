"""The edge against the small model: each verdict, and whose each event is."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from shared.events.topics import INBOUND
from shared.kafka.producer import Message, Outcome
from tests.integration.services.ingest.edge import Edge, consuming
from tests.integration.services.ingest.identity_model import STRANGER, Desk, Rights, Sent, Verdict
from tests.integration.services.ingest.identity_stories import (
    SOURCES,
    Request,
    Writer,
    stories,
)
from tests.integration.services.ingest.test_answers import BATCH, items
from tests.integration.services.ingest.test_inbound import settled

pytestmark = pytest.mark.integration


class Counter:
    """Where stories are played: a running edge, with the sources of the stories."""

    def __init__(self, edge: Edge, keys: dict[str, str]) -> None:
        self.edge = edge
        self._keys = keys
        self._numbers = itertools.count(1)
        self._handled = 0
        self.log: list[tuple[str, str]] = []

    async def play(self, story: list[Request]) -> None:
        """Send what a story says, and hold every answer against the model."""
        writer, desk, ids = Writer(next(self._numbers)), Desk(), dict[str, str]()
        uuids: dict[int, str] = {}
        for request in story:
            events = [_as_known(each, ids) for each in request.events]
            written = [writer.write(each, ids) for each in events]
            if request.by is None:
                verdicts = [desk.over_kafka(SOURCES, each) for each in events]
                await self._offer(written)
                refused = [
                    (writer.id_of(each), verdict.slug)
                    for each, verdict in zip(events, verdicts, strict=True)
                    if verdict.slug is not None
                ]
                assert await self._letters() == sorted(refused)
            else:
                by = request.by
                verdicts = [desk.over_http(by, each) for each in events]
                answers = await self._publish(by, written, alone=request.alone)
                for answer, verdict in zip(answers, verdicts, strict=True):
                    told, member = _read(answer)
                    assert told == verdict._replace(member=None)
                    assert (member is None) == (verdict.member is None)
                    if member is not None and verdict.member is not None:
                        assert uuids.setdefault(verdict.member, member) == member
            ids = {name: uuids[each] for name, each in desk.members.items() if each in uuids}
        for name, who in desk.members.items():
            found = await self._member(writer.name(name))
            assert uuids.setdefault(who, found) == found
        assert len(set(uuids.values())) == len(uuids)
        assert await self._count(writer) == len(desk.members)
        assert await self._conflicts(writer) == sorted(
            (uuids[member], uuids[owner] if owner else "")
            for (_, member), owner in desk.conflicts.items()
        )
        self.log += [(f"{writer.number}-{id_}", uuids[member]) for id_, member in desk.log]

    async def _publish(self, by: Rights, written: list[bytes], *, alone: bool) -> list[Any]:
        headers = {"authorization": self._keys[by.name]}
        if not alone:
            return items(
                await self.edge.publish(b"[" + b",".join(written) + b"]", BATCH, **headers)
            )
        answers = []
        for each in written:
            answer = (await self.edge.publish(each, **headers)).json()
            answers.append({"problem": answer} if "detail" in answer else answer)
        return answers

    async def _offer(self, written: list[bytes]) -> None:
        # one partition: what is written first is read first
        messages = [Message(INBOUND, 0, None, each, ()) for each in written]
        outcomes = await self.edge.producer.send_many(messages, 30)
        assert outcomes == [Outcome.CONFIRMED] * len(messages)
        self._handled += len(messages)
        await settled(self.edge, self._handled)

    async def _letters(self) -> list[tuple[str, str]]:
        """Takes the dead letters out: their events and why."""
        async with self.edge.database.transaction() as tx:
            rows = await tx.fetch("DELETE FROM dead_letters RETURNING event_id, error")
        return sorted((row["event_id"], row["error"].split(":")[0]) for row in rows)

    async def _member(self, name: str) -> str:
        """Whose a name is."""
        response = await self.edge.client.get(
            "/v1/members", params={"identity": name}, headers=self.edge.token()
        )
        assert response.status_code == 200, f"{name} is nobody's"
        found: str = response.json()["member_id"]
        return found

    async def _count(self, writer: Writer) -> int:
        """How many names the events of a story brought."""
        async with self.edge.database.transaction() as tx:
            [row] = await tx.fetch(
                "SELECT count(*)::int AS names FROM identities WHERE event_id LIKE $1",
                f"{writer.number}-%",
            )
        return int(row["names"])

    async def _conflicts(self, writer: Writer) -> list[tuple[str, str]]:
        async with self.edge.database.transaction() as tx:
            rows = await tx.fetch(
                "SELECT member_id::text AS member, coalesce(owner_id::text, '') AS owner"
                " FROM identity_conflicts WHERE event_id LIKE $1",
                f"{writer.number}-%",
            )
        return sorted((row["member"], row["owner"]) for row in rows)


def _as_known(sent: Sent, ids: dict[str, str]) -> Sent:
    """Whoever has no number yet cannot be named by it."""
    if sent.subject.startswith("of:") and sent.subject.removeprefix("of:") not in ids:
        return sent._replace(subject=STRANGER)
    return sent


def _read(answer: dict[str, Any]) -> tuple[Verdict, str | None]:
    """An answer as the model says it, and the member."""
    problem = answer.get("problem")
    if problem is None:
        differs = answer.get("differs", False)
        assert differs == (answer.get("remark") is not None)
        return Verdict(answer["status"], differs=differs), answer["member_id"]
    places = frozenset(each["pointer"].removeprefix("#") for each in problem["errors"])
    slug = problem["type"].rpartition(":")[2]
    return Verdict("rejected", slug=slug, places=places), answer.get("member_id")


async def _open(edge: Edge) -> Counter:
    keys = {"dev": edge.headers["authorization"]}
    for source in SOURCES:
        rights = {
            "origins": sorted(source.origins),
            "strict": source.strict,
            **({} if source.joins else {"types": ["regulars.purchase.completed.v1"]}),
            **({} if source.stores is None else {"stores": sorted(source.stores)}),
        }
        if source.name == "dev":
            path = "/v1/sources/dev"
            response = await edge.client.put(path, json=rights, headers=edge.token())
        else:
            body = {"name": source.name, **rights}
            response = await edge.client.post("/v1/sources", json=body, headers=edge.token())
            keys[source.name] = f"Bearer {response.json()['key']}"
        assert response.is_success, response.text
    response = await edge.client.put("/v1/stores/s1", json={"name": "One"}, headers=edge.token())
    assert response.is_success, response.text
    return Counter(edge, keys)


def _drawn(many: int, *, kafka: bool = False) -> list[list[Request]]:
    """Some stories. Hypothesis is no coroutine, so they are drawn before they are played."""
    found = list[list[Request]]()

    @given(stories(kafka=kafka))
    @settings(
        max_examples=many,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def note(story: list[Request]) -> None:
        found.append(story)

    note()
    return found


async def _play_all(counter: Counter, drawn: list[list[Request]]) -> None:
    for story in drawn:
        try:
            await counter.play(story)
        except AssertionError as error:
            error.add_note("\n".join(f"{each}" for each in story))
            raise


async def _holds_on_the_log(counter: Counter) -> None:
    facts = [fact for fact in await counter.edge.log() if fact["source"] != "regulars/ingest"]
    assert sorted((fact["id"], fact["subject"]) for fact in facts) == sorted(counter.log)


async def test_every_verdict_and_member_is_what_dictionaries_say(edge: Edge) -> None:
    drawn = _drawn(60)
    counter = await _open(edge)
    await _play_all(counter, drawn)
    await _holds_on_the_log(counter)


async def test_over_kafka_and_http_in_turn_it_is_the_same(edge: Edge) -> None:
    drawn = _drawn(10, kafka=True)
    counter = await _open(edge)
    async with consuming(edge):
        await _play_all(counter, drawn)
    await _holds_on_the_log(counter)
