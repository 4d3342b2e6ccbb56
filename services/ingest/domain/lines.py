"""Cutting a stream of bytes into lines, with a bound on how long a line may be."""

from typing import Final

TOO_LONG: Final = None
"""Stands in the place of a line that was longer than allowed; its bytes are not kept."""

_FILLING: Final = b" \t\r"


class LineCutter:
    """Collects bytes as they come and gives back whole lines; empty lines are passed over."""

    __slots__ = ("_bytes_max", "_pending", "_skipping")

    def __init__(self, bytes_max: int) -> None:
        """Allow lines of so many bytes."""
        self._bytes_max = bytes_max
        self._pending = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        """Take bytes in and give back the lines that are now complete."""
        *whole, rest = chunk.split(b"\n")
        lines: list[bytes | None] = []
        for line in whole:
            self._complete(line, lines)
        self._keep(rest)
        return lines

    def finish(self) -> list[bytes | None]:
        """Give back the last line, when it did not end with a line feed."""
        lines: list[bytes | None] = []
        self._complete(b"", lines)
        return lines

    def _complete(self, end: bytes, lines: list[bytes | None]) -> None:
        line = (self._pending + end).strip(_FILLING)
        skipping = self._skipping
        self._pending, self._skipping = b"", False
        if skipping or len(line) > self._bytes_max:
            lines.append(TOO_LONG)
        elif line:
            lines.append(line)

    def _keep(self, rest: bytes) -> None:
        if self._skipping:
            return
        if len(self._pending) + len(rest) > self._bytes_max:
            self._pending, self._skipping = b"", True
        else:
            self._pending += rest
