"""The application: a service's routers, and everything that is the same in every service."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from prometheus_client.exposition import choose_encoder
from starlette.routing import BaseRoute

from shared.auth.guard import require
from shared.auth.principal import Principal
from shared.auth.tokens import Verifier
from shared.clock import Clock
from shared.db import Database
from shared.observability.metrics import Metrics
from shared.runtime.http import problems
from shared.runtime.http.docs import docs_page
from shared.runtime.http.edge import Edge, Limits
from shared.runtime.http.health import HealthBoard
from shared.runtime.http.idempotency import command, is_repeatable

Progress = Callable[[], Awaitable[Any]]


def build_app(  # noqa: PLR0913 -- keywords only: the one place where everything meets
    *,
    service: str,
    title: str,
    routers: Sequence[APIRouter],
    metrics: Metrics,
    health: HealthBoard,
    verifier: Verifier,
    database: Database,
    clock: Clock,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> FastAPI:
    """Build a service's application.

    Args:
        service: the service's name, as `points`.
        title: what people read above its documentation.
        routers: the service's own endpoints, and those of dead letters and program.
        metrics: what `/metrics` shows.
        health: what `/healthz` and `/readyz` show.
        verifier: whose tokens are believed. There is no application without one.
        database: where commands run.
        clock: the clock of tokens, keys and the program.
        limits: size and time of requests.
        progress: answers `/v1/progress`, how far each lane has come.

    Raises:
        ValueError: a POST route neither takes a `CommandDep` nor says why it is `repeatable`.
    """
    app = FastAPI(
        title=title,
        version=version("regulars"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect loses the body; what is not there is said so
        responses={"default": _PROBLEM},
    )
    app.state.service = service
    app.state.verifier = verifier
    app.state.clock = clock
    app.state.database = database
    problems.install(app)
    app.add_middleware(Edge, metrics=metrics, limits=limits or Limits())
    app.include_router(_operations(title, metrics, health))
    if progress is not None:
        app.include_router(_progress(progress))
    for router in routers:
        check_commands(router.routes)
        app.include_router(router)
    _describe_errors(app)
    return app


_PROBLEM: dict[str, Any] = {
    "description": "What is wrong, as RFC 9457 has it",
    "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
}


def check_commands(routes: Iterable[BaseRoute]) -> None:
    """Make sure that every POST can be repeated without harm.

    Raises:
        ValueError: names the first route that cannot.
    """
    for route in routes:
        if not isinstance(route, APIRoute) or "POST" not in (route.methods or ()):
            continue
        if not is_repeatable(route.openapi_extra) and not _takes_command(route.dependant):
            raise ValueError(
                f"POST {route.path} does not honour Idempotency-Key: take a CommandDep, or say"
                " `openapi_extra=repeatable(why)`"
            )


def _takes_command(dependant: Dependant) -> bool:
    return dependant.call is command or any(map(_takes_command, dependant.dependencies))


def _operations(title: str, metrics: Metrics, health: HealthBoard) -> APIRouter:
    """What operators and their tools ask; needs no token, tells nothing about members."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", summary="Do the loops turn?")
    async def healthz() -> JSONResponse:
        body = {"healthy": health.healthy, "checks": health.report()}
        return JSONResponse(body, 200 if health.healthy else 503)

    @router.get("/readyz", summary="Is everything there that is needed?")
    async def readyz() -> JSONResponse:
        body = {"ready": health.ready, "checks": health.report()}
        return JSONResponse(body, 200 if health.ready else 503)

    @router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    async def figures(request: Request) -> Response:
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), media_type=media_type)

    @router.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return Response(docs_page(title, request.app.openapi()), media_type="text/html")

    return router


def _progress(progress: Progress) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/v1/progress", summary="How far has each lane come?")
    async def how_far(
        _caller: Annotated[Principal, Depends(require("admin", "analyst", "marketer", "system"))],
    ) -> JSONResponse:
        return JSONResponse(await progress())

    return router


def _as_problem(response: dict[str, Any]) -> None:
    """An answer whose shape is a problem document has its media type, too."""
    content = response.get("content", {})
    shape = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    if shape.endswith("/ProblemDocument"):
        content[problems.MEDIA_TYPE] = content.pop("application/json")


def _describe_errors(app: FastAPI) -> None:
    """Have OpenAPI say what is true: errors are problem documents, not FastAPI's own shape."""
    original = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = original()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        shape = problems.ProblemDocument.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
        schemas.update(shape.pop("$defs", {}))
        schemas["ProblemDocument"] = shape
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                for response in operation["responses"].values():
                    _as_problem(response)
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend it
