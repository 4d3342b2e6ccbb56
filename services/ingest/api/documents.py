"""The contracts of events: AsyncAPI, JSON Schemas, and the description of `POST /v1/events`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from services.ingest.api.events import PATH
from shared.events.models import MODELS
from shared.events.schemas.documents import ENVELOPE_FILE, build
from shared.events.types import INBOUND
from shared.runtime.http.fields import Identifier
from shared.runtime.http.idempotency import repeatable
from shared.runtime.http.problems import ProblemDocument, not_found

_source_key = HTTPBearer(
    auto_error=False,
    scheme_name="source",
    description="The key of a registered source: `POST /v1/sources`",
)

_STATUSES: Final = ["accepted", "duplicate", "rejected", "unconfirmed"]
_RECEIPT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "source", "member_id", "status"],
    "properties": {
        "id": {"type": "string"},
        "source": {"type": "string"},
        "member_id": {
            "type": ["string", "null"],
            "format": "uuid",
            "description": "null where the event is about a store, a community or staff",
        },
        "status": {"enum": _STATUSES[:2]},
        "differs": {"const": True, "description": "another content came under this id before"},
        "remark": {"type": "string", "maxLength": 200, "description": "the same in words"},
    },
}
_ITEMS: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["items"],
    "properties": {
        "items": {
            "type": "array",
            "description": "one for each event, in order",
            "items": {
                "type": "object",
                "required": ["id", "status"],
                "properties": {
                    "id": {"type": ["string", "null"], "description": "null: it could not be read"},
                    "status": {"enum": _STATUSES},
                    "member_id": {"type": "string", "format": "uuid"},
                    "differs": {"const": True},
                    "remark": {"type": "string", "maxLength": 200},
                    "problem": {"$ref": "#/components/schemas/ProblemDocument"},
                },
            },
        }
    },
}
_EVENT: Final[dict[str, Any]] = {"$ref": f"/schemas/{ENVELOPE_FILE}"}
_EVENTS: Final[dict[str, Any]] = {"type": "array", "items": _EVENT, "maxItems": 1_000}
_EXAMPLE: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "receipt-2017-01-01-4711",
    "source": "pos/store-436",
    "type": "regulars.purchase.completed.v1",
    "subject": "card:2375",
    "time": "2017-01-01T11:53:26Z",
    "data": {
        "order_id": "4711",
        "store_id": "436",
        "currency": "USD",
        "total": 398,
        "channel": "store",
        "lines": [{"sku": "1029743", "category": "GROCERY", "quantity": 1, "amount": 398}],
    },
}
_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/cloudevents+json": {"schema": _EVENT, "example": _EXAMPLE},
        "application/cloudevents-batch+json": {"schema": _EVENTS},
        "application/json": {
            "schema": {"oneOf": [_EVENT, _EVENTS]},
            "example": _EXAMPLE,
        },
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "one event a line, without limit"}
        },
    },
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "Taken", "content": {"application/json": {"schema": _RECEIPT}}},
    207: {
        "description": "A batch or lines: one verdict each",
        "content": {"application/json": {"schema": _ITEMS}},
    },
    401: {"description": "No key, or not a known one", "model": ProblemDocument},
    403: {"description": "This source may not publish this", "model": ProblemDocument},
    413: {"description": "Too large", "model": ProblemDocument},
    415: {"description": "A media type that is not taken", "model": ProblemDocument},
    429: {"description": "Too fast; see Retry-After", "model": ProblemDocument},
    503: {
        "description": "Not confirmed: send it again with the same id; see Retry-After",
        "model": ProblemDocument,
    },
}


def documents_router() -> APIRouter:
    """The contracts as documents, open to everybody."""
    router = APIRouter(tags=["contracts"])
    documents = build()

    @router.get("/asyncapi.json", summary="Every topic and event, as AsyncAPI 3")
    async def asyncapi() -> JSONResponse:
        return JSONResponse(documents["asyncapi.json"])

    @router.get("/schemas/{event_type}.json", summary="The JSON Schema of an event's data")
    async def schema(event_type: Identifier) -> JSONResponse:
        document = documents.get(f"{event_type}.json")
        if document is None or (event_type not in MODELS and event_type != "envelope"):
            raise not_found("event type")
        return JSONResponse(document, media_type="application/schema+json")

    return router


def events_description() -> APIRouter:
    """`POST /v1/events` as OpenAPI shows it; what answers it stands before the framework."""
    router = APIRouter(tags=["events"])
    known = "\n".join(f"- [`{name}`](/schemas/{name}.json)" for name in sorted(INBOUND))

    @router.post(
        PATH,
        status_code=202,
        summary="Publish events",
        description=(
            "One event (structured, plain JSON, or binary mode with `ce-` headers), a batch, or a "
            "stream of lines. The same `source` and `id` again has no effect, for ever.\n\n"
            f"Types:\n{known}"
        ),
        response_class=Response,
        responses=_RESPONSES,
        openapi_extra={
            **repeatable("`source` and `id` of the event are its idempotency key"),
            "requestBody": _BODY,
        },
    )
    async def publish(_key: Annotated[object, Depends(_source_key)]) -> Response:
        raise NotImplementedError("EventsEndpoint answers this before the framework sees it")

    return router
