"""What the machine says: about every message that came up, and what became of it afterwards."""

from typing import Any

import msgspec

from services.notify.domain.facts import Value
from shared.clock import Instant
from shared.events.decisions import Figure

REQUESTED = "requested"
SUPPRESSED = "suppressed"


class MessageDecision(msgspec.Struct, frozen=True, gc=False):
    """One message, requested or suppressed, and why.

    `planned` is when the journey wanted it, `decided_at` when it was decided (after a quiet night,
    the morning); both are instants of the member's timeline. `cause` is the event that led here.
    """

    job: bytes
    journey: str
    step: str
    rule: str
    entry_event_id: str
    cause: str
    channel: str
    template: str
    category: str
    purpose: str
    planned: Instant
    decided_at: Instant
    deadline: Instant
    reason: str | None
    figures: list[Figure]
    language: str
    variables: dict[str, Value]
    store_id: str | None
    version: int

    @property
    def content(self) -> dict[str, Any]:
        """What the text is made of; rendered when it is delivered or looked at."""
        return {"language": self.language, "variables": self.variables}

    @property
    def status(self) -> str:
        """`requested`, or `suppressed` when there is a reason against it."""
        return REQUESTED if self.reason is None else SUPPRESSED


class ReceiptSeen(msgspec.Struct, frozen=True, gc=False):
    """What became of a message: `status` is sent, delivered, opened, clicked, replied or failed."""

    job: bytes
    status: str
    at: Instant
    provider_id: str | None
    error: str | None


class Forgotten(msgspec.Struct, frozen=True, gc=False):
    """The member is to be forgotten: what messages said is blanked, that they were is kept."""

    at: Instant


Effect = MessageDecision | ReceiptSeen | Forgotten
