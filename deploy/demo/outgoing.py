"""Events as a publisher writes them: the envelope around the structs of `shared.events`."""

from datetime import datetime
from typing import Final

from msgspec import Struct, json

from shared.clock import Instant, to_datetime
from shared.events.facts import Data

_encoder: Final = json.Encoder()


class _Event(Struct, frozen=True, gc=False, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Data


def event_bytes(
    *, source: str, event_id: str, event_type: str, subject: str, at: Instant, data: Data
) -> bytes:
    """One event as structured JSON, as it goes over HTTP or onto `regulars.inbound`."""
    return _encoder.encode(
        _Event(
            specversion="1.0",
            id=event_id,
            source=source,
            type=event_type,
            subject=subject,
            time=to_datetime(at),
            data=data,
        )
    )
