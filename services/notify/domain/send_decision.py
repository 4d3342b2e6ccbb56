"""The one decision that every message passes, in one fixed order.

1. **consent**: the member lets this channel speak (or has not said no, where consent is implied);
then the channel has somebody or something to speak through (**address**);
2. **deadline**: the message is still worth sending;
3. **exit rules again**: the reason for the journey has not gone away;
4. **quiet hours** in the member's zone: the message waits for their end, unless its deadline is
before; 5. **caps** per channel, category and window.

The answer is `Send`, `Postpone` or `Suppress`, with the figures that decided. It is taken as of an
instant of the member's timeline, never "now": the same facts give the same answer whenever they
are worked off.
"""

from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from services.notify.domain.caps import Cap, Sent, used
from services.notify.domain.quiet_hours import QuietHours, quiet_until
from shared.clock import Instant, format_instant
from shared.events.decisions import Figure

NO_CONSENT = "no_consent"
NO_ADDRESS = "no_address"
PAST_DEADLINE = "past_deadline"
EXITED = "exited"
QUIET_HOURS = "quiet_hours"
CAPPED = "capped"
STOPPED = "stopped"
"""Somebody has ended the journey; not found here, but before anything is asked."""

REASONS = (NO_CONSENT, NO_ADDRESS, PAST_DEADLINE, EXITED, QUIET_HOURS, CAPPED, STOPPED)


class Situation(msgspec.Struct, frozen=True, gc=False):
    """All that the decision looks at.

    `consent` is what the member said of the channel (None: nothing), `consent_implied` whether
    silence is consent. `reachable` is whether the channel leads to the member. `exit_reached` are
    the figures of an exit condition that holds, None when none does.
    """

    at: Instant
    channel: str
    category: str
    consent: bool | None
    consent_implied: bool
    reachable: bool
    deadline: Instant
    exit_reached: list[Figure] | None
    quiet_hours: QuietHours | None
    zone: ZoneInfo
    caps: Sequence[Cap]
    sent: Sequence[Sent]


class Send(msgspec.Struct, frozen=True):
    """Say it now; the figures show the room that was left under each cap."""

    figures: list[Figure]


class Postpone(msgspec.Struct, frozen=True):
    """Decide again at the end of quiet hours."""

    until: Instant


class Suppress(msgspec.Struct, frozen=True):
    """Do not say it: the reason, and the figures that decided."""

    reason: str
    figures: list[Figure]


def decide(case: Situation) -> Send | Postpone | Suppress:
    """Decide about one message (see the module for the order)."""
    allowed = case.consent_implied if case.consent is None else case.consent
    if not allowed:
        feature = f"consent.{case.channel}"
        return Suppress(
            NO_CONSENT, [Figure(feature=feature, op="equals", value=True, actual=case.consent)]
        )
    if not case.reachable:
        return Suppress(NO_ADDRESS, [Figure(feature="advisers", op="exists", actual=False)])
    if case.at > case.deadline:
        return past_deadline(case.deadline, case.at)
    if case.exit_reached is not None:
        return Suppress(EXITED, case.exit_reached)
    if case.quiet_hours is not None:
        until = quiet_until(case.at, case.quiet_hours, case.zone)
        if until is not None:
            return _after_the_night(case, until)
    return _within_caps(case)


def past_deadline(deadline: Instant, at: Instant) -> Suppress:
    """Nothing is said after its deadline, also when it is only now found that it was to be said."""
    return Suppress(PAST_DEADLINE, [_not_after("decided_at", deadline, at)])


def _after_the_night(case: Situation, until: Instant) -> Postpone | Suppress:
    if until <= case.deadline:
        return Postpone(until)
    zone = Figure(feature="time_zone", op="equals", actual=case.zone.key)
    return Suppress(QUIET_HOURS, [_not_after("quiet_until", case.deadline, until), zone])


def _within_caps(case: Situation) -> Send | Suppress:
    figures: list[Figure] = []
    for cap in case.caps:
        if not cap.counts(case.channel, case.category):
            continue
        count = used(cap, case.sent, case.at, case.zone)
        figure = _use(cap.feature, cap.at_most, count)
        if count >= cap.at_most:
            return Suppress(CAPPED, [figure])
        figures.append(figure)
    return Send(figures)


@lru_cache(maxsize=1024)
def _use(feature: str, at_most: int, count: int) -> Figure:
    """How much of a cap is used: there are few of these, and one goes with every message."""
    return Figure(feature=feature, op="less_than", value=at_most, actual=count)


def _not_after(feature: str, latest: Instant, actual: Instant) -> Figure:
    return Figure(
        feature=feature, op="at_most", value=format_instant(latest), actual=format_instant(actual)
    )
