"""What a fact tells of a member: what is kept of it, and what journeys see of it."""

from collections.abc import Mapping

from services.notify.domain import facts
from services.notify.domain.consent import after
from services.notify.domain.facts import AnyFact, Value
from services.notify.domain.state import MemberState
from shared.clock import Instant
from shared.events import types


def project(state: MemberState, at: Instant, fact: AnyFact) -> None:
    """Keep what later decisions may look at; a tier is news (`tier_news`)."""
    match fact:
        case facts.Purchase():
            state.orders += 1
            state.last_purchase_at = at
            state.last_store = fact.store_id or state.last_store
        case facts.Tags():
            state.tags = sorted((set(state.tags) - set(fact.removed)) | set(fact.added))
        case facts.Joined():
            if state.joined_at is None:
                state.joined_at, state.home_store = at, fact.store_id
            state.consent = after(state.consent, fact.consent or {})
        case facts.Consent():
            state.consent = after(state.consent, {fact.channel: fact.granted})
        case facts.Preferences():
            state.language = _now(state.language, fact.language)
            state.time_zone = _now(state.time_zone, fact.time_zone)
        case facts.Contact():
            others = [staff for staff in state.advisers or () if staff != fact.staff_id]
            state.advisers = others if fact.removed else [*others, fact.staff_id]
        case _:
            pass


def _now(known: str | None, told: str | None) -> str | None:
    """What is known of a member after an update: None says nothing of it, "" clears."""
    return known if told is None else told or None


def context_of(fact: AnyFact) -> dict[str, Value]:
    """The values of an event that exits match, conditions look at and messages speak of.

    What is empty was not told; those of a tier are in `tier_news`.
    """
    return {name: value for name, value in _values(fact).items() if value != ""}


def _values(fact: AnyFact) -> Mapping[str, Value]:  # noqa: PLR0911 - one for each kind of fact
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
            return {
                "order_id": fact.order_id,
                "refund_id": fact.refund_id,
                "store_id": fact.store_id,
                "amount": fact.amount,
                "currency": fact.currency,
            }
        case facts.Reversal():
            return {"order_id": fact.order_id, "refund_id": fact.refund_id}
        case facts.Joined():
            return {"store_id": fact.store_id, "via": fact.via}
        case facts.Contact():
            return {"staff_id": fact.staff_id, "store_id": fact.store_id, "via": fact.via}
        case facts.Occurrence():
            return fact.values
        case _:
            return {}


def type_of(fact: AnyFact) -> str:
    """The event type that journeys know it by."""
    match fact:
        case facts.Occurrence():
            return fact.type
        case facts.Contact():
            if fact.assigned:
                return types.MEMBER_ASSIGNED
            return types.CONTACT_REMOVED if fact.removed else types.CONTACT_ADDED
        case _:
            return _TYPE_OF[type(fact)]


_TYPE_OF: dict[type, str] = {
    facts.Purchase: types.PURCHASE_COMPLETED,
    facts.Refund: types.PURCHASE_REFUNDED,
    facts.Reversal: types.PURCHASE_REFUND_REVERSED,
    facts.OrderMoved: types.ORDER_MOVED,
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
