"""What is left of an order, to the unit."""

from shared.orders import Content, spread, without

TEA, CARD = ("t", "tea", 6_000), ("g", "gift_card", 4_000)


def test_p44_a_discount_on_the_whole_is_spread_over_the_lines() -> None:
    assert spread(9_000, (TEA, CARD)) == (("t", "tea", 5_400), ("g", "gift_card", 3_600))


def test_lines_that_sum_up_and_none_at_all_stay_as_they_are() -> None:
    assert spread(10_000, (TEA, CARD)) == (TEA, CARD)
    assert spread(10_000, ()) == ()


def test_what_lines_of_nothing_differ_by_is_a_line_of_its_own() -> None:
    assert spread(500, (("t", "tea", 0),)) == (("t", "tea", 0), ("", "", 500))
    assert spread(500, (("d", "discount", -100),)) == (("d", "discount", -100), ("", "", 600))


def test_shares_add_up_whatever_the_rounding() -> None:
    lines = spread(100, tuple((f"s{i}", "c", 1) for i in range(7)))
    assert sum(amount for _, _, amount in lines) == 100
    assert {amount for _, _, amount in lines} == {14, 15}


def test_named_lines_go_first_and_the_rest_in_proportion() -> None:
    left = without(Content(10_000, (TEA, CARD)), 5_000, [("g", "", 4_000)])
    assert left == Content(5_000, (("t", "tea", 5_000),))


def test_a_line_without_an_article_is_found_by_its_category() -> None:
    left = without(Content(10_000, (TEA, CARD)), 1_000, [("", "gift_card", 1_000)])
    assert left.lines == (TEA, ("g", "gift_card", 3_000))


def test_a_fee_that_is_kept_is_a_line_without_names() -> None:
    left = without(Content(10_000, (TEA, CARD)), 5_500, [TEA])
    assert left == Content(4_500, (CARD, ("", "", 500)))


def test_a_discount_that_comes_back_with_its_article() -> None:
    bought = Content(9_000, (("t", "tea", 10_000), ("d", "discount", -1_000)))
    assert without(bought, 9_000, bought.lines) == Content(0)
    part = without(bought, 4_500, [("t", "", 5_000), ("d", "", -500)])
    assert part == Content(4_500, (("t", "tea", 5_000), ("d", "discount", -500)))


def test_tenders_named_and_in_proportion() -> None:
    bought = Content(10_000, (), (("points", 4_000), ("cash", 6_000)))
    assert without(bought, 5_000).tenders == (("points", 2_000), ("cash", 3_000))
    assert without(bought, 5_000, (), [("cash", 5_000)]).tenders == (
        ("points", 4_000),
        ("cash", 1_000),
    )
    assert without(bought, 7_000, (), [("points", 4_000)]).tenders == (("cash", 3_000),)


def test_more_than_there_is_leaves_nothing() -> None:
    bought = Content(10_000, (TEA, CARD), (("cash", 10_000),))
    assert without(bought, 99_999, [("t", "", 99_999)], [("cash", 99_999)]) == Content(0)
