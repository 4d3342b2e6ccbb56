"""A member's history as notify sees it: facts in, decisions about messages out.

The machine is a pure function of a member's facts in the order of their timeline (see
`shared.runtime`): no clock, no randomness. A step is decided as of the instant when it is due, from
what was known of the member's history up to then; folded anew in any other order of arrival, the
same history gives the same decisions.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from services.notify.domain import facts, occasions, send_decision, tier_news
from services.notify.domain.amending import take_over
from services.notify.domain.caps import Sent
from services.notify.domain.consent import consent_to
from services.notify.domain.controls import Turn
from services.notify.domain.deciding import decision_about
from services.notify.domain.decision import Effect, Forgotten, MessageDecision, ReceiptSeen
from services.notify.domain.facts import AnyFact, Value
from services.notify.domain.features import values_of
from services.notify.domain.journey import Exit, Journey, Send
from services.notify.domain.program import Program, Programs
from services.notify.domain.projection import context_of, project, type_of, withdraws_only
from services.notify.domain.reentry import make_room
from services.notify.domain.send_decision import Postpone, Situation, Suppress, decide
from services.notify.domain.state import Entry, MemberState
from shared.clock import Instant
from shared.events import Event, types
from shared.events.decisions import Figure
from shared.orders import Amendment, Dated, Order, Remark, Report


class NotifyMachine:
    """The machine of notify, over all versions of its program."""

    state_type = MemberState
    fact_type: Any = AnyFact

    def __init__(self, programs: Programs) -> None:
        """Run these versions; `programs` may be replaced when there is a new one."""
        self.programs = programs

    def initial(self, member_id: UUID) -> MemberState:
        """Somebody of whom nothing is known."""
        return MemberState(member=member_id.bytes)

    def remember(self, event: Event) -> AnyFact | None:
        """What notify keeps of an event; None: not its concern."""
        return facts.fact_of(event, self.programs.listens)

    def supersedes(self, fact: AnyFact) -> str | None:
        """The earlier decision of segmentation that this one withdraws."""
        return fact.supersedes if isinstance(fact, facts.Tags | facts.Tier) else None

    def needs_history(
        self,
        state: MemberState,  # noqa: ARG002 - the machine protocol
        at: Instant,  # noqa: ARG002
        fact: AnyFact,  # noqa: ARG002
    ) -> bool:
        """Never: what a receipt speaks of is in the state."""
        return False

    def report(self, fact: AnyFact) -> Report | None:
        """What a fact says of an order, or takes back."""
        return facts.report_of(fact)

    def may_be_withdrawn(self, fact: AnyFact) -> bool:
        """Whether a fact is an interaction."""
        return isinstance(fact, facts.Occurrence) and fact.type == types.INTERACTION_RECORDED

    def as_it_stands(self, fact: AnyFact, order: Order) -> AnyFact:
        """A purchase as if what is left had been bought."""
        return msgspec.structs.replace(fact, total=order.left.total, again=order.again)

    def standing(self, told: Sequence[Dated[AnyFact]]) -> Sequence[Dated[AnyFact]]:
        """All facts."""
        return told

    def remark(
        self, state: MemberState, at: Instant, remark: Remark, effects: list[Effect]
    ) -> None:
        """Nothing: points says of every report whether it counts."""

    def settle(
        self,
        before: MemberState,
        now: MemberState,
        at: Instant,
        amendment: Amendment[AnyFact, Effect],
        effects: list[Effect],
    ) -> None:
        """The past is another one now: go on as if it had always been so.

        What waited to be said because of it is not said, and that is recorded.
        """
        fact = amendment.fact
        figure = _no_more(amendment.order)
        steps = {
            entry.version: self.programs.numbered(entry.version).journeys
            for entry in [*before.entries, *now.entries]
        }
        for entry in take_over(before, now, steps, effects, self._next_step_of):
            journey = steps[entry.version][entry.journey]
            answer = Suppress(send_decision.EXITED, [figure])
            effects.append(
                decision_about(before, entry, journey.steps[entry.step], at, answer, fact.event_id)
            )

    def apply(self, state: MemberState, at: Instant, fact: AnyFact, effects: list[Effect]) -> None:
        """Let a fact happen: projections first, then who leaves a journey, then who enters one."""
        if state.erased or withdraws_only(fact):
            return
        match fact:
            case facts.Receipt():
                _take_receipt(state, at, fact, effects)
            case facts.Erased():
                _forget(state, at, effects)
            case facts.Tier():
                journeys = self._triggered(at, fact)
                seen = tier_news.take(state, fact, spoken_of=bool(journeys))
                self._leave(state, at, fact, seen, effects)
                self._unsay(state, at, fact, effects)
                if tier_news.is_news(seen):
                    self._enter(state, at, fact, journeys, seen)
            case _:
                project(state, at, fact)
                journeys = self._triggered(at, fact)
                if state.entries or journeys:
                    context = context_of(fact)
                    self._leave(state, at, fact, context, effects)
                    self._enter(state, at, fact, journeys, context)

    def _triggered(self, at: Instant, fact: AnyFact) -> Sequence[Journey]:
        """The journeys that listen to such an event."""
        return self.programs.at(at).program.triggers.get(type_of(fact), ())

    def _unsay(
        self,
        state: MemberState,
        at: Instant,
        fact: facts.Tier,
        effects: list[Effect],
    ) -> None:
        """What waited to be said of an earlier tier is not said any more."""
        for entry in list(state.entries):
            journey = self._journey(entry)
            if not journey.of_tiers or entry.step > 0:
                continue
            state.entries.remove(entry)
            figure = Figure(feature="tier", op="equals", value=entry.context["to"], actual=fact.now)
            answer = Suppress(send_decision.EXITED, [figure])
            step = journey.steps[0]
            effects.append(decision_about(state, entry, step, at, answer, fact.event_id))

    def _journey(self, entry: Entry) -> Journey:
        """The journey of an entry, in the version that let the member in."""
        return self.programs.numbered(entry.version).journeys[entry.journey]

    def due(self, state: MemberState) -> Instant | None:
        """When the next step of any journey is to be decided, or its journey ends."""
        entries = state.entries
        if entries and self.programs.controls:
            return min([self._turn(entry).at for entry in entries])
        if len(entries) > 1:
            return min([entry.due for entry in entries])
        return entries[0].due if entries else None

    def fire(self, state: MemberState, effects: list[Effect]) -> None:
        """Decide the step that is due first, as of its due instant."""
        entries = state.entries
        if self.programs.controls:
            entry = min(entries, key=lambda each: (self._turn(each).at, _due_order(each)))
            turn = self._turn(entry)
            entry.due = turn.at
            if turn.stopped:
                self._stop(state, entry, effects)
                return
        else:
            entry = entries[0] if len(entries) == 1 else min(entries, key=_due_order)
        journey = self._journey(entry)
        step = journey.steps[entry.step]
        program = self.programs.at(entry.due).program
        answer = self._decide(state, entry, journey, step, program)
        if isinstance(answer, Postpone):
            entry.due = answer.until
            return
        decision = decision_about(state, entry, step, entry.due, answer)
        effects.append(decision)
        if decision.reason is None:
            _count(state, decision, program)
            occasions.was_said(state, journey, entry, decision.decided_at)
            if journey.of_tiers:
                state.told = None
        if decision.reason == send_decision.EXITED:
            state.entries.remove(entry)
        else:
            self._next_step(state, entry, journey, program)

    def _turn(self, entry: Entry) -> Turn:
        return self.programs.controls.turn(entry.journey, entry.at, entry.due)

    def _stop(self, state: MemberState, entry: Entry, effects: list[Effect]) -> None:
        """Somebody has ended the journey: the step that waited is not said."""
        state.entries.remove(entry)
        step = self._journey(entry).steps[entry.step]
        figure = Figure(feature="journey", op="equals", value="running", actual="stopped")
        answer = Suppress(send_decision.STOPPED, [figure])
        effects.append(decision_about(state, entry, step, entry.due, answer))

    def _decide(
        self, state: MemberState, entry: Entry, journey: Journey, step: Send, program: Program
    ) -> send_decision.Send | Postpone | Suppress:
        channel = program.channels.get(step.channel)
        return decide(
            Situation(
                at=entry.due,
                channel=step.channel,
                category=step.category,
                consent=consent_to(state.consent, step.channel, step.category),
                # a channel that a later version dropped has no implied consent any more
                consent_implied=channel is not None and channel.consent_implied,
                reachable=channel is None or channel.reaches(state),
                deadline=entry.planned + step.deadline,
                exit_reached=(
                    journey.exit_reached(values_of(state, entry.context, entry.due))
                    if journey.exit_rules
                    else None
                ),
                quiet_hours=program.quiet_hours,
                zone=program.zone_of(state),
                caps=program.caps,
                sent=state.sent,
            )
        )

    def _next_step_of(self, state: MemberState, entry: Entry, journey: Journey) -> None:
        """Pass a step over that was decided before."""
        self._next_step(state, entry, journey, self.programs.at(entry.due).program)

    def _next_step(
        self, state: MemberState, entry: Entry, journey: Journey, program: Program
    ) -> None:
        entry.step += 1
        if entry.step == len(journey.steps):
            state.entries.remove(entry)
            return
        step = journey.steps[entry.step]
        decided_at = entry.due
        entry.planned = step.planned(entry.at, entry.planned, program.zone_of(state))
        entry.due = max(entry.planned, decided_at)

    def _enter(
        self,
        state: MemberState,
        at: Instant,
        fact: AnyFact,
        journeys: Sequence[Journey],
        context: Mapping[str, Value],
    ) -> None:
        controls = self.programs.controls
        for journey in journeys:
            if not controls or controls.status(journey.name, at) == "running":
                self._enter_one(state, at, fact, journey, context)

    def _enter_one(
        self,
        state: MemberState,
        at: Instant,
        fact: AnyFact,
        journey: Journey,
        context: Mapping[str, Value],
    ) -> None:
        tag = journey.trigger.tag
        if tag is not None:
            if not (isinstance(fact, facts.Tags) and tag in fact.added):
                return
            context = {**context, "tag": tag}
        if journey.entry is not None and not journey.entry.holds(values_of(state, context, at)):
            return
        if occasions.was_said_lately(state, journey, context, at) or not make_room(state, journey):
            return
        version, program = self.programs.at(at)
        planned = journey.steps[0].planned(at, at, program.zone_of(state))
        state.entries.append(
            Entry(
                journey=journey.name,
                version=version,
                event_id=fact.event_id,
                at=at,
                context=dict(context),
                step=0,
                planned=planned,
                due=planned,
                occasion=occasions.begin(state, journey, fact, context),
            )
        )

    def _leave(
        self,
        state: MemberState,
        at: Instant,
        fact: AnyFact,
        context: Mapping[str, Value],
        effects: list[Effect],
    ) -> None:
        """End the entries that this event is about; the step that they waited for is not said."""
        if not state.entries:
            return
        event_type = type_of(fact)
        for entry in list(state.entries):
            journey = self._journey(entry)
            for way_out in journey.exits:
                if _leads_out(way_out, entry, fact, event_type, context):
                    state.entries.remove(entry)
                    figures = [
                        Figure(
                            feature=name,
                            op="equals",
                            value=entry.context[name],
                            actual=context[name],
                        )
                        for name in way_out.match
                    ]
                    answer = Suppress(send_decision.EXITED, figures)
                    step = journey.steps[entry.step]
                    effects.append(decision_about(state, entry, step, at, answer, fact.event_id))
                    break


def _no_more(order: Order | None) -> Figure:
    """Why what had begun a journey is no more: nothing is left of it, or it was taken back."""
    if order is None:
        return Figure(feature="interaction_withdrawn", op="equals", value=True, actual=True)
    return Figure(feature="order_left", op="at_most", value=0, actual=order.left.total)


def _due_order(entry: Entry) -> tuple[Instant, str, str]:
    return entry.due, entry.journey, entry.event_id


def _leads_out(
    way_out: Exit, entry: Entry, fact: AnyFact, event_type: str, context: Mapping[str, Value]
) -> bool:
    on = way_out.on
    if on is None:
        return False
    if on.tag is not None:
        return isinstance(fact, facts.Tags) and on.tag in fact.added
    return on.event == event_type and way_out.matches(entry.context, context)


def _count(state: MemberState, decision: MessageDecision, program: Program) -> None:
    """Count a requested message under the caps, and let go of those too old to count."""
    after = decision.decided_at - program.sent_window
    state.sent = [sent for sent in state.sent if sent.at > after]
    state.sent.append(Sent(decision.decided_at, decision.channel, decision.category, decision.job))


def _take_receipt(
    state: MemberState, at: Instant, fact: facts.Receipt, effects: list[Effect]
) -> None:
    job = job_bytes(fact.job_id)
    if job is None:
        return
    if fact.status == "failed":
        state.sent = [sent for sent in state.sent if sent.job_id != job]
    effects.append(
        ReceiptSeen(
            job=job, status=fact.status, at=at, provider_id=fact.provider_id, error=fact.error
        )
    )


def job_bytes(text: str) -> bytes | None:
    """A receipt may come from any system; one that names no message of ours is passed over."""
    try:
        return UUID(text).bytes
    except ValueError:
        return None


def _forget(state: MemberState, at: Instant, effects: list[Effect]) -> None:
    fresh = MemberState(member=state.member, erased=True)
    for field in MemberState.__struct_fields__:
        setattr(state, field, getattr(fresh, field))
    effects.append(Forgotten(at))
