"""The memory of two generations."""

from services.ingest.domain.recent import Recent


def test_the_last_entries_used_are_there_and_the_memory_is_bounded() -> None:
    recent: Recent[int, str] = Recent(10)
    for number in range(1_000):
        recent.put(number, str(number))
        assert len(recent) <= 20
        for remembered in range(max(0, number - 9), number + 1):
            assert recent.get(remembered) == str(remembered)
    assert recent.get(0) is None


def test_what_is_asked_for_stays() -> None:
    recent: Recent[int, str] = Recent(3)
    recent.put(0, "zero")
    for number in range(1, 100):
        recent.put(number, "…")
        assert recent.get(0) == "zero"


def test_forgetting() -> None:
    recent: Recent[int, str] = Recent(1)
    recent.put(1, "a")
    recent.put(2, "b")
    recent.forget(1)
    recent.forget(2)
    assert recent.get(1) is None
    assert recent.get(2) is None
