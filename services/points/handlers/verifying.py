"""What the books of a member must say, given their history: the points half of `verify`.

Two kinds of columns. What follows from the facts alone is compared as it is: lots, accounts,
remarks, which awards stand, and what each event moved by each rule, in sum. What also depends on
the order of arrival (a late event is booked as further transfers) is held against what it must
agree with: names are made of member, event, rule and a running number, balances form one chain from
nothing to the account. A row that stands alone for its event and rule is compared in full, but for
its explanation: other figures may have come to the same points when it was booked, and only have to
do that.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from services.points.domain.earning import WHOLE
from services.points.domain.facts import AnyFact
from services.points.domain.ledger import ADJUSTMENT, Award, Effect, Move, Remark, State
from services.points.domain.posting import (
    ADJUSTED,
    AVAILABLE,
    CORRECTION,
    ISSUED,
    Slot,
    transfer_id,
)
from services.points.domain.referral import Said, changes
from services.points.handlers.effects import lots_left, moves_of
from services.points.store import invariants
from shared.clock import Instant
from shared.db import Transaction
from shared.runtime.verifying.findings import Findings
from shared.runtime.verifying.histories import Held, History, Row, Rows

OF_THEIR_TIME: Final = "explanations whose figures are those known when it was booked"

_encode: Final = msgspec.json.Encoder().encode
_figures: Final = msgspec.json.Decoder(dict[str, Any]).decode

_TRANSFERS: Final = """id, event_at, debit, credit, points, code, event_id, event_key, rule,
program_version, explanation, balance_after, store_id, funder, order_id, correction"""

PointsHistory = History[State, AnyFact, Effect]


class PointsAuditor:
    """Holds the books of one member after the other against their histories."""

    held: Final = (
        Held("transfers", _TRANSFERS),
        Held("lots", "id, event_at, granted, remaining, expires_on"),
        Held("accounts", "available, pending, held, lifetime"),
        Held("awards", "effect_id, revision, stands, award"),
        Held("remarks", "event_at, event_key, code, event_id, figures"),
    )

    def dues(self, state: State) -> Collection[Instant | None]:  # noqa: ARG002 - of the protocol
        """Never: points has no timers."""
        return (None,)

    def hold(self, history: PointsHistory, rows: Rows, findings: Findings) -> None:
        """Hold a member's rows against the history."""
        before = findings.total
        member, moves = history.member, moves_of(history.effects)
        for stored, said in history.facts:
            if said.key != stored.order.key:
                findings.differs("facts", member, "event_key", said.key, stored.order.key)
        transfers = rows.get("transfers", ())
        _hold_sums(member, moves, transfers, findings)
        _hold_names(member, transfers, findings)
        _hold_chain(member, transfers, findings)
        for row in transfers:
            _hold_form(member, row, findings)
        findings.hold_rows("lots", member, _lots(member, moves), _by(rows, "lots", "id"))
        _hold_account(history, rows, findings)
        _hold_awards(history, rows, findings)
        _hold_remarks(history, rows, findings)
        if findings.total == before:
            _hold_invariants(member, rows, findings)


def _by(rows: Rows, table: str, *columns: str) -> dict[Any, Row]:
    """A member's rows by some columns."""
    return {tuple(row[each] for each in columns): row for row in rows.get(table, ())}


def _lots(member: UUID, moves: Sequence[Move]) -> dict[Any, dict[str, object]]:
    return {
        (UUID(bytes=id_),): {
            "event_at": lot.event_at,
            "granted": lot.granted,
            "remaining": lot.remaining,
            "expires_on": lot.expires_on,
        }
        for id_, lot in lots_left(member.bytes, moves).items()
    }


def _signed(row: Row) -> int:
    points: int = row["points"]
    return points if row["credit"] == AVAILABLE else -points


