"""Names and their normal forms."""

import pytest

from services.ingest.domain.names import Name, NotAName, masked, parse_name, parse_place


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("phone:+86 138-0000 0000", Name("phone", "+8613800000000")),
        ("email:Li.Wei@Example.COM", Name("email", "li.wei@example.com")),
        ("card: 2375 ", Name("card", "2375")),
        ("openid:wx1:o-2:3", Name("openid", "wx1:o-2:3")),
        ("pos:a:b", Name("pos", "a:b")),
        (
            "member:01A201E8-5E0A-728F-A7E2-F95200043E72",
            Name("member", "01a201e8-5e0a-728f-a7e2-f95200043e72"),
        ),
    ],
)
def test_spellings_of_one_name_are_one_name(text: str, name: Name) -> None:
    assert parse_name(text) == name
    assert parse_name(name.text) == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "<kind>:<value>"),
        ("nobody", "<kind>:<value>"),
        ("Card:1", "<kind>:<value>"),
        ("store:1", "about a member"),
        ("phone:13912345678", "+<country code>"),
        ("phone:+0123456", "+<country code>"),
        ("email:me@nowhere", "name@domain"),
        ("openid:wx1", "openid:<appid>:<id>"),
        ("member:1", "UUID"),
        ("card:", "1 to 300"),
        ("card:" + "x" * 301, "1 to 300"),
        ("card:a\nb", "1 to 300"),
    ],
)
def test_what_is_no_name_is_told_without_repeating_it(text: str, words: str) -> None:
    with pytest.raises(NotAName) as told:
        parse_name(text)
    assert words in str(told.value)
    _, _, value = text.partition(":")
    assert len(value) < 4 or value not in str(told.value)


def test_places() -> None:
    assert parse_place("store:436") == Name("store", "436")
    for text in ("card:1", "store:", "store: ", "store", "staff:\x00"):
        with pytest.raises(NotAName):
            parse_place(text)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (Name("phone", "+8613812345678"), "phone:+86…5678"),
        (Name("card", "2375"), "card:…"),
        (Name("card", "23754"), "card:…4"),
        (Name("email", "li.wei@example.com"), "email:….com"),
    ],
)
def test_masked_names_tell_little(name: Name, shown: str) -> None:
    assert masked(name) == shown
