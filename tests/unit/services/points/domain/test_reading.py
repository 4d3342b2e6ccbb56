"""What points keeps of an event."""

import msgspec

from services.points.domain.facts import CLEARED, Person, Purchase, Refund, Tier
from shared.events import facts, types
from shared.events.decisions import Because, TierChanged
from tests.property.services.points.points_history import (
    MEMBER,
    NOON,
    adjusted,
    born,
    bought,
    document,
    event,
    joined,
    machine_of,
    promoted,
)

MACHINE = machine_of()


def test_of_a_profile_only_the_month_of_birth_is_kept_and_nothing_where_it_is_not_told() -> None:
    known = MACHINE.remember(born("b", 3))
    assert isinstance(known, Person)
    assert (known.id, known.birthday_month, known.referrer) == ("b", 3, b"")
    for profile, kept in ((facts.Profile(), None), (facts.Profile(birthday=None), CLEARED)):
        data = facts.ProfileUpdated(by="member", profile=profile)
        fact = MACHINE.remember(event("p", types.MEMBER_PROFILE_UPDATED, NOON, data))
        assert getattr(fact, "birthday_month", None) == kept


def test_who_joins_is_known_from_then_on_with_or_without_a_birthday() -> None:
    for month, kept in ((None, 0), (7, 7)):
        fact = MACHINE.remember(joined("j", month))
        assert isinstance(fact, Person)
        assert (fact.birthday_month, fact.referrer) == (kept, b"")
    bare = event("j", types.MEMBER_JOINED, NOON, facts.MemberJoined(store_id="s1", via="code"))
    assert MACHINE.remember(bare) == Person("j", bare.key, 0, b"")


def test_nobody_sends_themselves() -> None:
    fact = MACHINE.remember(joined("j", 1, referrer=MEMBER))
    assert isinstance(fact, Person)
    assert fact.referrer == b""


def test_lines_and_tenders_are_kept_only_where_a_rule_asks_for_them() -> None:
    order = bought("e", "o", 900, lines=[("t", "tea", 1000)], tenders=[("cash", 900)])
    plain = MACHINE.remember(order)
    assert isinstance(plain, Purchase)
    assert (plain.lines, plain.tenders) == ((), ())
    by_line = {"id": "a", "source": "purchase", "points": 1, "per_amount": 1}
    careful = machine_of(
        document(by_line | {"lines": {"skus": ["t"]}}, exclude={"tenders": ["points"]})
    ).remember(order)
    assert isinstance(careful, Purchase)
    assert (careful.lines, careful.tenders) == ((("t", "tea", 900),), (("cash", 900),))


def test_a_purchase_without_a_store_or_a_campaign_has_none() -> None:
    told = bought("e", "o", 900)
    bare = msgspec.structs.replace(
        told, data=msgspec.structs.replace(told.data, store_id=None, attribution=None)
    )
    fact = MACHINE.remember(bare)
    assert isinstance(fact, Purchase)
    assert (fact.store_id, fact.campaign_id, fact.referrer, fact.part) == ("", None, b"", "")
    assert not fact.whole


def test_a_refund_is_of_the_store_of_the_order_else_of_where_it_was_paid() -> None:
    def refund(paid_at: str | None = None, bought_at: str | None = None) -> Refund:
        data = facts.PurchaseRefunded(
            order_id="o",
            refund_id="r",
            currency="CNY",
            amount=1,
            store_id=paid_at,
            order_store_id=bought_at,
        )
        fact = MACHINE.remember(event("r", types.PURCHASE_REFUNDED, NOON, data))
        assert isinstance(fact, Refund)
        return fact

    kept = [refund(), refund("a"), refund("a", "b")]
    assert [(each.store_id, each.sure) for each in kept] == [("", False), ("a", False), ("b", True)]


def test_a_tier_that_only_withdraws_an_earlier_decision_sets_none() -> None:
    fact = MACHINE.remember(promoted("t", "gold"))
    assert isinstance(fact, Tier)
    assert (fact.tier, fact.supersedes) == ("gold", None)
    data = TierChanged(from_="gold", to="gold", because=Because(rule="tier"), supersedes="x")
    only = MACHINE.remember(event("t", types.TIER_CHANGED, NOON, data))
    assert isinstance(only, Tier)
    assert (only.tier, only.supersedes) == (None, "x")


def test_an_adjustment_that_was_not_granted_is_nothing() -> None:
    assert MACHINE.remember(adjusted("a", 5, NOON, granted=False)) is None
    assert MACHINE.remember(adjusted("a", 5, NOON)) is not None
