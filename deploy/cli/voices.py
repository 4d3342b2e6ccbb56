"""Lines of several processes on one terminal: a name in a colour of its own, then the line."""

from rich.console import Console
from rich.text import Text

from deploy.local.supervisor import STACK

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green")
_WIDTH = 14


class Voices:
    """Prints what processes say; use `say` wherever lines with a name come from."""

    def __init__(self, console: Console) -> None:
        """Print to a console."""
        self._console = console
        self._colours: dict[str, str] = {STACK: "bold"}

    def say(self, name: str, line: str) -> None:
        """Print one line of a process."""
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        text = Text(f"{name:<{_WIDTH}} ", style=colour)
        # Lines may carry colours of their own.
        text.append_text(Text.from_ansi(line))
        self._console.print(text, soft_wrap=True, highlight=False)
