"""What a history keeps one by one, what only as sums, and what it forgets."""

from services.segmentation.domain.facts import (
    Community,
    Interaction,
    Joined,
    ProfileFact,
    Purchase,
    Refund,
    Reversal,
)
from services.segmentation.domain.history import (
    ACTIONS,
    BEGINNING,
    EVERYTHING,
    NEVER,
    ONLINE,
    ORDERS,
    PROFILE,
    Habits,
    History,
    fold,
    parts_before,
)
from services.segmentation.domain.reading import (
    home_store,
    newest,
    recent_average,
    recent_orders_at,
    stretch,
)
from shared.clock import DAY, Instant

HABITS = Habits(silence=100 * DAY, passive=frozenset({"click"}))
YEAR = 365 * DAY


def buy(
    history: History, at: Instant, total: int = 10, store: str = "s", *lines: tuple[str, int]
) -> int:
    told = tuple(("x", category, amount) for category, amount in lines)
    return fold(history, at, Purchase(f"e{at}", f"o{at}", store, total, told), HABITS)


def test_each_fact_says_what_it_may_have_moved() -> None:
    history = History()
    assert buy(history, 1) == ORDERS
    assert fold(history, 2, Interaction("i", "share"), HABITS) == ACTIONS
    assert fold(history, 2, Interaction("c", "click"), HABITS) == ACTIONS
    assert fold(history, 3, Refund("r", "o1", 5), HABITS) == ORDERS
    assert fold(history, 4, Reversal("u", "o1", "r"), HABITS) == ORDERS
    assert fold(history, 5, Joined("j", "s", ProfileFact("j")), HABITS) == PROFILE
    assert fold(history, 6, ProfileFact("p"), HABITS) == PROFILE
    assert fold(history, 7, Community("c", "c1", entered=True), HABITS) == PROFILE
    assert EVERYTHING == ORDERS + ACTIONS + PROFILE
    assert BEGINNING < -(10**18) < 10**18 < NEVER
    assert history.refunds == 1, "a reversal is none"


def test_interactions_of_more_than_a_year_ago_are_forgotten_at_the_instant() -> None:
    history = History()
    for at in (0, 1, DAY):
        fold(history, at, Interaction(f"i{at}", "share"), HABITS)
    fold(history, YEAR - 1, ProfileFact("p"), HABITS)
    assert history.action_at == [0, 1, DAY]
    fold(history, YEAR, ProfileFact("p"), HABITS)
    assert history.action_at == [1, DAY]
    fold(history, YEAR + DAY, Interaction("late", "share"), HABITS)
    assert history.action_at == [YEAR + DAY]
    assert (history.actions, history.last_action_at) == (4, YEAR + DAY)


def test_orders_of_more_than_a_year_ago_become_sums_but_for_the_last_ten() -> None:
    history = History()
    for i in range(11):
        buy(history, i, 100 + i, "s", ("TEA", 60), ("WINE", 40 + i))
    buy(history, YEAR + 10, 7, "s", ("TEA", 7))
    # what is kept is decided before the order comes in: ten old ones and the new one
    assert history.order_at == [*range(1, 11), YEAR + 10]
    assert history.order_sums[0] == 100
    assert history.order_sums[-1] - history.order_sums[0] == sum(range(101, 111)) + 7
    assert len(history.order_store) == len(history.order_categories) == 11
    assert history.amounts == [amount for i in range(1, 11) for amount in (60, 40 + i)] + [7]
    assert history.older_order_at == 0
    assert (history.orders, history.spend) == (12, sum(range(100, 111)) + 7)
    assert parts_before(history, 10) == 20
    buy(history, YEAR + 11, 1, "s")
    assert history.order_at == [*range(2, 11), YEAR + 10, YEAR + 11]
    assert history.older_order_at == 1


