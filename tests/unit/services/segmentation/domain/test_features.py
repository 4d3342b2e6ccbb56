"""What tags and tiers may look at: a change here is a change of every program."""

import pytest

from services.segmentation.domain.facts import AnyFact, Interaction, Joined, ProfileFact, Purchase
from services.segmentation.domain.features import (
    CATALOGUE,
    CATALOGUES,
    FIGURES,
    SCOPED,
    fixed_row,
    scoped_values,
    values_of,
    window_row,
)
from services.segmentation.domain.history import ACTIONS, ORDERS, PROFILE, Habits, History, fold
from services.segmentation.domain.reading import Scope
from shared.clock import DAY
from shared.conditions import Feature

MONEY = "minor units"
FIXED = [
    ("orders", "int", "orders", "累计订单数", "orders ever", ORDERS),
    ("spend", "int", MONEY, "累计消费额", "amount spent ever", ORDERS),
    ("refunds", "int", "times", "退款次数", "refunds ever", ORDERS),
    ("first_order_at", "instant", "", "首单时间", "first order", ORDERS),
    ("last_order_at", "instant", "", "最近下单时间", "last order", ORDERS),
    (
        "comeback_at",
        "instant",
        "",
        "沉默后回归时间",
        "last order that came after a long silence",
        1,
    ),
    ("recent_average_order", "int", MONEY, "最近十单客单价", "average of the last ten orders", 1),
    ("home_store", "text", "", "常去门店", "store most visited", ORDERS),
    ("categories", "set", "", "买过的品类", "categories bought", ORDERS),
    ("category_orders", "int", "orders", "分品类累计订单数", "orders ever, by category", ORDERS),
    ("category_spend", "int", MONEY, "分品类累计消费额", "amount spent ever, by category", ORDERS),
    ("interactions", "int", "times", "累计互动次数", "interactions", ACTIONS),
    ("interactions_by_kind", "int", "times", "分类型累计互动次数", "interactions ever, by kind", 2),
    ("last_interaction_at", "instant", "", "最近互动时间", "last interaction", ACTIONS),
    ("joined_at", "instant", "", "入会时间", "joined", PROFILE),
    ("join_store", "text", "", "入会门店", "store joined at", PROFILE),
    ("birthday_month", "int", "", "生日月份", "month of birth", PROFILE),
    ("gender", "text", "", "性别", "gender", PROFILE),
    ("city", "text", "", "城市", "city", PROFILE),
    ("interests", "set", "", "自选兴趣", "interests told", PROFILE),
    ("communities", "set", "", "所在社群", "communities", PROFILE),
]
WINDOWS = [
    row
    for days in (7, 30, 90, 180, 365)
    for row in (
        (f"orders_{days}d", "orders", f"最近 {days} 天订单数", f"orders, last {days} days", 1),
        (f"spend_{days}d", MONEY, f"最近 {days} 天消费额", f"amount spent, last {days} days", 1),
        (
            f"interactions_{days}d",
            "times",
            f"最近 {days} 天互动次数",
            f"interactions, last {days} days",
            2,
        ),
    )
]


def told(feature: Feature) -> tuple[str, ...]:
    words = feature.describe
    return (feature.name, feature.type, feature.unit, words["zh"], words["en"])


def test_a_member_is_known_by_what_they_did_and_by_windows_of_it() -> None:
    figures = [(*told(each.feature), each.moved_by) for each in FIGURES.values()]
    assert figures == FIXED + [(name, "int", *rest) for name, *rest in WINDOWS]
    assert [told(each) for each in CATALOGUE] == [each[:-1] for each in figures]
    keyed = {each.name for each in CATALOGUE if each.keyed}
    assert keyed == {"category_orders", "category_spend", "interactions_by_kind"}


@pytest.mark.parametrize(
    ("scope", "zh", "en"),
    [("category", "该品类", "of the category"), ("store", "该门店", "at the store")],
)
def test_of_a_category_or_a_store_orders_and_amounts_are_known(
    scope: Scope, zh: str, en: str
) -> None:
    wanted = [(f"{scope}.last_order_at", "instant", "", "最近下单时间", "last order")]
    if scope == "store":
        recent = ("store.recent_orders", "int", "orders", "最近十单中的单数")
        wanted.append((*recent, "how many of the last ten orders"))
    for days in (7, 30, 90, 180, 365):
        last = f"last {days} days"
        wanted += [
            (
                f"{scope}.orders_{days}d",
                "int",
                "orders",
                f"最近 {days} 天{zh}订单数",
                f"orders {en}, {last}",
            ),
            (
                f"{scope}.spend_{days}d",
                "int",
                MONEY,
                f"最近 {days} 天{zh}消费额",
                f"amount spent {en}, {last}",
            ),
        ]
    assert [told(each) for each in CATALOGUES[scope]] == wanted
    assert {each.moved_by for each in SCOPED[scope].values()} == {ORDERS}


