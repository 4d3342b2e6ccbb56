"""Referral: what a newcomer's purchases mean for whoever sent them, and what comes of it there.

The two halves are in two members' histories. A newcomer's fold says `Award`: from the first
purchase on, for as long as something of what they bought is not given back. What is new in that is
told (`changes`, `rewarded`) to the other member, where it is a fact (`Referral`) like any other.
Should the newcomer's history be folded anew and come to something else, it is told again with a
greater revision, as standing or not; the receiver takes the greatest for the only one (`greatest`).
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from services.points.domain.earning import Earning
from services.points.domain.facts import AnyFact, Fact, Purchase, Referral
from services.points.domain.ledger import CHAIN, Award, Effect, FirstOrder, Move, State
from shared.clock import Instant
from shared.events.commands import ReferralRewarded
from shared.orders import Dated

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


def sent_by(
    state: State, at: Instant, referrer: bytes, earning: Earning, effects: list[Effect]
) -> None:
    """Who sent somebody is whom they named first, and no later than they bought.

    Of two things of one instant, which sorts first says nothing.
    """
    if state.referrer:
        return
    state.referrer = referrer
    if state.first is not None and state.first.at == at:
        _award(state, state.first, earning, effects)


def become_buyer(
    state: State, at: Instant, fact: Purchase, earning: Earning, effects: list[Effect]
) -> None:
    """Note who buys and was no buyer before; whoever sent them is awarded."""
    state.first = FirstOrder(at, fact.id, fact.key, fact.order_id, fact.store_id)
    if state.referrer:
        _award(state, state.first, earning, effects)


def _award(state: State, order: FirstOrder, earning: Earning, effects: list[Effect]) -> None:
    awards = []
    for rule in earning.referrals:
        key = _key(order.key, state.referrer, rule.id)
        awards.append(
            Award(
                to=state.referrer,
                key=key,
                at=order.at,
                points=rule.points,
                rule=rule.id,
                version=earning.number,
                cause=order.event_id,
                reward=key,
                order_id=order.order_id,
                store_id=order.store_id,
            )
        )
    state.awards = tuple(awards)
    effects += awards


def settle_awards(
    before: State, now: State, at: Instant, fact: Fact, effects: list[Effect]
) -> None:
    """The past is another one now: take awards back, or give them, where that matters.

    What is the same in sum stays, whatever order is the first one now.
    """
    given = {(each.to, each.rule, each.points): each for each in before.awards}
    awards = []
    for each in now.awards:
        kept = given.pop((each.to, each.rule, each.points), None)
        if kept is None:
            key = _key(fact.key, each.to, f"again:{each.rule}")
            kept = msgspec.structs.replace(each, key=key, reward=key, at=at, cause=fact.id)
            effects.append(kept)
        awards.append(kept)
    for each in given.values():
        key = _key(fact.key, each.to, each.rule)
        effects.append(
            msgspec.structs.replace(each, key=key, at=at, points=-each.points, cause=fact.id)
        )
    now.awards = tuple(awards)


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


def _key(cause: bytes, to: bytes, rule: str) -> bytes:
    return blake2b(cause + to + rule.encode(), digest_size=_KEY_BYTES).digest()


def greatest(facts: Sequence[Dated[AnyFact]]) -> Sequence[Dated[AnyFact]]:
    """Of what was told of an effect from elsewhere, only the greatest revision."""
    revisions: dict[bytes, int] = {}
    for _, _, fact in facts:
        if type(fact) is Referral:
            revisions[fact.effect] = max(fact.revision, revisions.get(fact.effect, fact.revision))
    if not revisions:
        return facts
    kept = []
    for told in facts:
        fact = told.fact
        if type(fact) is not Referral or revisions.get(fact.effect) == fact.revision:
            kept.append(told)
            if type(fact) is Referral:
                del revisions[fact.effect]  # the same revision counts once
    return kept


def receive(
    state: State, at: Instant, fact: Referral, earning: Earning, decided_by: Earning | None
) -> Move | None:
    """Take an effect from elsewhere, if it stands.

    Args:
        state: to be brought up to date.
        at: when it happens.
        fact: the greatest revision of it.
        earning: in force now.
        decided_by: the version that gave the points, if it is known: whose rule says who pays.
    """
    if not fact.stands:
        return None
    rules = () if decided_by is None else decided_by.program.rules
    state.available += fact.points
    state.lifetime += fact.points
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
        funder=next((rule.funder for rule in rules if rule.id == fact.rule), CHAIN),
        order_id=fact.order_id,
        expires_on=earning.expires_on(at),
        figures=_encode({"newcomer": fact.newcomer, "cause": fact.cause, "each": abs(fact.points)}),
    )
