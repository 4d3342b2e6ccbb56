"""One item of a request on its way through the edge."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Raw, Struct

from services.ingest.domain.refusal import Refusal
from shared.events.edge import Extensions, InboundEnvelope


class Named(Struct, frozen=True, gc=False, array_like=True):
    """Who or what an event is about, ready for the log.

    `member_id` is None for facts without a member; `subject` is what the log gets, empty where
    nobody is known.
    """

    subject: str
    key: bytes
    partition: int
    kind: str
    member_id: str | None

    @property
    def partitionkey(self) -> str:
        """The key, as the log tells it."""
        return self.subject or self.key.decode()


UNREAD: Final = InboundEnvelope(
    specversion="1.0",
    id="-",
    source="-",
    type="-",
    subject="-",
    time=datetime(1970, 1, 1, tzinfo=UTC),
    data=Raw(b"null"),
)
UNNAMED: Final = Named("", b"", 0, "", None)


class Candidate(Struct, gc=False):
    """One item of a request on its way through the edge.

    Attributes:
        envelope: the event as published, once it is read.
        data: what goes on the log as `data`: as published, unless names in it were replaced.
        facts: the struct of its type, kept only where names or personal data are to be taken out of
            the data; None where the data is plain.
        store_id: the store that the data names.
        extensions: further attributes, to be passed on.
        raw: the item's own bytes where it was looked at alone.
        refusal: why it is not taken.
        named: who it is about, once that is known.
        accident: what we stumbled over where reading it failed unforeseen.
        duplicate: it was confirmed before.
        digest: of what it says, equal for equal content however it is written.
        marks: how many quotation marks the data has as published, where they were counted.
        differs: a duplicate that says something else than the first of its id.
        told_id, told_type: what one that could not be read calls itself.
    """

    envelope: InboundEnvelope = UNREAD
    data: Any = None
    facts: Any = None
    store_id: str | None = None
    extensions: Extensions | None = None
    raw: bytes | None = None
    refusal: Refusal | None = None
    named: Named = UNNAMED
    accident: Exception | None = None
    duplicate: bool = False
    digest: int = 0
    marks: int = 0
    differs: bool = False
    told_id: str | None = None
    told_type: str | None = None

    @property
    def is_read(self) -> bool:
        """Whether it could be read at all, so that it has an id to be answered by."""
        return self.envelope is not UNREAD

    @property
    def subject(self) -> str:
        """Who it is about, as published; empty where nobody is named."""
        return self.envelope.subject or ""

    @property
    def event_id(self) -> str | None:
        """The id of the event, also of one that could not be read but has one."""
        return self.envelope.id if self.is_read else self.told_id

    @property
    def event_type(self) -> str | None:
        """The type of the event, also of one that could not be read but has one."""
        return self.envelope.type if self.is_read else self.told_type
