"""The application every service has: errors, limits, health, metrics, documentation."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Annotated

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import StreamingResponse
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # used only here
from pydantic import BaseModel, Field

from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.auth.tokens import Verifier, issue
from shared.clock import SECOND, ManualClock
from shared.db import Database
from shared.observability.metrics import Metrics
from shared.observability.trace import current_trace
from shared.runtime.http.app import build_app
from shared.runtime.http.edge import Limits
from shared.runtime.http.health import HealthBoard
from shared.runtime.http.idempotency import repeatable
from shared.runtime.http.paging import Page, PageQuery, page
from shared.runtime.http.problems import FieldError, Problem, not_found

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
NOW = 1_700_000_000 * SECOND
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Line(BaseModel):
    amount: int = Field(ge=0)


class Order(BaseModel):
    lines: list[Line]
    phone: str = Field(default="", max_length=3)


def router() -> APIRouter:
    router = APIRouter()
    reads = repeatable("keeps nothing")

    @router.get("/v1/numbers")
    async def numbers(query: PageQuery) -> Page[int]:
        after = query.after(int)
        first = 0 if after is None else after + 1
        return page(list(range(first, min(first + query.limit + 1, 120))), query, lambda n: n)

    @router.get("/v1/members/{member_id}")
    async def member(member_id: str) -> dict[str, str]:
        if member_id == "none":
            raise not_found("member")
        trace = current_trace()
        return {"id": member_id, "trace": trace.trace_id if trace else ""}

    @router.post("/v1/orders:import", openapi_extra=reads)
    @router.post("/v1/orders:check", openapi_extra=reads)
    async def check(order: Order) -> int:
        return len(order.lines)

    @router.post("/v1/problem", openapi_extra=reads)
    async def problem() -> None:
        raise Problem(
            422,
            "unknown-event-type",
            "no such type",
            errors=[FieldError("/type", "is not known")],
            more={"known": ["a", "b"]},
        )

    @router.get("/v1/secret")
    async def secret(
        caller: Annotated[Principal, Depends(require("admin", "marketer"))],
    ) -> dict[str, str]:
        return {"subject": caller.subject}

    router.add_api_route("/v1/fails/{how}", fails)
    router.add_api_route("/v1/half", half)
    return router


async def fails(how: str) -> None:
    match how:
        case "away":
            raise ConnectionRefusedError("5432")
        case "deadlock":
            raise asyncpg.DeadlockDetectedError("x")
        case "constraint":
            raise asyncpg.UniqueViolationError("member 8613812345678 exists")
        case "slow":
            await asyncio.Event().wait()
        case _:
            raise LookupError("phone 8613812345678")


async def half() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.Event().wait()

    return StreamingResponse(pieces())


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("test")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def health(clock: ManualClock) -> HealthBoard:
    return HealthBoard(clock)


@pytest.fixture
def limits() -> Limits:
    return Limits(body_bytes_max=200, own=frozenset({"/v1/orders:import"}))


@pytest.fixture
def app(metrics: Metrics, clock: ManualClock, health: HealthBoard, limits: Limits) -> FastAPI:
    return build_app(
        service="test",
        title="Test & try",
        routers=[router()],
        metrics=metrics,
        health=health,
        verifier=Verifier.local(KEY),
        database=Database("postgresql://nobody@127.0.0.1:1/none", application_name="test"),
        clock=clock,
        limits=limits,
        progress=_progress,
    )


async def _progress() -> dict[str, int]:
    return {"lanes": 4}


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def token(role: str = "admin") -> dict[str, str]:
    made = issue(KEY, subject="li", role=role, expires_in_seconds=60, now=NOW)
    return {"Authorization": f"Bearer {made}"}


def check_problem(response: httpx.Response, status: int, slug: str) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = response.json()
    assert document["type"] == f"urn:regulars:problem:{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert len(str(document["trace_id"])) == 32
    return document


async def test_a_problem_says_what_and_where(client: httpx.AsyncClient) -> None:
    document = check_problem(await client.post("/v1/problem"), 422, "unknown-event-type")
    assert document["errors"] == [{"pointer": "#/type", "detail": "is not known"}]
    assert document["known"] == ["a", "b"]


async def test_each_wrong_field_has_its_pointer(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/orders:check",
        json={"lines": [{"amount": 1}, {"amount": -1}], "phone": "8613812345678"},
    )
    document = check_problem(response, 422, "invalid-request")
    assert isinstance(document["errors"], list)
    assert [error["pointer"] for error in document["errors"]] == ["#/lines/1/amount", "#/phone"]
    assert "8613812345678" not in response.text


async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    document = check_problem(await client.get("/v1/numbers?limit=501"), 422, "invalid-request")
    assert isinstance(document["errors"], list)
    assert document["errors"][0]["parameter"] == "limit"


async def test_a_body_that_is_not_json(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/v1/orders:check", content=b"{", headers={"content-type": "application/json"}
    )
    check_problem(response, 400, "malformed-json")


async def test_unknown_path_and_method(client: httpx.AsyncClient) -> None:
    check_problem(await client.get("/v1/nothing"), 404, "not-found")
    check_problem(await client.get("/v1/members/none"), 404, "not-found")
    response = await client.delete("/v1/secret")
    check_problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "GET"


async def test_a_dependency_that_is_away_is_503(client: httpx.AsyncClient) -> None:
    for how in ("away", "deadlock"):
        response = await client.get(f"/v1/fails/{how}")
        check_problem(response, 503, "unavailable")
        assert response.headers["retry-after"] == "1"


async def test_a_bug_is_500_and_tells_nothing(client: httpx.AsyncClient) -> None:
    for how in ("constraint", "bug"):
        response = await client.get(f"/v1/fails/{how}")
        document = response.json()
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"
        assert document["type"] == "urn:regulars:problem:internal-error"
        assert "8613812345678" not in response.text


@pytest.mark.parametrize("limits", [Limits(seconds_max=0.05)])
async def test_a_request_that_takes_too_long_is_given_up(
    client: httpx.AsyncClient, metrics: Metrics
) -> None:
    response = await client.get("/v1/fails/slow")
    check_problem(response, 503, "unavailable")
    labels = {"service": "test", "method": "GET", "route": "/v1/fails/{how}", "status": "503"}
    assert metrics.registry.get_sample_value("regulars_http_requests_total", labels) == 1


@pytest.mark.parametrize("limits", [Limits(seconds_max=0.05)])
async def test_half_an_answer_is_cut_off_rather_than_ended_well(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        with pytest.raises(TimeoutError):
            await client.get("/v1/half")


async def test_an_endpoint_with_limits_of_its_own(client: httpx.AsyncClient) -> None:
    body = {"lines": [{"amount": 1}] * 100}
    assert (await client.post("/v1/orders:import", json=body)).json() == 100


async def test_a_body_too_large_is_refused_announced_or_not(client: httpx.AsyncClient) -> None:
    body = b'{"lines": [' + b" " * 400 + b"]}"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50):
            yield body[start : start + 50]

    headers = {"content-type": "application/json"}
    announced = await client.post("/v1/orders:check", content=body, headers=headers)
    check_problem(announced, 413, "too-large")
    streamed = await client.post("/v1/orders:check", content=pieces(), headers=headers)
    check_problem(streamed, 413, "too-large")


async def test_who_may_and_who_may_not(client: httpx.AsyncClient, clock: ManualClock) -> None:
    response = await client.get("/v1/secret")
    check_problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == 'Bearer realm="regulars"'
    check_problem(await client.get("/v1/secret", headers=token("analyst")), 403, "forbidden")
    assert (await client.get("/v1/secret", headers=token("marketer"))).json() == {"subject": "li"}
    headers = token("admin")
    clock.advance(120 * SECOND)
    check_problem(await client.get("/v1/secret", headers=headers), 401, "unauthenticated")


async def test_a_list_in_pages_is_the_whole_list(client: httpx.AsyncClient) -> None:
    seen: list[int] = []
    query = "/v1/numbers?limit=50"
    sizes = []
    for _ in range(10):
        told = (await client.get(query)).json()
        seen += told["items"]
        sizes.append(len(told["items"]))
        if told["next"] is None:
            break
        query = f"/v1/numbers?limit=50&cursor={told['next']}"
    assert seen == list(range(120))
    assert sizes == [50, 50, 20]


@pytest.mark.parametrize("cursor", ["x", "!!!", "WyJhIl0", "é", "____"])
async def test_a_foreign_cursor_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    response = await client.get("/v1/numbers", params={"cursor": cursor})
    check_problem(response, 400, "invalid-cursor")


async def test_the_trace_goes_on(client: httpx.AsyncClient) -> None:
    told = (await client.get("/v1/members/1", headers={"traceparent": TRACE})).json()
    assert told["trace"] == TRACE.split("-")[1]
    fresh = (await client.get("/v1/members/1")).json()["trace"]
    assert len(fresh) == 32
    assert fresh != told["trace"]


async def test_requests_are_counted_by_route_never_by_path(
    client: httpx.AsyncClient, metrics: Metrics
) -> None:
    for path in ("/v1/members/1", "/v1/members/2", "/v1/nothing", "/v1/fails/bug", "/v1/problem"):
        await client.get(path)
    page = (await client.get("/metrics")).text
    assert "/v1/members/1" not in page
    assert "/v1/nothing" not in page

    def count(route: str, status: str, method: str = "GET") -> float | None:
        labels = {"service": "test", "method": method, "route": route, "status": status}
        return metrics.registry.get_sample_value("regulars_http_requests_total", labels)

    assert count("/v1/members/{member_id}", "200") == 2
    assert count("unmatched", "404") == 1
    assert count("/v1/fails/{how}", "500") == 1
    assert count("/v1/problem", "405") == 1


async def test_health_and_readiness(client: httpx.AsyncClient, health: HealthBoard) -> None:
    database, lane = health.dependency("database"), health.loop("lane 0")
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert {check["why"] for check in response.json()["checks"]} == {"starting"}
    database.up()
    lane.up()
    assert (await client.get("/readyz")).json()["ready"] is True
    database.down("connection refused")
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"][0] == {
        "name": "database", "kind": "dependency", "ok": False,
        "since": "2023-11-14T22:13:20Z", "why": "connection refused",
    }  # fmt: skip
    # a dependency that is away is nothing that a restart would mend
    assert (await client.get("/healthz")).status_code == 200


async def test_a_loop_that_does_not_turn_is_unhealthy(
    client: httpx.AsyncClient, health: HealthBoard
) -> None:
    lane = health.loop("lane 0", stalled_after_seconds=-1)
    lane.up()
    response = await client.get("/healthz")
    assert response.status_code == 503
    assert "has not turned" in response.json()["checks"][0]["why"]
    assert (await client.get("/readyz")).status_code == 503
    health.remove("lane 0")
    assert (await client.get("/healthz")).status_code == 200


async def test_progress_needs_a_token(client: httpx.AsyncClient) -> None:
    check_problem(await client.get("/v1/progress"), 401, "unauthenticated")
    assert (await client.get("/v1/progress", headers=token())).json() == {"lanes": 4}


async def test_openapi_says_what_errors_really_look_like(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    operation = document["paths"]["/v1/orders:check"]["post"]
    assert "application/problem+json" in operation["responses"]["default"]["content"]
    problem = {**schemas["ProblemDocument"], "components": document["components"]}
    response = await client.post("/v1/orders:check", json={})
    Draft202012Validator(problem).validate(response.json())


async def test_the_docs_page_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "Test &amp; try" in page
    assert "/v1/members/{member_id}" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


async def test_a_post_must_be_safe_to_repeat(app: FastAPI, metrics: Metrics) -> None:
    careless = APIRouter()

    @careless.post("/v1/payments")
    async def pay() -> None: ...

    with pytest.raises(ValueError, match="POST /v1/payments does not honour Idempotency-Key"):
        build_app(
            service="test",
            title="t",
            routers=[careless],
            metrics=metrics,
            health=HealthBoard(ManualClock()),
            verifier=Verifier.local(KEY),
            database=app.state.database,
            clock=ManualClock(),
        )
