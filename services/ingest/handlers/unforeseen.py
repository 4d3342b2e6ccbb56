"""What nobody has foreseen: one event is refused for it, with a reference to the log."""

import logging
import secrets
from collections.abc import Iterable

from services.ingest.domain.candidate import Candidate
from services.ingest.domain.refusal import Refusal, wrong_field

log = logging.getLogger(__name__)


def unforeseen(error: Exception) -> Refusal:
    """The refusal of an event that we stumbled over."""
    reference = secrets.token_hex(6)
    log.error("an event is refused unforeseen: %s", reference, exc_info=error)
    words = f"this event cannot be processed; that is a fault of ours, logged as {reference}"
    return wrong_field("", words, "cannot-be-processed")


def own_up(candidates: Iterable[Candidate]) -> None:
    """Log what went wrong while events were read, and say so in their refusals."""
    for candidate in candidates:
        if candidate.accident is not None:
            candidate.refusal, candidate.accident = unforeseen(candidate.accident), None