HABITS = Habits(silence=100 * DAY, passive=frozenset({"click"}))


def lived() -> History:
    history = History()
    told: list[tuple[int, AnyFact]] = [
        (0, Joined("j", "south", ProfileFact("j", 5, "f", "Yibin", ("wine", "tea")))),
        (1 * DAY, Purchase("e1", "o1", "north", 1000, (("t", "TEA", 700), ("w", "WINE", 300)))),
        (2 * DAY, Interaction("i1", "share")),
        (200 * DAY, Purchase("e2", "o2", "south", 500, (("t", "TEA", 500),))),
        (300 * DAY, Purchase("e3", "o3", "", 70, ())),
        (310 * DAY, Interaction("i2", "click")),
        (311 * DAY, Interaction("i3", "share")),
    ]
    for at, fact in told:
        fold(history, at, fact, HABITS)
    return history


def test_every_figure_of_a_life_counted_by_hand() -> None:
    values = values_of(lived(), 320 * DAY, FIGURES)
    windows = {name for name, *_ in WINDOWS}
    assert {name: value for name, value in values.items() if name not in windows} == {
        "now": 320 * DAY,
        "orders": 3,
        "spend": 1570,
        "refunds": 0,
        "first_order_at": 1 * DAY,
        "last_order_at": 300 * DAY,
        "comeback_at": 300 * DAY,
        "recent_average_order": 523,
        "home_store": "south",
        "categories": ["TEA", "WINE"],
        "category_orders": {"TEA": 2, "WINE": 1},
        "category_spend": {"TEA": 1200, "WINE": 300},
        "interactions": 2,
        "interactions_by_kind": {"share": 2, "click": 1},
        "last_interaction_at": 311 * DAY,
        "joined_at": 0,
        "join_store": "south",
        "birthday_month": 5,
        "gender": "f",
        "city": "Yibin",
        "interests": ["tea", "wine"],
        "communities": [],
    }
    assert [values[f"orders_{days}d"] for days in (7, 30, 90, 180, 365)] == [0, 1, 1, 2, 3]
    assert [values[f"spend_{days}d"] for days in (7, 30, 90, 180, 365)] == [0, 70, 70, 570, 1570]
    assert [values[f"interactions_{days}d"] for days in (7, 30, 90, 180, 365)] == [0, 1, 1, 1, 2]


def test_every_figure_of_a_category_and_of_a_store_counted_by_hand() -> None:
    history, now = lived(), 320 * DAY
    tea = scoped_values(history, now, SCOPED["category"], "category", history.names.index("TEA"))
    assert tea["category.last_order_at"] == 200 * DAY
    assert [tea[f"category.orders_{days}d"] for days in (90, 180, 365)] == [0, 1, 2]
    assert [tea[f"category.spend_{days}d"] for days in (90, 180, 365)] == [0, 500, 1200]
    north = scoped_values(history, now, SCOPED["store"], "store", history.names.index("north"))
    assert (north["store.last_order_at"], north["store.recent_orders"]) == (1 * DAY, 1)
    assert [north[f"store.orders_{days}d"] for days in (180, 365)] == [0, 1]
    assert [north[f"store.spend_{days}d"] for days in (180, 365)] == [0, 1000]
    assert north["now"] == tea["now"] == now


def test_a_window_counts_every_order_of_a_category_and_of_a_store() -> None:
    history = History()
    for i in range(70):
        fold(history, i, Purchase(f"e{i}", f"o{i}", "north", 10, (("t", "TEA", 10),)), HABITS)
    tea, north = map(history.names.index, ("TEA", "north"))
    assert SCOPED["category"]["category.orders_7d"].read(history, 70, tea) == 70
    assert SCOPED["store"]["store.orders_7d"].read(history, 70, north) == 70


def test_a_row_has_every_window_and_says_until_when_it_is_right() -> None:
    values, ends = window_row(lived(), 320 * DAY)
    assert values == [0, 0, 0, 1, 70, 1, 1, 70, 1, 2, 570, 1, 3, 1570, 2]
    assert ends == [None, 330 * DAY, 390 * DAY, 380 * DAY, 366 * DAY]
    # an interaction may leave its window before any order does
    history = History()
    fold(history, 0, Interaction("i", "share"), HABITS)
    fold(history, DAY, Purchase("e", "o", "s", 10), HABITS)
    assert window_row(history, DAY)[1] == [days * DAY for days in (7, 30, 90, 180, 365)]
    assert window_row(history, 7 * DAY)[1][0] == 8 * DAY
    assert window_row(History(), 0) == ([0] * 15, [None] * 5)


def test_a_row_has_every_fixed_figure_in_order() -> None:
    history = lived()
    values = values_of(history, 320 * DAY, FIGURES)
    assert fixed_row(history) == [values[name] for name, *_ in FIXED]
