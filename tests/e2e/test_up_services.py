"""The four services under the supervisor: started, killed and back, or the reason why not."""

import json
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.local.endpoints import read_endpoints
from deploy.local.errors import ChildFailedError
from deploy.local.services import SERVICES
from deploy.local.stack import Stack
from tests.conftest import NewStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_JOINED = {
    "specversion": "1.0",
    "id": "join-1",
    "source": "test/till",
    "type": "regulars.member.joined.v1",
    "subject": "card:1",
    "time": "2017-01-01T11:53:26Z",
    "data": {"store_id": "7", "via": "code"},
}


async def _publish(stack: Stack) -> int:
    """Publish one event with the development source's key; answers the status."""
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(
            f"{stack.endpoints.services['ingest']}/v1/events",
            content=json.dumps(_JOINED),
            headers={
                "Authorization": f"Bearer {stack.endpoints.source_key}",
                "Content-Type": "application/cloudevents+json",
            },
        )
    return answer.status_code


async def _dead_letters(stack: Stack, service: str) -> int:
    """Ask a management API with the administrator's token; answers the status."""
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(
            f"{stack.endpoints.services[service]}/v1/dead-letters",
            headers={"Authorization": f"Bearer {stack.endpoints.token}"},
        )
    return answer.status_code


@pytest.mark.long  # the exactness test kills all of them, too
async def test_everything_that_is_killed_comes_back_where_it_was(new_stack: NewStack) -> None:
    async with new_stack() as stack:
        first = stack.endpoints
        assert set(first.services) == set(SERVICES) == set(first.databases)
        assert set(first.processes) == {*SERVICES, "kafka", "postgres"} or first.broker == "tansu"
        assert await _publish(stack) == 202

        victims = [name for name in first.processes if name != "tansu"]
        for name in victims:
            stack.kill(name)
        await stack.ready()

        path = stack.state.directory / "endpoints.json"
        second = read_endpoints(path)
        assert second is not None
        assert second.services == first.services
        assert second.kafka == first.kafka
        assert second.databases == first.databases
        assert not {second.processes[name] for name in victims} & {
            first.processes[name] for name in victims
        }
        assert await _publish(stack) == 202  # the same event: known already
        for service in SERVICES:
            assert await _dead_letters(stack, service) == 200
    assert not path.exists()


async def test_a_service_cannot_open_anothers_database(new_stack: NewStack) -> None:
    async with new_stack(run_services=False, jvm=False) as stack:
        databases = stack.endpoints.databases
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(
                databases["points"]
                .replace("/regulars_points", "/regulars_notify")
                .replace("//regulars_notify", "//regulars_points")
            )


async def test_a_service_that_cannot_start_says_why_and_nothing_is_left(
    new_stack: NewStack, tmp_path: Path
) -> None:
    wrong = {"REGULARS_PROGRAM": str(tmp_path / "nowhere.yaml")}
    stack = new_stack(services=("points",), jvm=False, environment=wrong)
    with pytest.raises(ChildFailedError, match="points ended with exit code 2") as caught:
        await stack.__aenter__()
    assert any("nowhere.yaml" in line for line in caught.value.tail)
    assert stack.processes == {}
    assert stack.state.holder() is None


@pytest.mark.long
async def test_roles_are_processes_of_their_own_and_one_may_be_added(new_stack: NewStack) -> None:
    async with new_stack(services=("points",), split_roles=True, jvm=False) as stack:
        assert {"points", "points-consume", "points-relay"} <= set(stack.processes)
        name = await stack.add("points", "consume")
        assert name == "points-consume-2"
        killed = stack.kill("points-consume")
        await stack.ready()
        assert stack.processes["points-consume"] != killed
