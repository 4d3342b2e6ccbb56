"""What points says of itself when somebody asks what withdrawing a version would change."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.points.domain.ledger import Move
from services.points.domain.machine import PointsMachine
from services.points.domain.program import PointsProgram
from services.points.domain.versions import Version, Versions
from shared.orders import Folded
from shared.runtime.foresight import Holding
from shared.runtime.program import Versioned


class PointsForesight:
    """Points by rule."""

    def machine(
        self, versions: Sequence[Versioned[PointsProgram]], withdrawn: Collection[int]
    ) -> PointsMachine:
        """A machine over these versions."""
        return PointsMachine(Versions((Version(*each) for each in versions), withdrawn))

    def holdings(self, machine: Any, folded: Folded[Any, Any]) -> Mapping[Holding, int]:  # noqa: ARG002 - of the protocol
        """What each rule has moved, in sum."""
        points = Counter[Holding]()
        for effect in folded.effects:
            if isinstance(effect, Move):
                points[Holding("points", effect.rule)] += effect.points
        return points
