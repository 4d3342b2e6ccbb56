"""Referral: what a newcomer's purchases mean for whoever sent them, and what comes of it there.

The two halves are in two members' histories. A newcomer's fold says `Award`: from the first
purchase on, for as long as something of what they bought is not given back. What is new in that is
told (`changes`, `rewarded`) to the other member, where it is a fact (`Referral`) like any other.
Should the newcomer's history be folded anew and come to something else, it is told again with a
greater revision, as standing or not; the receiver takes the greatest for the only one (`settle`).
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from services.points.domain.earning import Earning
from services.points.domain.facts import Purchase, Referral, Refund
from services.points.domain.ledger import CHAIN, Award, Effect, Move, State
from services.points.domain.refund import Memory, Told, memory_of
from shared.clock import Instant
from shared.events.commands import ReferralRewarded

_KEY_BYTES: Final = 16
_encode: Final = msgspec.json.Encoder().encode
_decode_award: Final = msgspec.json.Decoder(Award).decode

AwardId = tuple[UUID, UUID]
"""The newcomer, and which of the effects of what they did."""


class Said(NamedTuple):
    """What was said last of an award: a `Award` as JSON, which stands or does not."""

    revision: int
    stands: bool
    award: bytes


def sent_by(state: State, at: Instant, referrer: bytes, effects: list[Effect]) -> None:
    """Who sent somebody is whom they named first, and no later than they bought."""
    if state.referrer:
        return
    at_the_till = joined_at_the_till(state, at, referrer)
    state.referrer = referrer
    if at_the_till:
        memory = memory_of(state)
        if memory is None or memory.first is None:
            raise AssertionError("joining while buying is folded with the history at hand")
        _award(state, at, memory.first.purchase, memory.first.earning, effects)


def joined_at_the_till(state: State, at: Instant, referrer: bytes) -> bool:
    """Whether somebody is told of in the instant of the purchase that made the member a buyer.

    Of two things of one instant, which sorts first says nothing.
    """
    return bool(referrer) and at == state.buyer_since and state.standing > 0 and not state.referrer


def become_buyer(
    state: State, at: Instant, fact: Purchase, earning: Earning, effects: list[Effect]
) -> None:
    """Note who buys and was no buyer before; whoever sent them is awarded."""
    state.buyer_since = at
    memory = memory_of(state)
    if memory is not None:
        memory.first = memory.orders[fact.order_id]
    if state.referrer:
        _award(state, at, fact, earning, effects)


def _award(
    state: State, at: Instant, fact: Purchase, earning: Earning, effects: list[Effect]
) -> None:
    awards = []
    for rule in earning.referrals:
        key = _key(fact, state.referrer, rule.id)
        awards.append(
            Award(
                to=state.referrer,
                key=key,
                at=at,
                points=rule.points,
                rule=rule.id,
                version=earning.number,
                cause=fact.id,
                reward=key,
                order_id=fact.order_id,
                store_id=fact.store_id,
            )
        )
    state.awards = tuple(awards)
    effects += awards


def cease_to_be_buyer(state: State, at: Instant, refund: Refund) -> list[Effect]:
    """Take back what was awarded: nothing of what was bought is left."""
    given, state.awards = state.awards, ()
    return [
        msgspec.structs.replace(
            each,
            key=_key(refund, each.to, each.rule),
            at=at,
            points=-each.points,
            cause=refund.id,
        )
        for each in given
    ]


def changes(
    wanted: Iterable[tuple[UUID, Award]], said: Mapping[AwardId, Said], now: Instant
) -> dict[AwardId, Said]:
    """What is to be told of some newcomers' awards, and to be kept as said.

    Args:
        wanted: the awards of their folds.
        said: all that was said of them before, if they were folded anew.
        now: revisions begin here, so that a store that is built anew, and has forgotten what it
            said, says it again with a greater one.
    """
    stand = {(member, effect_id(member, award.key)): _encode(award) for member, award in wanted}
    news = {id_: Said(now, stands=True, award=stand[id_]) for id_ in stand.keys() - said.keys()}
    for id_, before in said.items():
        revision, award = max(now, before.revision + 1), stand.get(id_)
        after = Said(revision, stands=award is not None, award=award or before.award)
        if (after.stands, after.award) != (before.stands, before.award):
            news[id_] = after
    return dict(sorted(news.items()))


def rewarded(id_: AwardId, said: Said) -> tuple[UUID, Instant, ReferralRewarded]:
    """Who is told, of when, and what."""
    (newcomer, effect), award = id_, _decode_award(said.award)
    data = ReferralRewarded(
        effect_id=str(effect),
        revision=said.revision,
        stands=said.stands,
        newcomer=str(newcomer),
        points=award.points,
        rule=award.rule,
        program_version=award.version,
        cause=award.cause,
        reward_id=str(effect_id(newcomer, award.reward)),
        order_id=award.order_id,
        store_id=award.store_id,
    )
    return UUID(bytes=award.to), award.at, data


def effect_id(newcomer: UUID, key: bytes) -> UUID:
    """The name of an award wherever it is told of."""
    return UUID(bytes=blake2b(newcomer.bytes + key, digest_size=_KEY_BYTES).digest())


def _key(cause: Purchase | Refund, to: bytes, rule: str) -> bytes:
    return blake2b(cause.key + to + rule.encode(), digest_size=_KEY_BYTES).digest()


def settle(
    state: State, at: Instant, fact: Referral, earning: Earning, memory: Memory
) -> tuple[Move | None, Move | None]:
    """Take the greatest revision of an effect for the only one.

    Returns:
        What does not count any more, and what counts in its place.
    """
    before = memory.told.get(fact.effect)
    if before is not None and before.revision >= fact.revision:
        return None, None
    gone = None if before is None else before.move
    move = _move(at, fact, earning, memory) if fact.stands else None
    memory.told[fact.effect] = Told(fact.revision, move)
    points = (0 if move is None else move.points) - (0 if gone is None else gone.points)
    state.available += points
    state.lifetime += points
    return gone, move


def _move(at: Instant, fact: Referral, earning: Earning, memory: Memory) -> Move:
    funders = {rule.id: rule.funder for rule in earning.program.rules}
    given = memory.told.get(fact.reward)
    if given is not None and given.move is not None:
        funders[fact.rule] = given.move.funder  # whoever paid for it gets it back
    return Move(
        event_id=str(UUID(bytes=fact.effect)),
        key=fact.effect,
        at=at,
        code="earn" if fact.points > 0 else "clawback",
        rule=fact.rule,
        version=fact.version,
        points=fact.points,
        lot=fact.reward,
        store_id=fact.store_id or "",
        funder=funders.get(fact.rule, CHAIN),
        order_id=fact.order_id,
        expires_on=earning.expires_on(at),
        figures=_encode({"newcomer": fact.newcomer, "cause": fact.cause, "each": abs(fact.points)}),
    )
