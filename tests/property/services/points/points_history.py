"""A member's history without a runtime: events in any order, folded as the sorted log."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from services.points.domain.earning import Earning, compile_program
from services.points.domain.facts import AnyFact
from services.points.domain.ledger import Effect, Move, Remark, State
from services.points.domain.machine import PointsMachine
from services.points.domain.program import read_program
from services.points.domain.versions import Kept
from shared.clock import HOUR, MINUTE, Instant, parse_instant, to_datetime
from shared.events import Event, added, event_key, facts, types
from shared.events.commands import AdjustmentDecided
from shared.events.decisions import Because, TierChanged
from shared.orders import Dated, fold_history
from shared.runtime.program_file import read_part

MEMBER = UUID("01890000-0000-7000-8000-000000000001")
NOON = parse_instant("2024-03-15T12:00:00Z")
SOURCE = "urn:test"


def default_document() -> dict[str, Any]:
    return dict(read_part(Path("deploy/program.yaml"), "points"))


def document(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A program of some rules; names are filled in."""
    words = {"zh": "规则", "en": "rule"}
    full = []
    for rule in rules:
        multipliers = [{"name": words} | each for each in rule.get("multipliers", [])]
        full.append({"name": words} | rule | ({"multipliers": multipliers} if multipliers else {}))
    return {"rules": full} | more


class FixedPrograms:
    """Versions by time: (from, version), oldest first."""

    def __init__(self, *versions: tuple[Instant, Earning]) -> None:
        self._versions = versions

    def at(self, instant: Instant, /) -> Earning:
        found = [earning for since, earning in self._versions if since <= instant]
        return found[-1] if found else self._versions[0][1]

    def numbered(self, number: int, /) -> Earning | None:
        return next((each for _, each in self._versions if each.number == number), None)

    def kept(self, instant: Instant, /) -> Kept:
        return Kept().and_for(self.at(instant))


def machine_of(*documents: dict[str, Any]) -> PointsMachine:
    """A machine judging by one program, or by several in force from NOON, NOON + 1 h, … on."""
    chosen = documents or (default_document(),)
    return PointsMachine(
        FixedPrograms(
            *(
                (NOON + i * HOUR if i else 0, compile_program(i + 1, read_program(each)))
                for i, each in enumerate(chosen)
            )
        )
    )


def event(
    id_: str,
    type_: str,
    at: Instant,
    data: Any,
    source: str = SOURCE,
    *,
    subject: UUID = MEMBER,
) -> Event:
    return Event(
        id=id_,
        source=source,
        type=type_,
        subject=str(subject),
        at=at,
        data=data,
        key=event_key(source, id_),
    )


def bought(
    id_: str,
    order: str,
    total: int,
    at: Instant = NOON,
    *,
    lines: Sequence[tuple[str, str, int]] = (),
    tenders: Sequence[tuple[str, int]] = (),
    currency: str = "CNY",
    store: str = "s1",
    channel: facts.SalesChannel = "store",
    campaign: str | None = None,
    referrer: UUID | None = None,
    part: str | None = None,
    whole: bool = False,
) -> Event:
    kind = facts.PurchaseChanged if whole else facts.PurchaseCompleted
    named: dict[str, Any] = {} if whole or part is None else {"part": facts.Part(id=part)}
    data = kind(
        order_id=order,
        store_id=store,
        currency=currency,
        total=total,
        channel=channel,
        lines=[line(*each) for each in lines],
        tenders=[facts.Tender(kind=kind, amount=amount) for kind, amount in tenders] or None,
        attribution=facts.Attribution(campaign_id=campaign, referrer=_subject(referrer))
        if campaign or referrer
        else None,
        **named,
    )
    return event(id_, types.PURCHASE_CHANGED if whole else types.PURCHASE_COMPLETED, at, data)


def undone(id_: str, order: str, refund: str, at: Instant) -> Event:
    data = facts.PurchaseRefundReversed(order_id=order, refund_id=refund)
    return event(id_, types.PURCHASE_REFUND_REVERSED, at, data)


def moved(id_: str, order: str, at: Instant, *, here: bool = False) -> Event:
    """The order is somebody else's, or the member's own after all."""
    me, other = str(MEMBER), str(UUID(int=99))
    data = added.OrderMoved(
        order_id=order,
        store_id="s1",
        from_=other if here else me,
        to=me if here else other,
        cause="scan",
    )
    return event(id_, types.ORDER_MOVED, at, data)


def line(sku: str, category: str, amount: int) -> facts.Line:
    return facts.Line(sku=sku, category=category, quantity=1, amount=amount)


