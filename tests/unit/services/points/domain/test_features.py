"""What earning conditions may speak of: a change here is a change of every program."""

from services.points.domain.features import LINE_FEATURES, catalogue_of

MEMBER = [
    ("tier", "text", "", "当时的等级", "tier at that moment"),
    ("birthday_month", "bool", "", "当月生日", "it is the month of the member's birthday"),
    ("month", "int", "", "当地月份", "month, local time"),
    ("weekday", "int", "", "当地星期, 1 为周一", "day of the week, 1 is Monday"),
    ("hour", "int", "hours", "当地小时", "hour of the day, local time"),
    ("store_id", "text", "", "门店", "store"),
    ("campaign_id", "text", "", "活动", "campaign"),
]
PURCHASE = [
    ("total", "int", "minor units", "实付金额", "amount paid"),
    ("currency", "text", "", "货币", "currency"),
    ("channel", "text", "", "渠道", "sales channel"),
    ("categories", "set", "", "购买的品类", "categories bought"),
    ("skus", "set", "", "购买的商品", "articles bought"),
]
ACTION = [
    ("community_id", "text", "", "社群", "community"),
    ("content_id", "text", "", "内容", "content"),
    ("category", "text", "", "品类", "category"),
    ("sku", "text", "", "商品", "article"),
    ("likes", "int", "likes", "获赞数", "likes gathered"),
    ("score", "number", "", "评分", "score"),
    ("duration_s", "number", "seconds", "时长", "duration"),
    ("correct", "bool", "", "答对", "the answer was correct"),
]


def listed(source: str) -> list[tuple[str, ...]]:
    return [
        (each.name, each.type, each.unit, each.describe["zh"], each.describe["en"])
        for each in catalogue_of(source)
    ]


def test_a_purchase_is_judged_by_who_bought_and_what() -> None:
    assert listed("purchase") == MEMBER + PURCHASE


def test_what_somebody_did_is_judged_by_who_and_what_it_was() -> None:
    assert listed("interaction") == listed("task") == MEMBER + ACTION


def test_lines_are_kept_for_the_features_that_are_made_of_them() -> None:
    assert sorted(LINE_FEATURES) == ["categories", "skus"]
