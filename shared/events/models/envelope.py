"""The envelope: CloudEvents 1.0.2 as a publisher sends it."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.events import scalars, types
from shared.events.models.scalars import (
    EventModel,
    Identifier,
    Label,
    Moment,
    Source,
    Subject,
    Text,
)


class Envelope(EventModel):
    """One event. Further attributes (CloudEvents extensions) are passed on as they are."""

    specversion: Literal["1.0"]
    """The version of CloudEvents."""
    id: Identifier
    """With `source` the identity of the event: published twice, it counts once."""
    source: Source
    """Which system says so."""
    type: Identifier
    """What happened, with the version of its data."""
    subject: Subject | None = Field(None, validate_default=True)
    """Who it is about; of facts without a member the store, community or staff (`store:<id>`).

    Only facts about an order may leave it out: nobody knows who bought.
    """
    time: Moment
    """When it happened (not when it was sent), from 1900 to 2199."""
    data: JsonValue
    """The facts, by type."""
    datacontenttype: (
        Annotated[str, Field(pattern=scalars.JSON_CONTENT_PATTERN, max_length=128)] | None
    ) = None
    """JSON, when said at all."""
    dataschema: Label | None = None
    """Where the schema of `data` is to be found."""
    traceparent: Text | None = None
    """W3C trace context, carried through; one that is none is dropped."""
    tracestate: Text | None = None
    """W3C trace state, carried through; one of more than 512 characters is dropped."""
    recordedtime: JsonValue = None
    """When ingest took it; set by ingest, ignored when published."""
    partitionkey: JsonValue = None
    """The member id; set by ingest, ignored when published."""

    @field_validator("subject")
    @classmethod
    def _named(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.data.get("type") not in types.MAY_NAME_NOBODY:
            raise PydanticCustomError("missing", "Field required")
        return value

    @field_validator("time")
    @classmethod
    def _within_reach(cls, value: Any) -> Any:
        scalars.check_reach(value)
        return value

    @model_validator(mode="after")
    def _extensions_are_attributes(self) -> Self:
        for name, value in (self.model_extra or {}).items():
            if value is not None:  # null is not sent, whatever its name
                scalars.check_extension(name, value)
        return self
