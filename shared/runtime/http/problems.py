"""Errors as answers: every refusal is a problem document (RFC 9457).

Raise `Problem` anywhere below an endpoint. `install` turns everything else that can go wrong into
the same form: a request that does not validate, an unknown path, a caller not proven, a database
that is away, a bug.

    {"type": "urn:regulars:problem:invalid-request", "title": "Invalid request", "status": 422,
     "detail": "1 field is wrong", "errors": [{"pointer": "#/lines/0/amount", "detail": "…"}],
     "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}

What the caller sent is never repeated in it: it may be somebody's phone number.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import asyncpg
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from shared.auth.errors import Forbidden, Unauthenticated
from shared.db import is_bad_value, is_transient
from shared.observability.trace import current_trace

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:regulars:problem:"
RETRY_AFTER_SECONDS = 1

logger = logging.getLogger(__name__)


class FieldError(NamedTuple):
    """One wrong field: a JSON pointer (`/lines/0/amount`; empty: the whole document) and why."""

    pointer: str
    detail: str


class Problem(HTTPException):
    """An answer that says what is wrong and where.

    A HTTPException, so that FastAPI lets it pass where it swallows other errors (while reading a
    body).
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Make a problem.

        Args:
            status: the HTTP status.
            slug: what kind of problem, as `unknown-event-type`; the title is made from it.
            detail: a sentence about this very case, for the person who reads the answer.
            errors: the wrong fields of the request's body.
            headers: further response headers.
            more: further members of the document.
        """
        super().__init__(status, detail, dict(headers) if headers else None)
        self.slug = slug
        self.errors = tuple(errors)
        self.more = dict(more or {})

    def document(self) -> dict[str, Any]:
        """The problem document, also as an item of a 207 answer."""
        told: dict[str, Any] = {
            "type": TYPE_PREFIX + self.slug,
            "title": self.slug.replace("-", " ").capitalize(),
            "status": self.status_code,
            "detail": self.detail,
        }
        if self.errors:
            told["errors"] = [
                {"pointer": f"#{pointer}", "detail": detail} for pointer, detail in self.errors
            ]
        return told | self.more

    def response(self) -> Response:
        """The HTTP answer."""
        document = self.document()
        trace = current_trace()
        if trace is not None:
            document["trace_id"] = trace.trace_id
        return Response(
            orjson.dumps(document, default=str), self.status_code, self.headers, MEDIA_TYPE
        )


class WrongField(BaseModel):
    """One wrong field, in OpenAPI."""

    pointer: str | None = Field(
        None, description="JSON pointer into the body, as `#/lines/0/amount`"
    )
    parameter: str | None = Field(None, description="or the query, path or header parameter")
    detail: str


class ProblemDocument(BaseModel):
    """The shape of every error, in OpenAPI (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[TYPE_PREFIX + "invalid-request"])
    title: str
    status: int
    detail: str
    errors: list[WrongField] = Field(default_factory=list)
    trace_id: str | None = None


def json_pointer(parts: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901) from its parts."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def not_found(what: str) -> Problem:
    """404 for a thing that is not there, as `not_found("member")`."""
    return Problem(404, "not-found", f"there is no such {what}")


def try_later(detail: str, retry_after_seconds: int = RETRY_AFTER_SECONDS) -> Problem:
    """503: something we need is away; the same request will do later."""
    headers = {"Retry-After": str(retry_after_seconds)}
    return Problem(503, "unavailable", detail, headers=headers)


def from_validation(error: RequestValidationError) -> Problem:
    """422 with a pointer to each wrong field, or 400 where the body is not JSON at all."""
    told: list[dict[str, str]] = []
    for each in error.errors():
        where, *path = each["loc"]
        if each["type"] == "json_invalid":
            return Problem(400, "malformed-json", f"the body is not JSON: {each['ctx']['error']}")
        detail = str(each["msg"])
        if where == "body":
            told.append({"pointer": f"#{json_pointer(path)}", "detail": detail})
        else:
            told.append({"parameter": ".".join(map(str, path)), "detail": detail})
    count = f"{len(told)} fields are" if len(told) > 1 else "1 field is"
    return Problem(422, "invalid-request", f"{count} wrong", more={"errors": told})


def from_http(error: HTTPException) -> Problem:
    """Starlette's and FastAPI's own refusals: 404, 405, 413, 415 and so on."""
    if isinstance(error, Problem):
        return error
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != phrase else _DETAILS.get(error.status_code, phrase)
    return Problem(
        error.status_code, phrase.lower().replace(" ", "-"), detail, headers=error.headers
    )


_DETAILS = {
    404: "nothing is here; /docs lists what there is",
    405: "this is here, but not with this method; the header Allow lists those that are",
}


def from_caller(error: Unauthenticated | Forbidden) -> Problem:
    """401 and 403."""
    if isinstance(error, Forbidden):
        return Problem(403, "forbidden", str(error))
    return Problem(
        401, "unauthenticated", str(error), headers={"WWW-Authenticate": 'Bearer realm="regulars"'}
    )


async def _on_http(_request: Request, error: HTTPException) -> Response:
    return from_http(error).response()


async def _on_validation(_request: Request, error: RequestValidationError) -> Response:
    return from_validation(error).response()


async def _on_caller(_request: Request, error: Unauthenticated | Forbidden) -> Response:
    return from_caller(error).response()


async def _on_dependency(_request: Request, error: Exception) -> Response:
    """A database that is away is 503; anything else that a driver raises is a bug of ours, 500."""
    if is_bad_value(error):
        words = (
            "a value of this request cannot be stored or compared: it is too large, or has a NUL"
        )
        return Problem(422, "invalid-request", words).response()
    if not is_transient(error):
        raise error
    logger.warning("a dependency is away", extra={"reason": type(error).__name__})
    return try_later("the database does not answer; nothing was done").response()


async def _on_bug(_request: Request, _error: Exception) -> Response:
    detail = "this is a fault of the service; it was logged with the trace id"
    return Problem(500, "internal-error", detail).response()


def install(app: FastAPI) -> None:
    """Have an application answer every error with a problem document."""
    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        HTTPException: _on_http,
        RequestValidationError: _on_validation,
        Unauthenticated: _on_caller,
        Forbidden: _on_caller,
        SQLAlchemyError: _on_dependency,
        asyncpg.PostgresError: _on_dependency,
        asyncpg.InterfaceError: _on_dependency,
        asyncpg.InternalClientError: _on_dependency,
        OSError: _on_dependency,
        Exception: _on_bug,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
