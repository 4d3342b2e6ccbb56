"""Which features a catalogue takes, and what it tells of them."""

import pytest

from shared.conditions import Catalogue, Feature


@pytest.mark.parametrize("name", ["", "Orders", "2nd", "a b", "now", "a" * 65, "a..b", "é"])
def test_a_feature_needs_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"named|present"):
        Feature(name, "int")


@pytest.mark.parametrize("name", ["a", "a" * 64, "a1.b_2.3", "now.x", "nowhere"])
def test_plain_names_are_taken(name: str) -> None:
    assert Feature(name, "int").name == name


def test_what_no_interpreter_could_serve_is_refused() -> None:
    with pytest.raises(ValueError, match="single values"):
        Feature("tags", "set", keyed=True)
    with pytest.raises(ValueError, match="only a keyed feature"):
        Feature("orders", "int", keys=("a",))
    with pytest.raises(ValueError, match="list of values"):
        Feature("orders", "int", values=("a",))
    with pytest.raises(ValueError, match="two features"):
        Catalogue([Feature("orders", "int"), Feature("orders", "number")])


def test_a_catalogue_is_a_collection_by_name() -> None:
    catalogue = Catalogue([Feature("orders", "int"), Feature("purchase.channel", "text")])
    assert [feature.name for feature in catalogue] == ["orders", "purchase.channel"]
    assert "orders" in catalogue
    assert "order" not in catalogue
    assert catalogue["orders"].type == "int"
    assert catalogue.get("order") is None
    assert catalogue.nearest("order") == "orders"
    assert catalogue.nearest("zzz") is None
    assert len(catalogue) == 2


def test_a_form_learns_all_it_needs() -> None:
    words = {"zh": "渠道", "en": "Channel"}
    catalogue = Catalogue([Feature("channel", "text", words, values=("store", "app"))])
    [described] = catalogue.describe()
    assert described["description"] == words
    assert described["values"] == ["store", "app"]
    assert described["operators"][0] == "equals"
    assert (described["unit"], described["keyed"], described["keys"]) == (None, False, None)


def test_a_form_learns_keys_and_units_where_there_are_any() -> None:
    [described] = Catalogue(
        [Feature("amount", "int", unit="minor units", keyed=True, keys=("TEA", "WINE"))]
    ).describe()
    assert described == {
        "name": "amount",
        "type": "int",
        "description": {},
        "unit": "minor units",
        "keyed": True,
        "keys": ["TEA", "WINE"],
        "values": None,
        "operators": [
            "equals",
            "not_equals",
            "at_least",
            "more_than",
            "at_most",
            "less_than",
            "between",
            "one_of",
            "none_of",
            "exists",
        ],
    }
