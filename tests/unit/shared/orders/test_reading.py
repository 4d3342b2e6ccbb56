"""What events say of orders: lines, tenders, and what makes two tellings the same."""

from hashlib import blake2b

import pytest

from shared.events.facts import Line, PurchaseChanged, Tender
from shared.orders import digest_of, lines_of, tenders_of

TEA = Line(sku="t", category="tea", quantity=2, amount=600, name="Tea")
CASH = Tender(kind="cash", amount=600)


def told(
    total: int = 600,
    currency: str = "CNY",
    store: str = "s1",
    lines: list[Line] | None = None,
    tenders: list[Tender] | None = None,
) -> bytes:
    return digest_of(
        PurchaseChanged(
            order_id="o",
            store_id=store,
            currency=currency,
            total=total,
            channel="store",
            lines=[TEA] if lines is None else lines,
            tenders=[CASH] if tenders is None else tenders,
        )
    )


def test_a_line_is_its_article_its_category_and_what_was_paid() -> None:
    assert lines_of([TEA, Line(amount=-5)]) == (("t", "tea", 600), ("", "", -5))
    assert lines_of(None) == ()


def test_a_tender_is_its_kind_and_its_amount() -> None:
    assert tenders_of([CASH, Tender(kind="points", amount=1)]) == (("cash", 600), ("points", 1))
    assert tenders_of(None) == ()


def test_a_digest_is_eight_bytes_and_for_ever_the_same() -> None:
    # it is kept with facts of old: MessagePack of currency, total, lines and tenders, hashed
    said = b"\x94\xa3CNY\xcd\x02\x58\x91\x93\xa1t\x02\xcd\x02\x58\x91\x92\xa4cash\xcd\x02\x58"
    assert told() == blake2b(said, digest_size=8).digest()
    assert len(told()) == 8


def test_no_lines_and_no_tenders_are_told_as_none_of_them() -> None:
    bare = PurchaseChanged(order_id="o", currency="CNY", total=600, channel="store")
    assert digest_of(bare) == told(lines=[], tenders=[])


def test_names_of_articles_and_the_store_make_no_other_order() -> None:
    renamed = Line(sku="t", category="drinks", quantity=2, amount=600, name="Green tea")
    assert told(store="s2", lines=[renamed]) == told()


@pytest.mark.parametrize(
    "other",
    [
        told(total=601),
        told(currency="USD"),
        told(lines=[]),
        told(lines=[Line(sku="u", quantity=2, amount=600)]),
        told(lines=[Line(sku="t", quantity=3, amount=600)]),
        told(lines=[Line(sku="t", quantity=2, amount=601)]),
        told(tenders=[]),
        told(tenders=[Tender(kind="card", amount=600)]),
        told(tenders=[Tender(kind="cash", amount=599)]),
    ],
)
def test_what_was_bought_and_paid_makes_another(other: bytes) -> None:
    assert other != told()
