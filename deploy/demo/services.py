"""The services' APIs, as the demo asks them."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

import httpx

from deploy.demo.errors import ServiceTroubleError
from deploy.local.endpoints import Endpoints
from shared.clock import Instant, format_instant, parse_instant

DECIDING: Final = ("points", "segmentation", "notify")
"""The services that read the log; when they are through, all is done."""

_TIMEOUT_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.25


class Services:
    """Clients of all services of a running stack, with an administrator's token."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Name the stack; entering opens the connections."""
        self.endpoints = endpoints
        headers = {"authorization": f"Bearer {endpoints.token}"}
        self._clients = {
            name: httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS, headers=headers)
            for name, url in endpoints.services.items()
        }

    async def __aenter__(self) -> Self:
        """Nothing to wait for: connections open with the first request."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    def client(self, service: str) -> httpx.AsyncClient:
        """The client of one service."""
        return self._clients[service]

    async def get(self, service: str, path: str) -> Any:
        """What a service answers to a GET.

        Raises:
            ServiceTroubleError: it does not answer, or not with 200.
        """
        try:
            answer = await self._clients[service].get(path)
        except httpx.TransportError as error:
            raise ServiceTroubleError(f"{service} does not answer {path}: {error!r}") from error
        if answer.status_code != httpx.codes.OK:
            raise ServiceTroubleError(
                f"{service} answered {answer.status_code} to {path}: {answer.text[:300]}"
            )
        return answer.json()

    async def metrics(self, service: str) -> str:
        """The figures of a service in Prometheus' text form."""
        answer = await self._clients[service].get("/metrics")
        return answer.text

    async def advance_clock(self, until: Instant) -> None:
        """Move the stream clock of all partitions on to an instant.

        Raises:
            ServiceTroubleError: ingest did not do it.
        """
        answer = await self._clients["ingest"].post(
            "/v1/clock:advance", json={"until": format_instant(until)}
        )
        if answer.is_error:
            raise ServiceTroubleError(
                f"ingest did not move the clock: {answer.status_code} {answer.text[:300]}"
            )

    async def reached(self, service: str) -> tuple[Instant | None, bool]:
        """How far a service's clock has come, and whether it has published all it decided."""
        progress = await self.get(service, "/v1/progress")
        until = progress["until"]
        idle = progress["outbox_messages"] == 0 and progress["timers_due"] == 0
        return (None if until is None else parse_instant(until)), idle

    async def wait_until(self, until: Instant, seconds: float) -> None:
        """Wait until every deciding service has come to an instant and published everything.

        Raises:
            ServiceTroubleError: not within the seconds given; says who was where.
        """
        waiting = set(DECIDING)
        try:
            async with asyncio.timeout(seconds):
                while waiting:
                    for service in sorted(waiting):
                        at, idle = await self.reached(service)
                        if at is not None and at >= until and idle:
                            waiting.discard(service)
                    if waiting:
                        await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise ServiceTroubleError(
                f"after {seconds:.0f} s not yet at {format_instant(until)}: "
                + ", ".join(sorted(waiting))
            ) from None
