"""The HTTP server inside of a process that has other things to do as well."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn
from typing_extensions import override

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_BACKLOG = 2_048


class _Server(uvicorn.Server):
    """uvicorn, without its signal handlers: the process has one place for those."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket before anything else starts, so that a taken port says so."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host, port))
    except OSError as error:
        sys.exit(f"cannot listen on {host}:{port}: {error}. Set REGULARS_…_PORT to a free one.")
    opened.listen(_BACKLOG)
    return opened


async def serve(app: ASGIApp, opened: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until told to stop; then finish those in hand, for a bounded time."""
    server = _Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here asks where a request came from
            timeout_graceful_shutdown=5,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[opened]))
        await stop.wait()
        server.should_exit = True
        await serving
