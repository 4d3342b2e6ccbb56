"""The tier that a member holds, for the model: reached at once, kept for a period, then lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import DAY, Instant


@dataclass
class Tier:
    """The tier that a member holds; `until` is None for the lowest level, which never ends."""

    level: int = -1
    name: str | None = None
    until: Instant | None = None
    grace: Instant | None = None

    @property
    def ends(self) -> Instant | None:
        """When the period, or the grace after it, is over."""
        return self.until if self.grace is None else self.grace

    def grade(self, tiers: Mapping[str, Any], at: Instant, met: int) -> None:
        """Decide again; `met` is the highest level whose condition is true."""
        names = [level["id"] for level in tiers["levels"]]
        self._find(names)
        over = self.ends is not None and self.ends <= at
        if met > self.level:
            self._hold(met, at + tiers["keep_days"] * DAY)
        elif self.until is not None and self.until <= at and met == self.level:
            self._hold(self.level, at + tiers["keep_days"] * DAY)
        elif over and self.grace is None and tiers.get("grace_days", 0):
            self.grace = (self.until or 0) + tiers["grace_days"] * DAY
        elif over:
            down = self.level - 1 if tiers.get("down") == "one_step" else met
            self._hold(down, at + tiers["keep_days"] * DAY)
        self.name = names[self.level]

    def _find(self, names: Sequence[str]) -> None:
        """The level's place in a version that may have other levels."""
        if self.name is None or (self.level < len(names) and names[self.level] == self.name):
            return
        known = self.name in names
        self._hold(names.index(self.name) if known else min(self.level, len(names) - 1), self.until)

    def _hold(self, level: int, until: Instant | None) -> None:
        self.level, self.grace = level, None
        self.until = until if level > 0 else None
