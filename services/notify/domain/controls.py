"""Journeys that people pause, resume and stop: facts of the program's history, each with its time.

Each holds for everybody from its instant on, whatever version of the program is in force. So what
the machine decides stays a function of facts, versions and these.

- *paused*: nobody enters; a step that comes due waits until the journey goes on.
- *stopped*: nobody enters, and who is under way is at its end there (`stopped`).
- *finishing*: nobody enters, and who is under way goes on.
- *running*: as if nothing had been said.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from shared.clock import Instant

NEVER: Final[Instant] = 2**62
"""When a step is due that waits for somebody to say that the journey goes on."""

Status = Literal["running", "paused", "finishing", "stopped"]


class Control(NamedTuple):
    """What somebody said of a journey; of one instant the last word counts."""

    journey: str
    at: Instant
    status: Status


class Turn(NamedTuple):
    """When something next happens to who is under way: their step, or the end of the journey."""

    at: Instant
    stopped: bool = False


class Controls:
    """All that was ever said of journeys; nearly always nothing."""

    def __init__(self, said: Iterable[Control] = ()) -> None:
        """Take what was said, in the order in which it was."""
        self._by_journey: dict[str, list[Control]] = {}
        for each in said:
            self._by_journey.setdefault(each.journey, []).append(each)
        for known in self._by_journey.values():
            known.sort(key=lambda control: control.at)  # of one instant, as they were said

    def __bool__(self) -> bool:
        """Whether anything was ever said."""
        return bool(self._by_journey)

    @property
    def instants(self) -> set[Instant]:
        """When anything was said to hold from."""
        return {each.at for known in self._by_journey.values() for each in known}

    def status(self, journey: str, at: Instant) -> Status:
        """How a journey stands at an instant."""
        status: Status = "running"
        for each in self._by_journey.get(journey, ()):
            if each.at > at:
                break
            status = each.status
        return status

    def turn(self, journey: str, entered: Instant, due: Instant) -> Turn:
        """What becomes of a step.

        Args:
            journey: its name.
            entered: when the member entered.
            due: when the step is due.
        """
        said = self._by_journey.get(journey)
        if said is None:
            return Turn(due)
        goes_on = due
        if self.status(journey, due) == "paused":
            later = (each.at for each in said if each.at > due and self._moves(each))
            goes_on = next(later, NEVER)
        stop = self.stopped(journey, entered, goes_on)
        return Turn(goes_on) if stop is None else Turn(stop, stopped=True)

    def stopped(self, journey: str, after: Instant, until: Instant) -> Instant | None:
        """When, after an instant and no later than another, a journey ended for all in it."""
        for each in self._by_journey.get(journey, ()):
            if after < each.at <= until and self.status(journey, each.at) == "stopped":
                return each.at
        return None

    def _moves(self, control: Control) -> bool:
        """Whether a journey is not paused once this was said, and all else of its instant."""
        return self.status(control.journey, control.at) != "paused"
