"""A member's history as a machine: facts and timers in, changes of tags and tier out; pure.

The runtime feeds it facts in order of time, each order with what is left of it (`shared.orders`),
and fires what falls due between them; a fact that turns up late makes the runtime fold the whole
history again.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.segmentation.domain.facts import (
    AnyFact,
    Interaction,
    fact_of,
    report_of,
    with_content,
)
from services.segmentation.domain.history import BEGINNING, EVERYTHING, NEVER, fold
from services.segmentation.domain.member import Change, Member
from services.segmentation.domain.rules import Rules, Step, Versions
from services.segmentation.domain.tagging import Reason, differences, note_tags, retag, tags_of
from services.segmentation.domain.tiers import due_of, regrade, settle_tier
from shared.clock import Instant
from shared.events import Event
from shared.events.decisions import Because
from shared.orders import Amendment, Dated, Order, Remark, Report


class SegmentationMachine:
    """Decides tags and tiers, each fact by the version of the program in force when it happened."""

    state_type = Member
    fact_type: Any = AnyFact

    def __init__(self, versions: Versions) -> None:
        """Take the versions of the program; `versions` may be replaced when there is a new one."""
        self.versions = versions

    def initial(self, member_id: UUID) -> Member:  # noqa: ARG002 - nothing depends on the name
        """The state before the first fact."""
        return Member()

    def remember(self, event: Event) -> AnyFact | None:
        """What segmentation keeps of an event; None when no feature looks at it."""
        return fact_of(event)

    def supersedes(self, fact: AnyFact) -> str | None:  # noqa: ARG002 - facts are not withdrawn
        """None: no input of this service withdraws another."""
        return None

    def needs_history(self, state: Member, at: Instant, fact: AnyFact) -> bool:  # noqa: ARG002
        """False: the state alone is enough for every fact, also for a refund."""
        return False

    def report(self, fact: AnyFact) -> Report | None:
        """What a fact says of an order, or takes back."""
        return report_of(fact)

    def may_be_withdrawn(self, fact: AnyFact) -> bool:
        """Whether a fact is an interaction."""
        return type(fact) is Interaction

    def as_it_stands(self, fact: AnyFact, order: Order) -> AnyFact:
        """A purchase as if what is left had been bought."""
        return with_content(fact, order.left)

    def standing(self, facts: Sequence[Dated[AnyFact]]) -> Sequence[Dated[AnyFact]]:
        """All of them."""
        return facts

    def remark(self, state: Member, at: Instant, remark: Remark, effects: list[Change]) -> None:
        """Somebody is known from the first word on, also if it counts for nothing."""
        if state.version is None:
            self._begin(state, Step(self.versions.at(at), at, remark.fact.id, EVERYTHING), effects)

    def settle(
        self,
        before: Member,
        now: Member,
        at: Instant,
        amendment: Amendment[AnyFact, Change],
        effects: list[Change],
    ) -> None:
        """The past is another one now: tags and tier are what they would be from now on."""
        again = before.history.at == at
        rules = self.versions.at(at)
        if now.version is None:
            # nothing but what is no more was ever told: it starts here
            self._begin(now, Step(rules, at, None, EVERYTHING), [])
        step = Step(rules, at, amendment.fact.id, EVERYTHING, again=again)
        now.history.at = at
        now.tags_at, now.added, now.removed = before.tags_at, before.added, before.removed
        reasons = differences(before, now, step)
        if reasons:
            effects.append(note_tags(now, step, reasons))
        change = settle_tier(before, now, step)
        if change is not None:
            effects.append(change)
        now.due = _due(now)

    def due(self, state: Member) -> Instant | None:
        """When, with no further event, a tag, the tier or its period next changes."""
        last = state.history.at
        if last == BEGINNING:
            return None
        if self.versions.at(last).version != state.version:
            return last  # a version was put in force for a time that is over: catch up
        due = min(state.due, self.versions.next_from(last) or NEVER)
        return due if due < NEVER else None

    def apply(self, state: Member, at: Instant, fact: AnyFact, effects: list[Change]) -> None:
        """Fold a fact in and decide again what it may have moved."""
        rules, history = self.versions.at(at), state.history
        again = history.at == at
        everything = 0
        if state.version is None:
            _lay_out(state, rules)
            everything = EVERYTHING
        moved = fold(history, at, fact, rules.habits) | everything
        history.at = at
        step = Step(rules, at, fact.id, moved, again=again)
        reasons = retag(state, step)
        if reasons:
            effects.append(note_tags(state, step, reasons))
        if rules.ladder.moved_by & moved or everything:
            _grade(state, step, effects)
        state.due = _due(state)

    def fire(self, state: Member, effects: list[Change]) -> None:
        """Do what is due, as of its time."""
        due = self.due(state)
        if due is None:
            return
        at, history = max(due, state.history.at), state.history
        step = Step(self.versions.at(at), at, again=history.at == at)
        history.at = at
        other = step.rules.version != state.version
        reasons = self._follow(state, step) if other else retag(state, step)
        if reasons:
            effects.append(note_tags(state, step, reasons))
        if other or due_of(state.tier) <= at:
            _grade(state, step, effects)
        state.due = _due(state)

    def _begin(self, state: Member, step: Step, effects: list[Change]) -> None:
        """Decide about somebody of whom nothing is known but that they are there."""
        _lay_out(state, step.rules)
        state.history.at = step.at
        reasons = retag(state, step)
        if reasons:
            effects.append(note_tags(state, step, reasons))
        _grade(state, step, effects)
        state.due = _due(state)

    def _follow(self, state: Member, step: Step) -> list[Reason]:
        """Another version is in force: decide everything anew, and tell what is different."""
        before = self.versions.get(state.version or 0)
        old = set() if before is None else {tag for tag, _, _ in tags_of(state, before)}
        _lay_out(state, step.rules)
        anew = Step(step.rules, step.at, None, EVERYTHING, backwards=True, again=step.again)
        came = [reason for reason in retag(state, anew) if reason.tag not in old]
        new = {tag for tag, _, _ in tags_of(state, step.rules)}
        return came + [
            Reason(
                tag,
                Because(rule="program", program_version=step.rules.version, tag=tag, figures=[]),
                came=False,
            )
            for tag in sorted(old - new)
        ]


def _grade(state: Member, step: Step, effects: list[Change]) -> None:
    change = regrade(state, step)
    if change is not None:
        effects.append(change)


def _lay_out(state: Member, rules: Rules) -> None:
    """Make room for what is kept by place in the rules."""
    state.version = rules.version
    state.picks = [-1] * len(rules.slots)
    state.untils = [NEVER] * len(rules.slots)
    state.spreads = [{} for _ in rules.spreads]
    state.waiting = [{} for _ in rules.spreads]


def _due(state: Member) -> Instant:
    due = min([due_of(state.tier), *state.untils])
    for instants in (*state.spreads, *state.waiting):
        if instants:
            due = min(due, *instants.values())
    return due
