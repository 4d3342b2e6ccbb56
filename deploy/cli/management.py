"""The services' management APIs, as the commands here use them."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

import httpx
import orjson
import typer
from rich.markup import escape

from deploy.local.endpoints import FILE_NAME, read_endpoints
from deploy.local.errors import LocalStackError
from deploy.local.state import State

_TIMEOUT_SECONDS = 35.0  # the services give up after 30 and say so

Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--url", help="SERVICE=URL, repeatable; not given: the stack that is up.", metavar="S=URL"
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        help="A bearer token; not given: the stack's own.",
        envvar="REGULARS_TOKEN",
        show_envvar=True,
    ),
]


class ManagementError(LocalStackError):
    """A service refused, or is not there; the message is the service's own."""


class Refused(ManagementError):  # noqa: N818 - the service's word, not a mistake of ours
    """A problem document came back.

    Attributes:
        problem: the document.
    """

    def __init__(self, service: str, problem: Mapping[str, Any]) -> None:
        """Word the problem for a person."""
        lines = [f"{service}: {problem.get('detail') or problem.get('title')}"]
        for error in problem.get("errors", ()):
            place = error.get("pointer") or error.get("parameter")
            lines.append(f"  {place}: {error.get('detail')}")
        super().__init__("\n".join(lines))
        self.problem = problem


class Management:
    """A client of the services' management APIs."""

    def __init__(self, urls: Mapping[str, str], token: str) -> None:
        """Speak to these services with this token."""
        self.urls = dict(urls)
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, headers=headers)

    @classmethod
    def find(cls, urls: Sequence[str] | None, token: str | None, state_dir: Path) -> Self:
        """Take what the flags say, and the rest from the stack that is up.

        Raises:
            ManagementError: neither says enough.
        """
        endpoints = read_endpoints(State(state_dir).directory / FILE_NAME)
        named = dict(_named(text) for text in urls or ())
        if not named and endpoints is not None:
            named = endpoints.services
        # the stack's token is for the stack's services: never sent to others
        if token is None and not urls and endpoints is not None:
            token = endpoints.token
        if not named or token is None:
            raise ManagementError(
                "start the stack with `make up`, or say --url SERVICE=URL and --token TOKEN"
            )
        return cls(named, token)

    def __enter__(self) -> Self:
        """Use as a context manager, so that connections are closed."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._client.close()

    def call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str | int | None] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask a service, and answer the JSON that came back.

        Raises:
            Refused: with the service's problem document.
            ManagementError: the service is not there, or is none of ours.
        """
        url = self.urls.get(service)
        if url is None:
            raise ManagementError(f"no service {service!r}; there are {', '.join(self.urls)}")
        sent = {**(headers or {})}
        content = None
        if body is not None:
            content = orjson.dumps(body)
            sent["Content-Type"] = "application/json"
        if method == "POST":
            sent["Idempotency-Key"] = secrets.token_hex(16)
        parameters = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            response = self._client.request(
                method, url.rstrip("/") + path, params=parameters, content=content, headers=sent
            )
        except httpx.HTTPError as error:
            raise ManagementError(f"{service} at {url} does not answer: {error}") from error
        return _answer(service, response)


def _answer(service: str, response: httpx.Response) -> Any:
    try:
        told = orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise ManagementError(
            f"{service} answers {response.status_code} and no JSON; is this one of our services?"
        ) from error
    if response.is_success:
        return told
    raise Refused(service, told if isinstance(told, dict) else {"detail": response.reason_phrase})


def _named(text: str) -> tuple[str, str]:
    service, equals, url = text.partition("=")
    if not equals or not url.startswith(("http://", "https://")):
        raise typer.BadParameter("SERVICE=URL, as points=http://127.0.0.1:8002", param_hint="--url")
    return service, url


def plain(value: object) -> str:
    """A value for a table's cell; what a stranger sent is no markup."""
    return "" if value is None else escape(str(value))
