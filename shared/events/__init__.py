"""Events: what happened and what was decided, as CloudEvents.

- `types`, `topics`: the names, and where each is found
- `facts`, `commands`, `decisions`: the data of each type as msgspec structs, for the hot path
- `models`: the same as strict pydantic models: they word refusals, the schemas come from them
- `codec`: reading and writing on Kafka; `edge`: what ingest needs to let events in
- `schemas`: JSON Schemas and AsyncAPI, exported and held backward compatible
"""

from shared.events.codec import (
    CONTENT_TYPE,
    CONTENT_TYPE_HEADER,
    Event,
    Undecodable,
    decode,
    encode,
    encode_event,
    event_key,
)

__all__ = [
    "CONTENT_TYPE",
    "CONTENT_TYPE_HEADER",
    "Event",
    "Undecodable",
    "decode",
    "encode",
    "encode_event",
    "event_key",
]
