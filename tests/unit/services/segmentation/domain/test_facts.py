"""What is remembered of an event: what a feature may need, as PostgreSQL can keep it."""

from datetime import date
from typing import Any

import pytest

from services.segmentation.domain.facts import (
    Community,
    Interaction,
    Joined,
    ProfileFact,
    Purchase,
    Refund,
    Reversal,
    fact_of,
    report_of,
    with_content,
)
from shared.events import Event, event_key, facts, types
from shared.orders import Bought, Content, PaidBack, Reversed, digest_of


def event(type_: str, data: Any, id_: str = "e\0") -> Event:
    return Event(
        id=id_,
        source="urn:test",
        type=type_,
        subject="m",
        at=0,
        data=data,
        key=event_key("urn:test", id_),
    )


def order(**more: Any) -> dict[str, Any]:
    return {"order_id": "o", "currency": "CNY", "total": 900, "channel": "store"} | more


def test_of_a_purchase_the_lines_sum_to_what_was_paid() -> None:
    lines = [facts.Line(sku="t\0", category="TEA\0", amount=600), facts.Line(amount=400)]
    data = facts.PurchaseCompleted(**order(store_id="s\0", lines=lines, part=facts.Part(id="2")))
    kept = fact_of(event(types.PURCHASE_COMPLETED, data))
    assert kept == Purchase(
        "e\ufffd",
        "o",
        "s\ufffd",
        900,
        (("t\ufffd", "TEA\ufffd", 540), ("", "", 360)),
        "CNY",
        digest_of(data),
        "2",
        whole=False,
    )


def test_a_purchase_from_the_chain_itself_has_no_store_and_no_part() -> None:
    data = facts.PurchaseCompleted(**order())
    kept = fact_of(event(types.PURCHASE_COMPLETED, data))
    assert kept == Purchase("e\ufffd", "o", "", 900, (), "CNY", digest_of(data), "", whole=False)


def test_a_change_says_what_the_whole_order_is() -> None:
    data = facts.PurchaseChanged(**order(store_id="s"))
    kept = fact_of(event(types.PURCHASE_CHANGED, data))
    assert kept == Purchase("e\ufffd", "o", "s", 900, (), "CNY", digest_of(data), "", whole=True)


@pytest.mark.parametrize(
    ("stores", "store", "sure"),
    [
        ({}, "", False),
        ({"store_id": "a\0"}, "a\ufffd", False),
        ({"store_id": "a", "order_store_id": "b\0"}, "b\ufffd", True),
    ],
)
def test_a_refund_is_of_the_store_of_the_order_else_of_where_it_was_paid(
    stores: dict[str, str],
    store: str,
    sure: bool,  # noqa: FBT001 - a table
) -> None:
    told: dict[str, Any] = {"order_id": "o", "refund_id": "r", "currency": "CNY", "amount": 5}
    lines = [facts.Line(sku="t", amount=5)]
    data = facts.PurchaseRefunded(**told | stores, lines=lines)
    kept = fact_of(event(types.PURCHASE_REFUNDED, data))
    assert kept == Refund("e\ufffd", "o", 5, (("t", "", 5),), "r", "CNY", store, sure=sure)


def test_a_reversal_is_of_the_store_that_it_names_if_it_does() -> None:
    for store, kept in ((None, ""), ("a\0", "a\ufffd")):
        data = facts.PurchaseRefundReversed(order_id="o", refund_id="r", order_store_id=store)
        told = fact_of(event(types.PURCHASE_REFUND_REVERSED, data))
        assert told == Reversal("e\ufffd", "o", "r", kept, sure=store is not None)


def test_of_an_interaction_its_kind() -> None:
    data = facts.InteractionRecorded(kind="share\0")
    assert fact_of(event(types.INTERACTION_RECORDED, data)) == Interaction("e\ufffd", "share\ufffd")


def test_of_a_profile_what_a_feature_needs_and_no_more() -> None:
    profile = facts.Profile(
        birthday=date(1990, 5, 7), gender="female", city="Yibin\0", interests=["tea\0", "wine"]
    )
    full = ProfileFact("e\ufffd", 5, "female", "Yibin\ufffd", ("tea\ufffd", "wine"))
    data = facts.ProfileUpdated(by="member", profile=profile)
    assert fact_of(event(types.MEMBER_PROFILE_UPDATED, data)) == full
    bare = facts.ProfileUpdated(by="member", profile=facts.Profile())
    assert fact_of(event(types.MEMBER_PROFILE_UPDATED, bare)) == ProfileFact("e\ufffd")
    joined = facts.MemberJoined(store_id="s\0", via="code", profile=profile)
    assert fact_of(event(types.MEMBER_JOINED, joined)) == Joined("e\ufffd", "s\ufffd", full)
    unknown = facts.MemberJoined(store_id="s", via="code")
    assert fact_of(event(types.MEMBER_JOINED, unknown)) == Joined(
        "e\ufffd", "s", ProfileFact("e\ufffd")
    )


def test_of_communities_who_entered_and_who_left() -> None:
    told = {"community_id": "c\0", "store_id": "s"}
    entered = fact_of(event(types.COMMUNITY_JOINED, facts.CommunityJoined(**told)))
    left = fact_of(event(types.COMMUNITY_LEFT, facts.CommunityLeft(**told)))
    assert entered == Community("e\ufffd", "c\ufffd", entered=True)
    assert left == Community("e\ufffd", "c\ufffd", entered=False)


def test_what_no_feature_looks_at_is_not_kept() -> None:
    assert fact_of(event("regulars.consent.changed.v1", None)) is None


def test_what_a_fact_says_of_an_order() -> None:
    lines = (("t", "TEA", 900),)
    bought = Purchase("e", "o", "s", 900, lines, "CNY", b"d", "2", whole=False)
    assert report_of(bought) == Bought(
        "e", bought, "o", "s", "CNY", Content(900, lines), b"d", "2", whole=False
    )
    back = Refund("r1", "o", 5, lines, "r", "CNY", "s", sure=True)
    assert report_of(back) == PaidBack(
        "r1", back, "o", "s", sure=True, refund_id="r", currency="CNY", amount=5, lines=lines
    )
    nameless = Refund("r1", "o", 5)
    assert report_of(nameless) == PaidBack(
        "r1", nameless, "o", "", sure=False, refund_id="r1", currency="", amount=5
    )
    undone = Reversal("u", "o", "r", "s", sure=True)
    assert report_of(undone) == Reversed("u", undone, "o", "s", sure=True, refund_id="r")
    assert report_of(Interaction("i", "share")) is None


def test_a_purchase_as_if_less_had_been_bought() -> None:
    bought = Purchase("e", "o", "s", 900, (("t", "TEA", 900),), "CNY", b"d")
    less = with_content(bought, Content(500, (("t", "TEA", 500),)))
    assert less == Purchase("e", "o", "s", 500, (("t", "TEA", 500),), "CNY", b"d")
