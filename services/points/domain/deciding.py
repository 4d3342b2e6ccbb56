"""Whether points may be given or taken by hand."""

from uuid import UUID

from services.points.domain.ledger import ADJUSTMENT, State
from services.points.domain.machine import Programs
from services.points.domain.posting import transfer_id
from services.points.domain.program import Adjustments
from shared.clock import Instant, to_datetime
from shared.events import Event, types
from shared.events.commands import AdjustmentDecided, AdjustmentRequested, Refusal


class PointsDecider:
    """Decides adjustments by what the member has and by the program in force."""

    def __init__(self, programs: Programs) -> None:
        """Take the versions to judge by."""
        self._programs = programs

    def decide(
        self, member: UUID, state: State | None, at: Instant, command: Event, key: bytes
    ) -> tuple[str, AdjustmentDecided]:
        """Decide an adjustment; the transfer that it leads to is named already."""
        asked: AdjustmentRequested = command.data
        earning = self._programs.at(at)
        refusal = _refusal(asked, state, earning.program.adjustments)
        available = 0 if state is None else state.available
        granted = refusal is None
        return types.ADJUSTMENT_DECIDED, AdjustmentDecided(
            command_id=command.id,
            granted=granted,
            by=asked.by,
            role=asked.role,
            fingerprint=asked.fingerprint,
            asked_at=to_datetime(command.at),
            points=asked.points,
            reason=asked.reason,
            store_id=asked.store_id,
            balance=available + asked.points if granted else available,
            program_version=earning.number,
            transfer_id=_transfer(member, key) if granted else None,
            refusal=refusal,
        )


def _refusal(
    asked: AdjustmentRequested, state: State | None, policy: Adjustments
) -> Refusal | None:
    if state is None:
        return "unknown_member"
    if asked.role == "store" and abs(asked.points) > policy.store_points_max:
        return "above_store_limit"
    # a balance may be below already: what makes it greater is never refused
    if asked.points < 0 and state.available + asked.points < -policy.overdraft:
        return "insufficient_points"
    return None


def _transfer(member: UUID, key: bytes) -> str:
    return str(UUID(bytes=transfer_id(member.bytes, key, ADJUSTMENT)))