def _hold_sums(
    member: UUID, moves: Sequence[Move], transfers: Sequence[Row], findings: Findings
) -> None:
    """What each event moved by each rule, at its time and store, in sum."""
    wanted = {Slot(move.key, move.rule, move.at, move.store_id): move for move in moves}
    booked: dict[Slot, list[Row]] = defaultdict(list)
    for row in transfers:
        slot = Slot(row["event_key"], row["rule"], row["event_at"], row["store_id"])
        booked[slot].append(row)
    for slot in sorted(wanted.keys() | booked.keys()):
        move, rows = wanted.get(slot), booked.get(slot, [])
        event_id = rows[0]["event_id"] if move is None else move.event_id
        key = (str(member), event_id, slot.rule)
        net = sum(map(_signed, rows))
        if move is None:
            if net:
                findings.surplus("transfers", key)
        elif not rows:
            findings.missing("transfers", key)
        elif net != move.points:
            findings.differs("transfers", key, "points", move.points, net)
        elif len(rows) == 1:
            _hold_alone(key, move, rows[0], findings)


def _hold_alone(key: object, move: Move, row: Row, findings: Findings) -> None:
    """The only transfer of a slot says all that the move says."""
    expected = {
        "code": move.code,
        "event_id": move.event_id,
        "program_version": move.version,
        "funder": move.funder,
    }
    if "newcomer" not in _figures(move.figures):
        expected["order_id"] = move.order_id
    # else the newcomer's first order, as it was known when the reward was booked
    findings.hold("transfers", key, expected, row)
    if row["explanation"] != move.figures:
        _hold_figures(key, move, row, findings)


def _hold_figures(key: object, move: Move, row: Row, findings: Findings) -> None:
    """Other figures may have led to the same points, as the history was known then."""
    try:
        told = _figures(row["explanation"])
    except msgspec.DecodeError:
        return  # said of every transfer, wherever it stands
    if _explains(told, _signed(row)):
        findings.account(OF_THEIR_TIME)
    else:
        findings.differs(
            "transfers", key, "explanation", move.figures.decode(), _encode(told).decode()
        )


def _explains(figures: Mapping[str, Any], points: int) -> bool:
    """Whether the figures of a rule, or of an order that has become another one, come to this."""
    if "had" in figures and "has" in figures:
        return bool(figures["has"] - figures["had"] == points)
    if "each" not in figures:
        return False
    base = figures["each"]
    if "amount" in figures:
        base *= figures["amount"] // figures["per_amount"]
    if "factor" in figures:
        base = base * max(0, round(figures["factor"] * WHOLE)) // WHOLE
    if "uncapped" in figures:
        return bool(points < base == figures["uncapped"])
    return bool(base == abs(points))


def _hold_names(member: UUID, transfers: Sequence[Row], findings: Findings) -> None:
    """The transfers of an event by a rule are named by a running number, without a gap."""
    names: dict[tuple[bytes, str], dict[UUID, Row]] = defaultdict(dict)
    for row in transfers:
        names[row["event_key"], row["rule"]][row["id"]] = row
    for (event_key, rule), rows in names.items():
        expected = {
            UUID(bytes=transfer_id(member.bytes, event_key, rule, generation))
            for generation in range(len(rows))
        }
        for wrong, right in zip(
            sorted(rows.keys() - expected), sorted(expected - rows.keys()), strict=True
        ):
            key = (str(member), rows[wrong]["event_id"], rule)
            findings.differs("transfers", key, "id", right, wrong)


def _hold_chain(member: UUID, transfers: Sequence[Row], findings: Findings) -> None:
    """Each transfer goes on from the balance that another has left; the first from nothing."""
    left = Counter([0, *(row["balance_after"] for row in transfers)])
    met = Counter([row["balance_after"] - _signed(row) for row in transfers])
    met[sum(map(_signed, transfers))] += 1
    wrong, right = sorted((left - met).elements()), sorted((met - left).elements())
    for found, expected in zip(wrong, right, strict=True):
        findings.differs("transfers", member, "balance_after", expected, found)


