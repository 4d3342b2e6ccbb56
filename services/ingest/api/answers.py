"""What publishers are answered: 202 for one event, 207 with one item each for several."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from msgspec import UNSET, Struct, UnsetType, json

from services.ingest.domain.candidate import Candidate
from services.ingest.domain.refusal import Refusal
from shared.runtime.http.problems import FieldError, Problem

Status = Literal["accepted", "duplicate", "rejected", "unconfirmed"]

_RETRY_AFTER: Final = "1"
DIFFERS: Final = "content_differs: another content was taken under this id, and that one counts"


class Receipt(Struct, frozen=True, gc=False):
    """The answer for one event that was taken."""

    id: str
    source: str
    member_id: str | None
    status: Status
    differs: bool | UnsetType = UNSET
    remark: str | UnsetType = UNSET


class Item(Struct, frozen=True, gc=False, omit_defaults=True):
    """One item of a 207 answer."""

    id: str | None
    status: Status
    member_id: str | None = None
    problem: dict[str, Any] | None = None
    differs: bool = False
    remark: str | None = None


_encoder: Final = json.Encoder()


def receipt(candidate: Candidate) -> bytes:
    """The body of a 202."""
    envelope = candidate.envelope
    return _encoder.encode(
        Receipt(
            envelope.id,
            envelope.source,
            candidate.named.member_id,
            _taken(candidate),
            differs=candidate.differs or UNSET,
            remark=DIFFERS if candidate.differs else UNSET,
        )
    )


def items(candidates: Iterable[Candidate]) -> bytes:
    """The items of a 207, separated by commas."""
    return _encoder.encode([_item(candidate) for candidate in candidates])[1:-1]


def problem_of(refusal: Refusal) -> Problem:
    """A refusal as a problem document."""
    return Problem(
        refusal.status,
        refusal.slug,
        refusal.detail,
        errors=[FieldError(wrong.pointer, wrong.detail) for wrong in refusal.errors],
        headers={"Retry-After": _RETRY_AFTER} if refusal.is_ours else None,
    )


def _item(candidate: Candidate) -> Item:
    refusal = candidate.refusal
    if refusal is None:
        return Item(
            candidate.envelope.id,
            _taken(candidate),
            candidate.named.member_id,
            differs=candidate.differs,
            remark=DIFFERS if candidate.differs else None,
        )
    status: Status = "unconfirmed" if refusal.is_ours else "rejected"
    return Item(
        candidate.event_id, status, candidate.named.member_id, problem_of(refusal).document()
    )


def _taken(candidate: Candidate) -> Status:
    return "duplicate" if candidate.duplicate else "accepted"
