"""How the bare endpoints are served: uvicorn with uvloop and httptools, and nothing else."""

import uvicorn
from starlette.applications import Starlette


def run(app: Starlette, port: int) -> None:
    """Serve on loopback until told to stop."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
