"""What no history may bring about: too many messages, one at night, or one unwanted."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain import facts
from services.notify.domain.decision import MessageDecision
from services.notify.domain.local_time import time_of_day
from services.notify.domain.program import zone_named
from services.notify.domain.quiet_hours import QuietHours, quiet_until
from services.notify.domain.send_decision import REASONS
from shared.clock import DAY, MINUTE
from tests.property.services.notify.notify_history import (
    BEGIN,
    ZONES,
    Dated,
    fold,
    histories,
    story_program,
)

END = BEGIN + 300 * DAY


def _requested(history: list[Dated]) -> list[MessageDecision]:
    _, effects = fold(history, END)
    return [e for e in effects if isinstance(e, MessageDecision) and e.reason is None]


@given(histories(size_max=40))
@settings(max_examples=50, deadline=None)
def test_caps_are_never_exceeded(history: list[Dated]) -> None:
    """Mautic #6729: the frequency rule was ignored."""
    calm = [each for each in history if not isinstance(each.fact, facts.Preferences)]
    requested = _requested(calm)
    for cap in story_program().caps:
        counted = [d.decided_at for d in requested if cap.counts(d.channel, d.category)]
        # weeks begin on Mondays, in UTC here; the first of them was 1970-01-05
        per = {"day": lambda at: at // DAY, "week": lambda at: (at - 4 * DAY) // (7 * DAY)}
        periods = Counter(per[str(cap.period)](at) for at in counted)
        assert all(count <= cap.at_most for count in periods.values())


@given(histories(), st.data())
@settings(max_examples=50, deadline=None)
def test_nothing_is_requested_at_night_on_the_members_clock(
    history: list[Dated], data: st.DataObject
) -> None:
    zone_name = data.draw(st.sampled_from(ZONES))
    # one zone for the whole history: the first fact sets it, later ones are left out
    first = Dated(BEGIN - DAY, 0, b"zone", facts.Preferences("zone", None, zone_name))
    calm = [each for each in history if not isinstance(each.fact, facts.Preferences)]
    hours, zone = story_program().quiet_hours, zone_named(zone_name)
    assert hours is not None
    assert zone is not None
    for decision in _requested([first, *calm]):
        assert not hours.covers(time_of_day(decision.decided_at, zone))
        assert decision.planned <= decision.decided_at <= decision.deadline


@given(histories())
@settings(max_examples=50, deadline=None)
def test_consent_withdrawn_on_the_way_silences_every_later_step(history: list[Dated]) -> None:
    no_at = BEGIN + 40 * DAY
    no = Dated(no_at, 0, b"no", facts.Consent("no", "wecom", granted=False))
    calm = [each for each in history if not isinstance(each.fact, facts.Consent)]
    _, effects = fold([*calm, no], END)
    for decision in effects:
        if isinstance(decision, MessageDecision) and decision.decided_at > no_at:
            assert decision.reason in {"no_consent", "exited"}


@given(histories())
@settings(max_examples=50, deadline=None)
def test_every_decision_says_why(history: list[Dated]) -> None:
    known = {each.fact.event_id for each in history}
    _, effects = fold(history, END)
    for decision in effects:
        assert isinstance(decision, MessageDecision)
        assert decision.cause in known
        assert decision.figures
        assert decision.reason is None or decision.reason in REASONS


_INSTANTS = st.integers(BEGIN - 400 * DAY, BEGIN + 800 * DAY)
_TIMES = st.integers(0, DAY // MINUTE - 1).map(lambda minute: minute * MINUTE)


@given(_INSTANTS, _TIMES, _TIMES, st.sampled_from(ZONES))
@settings(max_examples=200, deadline=None)
def test_quiet_hours_end_exactly_when_the_members_clock_says_so(
    at: int, start: int, end: int, zone_name: str
) -> None:
    zone = zone_named(zone_name)
    assert zone is not None
    if start == end:
        return
    hours = QuietHours(start=start, end=end)
    until = quiet_until(at, hours, zone)
    if until is None:
        assert not hours.covers(time_of_day(at, zone))
        return
    assert at < until
    assert not hours.covers(time_of_day(until, zone))
    # quiet up to the last microsecond, and at every hour on the way
    for moment in (until - 1, *range(at, until, 30 * MINUTE)):
        assert hours.covers(time_of_day(moment, zone))
