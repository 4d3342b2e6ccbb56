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


def test_many_at_once_are_remembered_and_recalled_as_one_by_one() -> None:
    recent: Recent[int, str] = Recent(10)
    for start in range(0, 1_000, 4):
        recent.update({number: str(number) for number in range(start, start + 4)})
        assert len(recent) <= 20
        last = range(max(0, start - 6), start + 4)
        asked = dict.fromkeys([*last, -1])
        assert recent.among(asked.keys()) == {number: str(number) for number in last}
    assert recent.among({0: None}.keys()) == {}


def test_forgetting() -> None:
    recent: Recent[int, str] = Recent(1)
    recent.put(1, "a")
    recent.put(2, "b")
    recent.forget(1)
    recent.forget(2)
    assert recent.get(1) is None
    assert recent.get(2) is None
