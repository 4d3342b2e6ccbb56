"""From an answer to what is kept of it: everything that was known when it was given."""

from services.notify.domain.decision import MessageDecision
from services.notify.domain.features import variables_of
from services.notify.domain.job_id import job_id
from services.notify.domain.journey import Send as Step
from services.notify.domain.send_decision import Send, Suppress
from services.notify.domain.state import Entry, MemberState
from shared.clock import Instant


def decision_about(
    state: MemberState,
    entry: Entry,
    step: Step,
    at: Instant,
    answer: Send | Suppress,
    cause: str | None = None,
) -> MessageDecision:
    """The decision about a message as of an instant; `cause`: the event, if not the entry's."""
    context = entry.context
    store = context.get("store_id", state.home_store)
    return MessageDecision(
        job=job_id(state.member, entry.journey, entry.about, step.name),
        journey=entry.journey,
        step=step.name,
        rule=step.rule,
        entry_event_id=entry.event_id,
        cause=cause or entry.event_id,
        channel=step.channel,
        template=step.template,
        category=step.category,
        purpose=step.purpose,
        planned=entry.planned,
        decided_at=at,
        deadline=entry.planned + step.deadline,
        reason=answer.reason if isinstance(answer, Suppress) else None,
        figures=answer.figures,
        language=state.language or "",
        variables=variables_of(state, context, at),
        store_id=store if isinstance(store, str) else None,
        version=entry.version,
    )
