"""A refund of a part, counted by hand to the cent."""

from shared.orders import Content, Line, spread, without

TEA, CAKE, NUTS = ("t", "tea", 100), ("c", "cake", 100), ("n", "nuts", 100)


def bought(*lines: Line) -> Content:
    return Content(sum(amount for _, _, amount in lines), lines)


def test_what_is_not_named_comes_back_by_running_sums_rounded_down() -> None:
    # 100, 200, 300 of 300 become 66.6, 133.3, 200 of 200
    left = without(bought(TEA, CAKE, NUTS), 100)
    assert left == Content(200, (("t", "tea", 66), ("c", "cake", 67), ("n", "nuts", 67)))
    # and 66, 133, 200 of 200 become 32.67, 65.8, 99 of 99
    left = without(left, 101)
    assert left == Content(99, (("t", "tea", 32), ("c", "cake", 33), ("n", "nuts", 34)))
    shares = spread(100, [(f"s{i}", "c", 1) for i in range(7)])
    assert [amount for _, _, amount in shares] == [14, 14, 14, 15, 14, 14, 15]


def test_an_article_on_two_lines_comes_back_from_both_to_the_cent() -> None:
    order = bought(NUTS, ("t", "tea", 30), ("t", "tea", 30))
    assert without(order, 45, [("t", "", 45)]) == Content(115, (NUTS, ("t", "tea", 15)))
    assert without(order, 30, [("t", "", 30)]) == Content(130, (NUTS, ("t", "tea", 30)))
    assert without(order, 60, [("t", "", 60)]) == bought(NUTS)


def test_a_line_of_which_a_part_is_named_and_the_rest_in_proportion() -> None:
    # 20 of the tea are named, 5 are not: 80 and 180 of 180 become 77.7 and 175 of 175
    left = without(bought(TEA, CAKE), 25, [("t", "", 20)])
    assert left == Content(175, (("t", "tea", 77), ("c", "cake", 98)))


def test_means_of_payment_named_in_part_come_back_to_the_cent() -> None:
    order = Content(300, (), (("cash", 100), ("points", 100), ("cash", 100)))
    assert without(order, 150, (), [("cash", 150)]).tenders == (("points", 100), ("cash", 50))
    # 50 named, 50 not: of what is left 50, 150 and 250 of 250 become 40, 120 and 200 of 200
    assert without(order, 100, (), [("cash", 50)]).tenders == (
        ("cash", 40),
        ("points", 80),
        ("cash", 80),
    )
