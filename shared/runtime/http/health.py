"""What stands and what does not: one board a process, written by the loops, read by two endpoints.

`/healthz` asks whether the loops turn (if not: restart the process). `/readyz` asks whether
everything that is needed is there (if not: wait; a restart would not help).
"""

from time import monotonic
from typing import Any, Literal

from shared.clock import Clock, format_instant

Kind = Literal["dependency", "loop"]


class Check:
    """One dependency or loop on the board."""

    def __init__(
        self, name: str, kind: Kind, clock: Clock, stalled_after_seconds: float | None
    ) -> None:
        """Begin as not there; made by `HealthBoard`."""
        self.name = name
        self.kind = kind
        self.ok = False
        self.why = "starting"
        self._clock = clock
        self._since = clock.now()
        self._stalled_after_seconds = stalled_after_seconds
        self._beat_at = monotonic()

    def up(self, remark: str = "") -> None:
        """It is there; a remark says what should be known all the same."""
        self._turn(ok=True, why=remark)

    def down(self, why: str) -> None:
        """It is not there; say why in a few words without secrets."""
        self._turn(ok=False, why=why)

    def beat(self) -> None:
        """The loop has come round once more (cheap; call it every time)."""
        self._beat_at = monotonic()

    @property
    def stalled(self) -> bool:
        """Whether a loop has not come round for too long."""
        limit = self._stalled_after_seconds
        return limit is not None and monotonic() - self._beat_at > limit

    def _turn(self, *, ok: bool, why: str) -> None:
        self._beat_at = monotonic()
        if ok != self.ok:
            self._since = self._clock.now()
        self.ok, self.why = ok, why

    def report(self) -> dict[str, Any]:
        """The check as JSON."""
        told: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "ok": self.ok and not self.stalled,
            "since": format_instant(self._since),
        }
        if self.stalled:
            told["why"] = f"has not turned for {monotonic() - self._beat_at:.0f} s"
        elif self.why:
            told["why"] = self.why
        return told


class HealthBoard:
    """Every dependency and loop of this process."""

    def __init__(self, clock: Clock) -> None:
        """Begin with an empty board."""
        self._clock = clock
        self._checks: dict[str, Check] = {}

    def dependency(self, name: str) -> Check:
        """Put a dependency (`database`, `kafka`) on the board, or find it there."""
        return self._check(name, "dependency", None)

    def loop(self, name: str, *, stalled_after_seconds: float = 60.0) -> Check:
        """Put a loop (`lane 3`, `relay`) on the board, or find it there."""
        return self._check(name, "loop", stalled_after_seconds)

    def remove(self, name: str) -> None:
        """Take something off the board that is no longer this process's business."""
        self._checks.pop(name, None)

    def _check(self, name: str, kind: Kind, stalled_after_seconds: float | None) -> Check:
        check = self._checks.get(name)
        if check is None:
            check = Check(name, kind, self._clock, stalled_after_seconds)
            self._checks[name] = check
        return check

    @property
    def healthy(self) -> bool:
        """Whether every loop turns."""
        return not any(check.stalled for check in self._checks.values())

    @property
    def ready(self) -> bool:
        """Whether everything is there and nothing backs off."""
        return self.healthy and all(check.ok for check in self._checks.values())

    def report(self) -> list[dict[str, Any]]:
        """Every check as JSON, what is wrong first."""
        return sorted(
            (check.report() for check in self._checks.values()),
            key=lambda told: (told["ok"], told["name"]),
        )
