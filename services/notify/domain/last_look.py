"""The last look before every attempt to deliver: may it still be said, and now?

Between the decision and the attempt there may be hours: a destination that is away, a night. Of an
order that was taken back, or a journey that ended for the member, the lane itself withdraws the
message; a journey that somebody has stopped or paused for everybody is looked at here.
"""

from typing import Final

from services.notify.domain.consent import consent_to
from services.notify.domain.controls import Controls
from services.notify.domain.delivery import Later, Refused
from services.notify.domain.program import Program
from services.notify.domain.send_decision import STOPPED, Postpone, Send, Situation, decide
from services.notify.domain.state import MemberState
from shared.clock import SECOND, Instant

ERASED = "erased"
PAUSED = "paused"
_LOOK_AGAIN: Final = 10 * SECOND
"""How long a message of a paused journey waits before it is looked at again."""


def look_at_journey(
    controls: Controls, journey: str, *, decided_at: Instant, now: Instant
) -> Refused | Later | None:
    """What speaks against a message of a journey that somebody has paused or stopped since."""
    if controls.stopped(journey, decided_at, now) is not None:
        return Refused(STOPPED)
    paused = controls.status(journey, now) == PAUSED
    return Later(now + _LOOK_AGAIN, PAUSED) if paused else None


def last_look(
    member: MemberState,
    program: Program,
    *,
    channel: str,
    category: str,
    deadline: Instant,
    now: Instant,
) -> Refused | Later | None:
    """What speaks against a message at an instant; None: nothing does."""
    if member.erased:
        return Refused(ERASED)
    known = program.channels.get(channel)
    answer = decide(
        Situation(
            at=now,
            channel=channel,
            category=category,
            consent=consent_to(member.consent, channel, category),
            consent_implied=known is not None and known.consent_implied,
            reachable=known is None or known.reaches(member),
            deadline=deadline,
            exit_reached=None,
            quiet_hours=program.quiet_hours,
            zone=program.zone_of(member),
            caps=(),
            sent=(),
        )
    )
    match answer:
        case Send():
            return None
        case Postpone(until=until):
            return Later(until)
        case _:
            return Refused(answer.reason)
