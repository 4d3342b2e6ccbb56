"""The exported documents: as committed, valid by their own rules, and true of the golden events."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import (  # type: ignore[import-untyped]  # ships no types
    Draft202012Validator,
)

from shared import events
from shared.events import edge, topics, types
from shared.events.models import MODELS
from shared.events.registry import STRUCTS
from shared.events.schemas import documents
from shared.events.schemas.__main__ import main

GOLDEN = Path(__file__).parent / "golden"
DOCUMENTS = documents.build()


def _golden(event_type: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((GOLDEN / f"{event_type}.json").read_text(encoding="utf-8"))
    return event


def test_the_files_are_what_the_models_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("event_type", sorted(MODELS))
def test_every_version_has_a_golden_event_that_is_read_in_full(event_type: str) -> None:
    golden = _golden(event_type)
    assert golden["type"] == event_type
    event = events.decode(json.dumps(golden).encode())
    written = msgspec.json.decode(msgspec.json.encode(event.data))
    assert written == golden["data"], "a field of the golden event is lost or changed"
    declared = msgspec.json.decode(msgspec.json.encode(_names(event_type)))
    assert set(golden["data"]) == set(declared), "the golden event shows every field"


def _names(event_type: str) -> list[str]:
    return list(STRUCTS[event_type].__struct_encode_fields__)


@pytest.mark.parametrize("event_type", sorted(MODELS))
def test_golden_events_meet_schema_and_model(event_type: str) -> None:
    golden = _golden(event_type)
    Draft202012Validator(DOCUMENTS[documents.file_of(event_type)]).validate(golden["data"])
    Draft202012Validator(DOCUMENTS[documents.ENVELOPE_FILE]).validate(golden)
    MODELS[event_type].model_validate_json(json.dumps(golden["data"]))


@pytest.mark.parametrize("event_type", sorted(types.INBOUND))
def test_golden_inbound_events_pass_the_edge(event_type: str) -> None:
    raw = json.dumps(_golden(event_type)).encode()
    assert edge.explain_refusal(raw) == []


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_schemas_are_schemas(name: str) -> None:
    if name != documents.ASYNCAPI_FILE:
        Draft202012Validator.check_schema(DOCUMENTS[name])


def test_asyncapi_is_whole() -> None:
    """Every reference leads somewhere, every type is on a channel, every topic is there."""
    document = DOCUMENTS[documents.ASYNCAPI_FILE]
    assert document["asyncapi"].startswith("3.")
    for reference in _references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == set(topics.TYPES_ON)
    carried = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert carried == set(MODELS)


def test_asyncapi_payloads_describe_whole_events() -> None:
    document = DOCUMENTS[documents.ASYNCAPI_FILE]
    payload = document["components"]["messages"][types.PURCHASE_COMPLETED]["payload"]
    validator = Draft202012Validator({**payload, "components": document["components"]})
    golden = _golden(types.PURCHASE_COMPLETED)
    validator.validate(golden)
    assert list(validator.iter_errors(golden | {"data": {}}))
    assert list(validator.iter_errors(golden | {"type": types.CODE_VIEWED}))


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return found + [reference for inner in value.values() for reference in _references(inner)]
    if isinstance(value, list):
        return [reference for inner in value for reference in _references(inner)]
    return []