def _hold_form(member: UUID, row: Row, findings: Findings) -> None:
    """What every transfer agrees with in itself."""
    key = (str(member), row["event_id"], row["rule"])
    ours = ADJUSTED if row["rule"] == ADJUSTMENT else ISSUED
    if {row["debit"], row["credit"]} != {ours, AVAILABLE}:
        findings.differs(
            "transfers",
            key,
            "debit, credit",
            f"{ours}, {AVAILABLE}",
            f"{row['debit']}, {row['credit']}",
        )
    if (row["code"] == CORRECTION) != (row["correction"] is not None):
        findings.differs("transfers", key, "code", CORRECTION, row["code"])
    try:
        figures = _figures(row["explanation"])
    except msgspec.DecodeError as error:
        findings.differs("transfers", key, "explanation", "figures", error)
        return
    if row["correction"] is not None:
        said = (figures.get("cause"), figures.get("is", 0) - figures.get("was", 0))
        if said != (row["correction"], _signed(row)):
            findings.differs(
                "transfers", key, "explanation", (row["correction"], _signed(row)), said
            )


def _hold_account(history: PointsHistory, rows: Rows, findings: Findings) -> None:
    state = history.state
    expected = {
        "available": state.available,
        "pending": 0,
        "held": 0,
        "lifetime": state.lifetime,
    }
    found = rows.get("accounts", ())
    if found and history.facts:
        findings.hold("accounts", history.member, expected, found[0])
    elif found:
        findings.surplus("accounts", history.member)
    elif history.effects:
        findings.missing("accounts", history.member)


def _hold_awards(history: PointsHistory, rows: Rows, findings: Findings) -> None:
    """What was said of each award last is what the history says of it."""
    member = history.member
    said = {
        (member, row["effect_id"]): Said(row["revision"], row["stands"], row["award"])
        for row in rows.get("awards", ())
    }
    wanted = [(member, effect) for effect in history.effects if type(effect) is Award]
    for id_, after in changes(wanted, said, 0).items():
        key = (str(member), id_[1])
        before = said.get(id_)
        if before is None:
            findings.missing("awards", key)
        elif before.stands != after.stands:
            findings.differs("awards", key, "stands", after.stands, before.stands)
        else:
            findings.differs("awards", key, "award", after.award, before.award)


def _hold_remarks(history: PointsHistory, rows: Rows, findings: Findings) -> None:
    expected: dict[Any, Mapping[str, object]] = {
        (each.at, each.key, each.code): {"event_id": each.event_id, "figures": each.figures}
        for each in history.effects
        if isinstance(each, Remark)
    }
    found = _by(rows, "remarks", "event_at", "event_key", "code")
    findings.hold_rows("remarks", history.member, expected, found)


def _hold_invariants(member: UUID, rows: Rows, findings: Findings) -> None:
    """An account is the sum of its transfers, and its lots sum to it; none is below zero."""
    available = sum(row["available"] for row in rows.get("accounts", ()))
    booked = sum(map(_signed, rows.get("transfers", ())))
    if booked != available:
        findings.differs("accounts", member, "available", booked, available)
    left = [row["remaining"] for row in rows.get("lots", ())]
    if sum(left) != max(0, available) or min(left, default=0) < 0:
        findings.differs("lots", member, "remaining", max(0, available), sum(left))


async def verify_ledger(tx: Transaction, partition: int, findings: Findings) -> None:
    """The sums by store are those of the transfers, and both sides of the ledger are equal."""
    for flow in await invariants.wrong_flows(tx, partition):
        key = (partition, flow.store_id, flow.debit, flow.credit)
        if flow.found is None:
            findings.missing("flows", key)
        elif flow.expected is None:
            findings.surplus("flows", key)
        else:
            findings.differs("flows", key, "points", flow.expected, flow.found)
    balance = await invariants.balance(tx, partition)
    if balance.members != balance.stores:
        both_sides = f"trial balance of partition {partition}"
        findings.differs("flows", both_sides, "points", balance.members, balance.stores)
