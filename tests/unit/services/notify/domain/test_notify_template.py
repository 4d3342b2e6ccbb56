"""Rendering in a sandbox."""

from typing import Any

import pytest

from services.notify.domain.template import ContentError, Template, problems_with, render

MEMBER = "0190b5a0-0000-7000-8000-000000000001"


def template(zh: str, en: str = "x") -> Template:
    return Template(name="t", title={}, text={"zh": zh, "en": en})


def text(source: str, language: str = "zh", **variables: Any) -> str:
    return render(template(source, source), (language,), MEMBER, variables).text


def test_m29_text_comes_in_the_members_language_or_else_in_the_programs() -> None:
    both = template("你好 {{ tier }}", "hello {{ tier }}")
    assert render(both, ("en", "zh"), MEMBER, {"tier": "gold"}).text == "hello gold"
    assert render(both, ("fr", "en"), MEMBER, {"tier": "gold"}).text == "hello gold"
    assert render(both, ("fr", "zh"), MEMBER, {"tier": "gold"}).text == "你好 gold"
    assert render(both, ("zh",), MEMBER, {"tier": "gold"}).size == len("你好 gold".encode())


def test_a_word_is_read_in_the_language_of_its_message() -> None:
    title = {"zh": "金卡会员", "en": "Gold"}
    assert text("{{ tier_title }}", "zh", tier_title=title) == "金卡会员"
    assert text("{{ tier_title }}", "en", tier_title=title) == "Gold"
    assert text("{{ tier_title }}", "en", tier_title={"zh": "金卡会员"}) == "金卡会员"


def test_the_member_and_the_language_are_always_known() -> None:
    assert text("{{ member_id }} {{ language }}", "en") == f"{MEMBER} en"


@pytest.mark.parametrize("missing", [{}, {"tier": None}])
def test_what_is_not_known_has_a_fallback_or_fails(missing: dict[str, Any]) -> None:
    assert text("{{ tier | default('guest') }}", **missing) == "guest"
    assert text("{% if tier is defined %}{{ tier }}{% else %}-{% endif %}", **missing) == "-"
    for source in ("{{ tier }}", "{% if tier == 'gold' %}x{% endif %}", "{{ tier | upper }}"):
        with pytest.raises(ContentError, match="'tier' is undefined"):
            text(source, **missing)


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (3520, "CNY", "35.20"),
        (5, "CNY", "0.05"),
        (-120, "EUR", "-1.20"),
        (3520, "JPY", "3520"),
        (-3520, "JPY", "-3520"),
        (3520, "KWD", "3.520"),
        (1, "KWD", "0.001"),
        (3520, None, "35.20"),
    ],
)
def test_m30_money_has_the_places_of_its_currency(
    minor: int, currency: str | None, shown: str
) -> None:
    assert text("{{ total | money }}", total=minor, currency=currency) == shown


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ total.__init__.__globals__ }}",
        "{{ range(10) }}",
        "{% include 'other' %}",
        "{{ order_id.format.__self__ }}",
    ],
)
def test_a_template_reaches_nothing_but_its_variables(source: str) -> None:
    assert problems_with(source, "zh", {}, None)
    with pytest.raises(ContentError):
        text(source, total=1, order_id="1")


def test_m28_a_text_that_fails_where_a_value_is_missing_is_found() -> None:
    known = {
        "welcome": frozenset({"member_id", "orders"}),
        "thanks": frozenset({"orders", "total"}),
    }
    assert problems_with("{{ orders + 1 }}", "zh", known, None) == []
    assert problems_with("{{ total | default(0) }}", "zh", known, None) == []
    (words,) = problems_with("{{ total + 1 }}", "zh", known, None)
    assert words == (
        "'total' can be missing in journey 'welcome', and the text fails without it: "
        "write {{ total | default('…') }} or {% if total is defined %}"
    )
    # no journey sends it: whoever requests the message brings the values
    assert problems_with("{{ total + 1 }}", "zh", {}, None) == []


def test_an_unknown_variable_is_named_with_the_nearest() -> None:
    (words,) = problems_with("{{ teir_title }}", "zh", {}, None)
    assert words.startswith("unknown variable 'teir_title'; did you mean 'tier_title'? (known: ")


def test_a_text_too_long_for_its_channel_is_found() -> None:
    (words,) = problems_with("你" * 100, "zh", {}, 210)
    assert words == "300 bytes with sample values, and the channel takes 210"
