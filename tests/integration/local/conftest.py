"""Small real children for the tests of the supervisor."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.child import Child
from deploy.local.ports import LOOPBACK, choose
from deploy.local.services import is_ready

_SERVER = """
import http.server, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *arguments): pass
if "deaf" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("hello from", sys.argv[1], flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
"""

NewChild = Callable[..., Child]


@pytest.fixture
def new_child() -> NewChild:
    """Makes a child that answers HTTP on a free port once it is up."""
    taken: list[int] = []

    def make(name: str, *words: str, stop_seconds: float = 15.0, restart: bool = True) -> Child:
        [port] = choose([None], taken)
        taken.append(port)

        async def ready() -> bool:
            return await is_ready(port)

        argv = (sys.executable, "-I", "-S", "-c", _SERVER, name, str(port), *words)
        return Child(name=name, argv=argv, ready=ready, stop_seconds=stop_seconds, restart=restart)

    return make


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def alive(pid: int) -> bool:
    """Whether a process exists and has not just become a zombie."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
