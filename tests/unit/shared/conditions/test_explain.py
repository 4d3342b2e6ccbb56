"""Why a condition holds, or does not, in figures ready for JSON."""

from shared.clock import DAY
from shared.conditions import Catalogue, Feature, explain, parse

CATALOGUE = Catalogue(
    [
        Feature("orders", "int"),
        Feature("city", "text"),
        Feature("tags", "set"),
        Feature("amount", "int", keyed=True),
        Feature("seen_at", "instant"),
    ]
)


def test_a_true_any_names_only_what_was_true() -> None:
    tree = {
        "any": [
            {"feature": "orders", "at_least": 3},
            {"feature": "amount", "of": "WINE", "at_least": 5},
        ]
    }
    assert explain(parse(tree, CATALOGUE), {"orders": 1, "amount": {"WINE": 7}}) == [
        {"feature": "amount", "of": "WINE", "op": "at_least", "value": 5, "actual": 7}
    ]


def test_a_false_all_names_only_what_was_missing() -> None:
    tree = {"all": [{"feature": "orders", "at_least": 3}, {"feature": "city", "equals": "上海"}]}
    assert explain(parse(tree, CATALOGUE), {"orders": 4}) == [
        {"feature": "city", "op": "equals", "value": "上海", "actual": None}
    ]


def test_figures_are_written_for_json() -> None:
    tree = {
        "all": [
            {"feature": "tags", "contains_any": ["vip", "new"]},
            {"feature": "seen_at", "since": "1970-01-01T00:00:00Z"},
            {"feature": "seen_at", "within_last_days": 2},
        ]
    }
    values = {"tags": {"vip", "loud"}, "seen_at": DAY, "now": 2 * DAY}
    second = "1970-01-02T00:00:00Z"
    assert explain(parse(tree, CATALOGUE), values) == [
        {
            "feature": "tags",
            "op": "contains_any",
            "value": ["vip", "new"],
            "actual": ["loud", "vip"],
        },
        {"feature": "seen_at", "op": "since", "value": "1970-01-01T00:00:00Z", "actual": second},
        {"feature": "seen_at", "op": "within_last_days", "value": 2, "actual": second},
    ]
