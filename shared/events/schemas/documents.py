"""Builds the documents from the models: deterministic, so that a difference in git is a change."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from shared.events import topics, types
from shared.events.codec import CONTENT_TYPE
from shared.events.models import MODELS, Envelope, EventModel

FOLDER: Final = Path(__file__).parent
ASYNCAPI_FILE: Final = "asyncapi.json"
ENVELOPE_FILE: Final = "envelope.json"

Json = dict[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_CHANNELS: Final = {
    topics.INBOUND: "Events as other systems publish them; only ingest reads here. Any key.",
    topics.EVENTS: "Validated facts with their member, the source of truth. Key: member id.",
    topics.POINTS: "What points decided: movements, rewards, vouchers. Key: member id.",
    topics.SEGMENTS: "What segmentation decided: tags, tiers, audiences. Key: member id.",
    topics.JOBS: "Messages requested and suppressed; any delivery worker may read. Key: member id.",
    topics.RECEIPTS: "What became of the messages. Key: member id.",
}


def file_of(event_type: str) -> str:
    """The file name of a type's schema."""
    return f"{event_type}.json"


def type_schema(event_type: str) -> Json:
    """The JSON Schema of the `data` of a type.

    Raises:
        KeyError: no such type.
    """
    return _schema(MODELS[event_type], file_of(event_type))


def build() -> dict[str, Json]:
    """All documents, by file name."""
    documents = {file_of(event_type): type_schema(event_type) for event_type in MODELS}
    documents[ENVELOPE_FILE] = _schema(Envelope, ENVELOPE_FILE)
    documents[ASYNCAPI_FILE] = asyncapi()
    return dict(sorted(documents.items()))


def render(document: Json) -> str:
    """A document as the text of its file."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def asyncapi() -> Json:
    """The AsyncAPI 3 document of all topics, complete in itself."""
    schemas = _all_schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Regulars",
            "version": "1",
            "description": "Facts about the members of a store chain, and the decisions on them. "
            "Every message is a CloudEvent 1.0 in structured mode; binary mode is read too.",
        },
        "defaultContentType": CONTENT_TYPE.partition(";")[0],
        "channels": {_name(topic): _channel(topic) for topic in _CHANNELS},
        "operations": _operations(),
        "components": {
            "messages": {event_type: _message(event_type) for event_type in sorted(MODELS)},
            "schemas": schemas,
        },
    }


def _schema(model: type[EventModel], file: str) -> Json:
    return {"$schema": _DIALECT, "$id": file, **model.model_json_schema()}


def _all_schemas() -> Json:
    models: list[type[EventModel]] = [Envelope, *MODELS.values()]
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: Json = definitions["$defs"]
    return dict(sorted(schemas.items()))


def _name(topic: str) -> str:
    return topic.removeprefix("regulars.")


def _types_on(topic: str) -> list[str]:
    marks = {types.CLOCK_ADVANCED} if topic in topics.MEMBER_TOPICS else set()
    return sorted(topics.TYPES_ON[topic] | marks)


def _channel(topic: str) -> Json:
    return {
        "address": topic,
        "description": _CHANNELS[topic],
        "messages": {
            event_type: {"$ref": f"#/components/messages/{event_type}"}
            for event_type in _types_on(topic)
        },
    }


def _operations() -> Json:
    sent = {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{_name(topics.INBOUND)}"},
        "summary": "Other systems publish facts.",
    }
    read = {
        f"publish-{_name(topic)}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{_name(topic)}"},
            "summary": _CHANNELS[topic],
        }
        for topic in _CHANNELS
        if topic != topics.INBOUND
    }
    return {"take-inbound": sent, **read}


def _message(event_type: str) -> Json:
    model = MODELS[event_type]
    return {
        "name": event_type,
        "title": model.__name__,
        "summary": (model.__doc__ or "").partition("\n")[0],
        "contentType": CONTENT_TYPE.partition(";")[0],
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/Envelope"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": event_type},
                        "data": {"$ref": f"#/components/schemas/{model.__name__}"},
                    },
                },
            ]
        },
    }
