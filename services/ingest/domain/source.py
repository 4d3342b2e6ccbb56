"""Sources: the systems that publish, and what each of them may."""

from dataclasses import dataclass
from typing import Final

from services.ingest.domain.refusal import Refusal, at


@dataclass(frozen=True, slots=True)
class Source:
    """A registered publisher.

    Attributes:
        name: its id, as `pos-shanghai`.
        types: the event types that it may publish; None: all.
        stores: the stores that it may speak for; None: all.
        origins: the values of the CloudEvents attribute `source` that it may use; None: all.
        strict: whether an event of a store that is not confirmed is refused.
        rate_per_second: how many events a second it may publish; None: any number.
        burst: how many of them at once.
    """

    name: str
    types: frozenset[str] | None = None
    stores: frozenset[str] | None = None
    origins: frozenset[str] | None = None
    strict: bool = False
    rate_per_second: float | None = None
    burst: int = 1_000
    active: bool = True

    @property
    def limited(self) -> bool:
        """Whether there is anything that it may not publish."""
        return not (self.types is None and self.stores is None and self.origins is None)


NOT_ALLOWED: Final = 403


def forbidden(source: Source, event_type: str, origin: str, store_id: str | None) -> Refusal | None:
    """Why this source may not publish this event; None where it may."""
    if source.types is not None and event_type not in source.types:
        words = f"this source may not publish {event_type}"
        return Refusal(NOT_ALLOWED, "type-not-allowed", words, (at("/type", words),))
    if source.origins is not None and origin not in source.origins:
        words = "this key does not belong to the event's `source`"
        return Refusal(NOT_ALLOWED, "source-not-allowed", words, (at("/source", words),))
    if source.stores is not None and store_id is not None and store_id not in source.stores:
        words = "this source may not speak for this store"
        return Refusal(NOT_ALLOWED, "store-not-allowed", words, (at("/data/store_id", words),))
    return None
