"""What a source may publish."""

import pytest

from services.ingest.domain.source import Source, forbidden

EVENT = ("a.v1", "pos/1", "s1")


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        (Source("x"), None),
        (Source("x", types=frozenset({"a.v1"})), None),
        (Source("x", types=frozenset()), "type-not-allowed"),
        (Source("x", origins=frozenset({"pos/1"})), None),
        (Source("x", origins=frozenset({"pos/2"})), "source-not-allowed"),
        (Source("x", stores=frozenset({"s1"})), None),
        (Source("x", stores=frozenset({"s2"})), "store-not-allowed"),
    ],
)
def test_what_a_source_may(source: Source, slug: str | None) -> None:
    refusal = forbidden(source, *EVENT)
    assert (refusal.slug if refusal else None) == slug
    assert refusal is None or refusal.status == 403
    assert source.limited == (source != Source("x"))


def test_an_event_without_a_store_is_not_held_to_stores() -> None:
    assert forbidden(Source("x", stores=frozenset({"s2"})), "a.v1", "pos/1", None) is None
