"""What is left of an order, to the unit."""

from shared.orders import Content, spread, without
from shared.orders.content import together

TEA, CARD = ("t", "tea", 6_000), ("g", "gift_card", 4_000)


def test_p44_a_discount_on_the_whole_is_spread_over_the_lines() -> None:
    assert spread(9_000, (TEA, CARD)) == (("t", "tea", 5_400), ("g", "gift_card", 3_600))


def test_lines_that_sum_up_and_none_at_all_stay_as_they_are() -> None:
    assert spread(10_000, (TEA, CARD)) == (TEA, CARD)
    assert spread(10_000, ()) == ()


def test_what_lines_of_nothing_differ_by_is_a_line_of_its_own() -> None:
    assert spread(500, (("t", "tea", 0),)) == (("t", "tea", 0), ("", "", 500))
    assert spread(500, (("d", "discount", -100),)) == (("d", "discount", -100), ("", "", 600))


def test_lines_of_nothing_that_were_to_sum_to_nothing_stay() -> None:
    assert spread(0, (("t", "tea", 0),)) == (("t", "tea", 0),)
    assert spread(-5, (("d", "discount", -5),)) == (("d", "discount", -5),)


def test_a_line_of_the_least_takes_all_of_the_difference() -> None:
    assert spread(500, (("t", "tea", 1),)) == (("t", "tea", 500),)


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
    assert without(Content(10, (), (("cash", 10),)), 1).tenders == (("cash", 9),)


def test_more_than_there_is_leaves_nothing() -> None:
    bought = Content(10_000, (TEA, CARD), (("cash", 10_000),))
    assert without(bought, 99_999, [("t", "", 99_999)], [("cash", 99_999)]) == Content(0)


def test_an_article_on_two_lines_comes_back_from_the_first_then_the_second() -> None:
    bought = Content(1_000, (("t", "tea", 300), ("t", "tea", 700)))
    assert without(bought, 200, [("t", "", 200)]).lines == (("t", "tea", 100), ("t", "tea", 700))
    assert without(bought, 500, [("t", "", 500)]).lines == (("t", "tea", 500),)
    assert without(bought, 300, [("t", "", 300)]).lines == (("t", "tea", 700),)


def test_a_discount_on_two_lines_comes_back_from_the_first_then_the_second() -> None:
    bought = Content(700, (("t", "", 1_000), ("d", "", -100), ("d", "", -200)))
    left = without(bought, 850, [("t", "", 1_000), ("d", "", -150)])
    assert left == Content(0, (("d", "", -150), ("", "", 150)))


def test_a_unit_comes_back_to_the_unit() -> None:
    bought = Content(1_000, (("u", "", 1), ("t", "tea", 300), ("g", "", 699)))
    assert without(bought, 1, [("u", "", 1)]).lines == (("t", "tea", 300), ("g", "", 699))
    assert without(bought, 1, [("t", "", 1)]).lines == (
        ("u", "", 1),
        ("t", "tea", 299),
        ("g", "", 699),
    )


def test_a_line_without_any_name_is_none_that_comes_back() -> None:
    left = without(Content(1_000, (("", "", 600), ("t", "tea", 400))), 500, [("", "", 500)])
    assert left.lines == (("", "", 300), ("t", "tea", 200))


def test_one_tender_told_twice_is_paid_back_from_the_first_then_the_second() -> None:
    bought = Content(1_000, (), (("card", 300), ("cash", 200), ("card", 500)))
    assert without(bought, 400, (), [("card", 400)]).tenders == (("cash", 200), ("card", 400))
    assert without(bought, 100, (), [("card", 100)]).tenders == (
        ("card", 200),
        ("cash", 200),
        ("card", 500),
    )


def test_tenders_of_only_a_part_of_the_total_are_paid_back_in_proportion_to_the_total() -> None:
    bought = Content(1_000, (), (("points", 400),))
    assert without(bought, 500).tenders == (("points", 200),)
    assert without(bought, 500, (), [("points", 100), ("cash", 400)]).tenders == (("points", 166),)


def test_more_paid_back_by_tenders_than_in_all_leaves_the_rest_as_it_is() -> None:
    bought = Content(1_000, (), (("points", 400), ("cash", 600)))
    assert without(bought, 100, (), [("points", 300)]).tenders == (("points", 100), ("cash", 600))


def test_parts_are_put_together_in_their_order() -> None:
    one = Content(100, (("t", "tea", 100),), (("cash", 100),))
    other = Content(30, (("g", "", 30),), (("points", 30),))
    assert together([one]) == one
    assert together([one, other]) == Content(
        130, (("t", "tea", 100), ("g", "", 30)), (("cash", 100), ("points", 30))
    )
    assert together([]) == Content(0)
