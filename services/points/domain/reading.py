"""From events to facts: what points keeps of what it reads."""

from collections.abc import Callable
from typing import Any, Final, Protocol
from uuid import UUID

from msgspec import UNSET

from services.points.domain.facts import (
    CLEARED,
    Action,
    Adjustment,
    AnyFact,
    OrderMoved,
    Person,
    Purchase,
    Referral,
    Refund,
    Reversal,
    Tier,
    Withdrawal,
)
from services.points.domain.versions import Kept
from shared.clock import Instant
from shared.events import Event, added, event_key, facts, types
from shared.events.commands import AdjustmentDecided, ReferralRewarded
from shared.orders import (
    back,
    digest_of,
    digest_of_return,
    lines_of,
    returned_as,
    spread,
    tenders_of,
)

_MEMBER: Final = "member:"


class _Programs(Protocol):
    def kept(self, instant: Instant, /) -> Kept: ...


def read(event: Event, programs: _Programs) -> AnyFact | None:
    """The fact in an event, or None when points does not need it."""
    reader = _READERS.get(event.type)
    return None if reader is None else reader(event, event.data, programs)


def _purchase(event: Event, data: facts.PurchaseCompleted, programs: _Programs) -> Purchase:
    part = "" if data.part is None else data.part.id
    return _order(event, data, programs, part=part)


def _changed(event: Event, data: facts.PurchaseChanged, programs: _Programs) -> Purchase:
    return _order(event, data, programs, whole=True)


def _order(
    event: Event,
    data: facts.PurchaseChanged,
    programs: _Programs,
    part: str = "",
    *,
    whole: bool = False,
) -> Purchase:
    kept = programs.kept(event.at)
    tenders = data.tenders if kept.tenders and data.tenders else ()
    return Purchase(
        event.id,
        event.key,
        data.order_id,
        data.store_id or "",
        data.currency,
        data.total,
        data.channel,
        None if data.attribution is None else data.attribution.campaign_id,
        spread(data.total, lines_of(data.lines)) if kept.lines else (),
        tenders_of(tenders),
        b"" if data.attribution is None else _referrer(event, data.attribution.referrer),
        digest_of(data),
        part,
        whole,
    )


def _refund(event: Event, data: facts.PurchaseRefunded, programs: _Programs) -> Refund | Purchase:
    if data.order_id is None:
        return _returned(event, data, programs)
    return Refund(
        event.id,
        event.key,
        data.order_id,
        data.refund_id,
        data.currency,
        data.amount,
        lines_of(data.lines),
        data.order_store_id or data.store_id or "",
        data.order_store_id is not None,
        tenders_of(data.tenders),
    )


def _returned(event: Event, data: facts.PurchaseRefunded, programs: _Programs) -> Purchase:
    """What comes back without its receipt is a purchase of less than nothing."""
    kept = programs.kept(event.at)
    lines = back(lines_of(data.lines)) if kept.lines else ()
    tenders = tenders_of(data.tenders) if kept.tenders else ()
    return Purchase(
        event.id,
        event.key,
        returned_as(data.refund_id),
        data.store_id or "",
        data.currency,
        -data.amount,
        "",
        None,
        spread(-data.amount, lines),
        tuple([(kind, -amount) for kind, amount in tenders]),
        digest=digest_of_return(data),
    )


def _reversal(event: Event, data: facts.PurchaseRefundReversed, _: _Programs) -> Reversal:
    store = data.order_store_id
    return Reversal(
        event.id, event.key, data.order_id, data.refund_id, store or "", store is not None
    )


def _moved(event: Event, data: added.OrderMoved, _: _Programs) -> OrderMoved:
    return OrderMoved(
        event.id, event.key, data.order_id, data.store_id or "", data.to == event.subject
    )


def _interaction(
    event: Event, data: facts.InteractionRecorded, programs: _Programs
) -> Action | None:
    if not programs.kept(event.at).could_earn(data.kind, data.task_id):
        return None
    return Action(
        event.id,
        event.key,
        data.kind,
        data.store_id,
        data.campaign_id,
        data.task_id,
        data.likes,
        data.community_id,
        data.content_id,
        data.category,
        data.sku,
        data.score,
        data.duration_s,
        data.correct,
    )


def _withdrawal(event: Event, data: facts.InteractionWithdrawn, _: _Programs) -> Withdrawal:
    withdrawn = event_key(data.source or event.source, data.id)
    return Withdrawal(event.id, event.key, withdrawn, data.id)


def _joined(event: Event, data: facts.MemberJoined, _: _Programs) -> Person:
    referrer = _referrer(event, data.referrer)
    month = 0 if data.profile is None else _birthday_month(data.profile)
    # who joins leaves fields empty that are known from elsewhere
    return Person(event.id, event.key, max(0, month), referrer)


def _profile(event: Event, data: facts.ProfileUpdated, _: _Programs) -> Person | None:
    month = _birthday_month(data.profile)
    return Person(event.id, event.key, month) if month else None


def _referrer(event: Event, told: str | None) -> bytes:
    """Who sent the member, whom ingest has named by their id; nobody sends themselves."""
    if told is None or not told.startswith(_MEMBER):
        return b""
    id_ = told.removeprefix(_MEMBER)
    return b"" if id_ == event.subject else UUID(id_).bytes


def _birthday_month(profile: facts.Profile) -> int:
    if profile.birthday is UNSET:
        return 0
    return CLEARED if profile.birthday is None else profile.birthday.month


def _tier(event: Event, data: Any, _: _Programs) -> Tier:
    withdraws_only = data.from_ == data.to
    return Tier(event.id, event.key, None if withdraws_only else data.to, data.supersedes)


def _adjustment(event: Event, data: AdjustmentDecided, _: _Programs) -> Adjustment | None:
    if not data.granted:
        return None
    return Adjustment(event.id, event.key, data.points, data.reason, data.by, data.store_id)


def _referral(event: Event, data: ReferralRewarded, _: _Programs) -> Referral:
    return Referral(
        event.id,
        event.key,
        UUID(data.effect_id).bytes,
        data.revision,
        data.stands,
        data.points,
        data.rule,
        data.program_version,
        data.newcomer,
        data.cause,
        UUID(data.reward_id).bytes,
        data.order_id,
        data.store_id,
    )


_READERS: Final[dict[str, Callable[[Event, Any, _Programs], AnyFact | None]]] = {
    types.PURCHASE_COMPLETED: _purchase,
    types.PURCHASE_REFUNDED: _refund,
    types.PURCHASE_CHANGED: _changed,
    types.PURCHASE_REFUND_REVERSED: _reversal,
    types.INTERACTION_RECORDED: _interaction,
    types.INTERACTION_WITHDRAWN: _withdrawal,
    types.MEMBER_JOINED: _joined,
    types.MEMBER_PROFILE_UPDATED: _profile,
    types.TIER_CHANGED: _tier,
    types.ADJUSTMENT_DECIDED: _adjustment,
    types.REFERRAL_REWARDED: _referral,
    types.ORDER_MOVED: _moved,
}
