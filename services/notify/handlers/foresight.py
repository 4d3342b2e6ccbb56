"""What notify says of itself when somebody asks what withdrawing a version would change."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.notify.domain.decision import MessageDecision
from services.notify.domain.machine import NotifyMachine
from services.notify.domain.program import Program
from services.notify.handlers.controls import ControlBook
from services.notify.handlers.program import programs_over
from shared.orders import Folded
from shared.runtime.foresight import Holding
from shared.runtime.program import Versioned


class NotifyForesight:
    """Messages by journey and step."""

    def __init__(self, book: ControlBook) -> None:
        """Go by what was said of journeys, as far as the book has it in hand."""
        self._book = book

    def machine(
        self, versions: Sequence[Versioned[Program]], withdrawn: Collection[int]
    ) -> NotifyMachine:
        """A machine over these versions."""
        return NotifyMachine(programs_over(versions, withdrawn, self._book.controls))

    def holdings(self, machine: Any, folded: Folded[Any, Any]) -> Mapping[Holding, int]:  # noqa: ARG002 - of the protocol
        """The messages that were requested, each for itself."""
        return {
            Holding("message", f"{effect.journey}/{effect.step}", effect.job): 1
            for effect in folded.effects
            if isinstance(effect, MessageDecision) and effect.reason is None
        }
