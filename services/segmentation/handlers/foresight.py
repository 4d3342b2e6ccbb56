"""What segmentation says of itself when somebody asks what withdrawing a version would change."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.segmentation.domain.machine import SegmentationMachine
from services.segmentation.domain.member import Member
from services.segmentation.domain.program import SegmentationProgram
from services.segmentation.domain.rules import Versions, compile_program
from services.segmentation.domain.tagging import tags_of
from shared.orders import Folded
from shared.runtime.foresight import Holding
from shared.runtime.program import Versioned


class SegmentationForesight:
    """Members by tag and by tier."""

    def machine(
        self, versions: Sequence[Versioned[SegmentationProgram]], withdrawn: Collection[int]
    ) -> SegmentationMachine:
        """A machine over these versions."""
        compiled = [
            compile_program(program, version=version, effective_from=since)
            for version, since, program in versions
        ]
        return SegmentationMachine(Versions(compiled, withdrawn))

    def holdings(
        self, machine: SegmentationMachine, folded: Folded[Member, Any]
    ) -> Mapping[Holding, int]:
        """The tags and the tier that a member has now."""
        state = folded.state
        rules = None if state.version is None else machine.versions.get(state.version)
        if rules is None:
            return {}
        held = {Holding("tag", tag): 1 for tag, _, _ in tags_of(state, rules)}
        if state.tier.name:
            held[Holding("tier", state.tier.name)] = 1
        return held