def refunded(
    id_: str,
    order: str | None,
    amount: int,
    at: Instant = NOON + 30 * MINUTE,
    *,
    refund: str = "",
    lines: Sequence[tuple[str, str, int]] = (),
    tenders: Sequence[tuple[str, int]] = (),
    currency: str = "CNY",
) -> Event:
    data = facts.PurchaseRefunded(
        order_id=order,
        refund_id=refund or f"refund-{id_}",
        store_id="s2",
        currency=currency,
        amount=amount,
        lines=[line(*each) for each in lines] or None,
        tenders=[facts.Tender(kind=kind, amount=amount) for kind, amount in tenders] or None,
    )
    return event(id_, types.PURCHASE_REFUNDED, at, data)


def did(id_: str, kind: str, at: Instant = NOON, **more: Any) -> Event:
    return event(id_, types.INTERACTION_RECORDED, at, facts.InteractionRecorded(kind=kind, **more))


def withdrawn(
    id_: str, interaction: str, at: Instant = NOON + HOUR, source: str | None = None
) -> Event:
    """An interaction is taken back; of the same source unless told otherwise."""
    data = facts.InteractionWithdrawn(id=interaction, source=source)
    return event(id_, types.INTERACTION_WITHDRAWN, at, data)


def born(id_: str, month: int | None, at: Instant = NOON) -> Event:
    """A birthday is told; None: it is cleared."""
    profile = facts.Profile(birthday=date(1990, month, 7) if month else None)
    return event(
        id_, types.MEMBER_PROFILE_UPDATED, at, facts.ProfileUpdated(by="member", profile=profile)
    )


def joined(
    id_: str, birthday_month: int | None, at: Instant = NOON, *, referrer: UUID | None = None
) -> Event:
    """Somebody joins, and perhaps tells their birthday, and who sent them."""
    birthday = None if birthday_month is None else date(1990, birthday_month, 7)
    data = facts.MemberJoined(
        store_id="s1",
        via="code",
        profile=facts.Profile(birthday=birthday),
        referrer=_subject(referrer),
    )
    return event(id_, types.MEMBER_JOINED, at, data)


def _subject(member: UUID | None) -> str | None:
    return None if member is None else f"member:{member}"


def adjusted(id_: str, points: int, at: Instant, *, granted: bool = True) -> Event:
    data = AdjustmentDecided(
        command_id=id_,
        granted=granted,
        by="ops",
        role="admin",
        fingerprint="f",
        asked_at=to_datetime(at),
        points=points,
        reason="a cold meal",
        balance=0,
        program_version=1,
    )
    return event(id_, types.ADJUSTMENT_DECIDED, at, data)


def promoted(id_: str, tier: str, at: Instant = NOON) -> Event:
    return event(
        id_, types.TIER_CHANGED, at, TierChanged(to=tier, because=Because(rule="tier")), "segments"
    )


class History:
    """The outcome of a folded history."""

    def __init__(self, state: State, effects: list[Effect]) -> None:
        self.state = state
        self.moves = [effect for effect in effects if isinstance(effect, Move)]
        self.remarks = [effect for effect in effects if isinstance(effect, Remark)]

    @property
    def points(self) -> list[tuple[str, str, int]]:
        return [(move.event_id, move.rule, move.points) for move in self.moves]

    def figures(self, index: int = 0) -> dict[str, Any]:
        return dict(msgspec.json.decode(self.moves[index].figures))


def sorted_facts(
    machine: PointsMachine, events: Iterable[Event]
) -> list[tuple[tuple[Instant, int, bytes], AnyFact]]:
    """What is remembered of some events, each event once, in the order of a timeline."""
    told: dict[tuple[Instant, int, bytes], AnyFact] = {}
    for each in events:
        fact = machine.remember(each)
        if fact is not None:
            rank = 1 if each.type == types.TIER_CHANGED else 0
            told[each.at, rank, each.key] = fact
    return sorted(told.items(), key=lambda entry: entry[0])


def fold(machine: PointsMachine, *events: Event) -> History:
    """Tell the events as the sorted log."""
    told = [Dated(at, key, fact) for (at, _, key), fact in sorted_facts(machine, events)]
    folded = fold_history(machine, MEMBER, told, NOON)
    return History(folded.state, folded.effects)


def without_adjustments(history: Iterable[Event]) -> list[Event]:
    """Nothing that spends: every lot is what its own grant left of it."""
    return [each for each in history if each.type != types.ADJUSTMENT_DECIDED]