def test_the_last_ten_orders_say_where_somebody_is_at_home_and_what_they_spend() -> None:
    history = History()
    assert (home_store(history), recent_average(history)) == (None, None)
    buy(history, 0, 99, "")
    assert (home_store(history), recent_average(history)) == (None, 99)
    assert history.order_store == [ONLINE]
    for i, store in enumerate("aaabbbb", 1):
        buy(history, i, 100, store)
    assert home_store(history) == "b"
    buy(history, 8, 100, "a")
    assert home_store(history) == "a", "of two as frequent ones the one visited last"
    for i in range(9, 12):
        buy(history, i, 250, "c")
    a, b, c = map(history.names.index, "abc")
    assert [recent_orders_at(history, place) for place in (a, b, c)] == [3, 4, 3]
    assert recent_average(history) == (7 * 100 + 3 * 250) // 10


def test_the_same_category_on_two_lines_is_one_order_of_it() -> None:
    history = History()
    buy(history, 1, 100, "s", ("TEA", 60), ("", 10), ("TEA", 30))
    tea = history.names.index("TEA")
    assert history.categories == {tea: [1, 90, 1]}
    buy(history, 2, 5, "s", ("TEA", 5))
    assert history.categories == {tea: [2, 95, 2]}
    assert history.stores == {history.names.index("s"): [2, 2]}


def test_an_order_after_a_silence_is_a_comeback_and_no_sooner() -> None:
    history, comebacks = History(), []
    for at in (0, 100 * DAY - 1, 200 * DAY - 1):
        buy(history, at)
        comebacks.append(history.comeback_at)
    assert comebacks == [None, None, 200 * DAY - 1]
    assert history.first_order_at == 0


def test_amounts_beyond_all_measure_are_cut_so_that_sums_stay_in_their_column() -> None:
    history = History()
    buy(history, 1, 10**15 + 5, "s", ("TEA", 10**15 + 5))
    assert (history.spend, history.amounts) == (10**15, [10**15])


def test_of_a_store_or_a_category_the_last_orders_and_their_sums_are_found() -> None:
    history = History()
    buy(history, 1, 100, "a", ("TEA", 70), ("WINE", 30))
    buy(history, 2, 50, "b", ("WINE", 50))
    buy(history, 3, 20, "a", ("TEA", 20))
    a, wine, tea = map(history.names.index, ("a", "WINE", "TEA"))
    assert newest(history, "store", a, 0, 9) == [3, 1]
    assert newest(history, "store", a, 1, 9) == [3]
    assert newest(history, "store", a, 0, 1) == [3]
    assert newest(history, "category", wine, 0, 9) == [2, 1]
    assert newest(history, "category", wine, 1, 9) == [2]
    assert newest(history, "category", wine, 0, 1) == [2]
    assert stretch(history, "store", a, 0) == ([1, 3], [0, 100, 120])
    assert stretch(history, "store", a, 1) == ([3], [0, 20])
    assert stretch(history, "category", wine, 0) == ([1, 2], [0, 30, 80])
    assert stretch(history, "category", tea, 1) == ([3], [0, 20])


def test_a_profile_is_what_was_told_last_and_joining_what_was_told_first() -> None:
    history = History()
    full = ProfileFact("p", 5, "female", "Yibin", ("wine", "tea", "tea"))
    fold(history, 1, Joined("j", "a", full), HABITS)
    fold(history, 2, Joined("k", "b", ProfileFact("k")), HABITS)
    assert (history.joined_at, history.names) == (1, ["a"])
    assert (history.birthday_month, history.gender, history.city) == (5, "female", "Yibin")
    assert history.interests == ["tea", "wine"]
    fold(history, 3, ProfileFact("q", 6, "male", "Wuhan", ("beer",)), HABITS)
    assert (history.birthday_month, history.gender, history.city) == (6, "male", "Wuhan")
    assert history.interests == ["beer"]


def test_communities_are_entered_and_left_once() -> None:
    history = History()
    for name, entered in (("b", True), ("a", True), ("a", True), ("c", False), ("b", False)):
        fold(history, 1, Community("x", name, entered=entered), HABITS)
    assert history.communities == ["a"]
