"""The last look before every attempt to deliver: may it still be said, and now?

Between the decision and the attempt there may be hours: a destination that is away, a night. Of an
order that was taken back, or a journey that ended, the lane itself withdraws the message.
"""

from services.notify.domain.consent import consent_to
from services.notify.domain.delivery import Later, Refused
from services.notify.domain.program import Program
from services.notify.domain.send_decision import Postpone, Send, Situation, decide
from services.notify.domain.state import MemberState
from shared.clock import Instant

ERASED = "erased"


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
