"""What a fact tells of a member: what is kept of it, and what journeys see of it."""

from services.notify.domain import facts
from services.notify.domain.consent import after
from services.notify.domain.facts import AnyFact, Scalar
from services.notify.domain.state import MemberState
from shared.clock import Instant
from shared.events import types


def project(state: MemberState, at: Instant, fact: AnyFact) -> None:
    """Keep what later decisions may look at."""
    match fact:
        case facts.Purchase():
            state.orders += 1
            state.last_purchase_at = at
            state.last_store = fact.store_id
        case facts.Tags():
            state.tags = sorted((set(state.tags) - set(fact.removed)) | set(fact.added))
        case facts.Tier():
            state.tier = fact.now
        case facts.Joined():
            if state.joined_at is None:
                state.joined_at, state.home_store = at, fact.store_id
            state.consent = after(state.consent, fact.consent or {})
        case facts.Consent():
            state.consent = after(state.consent, {fact.channel: fact.granted})
        case facts.Preferences():
            state.language = fact.language or state.language
            state.time_zone = fact.time_zone or state.time_zone
        case _:
            pass


def context_of(fact: AnyFact) -> dict[str, Scalar]:  # noqa: PLR0911 - one for each kind of fact
    """The values of an event that exits match, conditions look at and messages speak of."""
    match fact:
        case facts.Purchase():
            return {
                "order_id": fact.order_id,
                "store_id": fact.store_id,
                "channel": fact.channel,
                "total": fact.total,
                "currency": fact.currency,
            }
        case facts.Refund():
            values: dict[str, Scalar] = {
                "order_id": fact.order_id,
                "refund_id": fact.refund_id,
                "store_id": fact.store_id,
                "amount": fact.amount,
                "currency": fact.currency,
            }
            return {name: value for name, value in values.items() if value != ""}
        case facts.Reversal():
            return {"order_id": fact.order_id, "refund_id": fact.refund_id}
        case facts.Joined():
            return {"store_id": fact.store_id, "via": fact.via}
        case facts.Tier():
            before: dict[str, Scalar] = {} if fact.before is None else {"from": fact.before}
            return {**before, "to": fact.now}
        case facts.Occurrence():
            return fact.values
        case _:
            return {}


def type_of(fact: AnyFact) -> str:
    """The event type that journeys know it by."""
    return fact.type if isinstance(fact, facts.Occurrence) else _TYPE_OF[type(fact)]


_TYPE_OF: dict[type, str] = {
    facts.Purchase: types.PURCHASE_COMPLETED,
    facts.Refund: types.PURCHASE_REFUNDED,
    facts.Reversal: types.PURCHASE_REFUND_REVERSED,
    facts.Joined: types.MEMBER_JOINED,
    facts.Preferences: types.MEMBER_PROFILE_UPDATED,
    facts.Consent: types.MEMBER_CONSENT_CHANGED,
    facts.Tags: types.TAGS_CHANGED,
    facts.Tier: types.TIER_CHANGED,
}


def withdraws_only(fact: AnyFact) -> bool:
    """Whether a decision of segmentation says nothing but that an earlier one is withdrawn."""
    match fact:
        case facts.Tier():
            return fact.before == fact.now
        case facts.Tags():
            return not fact.added and not fact.removed
        case _:
            return False
