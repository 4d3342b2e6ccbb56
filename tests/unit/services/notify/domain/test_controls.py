"""Journeys paused, resumed and stopped: how they stand, and what becomes of who is under way."""

import random

import pytest

from services.notify.domain.controls import NEVER, Control, Controls, Status, Turn
from services.notify.domain.delivery import Later, Refused
from services.notify.domain.last_look import look_at_journey
from services.notify.domain.program import Programs
from shared.clock import DAY, HOUR, MINUTE, SECOND, Instant
from tests.unit.services.notify.domain.test_notify_machine import NOON, History, journey, purchase


def controls(*said: tuple[Instant, Status], name: str = "test") -> Controls:
    return Controls(Control(name, at, status) for at, status in said)


@pytest.mark.parametrize(
    ("said", "turn"),
    [
        ([], Turn(50)),
        ([(40, "paused")], Turn(NEVER)),
        ([(50, "paused")], Turn(NEVER)),
        ([(51, "paused")], Turn(50)),
        ([(40, "paused"), (50, "running")], Turn(50)),
        ([(40, "paused"), (60, "running")], Turn(60)),
        ([(40, "paused"), (60, "running"), (60, "paused"), (70, "running")], Turn(70)),
        ([(40, "paused"), (60, "finishing")], Turn(60)),
        ([(40, "paused"), (60, "stopped")], Turn(60, stopped=True)),
        ([(40, "stopped")], Turn(40, stopped=True)),
        ([(50, "stopped")], Turn(50, stopped=True)),
        ([(51, "stopped")], Turn(50)),
        ([(40, "stopped"), (45, "running")], Turn(40, stopped=True)),
        ([(40, "stopped"), (40, "running")], Turn(50)),  # taken back in the same instant
        ([(10, "stopped"), (15, "running")], Turn(50)),  # before they entered
        ([(40, "finishing")], Turn(50)),
        ([(40, "finishing"), (45, "stopped")], Turn(45, stopped=True)),
    ],
)
def test_what_becomes_of_a_step(said: list[tuple[Instant, Status]], turn: Turn) -> None:
    assert controls(*said).turn("test", entered=20, due=50) == turn
    assert controls(*said, name="other").turn("test", entered=20, due=50) == Turn(50)


def test_how_a_journey_stands() -> None:
    said = controls((10, "paused"), (20, "stopped"), (30, "running"))
    assert [said.status("test", at) for at in (9, 10, 19, 20, 29, 30)] == [
        "running",
        "paused",
        "paused",
        "stopped",
        "stopped",
        "running",
    ]
    assert said.stopped("test", 20, 99) is None
    assert said.stopped("test", 19, 20) == 20
    assert not Controls()


def told(history: History, *said: tuple[Instant, Status]) -> History:
    programs = [(0, 1, history.machine.programs.numbered(1))]
    history.machine.programs = Programs(programs, (), controls(*said))
    return history


def test_while_a_journey_is_paused_nobody_enters_and_steps_wait() -> None:
    history = told(History((0, journey())), (NOON + MINUTE, "paused"))
    history.fold(NOON, purchase(1)).fold(NOON + 2 * MINUTE, purchase(2)).until(NOON + 6 * HOUR)
    assert history.said() == []
    assert history.machine.due(history.state) == NEVER
    told(history, (NOON + MINUTE, "paused"), (NOON + 7 * HOUR, "running"))
    assert history.machine.due(history.state) == NOON + 7 * HOUR
    history.until(NOON + DAY)
    assert history.said() == [("a", "2024-03-01T19:00:00Z", None)], "and only who was in it"


def test_what_is_past_its_deadline_when_a_journey_goes_on_is_not_said() -> None:
    said: list[tuple[Instant, Status]]
    said = [(NOON + MINUTE, "paused"), (NOON + 26 * HOUR, "running")]
    history = told(History((0, journey())), *said).fold(NOON, purchase(1)).until(NOON + 2 * DAY)
    assert history.said() == [("a", "2024-03-02T14:00:00Z", "past_deadline")]


def test_stopped_it_ends_for_who_is_under_way_and_says_so() -> None:
    history = told(History((0, journey())), (NOON + MINUTE, "stopped"))
    history.fold(NOON, purchase(1)).fold(NOON + 2 * MINUTE, purchase(2)).until(NOON + DAY)
    assert history.said() == [("a", "2024-03-01T12:01:00Z", "stopped")]
    assert history.state.entries == []


def test_stopped_and_left_to_finish_they_finish() -> None:
    history = told(History((0, journey())), (NOON + MINUTE, "finishing"))
    history.fold(NOON, purchase(1)).fold(NOON + 2 * MINUTE, purchase(2)).until(NOON + DAY)
    assert history.said() == [("a", "2024-03-01T13:00:00Z", None)]


@pytest.mark.parametrize("seed", range(60))
def test_known_from_the_beginning_or_heard_of_on_the_way_it_comes_to_the_same(seed: int) -> None:
    """A history folded anew after a word is the one that heard of it five seconds before."""
    chance = random.Random(seed)
    words: list[Status] = ["paused", "running", "stopped", "finishing"]
    at = sorted(NOON + chance.randrange(0, 72 * 60) * MINUTE for _ in range(6))
    said = [(each, chance.choice(words)) for each in at]
    bought = [NOON + chance.randrange(0, 72 * 60) * MINUTE + SECOND for _ in range(8)]
    steps = journey()["journeys"]["test"]["steps"]
    more = [*steps, {"wait": {"for": "5h"}}, {"send": {**steps[1]["send"], "id": "b"}}]
    document = journey(steps=more, reentry="parallel")
    whole = told(History((0, document)), *said)
    heard = History((0, document))
    happens = [(each, n) for n, each in enumerate(sorted(bought))]
    happens += [(each - 5 * SECOND, -1 - n) for n, each in enumerate(at)]
    for when, n in sorted(happens):
        if n < 0:
            heard.until(when)
            told(heard, *said[:-n])
        else:
            heard.fold(when, purchase(n))
            whole.fold(when, purchase(n))
    heard.until(NOON + 9 * DAY)
    whole.until(NOON + 9 * DAY)
    assert heard.said() == whole.said()
    assert heard.state == whole.state


def test_the_last_look() -> None:
    said = controls((10, "paused"), (20, "running"), (30, "stopped"), (40, "running"))
    looks = [
        look_at_journey(said, "test", decided_at=5, now=now) for now in (9, 10, 19, 20, 30, 40)
    ]
    assert looks == [
        None,
        Later(10 + 10 * SECOND, "paused"),
        Later(19 + 10 * SECOND, "paused"),
        None,
        Refused("stopped"),
        Refused("stopped"),
    ]
    assert look_at_journey(said, "test", decided_at=35, now=40) is None
