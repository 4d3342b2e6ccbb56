"""Rendering in a sandbox."""

import pytest

from services.notify.domain.template import ContentError, Template, money, problem_with, render


def template(zh: str, en: str = "x") -> Template:
    return Template(name="t", title={}, text={"zh": zh, "en": en})


def test_text_comes_in_the_language_asked_for_or_else_in_the_first() -> None:
    both = template("你好 {{ tier }}", "hello {{ tier }}")
    assert render(both, "en", {"tier": "gold"}).text == "hello gold"
    assert render(both, "fr", {"tier": "gold"}).text == "你好 gold"
    assert render(both, "zh", {"tier": "gold"}).size == len("你好 gold".encode())


def test_what_is_not_known_of_a_member_reads_as_nothing() -> None:
    assert render(template("[{{ tier }}]"), "zh", {}).text == "[]"
    assert render(template("{{ tier | default('guest', true) }}"), "zh", {}).text == "guest"


@pytest.mark.parametrize(
    ("minor", "text"), [(3520, "35.20"), (5, "0.05"), (-120, "-1.20"), (None, "")]
)
def test_money_is_written_with_two_places(minor: int | None, text: str) -> None:
    assert money(minor) == text


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
    assert problem_with(source, None) is not None
    with pytest.raises(ContentError):
        render(template(source), "zh", {"total": 1, "order_id": "1"})
